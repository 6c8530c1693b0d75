/*
 * The interface ioasid.be.pasid/1.
 *
 * What takes a table away from a slot has three steps: the slot is changed, so that no new DMA gets the old
 * table; cached translations are dropped; DMA in flight is waited for or cut. Only then is the old target no
 * longer in use.
 */
#include "bind.h"
#include "flight.h"
#include "page.h"
#include "slot.h"
#include "structs.h"
#include "viommu.h"

/* Lets a hook look at a slot that new DMA cannot use any more. The machine's lock is let go meanwhile. */
static void blocked(const struct binding *b)
{
	turnstile_leave(&b->mock->lock);
	inject_blocked(&b->call);
	turnstile_enter(&b->mock->lock);
}

/* ---- Attach ---- */

static int32_t attach_locked(const struct binding *b)
{
	struct ioasid_mock *mock = b->mock;
	struct slot *slot = slot_find(b->device, b->pasid);
	int32_t rc;

	if (slot && slot->state == IOASID_MOCK_SLOT_FOREIGN)
		return wire_why(b->why, IOASID_BE_EBUSY, "somebody else attached the RID of %s",
				b->device->name);
	if (b->device->guest.viommu)
		return wire_why(b->why, IOASID_BE_EBUSY, "a guest owns the PASID table of %s",
				b->device->name);
	if (slot_taken(slot))
		return wire_why(b->why, IOASID_BE_EBUSY, "PASID %u of %s is attached already", b->pasid,
				b->device->name);
	rc = bind_fits(b);
	if (!rc)
		rc = bind_room(b);
	if (rc)
		return rc;
	slot = slot_make(mock, b->device, b->pasid);
	if (!slot)
		return IOASID_BE_ENOMEM;
	rc = target_use(mock, b->device, &b->target, b->why);
	if (rc)
		return rc;
	slot_set(slot, IOASID_MOCK_SLOT_ATTACHED, &b->target);
	b->device->bindings += b->pasid != 0;
	b->ctx->bindings++;
	mock->bindings++;
	return 0;
}

/* ---- Replace ---- */

/* The last DMA and page requests that an old table let in. */
struct moment {
	uint64_t flight;
	uint64_t group;
};

/* Undoes a replace whose old DMA did not end; DMA that the new table let in meanwhile is cut. */
static void replace_undo(const struct binding *b, struct slot *slot, uint32_t state, const struct target *old,
			 const struct moment *since)
{
	const struct scope scope = scope_slot(b->device, b->pasid);

	slot_set(slot, state, old);
	tlb_flush(b->mock, &scope, TLB_EVERY);
	flight_cut(b->mock, &scope, since->flight, UINT64_MAX);
	page_end(b->mock, &scope, since->group, UINT64_MAX);
	target_unuse(b->mock, b->device, &b->target);
}

static int32_t replace_locked(const struct binding *b)
{
	struct ioasid_mock *mock = b->mock;
	const struct scope scope = scope_slot(b->device, b->pasid);
	const bool hitless = b->device->setup->hitless;
	struct slot *slot = slot_find(b->device, b->pasid);
	const struct moment since = { mock->last_flight, mock->last_group };
	struct target old;
	uint64_t blocks;
	uint32_t state;
	int32_t rc;

	if (!slot_taken(slot))
		return wire_why(b->why, IOASID_BE_ENOENT, "PASID %u of %s is not attached", b->pasid,
				b->device->name);
	rc = bind_fits(b);
	if (!rc)
		rc = target_use(mock, b->device, &b->target, b->why);
	if (rc)
		return rc;
	old = slot_target(slot);
	state = slot->state;
	blocks = slot->blocks;
	if (hitless)
		slot_set(slot, IOASID_MOCK_SLOT_ATTACHED, &b->target);
	else
		slot->state = IOASID_MOCK_SLOT_PARKED;
	tlb_flush(mock, &scope, TLB_EVERY);
	blocked(b);
	rc = flight_drain(mock, &scope, since.flight, b->call.deadline);
	/* Whoever blocked the device meanwhile was promised that nothing gets through. */
	if (slot->blocks != blocks)
		state = IOASID_MOCK_SLOT_PARKED;
	else if (!rc)
		state = IOASID_MOCK_SLOT_ATTACHED;
	if (rc) {
		replace_undo(b, slot, state, &old, &since);
		return rc;
	}
	page_end(mock, &scope, 0, since.group);
	slot_set(slot, state, &b->target);
	target_unuse(mock, b->device, &old);
	return 0;
}

/* ---- Park, drain, detach ---- */

static int32_t park_locked(const struct binding *b)
{
	struct ioasid_mock *mock = b->mock;
	const struct scope scope = scope_slot(b->device, b->pasid);
	struct slot *slot = slot_find(b->device, b->pasid);

	if (!slot_taken(slot))
		return IOASID_BE_ENOENT;
	slot->state = IOASID_MOCK_SLOT_PARKED;
	slot->blocks++;
	if (!mock->setup->separate_invalidate)
		tlb_flush(mock, &scope, TLB_EVERY);
	page_end(mock, &scope, 0, UINT64_MAX);
	blocked(b);
	if (mock->setup->separate_drain)
		return 0;
	return flight_drain(mock, &scope, mock->last_flight, b->call.deadline);
}

static int32_t detach_locked(const struct binding *b)
{
	static const struct target nothing;
	struct ioasid_mock *mock = b->mock;
	struct slot *slot = slot_find(b->device, b->pasid);
	struct target old;
	int32_t rc = park_locked(b);

	if (rc)
		return rc;
	old = slot_target(slot);
	slot_set(slot, IOASID_MOCK_SLOT_FREE, &nothing);
	target_unuse(mock, b->device, &old);
	b->device->bindings -= b->pasid != 0;
	b->ctx->bindings--;
	mock->bindings--;
	return 0;
}

static int32_t drain_locked(const struct binding *b)
{
	const struct scope scope = scope_slot(b->device, b->pasid);

	if (!slot_taken(slot_find(b->device, b->pasid)))
		return IOASID_BE_ENOENT;
	return flight_drain(b->mock, &scope, b->mock->last_flight, b->call.deadline);
}

/* ---- A device as a whole ---- */

static void block_slot(struct slot *slot)
{
	if (!slot_taken(slot))
		return;
	slot->state = IOASID_MOCK_SLOT_PARKED;
	slot->blocks++;
}

static void block_slots(struct device *device)
{
	block_slot(&device->rid);
	for (uint32_t i = 0; i < SLOT_LEAVES; i++) {
		for (uint32_t j = 0; device->pasids[i] && j < SLOT_LEAF_SIZE; j++)
			block_slot(&device->pasids[i][j]);
	}
}

/* Drops or ends what a scope of the device has, but the DMA of an RID that is somebody else's. */
static int32_t block_device(struct ioasid_mock *mock, struct device *device, uint64_t deadline)
{
	const struct scope scope = { .kind = SCOPE_DEVICE,
				     .device = device,
				     .but_rid = device->rid.state == IOASID_MOCK_SLOT_FOREIGN };

	device->blocks++;
	if (device->guest.viommu)
		viommu_block(device);
	block_slots(device);
	page_end(mock, &scope, 0, UINT64_MAX);
	if (!mock->setup->separate_invalidate)
		tlb_flush(mock, &scope, TLB_EVERY);
	return mock->setup->separate_drain ? 0 : flight_drain(mock, &scope, mock->last_flight, deadline);
}

static int32_t pasid_device_block(struct ioasid_be_dev *dev, uint64_t deadline)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct inject_call call = { .inject = &mock->inject,
					  .op = IOASID_MOCK_OP_DEVICE_BLOCK,
					  .device = dev->device->number,
					  .deadline = deadline };
	int32_t rc = inject_begin(&call);

	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = dev->device->gone ? IOASID_BE_ENODEV : block_device(mock, dev->device, deadline);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

/* ---- Batches ---- */

static int32_t pasid_attach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			    struct ioasid_be_text *why)
{
	return bind_batch(ctx, binds, IOASID_MOCK_OP_ATTACH, attach_locked, why);
}

static int32_t pasid_replace(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			     struct ioasid_be_text *why)
{
	return bind_batch(ctx, binds, IOASID_MOCK_OP_REPLACE, replace_locked, why);
}

static int32_t pasid_detach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	return bind_batch(ctx, binds, IOASID_MOCK_OP_DETACH, detach_locked, NULL);
}

static int32_t pasid_park(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	return bind_batch(ctx, binds, IOASID_MOCK_OP_PARK, park_locked, NULL);
}

static int32_t pasid_drain(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	return bind_batch(ctx, binds, IOASID_MOCK_OP_DRAIN, drain_locked, NULL);
}

const struct ioasid_be_pasid_ops mock_pasid_ops = {
	.struct_size = sizeof(mock_pasid_ops),
	.attach = pasid_attach,
	.replace = pasid_replace,
	.detach = pasid_detach,
	.park = pasid_park,
	.device_block = pasid_device_block,
	.drain = pasid_drain,
};
