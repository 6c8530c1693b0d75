/* The interface ioasid.be.paging/1. */
#include "fault.h"
#include "map.h"
#include "space.h"
#include "structs.h"

static struct inject_call call_of(struct ioasid_mock *mock, uint32_t op)
{
	return (struct inject_call){ .inject = &mock->inject, .op = op, .device = IOASID_MOCK_NO_DEVICE };
}

/* ---- Create, adopt, destroy ---- */

/* A handle of @space, or of a new space if that is NULL. */
static int32_t make_handle(struct ioasid_be_ctx *ctx, struct space *space,
			   const struct ioasid_be_as_args *args, struct ioasid_be_as **as,
			   struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = ctx->mock;
	struct ioasid_be_as *made;

	if (mock->setup->max_spaces && ctx->handles >= mock->setup->max_spaces)
		return wire_why(why, IOASID_BE_ENOSPC, "address spaces");
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	if (!space) {
		space = space_create(mock, IOASID_BE_OBJECT_IOAS, args->uses);
		if (!space) {
			mock_mem_free(&mock->mem, made);
			return IOASID_BE_ENOMEM;
		}
		space->faultq = args->faultq;
		faultq_use(args->faultq);
	}
	made->ctx = ctx;
	made->space = space;
	space->handles++;
	ctx->handles++;
	mock->handles++;
	*as = made;
	return 0;
}

static int32_t do_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *from,
			 struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	struct ioasid_be_as_args args;
	int32_t rc = wire_struct_in(&args, sizeof(args), from);

	if (rc)
		return rc;
	if (!as || args.reserved[0] || args.reserved[1])
		return IOASID_BE_EINVAL;
	rc = space_uses(ctx->mock, args.uses, why);
	if (rc)
		return rc;
	if (!args.faultq != !(args.uses & IOASID_BE_USE_FAULT) || !faultq_is_of(args.faultq, ctx))
		return IOASID_BE_EINVAL;
	turnstile_enter(&ctx->mock->lock);
	rc = make_handle(ctx, NULL, &args, as, why);
	turnstile_leave(&ctx->mock->lock);
	return rc;
}

static int32_t paging_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *args,
			     struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	const struct inject_call call = call_of(ctx->mock, IOASID_MOCK_OP_AS_CREATE);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_create(ctx, args, as, why));
}

static int32_t do_adopt(struct ioasid_be_ctx *ctx, const struct ioasid_be_object *object,
			struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = ctx->mock;
	struct space *space;
	int32_t rc;

	if (!object || !as || object->reserved0 || object->reserved1)
		return IOASID_BE_EINVAL;
	if (object->type != IOASID_BE_OBJECT_IOAS && object->type != IOASID_BE_OBJECT_HWPT)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "type %u is no address space", object->type);
	turnstile_enter(&mock->lock);
	space = space_find(mock, object->id);
	if (!space)
		rc = wire_why(why, IOASID_BE_ENOENT, "there is no address space %u", object->id);
	else if (space->type != object->type)
		rc = wire_why(why, IOASID_BE_EOPNOTSUPP, "address space %u is of type %u", object->id,
			      space->type);
	else
		rc = make_handle(ctx, space, NULL, as, why);
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t paging_adopt(struct ioasid_be_ctx *ctx, const struct ioasid_be_object *object,
			    struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	const struct inject_call call = call_of(ctx->mock, IOASID_MOCK_OP_AS_ADOPT);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_adopt(ctx, object, as, why));
}

static int32_t do_destroy(struct ioasid_be_as *as)
{
	struct ioasid_be_ctx *ctx = as->ctx;
	struct ioasid_mock *mock = ctx->mock;
	struct space *space = as->space;
	uint64_t bytes;
	int32_t rc = 0;

	turnstile_enter(&mock->lock);
	if (as->slots || as->tables) {
		rc = IOASID_BE_EBUSY;
		goto out;
	}
	/* A file is mapped through this context's host, which the other owners of the space may outlive. */
	space_remove(mock, space, space->world ? ctx : NULL, 0, UINT64_MAX, &bytes);
	space->handles--;
	faultq_unuse(space->faultq);
	if (!space->world)
		space_destroy(mock, space);
	ctx->handles--;
	mock->handles--;
	mock_mem_free(&mock->mem, as);
out:
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t paging_destroy(struct ioasid_be_as *as)
{
	struct ioasid_mock *mock = as->ctx->mock;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_AS_DESTROY);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_destroy(as));
}

/* ---- Map, copy, unmap ---- */

static int32_t paging_map(struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	const struct inject_call call = call_of(as->ctx->mock, IOASID_MOCK_OP_MAP);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : map_memory(as->ctx->mock, as->space, 0, map));
}

static int32_t paging_map_file(struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	const struct inject_call call = call_of(as->ctx->mock, IOASID_MOCK_OP_MAP_FILE);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : map_file(as, map));
}

static int32_t paging_copy(struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	const struct inject_call call = call_of(as->ctx->mock, IOASID_MOCK_OP_COPY);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : map_copy(as, map));
}

static int32_t do_unmap(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	struct ioasid_mock *mock = as->ctx->mock;
	bool all = !iova && length == UINT64_MAX;
	uint64_t bytes;
	int32_t rc;

	if (!length || (!all && iova > UINT64_MAX - (length - 1)))
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	rc = space_remove(mock, as->space, NULL, iova, all ? UINT64_MAX : iova + (length - 1), &bytes);
	turnstile_leave(&mock->lock);
	if (!rc && unmapped)
		*unmapped = bytes;
	return rc;
}

static int32_t paging_unmap(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	const struct inject_call call = call_of(as->ctx->mock, IOASID_MOCK_OP_UNMAP);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_unmap(as, iova, length, unmapped));
}

/* ---- Windows ---- */

static int32_t do_ranges(struct ioasid_be_as *as, struct ioasid_be_batch *ranges, uint32_t *total)
{
	struct ioasid_mock *mock = as->ctx->mock;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, ranges);

	if (rc)
		return rc;
	if (!total)
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	rc = window_ranges(mock, as->space, &batch, total);
	turnstile_leave(&mock->lock);
	wire_batch_done(ranges, batch.done);
	return rc;
}

static int32_t paging_ranges(struct ioasid_be_as *as, struct ioasid_be_batch *ranges, uint32_t *total)
{
	const struct inject_call call = call_of(as->ctx->mock, IOASID_MOCK_OP_RANGES);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_ranges(as, ranges, total));
}

static int32_t do_allow(struct ioasid_be_as *as, const struct ioasid_be_array *ranges)
{
	int32_t rc;

	if (!ranges)
		return IOASID_BE_EINVAL;
	turnstile_enter(&as->ctx->mock->lock);
	rc = window_allow(as->ctx->mock, as->space, ranges);
	turnstile_leave(&as->ctx->mock->lock);
	return rc;
}

static int32_t paging_allow(struct ioasid_be_as *as, const struct ioasid_be_array *ranges)
{
	const struct inject_call call = call_of(as->ctx->mock, IOASID_MOCK_OP_ALLOW);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_allow(as, ranges));
}

const struct ioasid_be_paging_ops mock_paging_ops = {
	.struct_size = sizeof(mock_paging_ops),
	.create = paging_create,
	.adopt = paging_adopt,
	.destroy = paging_destroy,
	.map = paging_map,
	.map_file = paging_map_file,
	.copy = paging_copy,
	.unmap = paging_unmap,
	.ranges = paging_ranges,
	.allow = paging_allow,
};
