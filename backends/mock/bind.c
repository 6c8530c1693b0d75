/* Batches of bindings; see bind.h. */
#include "bind.h"

#include <string.h>

#include "space.h"
#include "structs.h"

/* Does this operation put something into the slot? */
static bool attaches(uint32_t op)
{
	return op == IOASID_MOCK_OP_ATTACH || op == IOASID_MOCK_OP_REPLACE;
}

static int32_t check_target(const struct ioasid_be_ctx *ctx, const struct ioasid_be_bind *bind, uint32_t op)
{
	uint32_t known = IOASID_BE_BIND_EXEC | IOASID_BE_BIND_PRIV;

	if (!attaches(op))
		return bind->as || bind->table || bind->flags ? IOASID_BE_EINVAL : 0;
	if (op == IOASID_MOCK_OP_REPLACE)
		known |= IOASID_BE_BIND_HITLESS;
	if (bind->flags & ~known || !bind->as == !bind->table)
		return IOASID_BE_EINVAL;
	return (bind->as ? bind->as->ctx : bind->table->ctx) == ctx ? 0 : IOASID_BE_EINVAL;
}

/* Makes a binding of an item; b->device is set first, for hooks want to know it whatever else is wrong. */
static int32_t take(struct binding *b, const struct ioasid_be_bind *bind)
{
	int32_t rc;

	if (!bind->dev || bind->dev->ctx != b->ctx)
		return IOASID_BE_EINVAL;
	b->device = bind->dev->device;
	b->pasid = bind->pasid;
	b->call.device = b->device->number;
	b->call.pasid = bind->pasid;
	if (bind->reserved[0] || bind->reserved[1])
		return IOASID_BE_EINVAL;
	rc = check_target(b->ctx, bind, b->call.op);
	if (rc)
		return rc;
	if (!slot_in_range(b->device, bind->pasid))
		return wire_why(b->why, IOASID_BE_ERANGE, "%s has PASIDs of %u bits", b->device->name,
				(unsigned int)b->device->setup->pasid_bits);
	b->hitless = bind->flags & IOASID_BE_BIND_HITLESS;
	b->target.flags = bind->flags & ~IOASID_BE_BIND_HITLESS;
	b->target.as = bind->as;
	b->target.table = bind->table;
	if (bind->as)
		b->target.space = bind->as->space;
	else if (bind->table)
		b->target.space = bind->table->parent->space;
	return 0;
}

static int32_t do_item(struct binding *b, const struct ioasid_be_array *array, uint32_t index,
		       int32_t (*fn)(const struct binding *b))
{
	struct ioasid_be_bind bind;
	int32_t rc = wire_item(&bind, sizeof(bind), array, index), injected;

	if (!rc)
		rc = take(b, &bind);
	injected = inject_begin(&b->call);
	if (injected)
		rc = injected;
	if (!rc) {
		turnstile_enter(&b->mock->lock);
		/* What is gone can be let go, and nothing else. */
		rc = b->device->gone && b->call.op != IOASID_MOCK_OP_DETACH ? IOASID_BE_ENODEV : fn(b);
		turnstile_leave(&b->mock->lock);
	}
	return inject_end(&b->call, rc);
}

int32_t bind_batch(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds, uint32_t op,
		   int32_t (*fn)(const struct binding *b), struct ioasid_be_text *why)
{
	const uint64_t most = ctx->mock->setup->max_batch;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, binds);

	inject_batch(&ctx->mock->inject, op);
	if (rc)
		return rc;
	if (most && batch.count > most)
		return wire_why(why, IOASID_BE_EINVAL, "a batch has at most %u items", (unsigned int)most);
	for (uint32_t i = 0; i < batch.count; i++) {
		const struct ioasid_be_array array = { batch.items, batch.stride, batch.count };
		struct binding b = { .mock = ctx->mock, .ctx = ctx, .why = why };

		b.call = (struct inject_call){ .inject = &ctx->mock->inject,
					       .op = op,
					       .device = IOASID_MOCK_NO_DEVICE,
					       .deadline = batch.deadline };
		rc = do_item(&b, &array, i, fn);
		if (rc)
			return rc;
		wire_batch_done(binds, i + 1);
	}
	return 0;
}

/* ---- Checks ---- */

static int32_t check_device(const struct binding *b)
{
	const struct setup_device *setup = b->device->setup;
	const char *lacks = NULL;

	if (!b->pasid && !setup->rid)
		lacks = "an RID that can be attached";
	else if (b->target.flags & IOASID_BE_BIND_EXEC && !setup->exec)
		lacks = "execute requests";
	else if (b->target.flags & IOASID_BE_BIND_PRIV && !setup->priv)
		lacks = "privileged requests";
	else if (b->mock->setup->guest_tables && setup->owner == IOASID_BE_OWNER_GUEST &&
		 setup_has_viommu(setup))
		lacks = "a PASID table of the host's";
	else if (b->target.table && !setup->nesting)
		lacks = "nested tables";
	else if (b->target.space->uses & IOASID_BE_USE_DIRTY && !setup->dirty)
		lacks = "dirty tracking";
	else if (target_faultq(&b->target) && !setup_takes_requests(setup))
		lacks = "page requests";
	else if (b->hitless && !setup->hitless)
		lacks = "hitless replacement";
	return lacks ? wire_why(b->why, IOASID_BE_EOPNOTSUPP, "%s lacks %s", b->device->name, lacks) : 0;
}

/* A table serves the device that it was made for, or its IOMMU's. */
static int32_t check_table(const struct binding *b)
{
	const struct device *own = b->target.table ? b->target.table->device : b->device;

	if (own == b->device || (b->mock->setup->shares_tables && own->iommu == b->device->iommu))
		return 0;
	return wire_why(b->why, IOASID_BE_EINVAL, "the table was made for %s, not for %s", own->name,
			b->device->name);
}

/* Can it stand beside PASIDs? Nested tables always can. */
static bool beside_pasids(const struct target *target)
{
	return target->table || target->space->uses & IOASID_BE_USE_PASID;
}

static int32_t check_rid(const struct binding *b)
{
	const struct slot *rid = &b->device->rid;
	struct target beside;

	if (b->pasid && !beside_pasids(&b->target))
		return wire_why(b->why, IOASID_BE_EOPNOTSUPP,
				"the address space was made without the use PASID");
	if (!b->mock->setup->rid_strict)
		return 0;
	if (!b->pasid && b->device->bindings && !beside_pasids(&b->target))
		return wire_why(b->why, IOASID_BE_EBUSY,
				"%s has PASIDs attached, and the address space for the RID was "
				"made without the use PASID",
				b->device->name);
	beside = slot_target(rid);
	if (b->pasid && rid->state != IOASID_MOCK_SLOT_FREE && !beside_pasids(&beside))
		return wire_why(b->why, IOASID_BE_EBUSY,
				"the RID of %s is on an address space without the use PASID",
				b->device->name);
	return 0;
}

int32_t bind_fits(const struct binding *b)
{
	int32_t rc = check_device(b);

	if (!rc)
		rc = check_table(b);
	if (!rc)
		rc = check_rid(b);
	return rc ? rc : window_fits(b->target.space, b->device, b->why);
}

int32_t bind_room(const struct binding *b)
{
	const struct setup *setup = b->mock->setup;
	const struct setup_device *device = b->device->setup;

	if (setup->max_bindings && b->ctx->bindings >= setup->max_bindings)
		return wire_why(b->why, IOASID_BE_ENOSPC, "bindings");
	if (b->pasid && device->max_bindings && b->device->bindings >= device->max_bindings)
		return wire_why(b->why, IOASID_BE_ENOSPC, "PASIDs of %s", b->device->name);
	return 0;
}
