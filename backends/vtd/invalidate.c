/* SPDX-License-Identifier: MIT */
/*
 * The interface invalidate. Only nested tables need it: of address spaces the kernel flushes IOTLBs and
 * device TLBs itself when something is unmapped, of nested tables it cannot know when a guest changes them.
 * The kernel's invalidation of a nested table is of all devices that use it, and includes their TLBs; so
 * asking for the device TLBs alone gets a little more. See vtd.h.
 */
#include "vtd.h"

#include <stdatomic.h>

#define ENTRIES 32u	/* that go to the kernel at once */

static atomic_uint_least64_t rounds;

static int32_t check_item(const struct ioasid_be_ctx *ctx, const struct ioasid_be_inv *inv)
{
	const uint32_t known = IOASID_BE_INV_LEAF | IOASID_BE_INV_DEVTLB;

	if (inv->flags & ~known || inv->reserved0 || inv->reserved1)
		return IOASID_BE_EINVAL;
	switch (inv->scope) {
	case IOASID_BE_SCOPE_PASID:
		if (!inv->dev || inv->dev->ctx != ctx || !inv->length)
			return IOASID_BE_EINVAL;
		return 0;
	case IOASID_BE_SCOPE_DEVICE:
		return inv->dev && inv->dev->ctx == ctx ? 0 : IOASID_BE_EINVAL;
	case IOASID_BE_SCOPE_TABLE:
		return inv->table && inv->table->parent->ctx == ctx && inv->length ? 0 : IOASID_BE_EINVAL;
	case IOASID_BE_SCOPE_AS:
		return inv->as && inv->as->ctx == ctx && inv->length ? 0 : IOASID_BE_EINVAL;
	default:
		return IOASID_BE_EINVAL;
	}
}

/* The pages that a range touches; everything, if it goes up to the end. */
static struct uapi_vtd_s1_invalidate entry_of(const struct ioasid_be_inv *inv)
{
	uint64_t first = inv->address & ~(VTD_PAGE - 1), last = inv->address + (inv->length - 1);
	struct uapi_vtd_s1_invalidate entry = {
		.npages = UINT64_MAX,
		.flags = inv->flags & IOASID_BE_INV_LEAF ? UAPI_VTD_INVALIDATE_LEAF : 0,
	};

	if (inv->length == UINT64_MAX || last < inv->address || last >= UINT64_MAX - VTD_PAGE)
		return entry;
	entry.addr = first;
	entry.npages = (last - first) / VTD_PAGE + 1;
	return entry;
}

/* Entries for one table. @done: how many of them were surely handled. */
static int32_t flush(const struct ioasid_be_ctx *ctx, const struct ioasid_be_table *table,
		     const struct uapi_vtd_s1_invalidate *entries, uint32_t count, uint32_t *done)
{
	int32_t ret = 0;

	*done = 0;
	while (*done < count && !ret) {
		uint32_t some = count - *done;

		ret = iommufd_invalidate(&ctx->iommu, table->id, UAPI_INVALIDATE_VTD_S1, entries + *done,
					 sizeof(*entries), &some);
		*done += some;
		/* A kernel that does nothing, and calls it a success, would be asked for ever. */
		if (!ret && !some)
			ret = IOASID_BE_EIO;
	}
	return wire_error(ret);
}

/* Everything of every nested table that slots of a device are on, each once; the device is locked. */
static int32_t flush_device(struct ioasid_be_dev *dev)
{
	const struct uapi_vtd_s1_invalidate all = { .npages = UINT64_MAX };
	/* Relaxed: any number that nobody else has. */
	uint64_t round = atomic_fetch_add_explicit(&rounds, 1, memory_order_relaxed) + 1;
	int32_t ret = 0;
	uint32_t done;

	for (uint32_t i = 0; i < VTD_LEAF && !ret; i++) {
		for (uint32_t j = 0; dev->leaves[i] && j < VTD_LEAF && !ret; j++) {
			struct ioasid_be_table *table = dev->leaves[i][j].nested;

			/* Relaxed: who reads another device's number there flushes once too often. */
			if (!table || atomic_exchange_explicit(&table->round, round, memory_order_relaxed) == round)
				continue;
			ret = flush(dev->ctx, table, &all, 1, &done);
		}
	}
	return ret;
}

/* A run of items of one table, or of one slot: they go to the kernel together. */
struct run {
	struct uapi_vtd_s1_invalidate entries[ENTRIES];
	struct ioasid_be_inv first;
	uint32_t count;
};

static bool belongs(const struct run *run, const struct ioasid_be_inv *inv)
{
	return run->count < ENTRIES && inv->scope == run->first.scope && inv->table == run->first.table &&
	       inv->dev == run->first.dev && inv->pasid == run->first.pasid;
}

/* Finds the run that begins at an item. A bad item ends it, and is found again as the first of the next. */
static int32_t read_run(const struct ioasid_be_ctx *ctx, const struct ioasid_be_batch *batch, uint32_t begin,
			struct run *run)
{
	struct ioasid_be_inv inv;
	int32_t ret = 0;

	run->count = 0;
	for (uint32_t i = begin; i < batch->count; i++) {
		ret = wire_item(&inv, sizeof(inv), batch->items, batch->stride, i);
		ret = ret ? ret : check_item(ctx, &inv);
		if (ret)
			break;
		if (i == begin)
			run->first = inv;
		if (!belongs(run, &inv))
			break;
		run->entries[run->count++] = entry_of(&inv);
	}
	return run->count ? 0 : ret;
}

static int32_t flush_run(const struct ioasid_be_ctx *ctx, const struct run *run, uint64_t deadline, uint32_t *done)
{
	struct ioasid_be_dev *dev = run->first.dev;
	const struct ioasid_be_table *table = run->first.table;
	const struct vtd_slot *slot;
	int32_t ret;

	*done = run->count;
	if (run->first.scope == IOASID_BE_SCOPE_AS)
		return 0;
	if (run->first.scope == IOASID_BE_SCOPE_TABLE)
		return flush(ctx, table, run->entries, run->count, done);
	/* No slot is that wide, so it is not attached. */
	if (run->first.scope == IOASID_BE_SCOPE_PASID && run->first.pasid >> dev->pasid_bits)
		return 0;
	*done = 0;
	ret = vtd_lock(&dev->lock, deadline);
	if (ret)
		return ret;
	if (run->first.scope == IOASID_BE_SCOPE_DEVICE) {
		ret = flush_device(dev);
		*done = ret ? 0 : run->count;
	} else {
		slot = slot_find(dev, run->first.pasid);
		if (slot && slot->nested)
			ret = flush(ctx, slot->nested, run->entries, run->count, done);
		else
			*done = run->count;
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static int32_t scopes(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *batch)
{
	int32_t ret = wire_batch(batch);
	struct run run;
	uint32_t done;

	while (!ret && batch->done < batch->count) {
		ret = read_run(ctx, batch, batch->done, &run);
		if (ret)
			break;
		if (wire_expired(batch->deadline)) {
			ret = IOASID_BE_ETIMEDOUT;
			break;
		}
		ret = flush_run(ctx, &run, batch->deadline, &done);
		batch->done += done;
	}
	return ret;
}

const struct ioasid_be_invalidate_ops vtd_invalidate_ops = {
	.struct_size = sizeof(vtd_invalidate_ops),
	.scopes = scopes,
};
