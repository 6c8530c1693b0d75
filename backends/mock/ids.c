/*
 * The interface ioasid.be.id/1: the machine hands out IDs below the number of the key "ids", the lowest
 * first.
 *
 * It can be made to hand out any number, however wrong. One that is free is taken by that as by any other
 * alloc. One that is no ID is a stray, remembered until it is given back. One that is out already stays its
 * owner's: giving it back takes it away from him, which is what the host must not do.
 */
#include "ids.h"

#include "structs.h"

int32_t ids_init(struct ioasid_mock *mock)
{
	if (!mock->setup->ids)
		return 0;
	mock->ids.owners = mock_mem_zalloc(&mock->mem, mock->setup->ids, sizeof(*mock->ids.owners));
	mock->ids.lowest = 1;
	return mock->ids.owners ? 0 : IOASID_BE_ENOMEM;
}

void ids_destroy(struct ioasid_mock *mock)
{
	mock_mem_free(&mock->mem, mock->ids.owners);
}

static bool is_id(const struct ioasid_mock *mock, uint32_t id)
{
	return id && id < mock->setup->ids;
}

static void take(struct ids *ids, struct ioasid_be_ctx *ctx, uint32_t id)
{
	ids->owners[id] = ctx;
	ids->out++;
	ctx->ids++;
}

static void give_back(struct ids *ids, uint32_t id)
{
	ids->owners[id]->ids--;
	ids->owners[id] = NULL;
	ids->out--;
	if (id < ids->lowest)
		ids->lowest = id;
}

void ids_drop(struct ioasid_mock *mock, const struct ioasid_be_ctx *ctx)
{
	for (uint32_t id = 1; ctx->ids && id < mock->setup->ids; id++) {
		if (mock->ids.owners[id] == ctx)
			give_back(&mock->ids, id);
	}
}

/* ---- Alloc ---- */

/* Hands out the number that control chose. ENOSPC: no room to remember one more that is no ID. */
static int32_t alloc_forced(struct ioasid_mock *mock, struct ioasid_be_ctx *ctx, uint32_t *id)
{
	struct ids *ids = &mock->ids;
	const uint32_t forced = ids->forced;

	if (is_id(mock, forced)) {
		if (!ids->owners[forced])
			take(ids, ctx, forced);
	} else {
		if (ids->stray_count == IDS_STRAYS)
			return IOASID_BE_ENOSPC;
		ids->strays[ids->stray_count++] = forced;
	}
	ids->forced_times--;
	*id = forced;
	return 0;
}

static int32_t alloc_locked(struct ioasid_mock *mock, struct ioasid_be_ctx *ctx, uint32_t min, uint32_t max,
			    uint32_t *id)
{
	struct ids *ids = &mock->ids;
	uint32_t at = min;

	if (ids->forced_times)
		return alloc_forced(mock, ctx, id);
	/* Whatever is below `lowest` is out. */
	while (is_id(mock, ids->lowest) && ids->owners[ids->lowest])
		ids->lowest++;
	if (at < ids->lowest)
		at = ids->lowest;
	while (is_id(mock, at) && at <= max && ids->owners[at])
		at++;
	if (!is_id(mock, at) || at > max)
		return IOASID_BE_ENOSPC;
	take(ids, ctx, at);
	*id = at;
	return 0;
}

static int32_t id_alloc(struct ioasid_be_ctx *ctx, uint32_t min, uint32_t max, uint32_t *id)
{
	struct ioasid_mock *mock = ctx->mock;
	const struct inject_call call = { .inject = &mock->inject,
					  .op = IOASID_MOCK_OP_ID_ALLOC,
					  .device = IOASID_MOCK_NO_DEVICE };
	int32_t rc = inject_begin(&call);

	if (!rc && (!id || min > max))
		rc = IOASID_BE_EINVAL;
	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = alloc_locked(mock, ctx, min, max, id);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

/* ---- Free ---- */

static int32_t free_stray(struct ids *ids, uint32_t id)
{
	for (uint32_t i = 0; i < ids->stray_count; i++) {
		if (ids->strays[i] == id) {
			ids->strays[i] = ids->strays[--ids->stray_count];
			return 0;
		}
	}
	return IOASID_BE_ENOENT;
}

static int32_t id_free(struct ioasid_be_ctx *ctx, uint32_t id)
{
	struct ioasid_mock *mock = ctx->mock;
	const struct inject_call call = { .inject = &mock->inject,
					  .op = IOASID_MOCK_OP_ID_FREE,
					  .device = IOASID_MOCK_NO_DEVICE };
	int32_t rc = inject_begin(&call);

	if (rc)
		return inject_end(&call, rc);
	turnstile_enter(&mock->lock);
	if (!is_id(mock, id))
		rc = free_stray(&mock->ids, id);
	else if (mock->ids.owners[id] != ctx)
		rc = IOASID_BE_ENOENT;
	else
		give_back(&mock->ids, id);
	turnstile_leave(&mock->lock);
	return inject_end(&call, rc);
}

int32_t ids_force(struct ioasid_mock *mock, uint32_t id, uint64_t times)
{
	if (!mock->setup->ids)
		return IOASID_BE_EOPNOTSUPP;
	turnstile_enter(&mock->lock);
	mock->ids.forced = id;
	mock->ids.forced_times = times;
	turnstile_leave(&mock->lock);
	return 0;
}

const struct ioasid_be_id_ops mock_id_ops = {
	.struct_size = sizeof(mock_id_ops),
	.alloc = id_alloc,
	.free = id_free,
};
