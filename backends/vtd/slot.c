/* SPDX-License-Identifier: MIT */
/* The interface pasid: slots of devices, put on tables, replaced, parked and freed; see vtd.h. */
#include "vtd.h"

#include <errno.h>
#include <stdlib.h>

/* What is done to one slot; the device is locked. */
typedef int32_t (*slot_fn)(struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind, uint64_t deadline,
			   struct ioasid_be_text *why);

/* The slot of a PASID within the device's width. @make: make room for one that never was. Return: NULL none,
 * or no memory. */
static struct vtd_slot *slot_of(struct ioasid_be_dev *dev, uint32_t pasid, bool make)
{
	struct vtd_slot **leaf = &dev->leaves[pasid / VTD_LEAF];

	if (!*leaf && make)
		*leaf = calloc(VTD_LEAF, sizeof(**leaf));
	return *leaf ? *leaf + pasid % VTD_LEAF : NULL;
}

struct vtd_slot *slot_find(struct ioasid_be_dev *dev, uint32_t pasid)
{
	return slot_of(dev, pasid, false);
}

static int32_t check_bind(const struct ioasid_be_ctx *ctx, const struct ioasid_be_bind *bind, bool onto)
{
	const uint32_t known = IOASID_BE_BIND_EXEC | IOASID_BE_BIND_PRIV | IOASID_BE_BIND_HITLESS;

	if (!bind->dev || bind->dev->ctx != ctx || bind->flags & ~known || !wire_zero(bind->reserved, 2))
		return IOASID_BE_EINVAL;
	if ((bind->as != NULL) + (bind->table != NULL) != (onto ? 1 : 0) || (!onto && bind->flags))
		return IOASID_BE_EINVAL;
	if ((bind->as && bind->as->ctx != ctx) || (bind->table && bind->table->parent->ctx != ctx))
		return IOASID_BE_EINVAL;
	/* The kernel would take any number for a device without PASIDs, and do nothing. */
	return bind->pasid >> bind->dev->pasid_bits ? IOASID_BE_ERANGE : 0;
}

static int32_t for_each(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *batch, bool onto, slot_fn fn,
			struct ioasid_be_text *why)
{
	struct ioasid_be_bind bind;
	int32_t ret = wire_batch(batch);

	for (uint32_t i = 0; !ret && i < batch->count; i++) {
		ret = wire_item(&bind, sizeof(bind), batch->items, batch->stride, i);
		ret = ret ? ret : check_bind(ctx, &bind, onto);
		if (ret)
			break;
		if (wire_expired(batch->deadline)) {
			ret = IOASID_BE_ETIMEDOUT;
			break;
		}
		ret = vtd_lock(&bind.dev->lock, batch->deadline);
		if (ret)
			break;
		ret = fn(bind.dev, &bind, batch->deadline, why);
		pthread_mutex_unlock(&bind.dev->lock);
		if (!ret)
			batch->done++;
	}
	return ret;
}

/*
 * Whether the slot may go onto that address space, by what is known without asking the kernel; that RID and
 * PASIDs of a device agree is for the kernel to say.
 */
static int32_t check_uses(const struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind,
			  struct ioasid_be_text *why)
{
	const struct ioasid_be_as *as = bind->as;

	if (bind->flags & (IOASID_BE_BIND_EXEC | IOASID_BE_BIND_PRIV))
		return wire_why(why, IOASID_BE_EOPNOTSUPP,
				"the kernel's own tables allow neither execute nor privileged requests");
	if (!as || as->adopted)
		return 0;
	if (as->uses & IOASID_BE_USE_PASID && !dev->pasid_bits)
		return wire_why(why, IOASID_BE_EOPNOTSUPP,
				"the address space is to be used with PASIDs, the device has none");
	if (bind->pasid && !(as->uses & IOASID_BE_USE_PASID))
		return wire_why(why, IOASID_BE_EOPNOTSUPP,
				"the address space was not made to be used with PASIDs");
	return 0;
}

/* The address space that a slot is taken for: of a nested table, the one below it. */
static struct ioasid_be_as *space_of(const struct ioasid_be_bind *bind)
{
	return bind->table ? bind->table->parent : bind->as;
}

/* The queue that page requests of a slot go to, or NULL. */
static struct ioasid_be_faultq *queue_of(const struct vtd_slot *slot)
{
	if (slot->state != VTD_ATTACHED)
		return NULL;
	return slot->nested ? slot->nested->queue : slot->as->queue;
}

static int32_t attach_place(struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind, uint64_t deadline,
			    struct vtd_place *place, struct ioasid_be_text *why)
{
	if (bind->table)
		return nested_attach(bind->table, dev, bind->pasid, deadline, place, why);
	return table_attach(bind->as, dev, bind->pasid, deadline, place, why);
}

/* Notes that a slot left its table, to be parked or to be freed. */
static void slot_off(struct vtd_slot *slot)
{
	if (slot->state != VTD_ATTACHED)
		return;
	if (slot->nested)
		nested_put(slot->nested);
	else
		table_put(slot->as, slot->table);
	slot->table = NULL;
	slot->nested = NULL;
	slot->state = VTD_PARKED;
}

static void slot_on(struct vtd_slot *slot, struct ioasid_be_as *as, const struct vtd_place *place)
{
	*slot = (struct vtd_slot){
		.as = as, .table = place->table, .nested = place->nested, .state = VTD_ATTACHED,
	};
}

static int32_t attach_slot(struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind, uint64_t deadline,
			   struct ioasid_be_text *why)
{
	struct vtd_slot *slot = slot_of(dev, bind->pasid, true);
	struct vtd_place place;
	int32_t ret;

	if (bind->flags & IOASID_BE_BIND_HITLESS)
		return IOASID_BE_EINVAL;
	if (!slot)
		return IOASID_BE_ENOMEM;
	if (!bind->pasid && dev->foreign_rid)
		return wire_why(why, IOASID_BE_EBUSY, "the RID belongs to who handed the device over");
	if (slot->state != VTD_FREE)
		return wire_why(why, IOASID_BE_EBUSY, slot->state == VTD_PARKED ? "parked" : "attached");
	ret = check_uses(dev, bind, why);
	ret = ret ? ret : group_take(dev, bind->pasid, why);
	if (ret)
		return ret;
	ret = space_take(space_of(bind), dev);
	if (ret)
		goto drop_group;
	ret = attach_place(dev, bind, deadline, &place, why);
	if (ret)
		goto drop_space;
	slot_on(slot, space_of(bind), &place);
	dev->taken++;
	return 0;

drop_space:
	space_drop(space_of(bind), dev);
drop_group:
	group_drop(dev, bind->pasid);
	return ret;
}

/*
 * The kernel answers what is open of the old table. Readers are kept out meanwhile: what they read next of
 * that slot may be of the new table already, and not to be forgotten.
 */
static int32_t replace_place(struct ioasid_be_dev *dev, const struct vtd_slot *slot,
			     const struct ioasid_be_bind *bind, uint64_t deadline, struct vtd_place *place,
			     struct ioasid_be_text *why)
{
	struct ioasid_be_faultq *queue = queue_of(slot);
	int32_t ret = queue_lock(queue, deadline);

	if (ret)
		return ret;
	ret = attach_place(dev, bind, deadline, place, why);
	if (!ret)
		queue_forget(queue, dev, bind->pasid);
	queue_unlock(queue);
	return ret;
}

static int32_t replace_slot(struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind, uint64_t deadline,
			    struct ioasid_be_text *why)
{
	struct vtd_slot *slot = slot_of(dev, bind->pasid, false);
	struct vtd_place place;
	struct ioasid_be_as *old;
	int32_t ret;

	if (!slot || slot->state == VTD_FREE)
		return IOASID_BE_ENOENT;
	if (bind->flags & IOASID_BE_BIND_HITLESS)
		return wire_why(why, IOASID_BE_EOPNOTSUPP,
				"the kernel does not promise that no DMA faults in between");
	ret = check_uses(dev, bind, why);
	ret = ret ? ret : space_take(space_of(bind), dev);
	if (ret)
		return ret;
	ret = replace_place(dev, slot, bind, deadline, &place, why);
	if (ret) {
		space_drop(space_of(bind), dev);
		return ret;
	}
	old = slot->as;
	slot_off(slot);
	space_drop(old, dev);
	slot_on(slot, space_of(bind), &place);
	return 0;
}

/*
 * Whether the kernel has ended this device, whatever its descriptor has become: the last one that is closed
 * unbinds it, which blocks all of its slots, and the number is free then. Where another descriptor exists,
 * in some other process, the device works on.
 */
static bool device_gone(const struct ioasid_be_dev *dev)
{
	struct ioasid_be_ctx *ctx = dev->ctx;
	struct uapi_hw_info_vtd registers;
	const struct ioasid_be_dev *newer;
	struct uapi_hw_info info;

	if (iommufd_hw_info(&ctx->iommu, dev->id, &registers, sizeof(registers), &info) == -ENOENT)
		return true;
	/* The number may be in use anew: of a device that was bound here later, as others are not taken in. */
	pthread_mutex_lock(&ctx->lock);
	for (newer = ctx->devices; newer != dev && newer->id != dev->id; newer = newer->next)
		;
	pthread_mutex_unlock(&ctx->lock);
	return newer != dev;
}

/* Notes that the kernel has blocked an attached slot. */
static void slot_blocked(struct ioasid_be_dev *dev, struct vtd_slot *slot, uint32_t pasid)
{
	struct ioasid_be_faultq *queue = queue_of(slot);

	/* It is blocked already, so a deadline is no reason to say otherwise. */
	queue_lock(queue, 0);
	queue_forget(queue, dev, pasid);
	queue_unlock(queue);
	slot_off(slot);
}

static int32_t park_slot(struct ioasid_be_dev *dev, struct vtd_slot *slot, uint32_t pasid)
{
	int32_t ret;

	if (slot->state != VTD_ATTACHED)
		return 0;
	ret = vfio_detach(&dev->ctx->iommu, dev->fd, pasid);
	/* A device that is gone reaches no memory any more, and its slots must not keep it here. */
	if (ret && ret != -ENODEV && !device_gone(dev)) {
		slot->stuck = true;
		return wire_error(ret);
	}
	slot_blocked(dev, slot, pasid);
	return 0;
}

static int32_t park_bind(struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind, uint64_t deadline,
			 struct ioasid_be_text *why)
{
	struct vtd_slot *slot = slot_of(dev, bind->pasid, false);

	(void)deadline;
	(void)why;
	if (!slot || slot->state == VTD_FREE)
		return IOASID_BE_ENOENT;
	return park_slot(dev, slot, bind->pasid);
}

/* Frees a slot that is parked. */
static void slot_free(struct ioasid_be_dev *dev, struct vtd_slot *slot, uint32_t pasid)
{
	space_drop(slot->as, dev);
	group_drop(dev, pasid);
	*slot = (struct vtd_slot){ .state = VTD_FREE };
	dev->taken--;
}

static int32_t detach_bind(struct ioasid_be_dev *dev, const struct ioasid_be_bind *bind, uint64_t deadline,
			   struct ioasid_be_text *why)
{
	int32_t ret = park_bind(dev, bind, deadline, why);

	if (!ret)
		slot_free(dev, slot_of(dev, bind->pasid, false), bind->pasid);
	return ret;
}

/* The first slot from @from on that is taken; UINT32_MAX: none. */
static uint32_t next_taken(struct ioasid_be_dev *dev, uint32_t from)
{
	for (uint32_t pasid = from; pasid < VTD_LEAF * VTD_LEAF; pasid++) {
		const struct vtd_slot *slot = slot_of(dev, pasid, false);

		if (!slot)
			pasid |= VTD_LEAF - 1;
		else if (slot->state != VTD_FREE)
			return pasid;
	}
	return UINT32_MAX;
}

/* Whether all that is left is what the kernel failed to detach. */
static bool only_stuck(struct ioasid_be_dev *dev)
{
	uint32_t pasid = next_taken(dev, 0);

	while (pasid != UINT32_MAX && slot_of(dev, pasid, false)->stuck)
		pasid = next_taken(dev, pasid + 1);
	return pasid == UINT32_MAX;
}

int32_t slots_end(struct ioasid_be_dev *dev)
{
	const struct ioasid_be_host *host = dev->ctx->iommu.host;
	int32_t ret = 0;

	pthread_mutex_lock(&dev->lock);
	if (dev->taken && !only_stuck(dev))
		ret = IOASID_BE_EBUSY;
	if (!ret && dev->taken && dev->fd_owned && dev->fd >= 0) {
		host->close(host->host, dev->fd);
		dev->fd = -1;
	}
	if (!ret && dev->taken && !device_gone(dev))
		ret = IOASID_BE_EBUSY;
	for (uint32_t pasid = 0; !ret && (pasid = next_taken(dev, pasid)) != UINT32_MAX; pasid++) {
		slot_blocked(dev, slot_of(dev, pasid, false), pasid);
		slot_free(dev, slot_of(dev, pasid, false), pasid);
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static int32_t pasid_attach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			    struct ioasid_be_text *why)
{
	return for_each(ctx, binds, true, attach_slot, why);
}

static int32_t pasid_replace(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			     struct ioasid_be_text *why)
{
	return for_each(ctx, binds, true, replace_slot, why);
}

static int32_t pasid_detach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	return for_each(ctx, binds, false, detach_bind, NULL);
}

static int32_t pasid_park(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	return for_each(ctx, binds, false, park_bind, NULL);
}

/* Goes on after a failure, so that as much as possible is blocked, and answers the first one. */
static int32_t device_block(struct ioasid_be_dev *dev, uint64_t deadline)
{
	int32_t first, ret = vtd_lock(&dev->lock, deadline);

	if (ret)
		return ret;
	first = dev->foreign_rid ? IOASID_BE_EBUSY : 0;
	for (uint32_t i = 0; i < VTD_LEAF; i++) {
		for (uint32_t j = 0; dev->leaves[i] && j < VTD_LEAF; j++) {
			ret = park_slot(dev, &dev->leaves[i][j], i * VTD_LEAF + j);
			first = first ? first : ret;
		}
	}
	pthread_mutex_unlock(&dev->lock);
	return first;
}

const struct ioasid_be_pasid_ops vtd_pasid_ops = {
	.struct_size = sizeof(vtd_pasid_ops),
	.attach = pasid_attach,
	.replace = pasid_replace,
	.detach = pasid_detach,
	.park = pasid_park,
	.device_block = device_block,
};
