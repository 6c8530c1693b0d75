/*
 * Invalidation: the public call, its arguments and scopes; see include/ioasid/invalidate.h and
 * docs/bindings.md.
 */
#include "libioasid/invalidate.h"

#include <errno.h>

#include "libioasid/args.h"
#include "libioasid/fork.h"
#include "libioasid/spid.h"

/* ---- scopes: lock held, given back meanwhile ---- */

/* The slot of the item's device in a record. */
static void walk_slot(struct inv_op *op, struct idrec *rec)
{
	const struct binding *b = ioasid__record_find(rec, op->item->device);

	if (b != NULL && ioasid__inv_meant(op, b))
		ioasid__inv_slot(op, op->item->device, rec->id);
}

static struct idrec *record_of(const struct inv_op *op, ioasid_t id)
{
	/* Acquire as in ioasid__record_of(). */
	return id < pool_capacity(op->set->pool) ?
	       atomic_load_explicit(&op->set->pool->recs[id], memory_order_acquire) : NULL;
}

static void do_id(struct inv_op *op, ioasid_t id)
{
	struct idrec *rec = id != IOASID_NO_PASID ? record_of(op, id) : NULL;

	if (rec != NULL)
		ioasid__inv_record(op, rec);
}

/* All IDs of the set that have a record. */
static void walk_ids(struct inv_op *op, void (*walk)(struct inv_op *op, struct idrec *rec))
{
	struct ioasid_pool *pool = op->set->pool;
	struct idrec *rec;
	ioasid_t id = 0;
	uint64_t w;

	unlock(&op->all->lock);
	while (op->rc == 0 && (id = ioasid__set_next_group(op->set, id + 1)) < pool_capacity(pool)) {
		w = word_load(pool_slot(pool, id));
		if ((w & W_BOUND) == 0 || !set_owns(op->set, w))
			continue;
		lock(&op->all->lock);
		rec = record_of(op, id);
		if (rec != NULL)
			walk(op, rec);
		unlock(&op->all->lock);
	}
	lock(&op->all->lock);
}

static void do_binding(struct inv_op *op)
{
	ioasid_t id = op->item->id;
	struct idrec *rec = id == IOASID_NO_PASID ? &op->item->device->rid : record_of(op, id);

	if (rec != NULL)
		walk_slot(op, rec);
}

/* All of a device at once, if all of it is the set's; else slot by slot. */
static void do_device(struct inv_op *op)
{
	struct ioasid_device *device = op->item->device;
	bool any = device->at_home && set_is_root(op->set), whole = true;

	for (const struct link *l = device->bindings.next; l != &device->bindings; l = l->next) {
		const struct binding *b = LINK_OWNER(l, struct binding, of_device);

		any |= ioasid__inv_meant(op, b);
		whole &= ioasid__inv_owned(op, b);
		if (any && !whole)
			break;
	}
	if (!any)
		return;
	if (!whole) {
		walk_slot(op, &device->rid);
		walk_ids(op, walk_slot);
		return;
	}
	ioasid__inv_device(op, device);
}

static void do_item(struct inv_op *op)
{
	op->as_of = op->all->serial;
	switch (op->item->scope) {
	case IOASID_INVALIDATE_BINDING:
		do_binding(op);
		break;
	case IOASID_INVALIDATE_IOASID:
		do_id(op, op->item->id);
		break;
	case IOASID_INVALIDATE_SPID:
		do_id(op, ioasid__spid_peek(op->set, op->item->spid.value));
		break;
	case IOASID_INVALIDATE_DEVICE:
		do_device(op);
		break;
	default:
		ioasid__inv_rids(op);
		walk_ids(op, ioasid__inv_record);
		break;
	}
}

/* ---- the call ---- */

static bool range_ok(const struct ioasid_invalidation *item)
{
	if (item->scope == IOASID_INVALIDATE_DEVICE || item->length == IOASID_INVALIDATE_ALL)
		return true;
	return item->length != 0 && item->address + (item->length - 1) >= item->address;
}

static bool target_ok(const struct ioasid_set *set, const struct ioasid_invalidation *item)
{
	switch (item->scope) {
	case IOASID_INVALIDATE_BINDING:
	case IOASID_INVALIDATE_DEVICE:
		return item->device != NULL && item->device->pool == set->pool;
	case IOASID_INVALIDATE_SPID:
		return !set_is_root(set) && item->spid.value <= IOASID_SPID_MAX;
	case IOASID_INVALIDATE_DOMAIN:
		return !set_is_root(set);
	case IOASID_INVALIDATE_IOASID:
	case IOASID_INVALIDATE_SET:
		return true;
	default:
		return false;
	}
}

static const struct ioasid_invalidation *item_at(const struct ioasid_invalidation *items, size_t index)
{
	return (const void *)((const char *)items + index * items->struct_size);
}

static int items_check(const struct ioasid_set *set, const struct ioasid_invalidation *items, size_t count)
{
	const uint32_t flags = IOASID_INVALIDATE_LEAF | IOASID_INVALIDATE_DEVTLB;

	for (size_t i = 0; i < count; i++) {
		const struct ioasid_invalidation *item = item_at(items, i);
		int rc = args_in(item, sizeof(*item));

		if (rc != 0)
			return rc;
		if (item->struct_size != items->struct_size || item->struct_size % 8 != 0 ||
		    (item->flags & ~flags) != 0 || item->reserved != 0 || !target_ok(set, item) || !range_ok(item))
			return -EINVAL;
	}
	return 0;
}

int ioasid_invalidate(struct ioasid_set *set, const struct ioasid_invalidation *items, size_t count, size_t *done)
{
	struct inv_op op;
	int rc;

	if (done != NULL)
		*done = 0;
	if (ioasid__forked())
		return -EPERM;
	rc = set == NULL || (items == NULL && count != 0) ? -EINVAL : items_check(set, items, count);
	if (rc == 0)
		rc = ioasid__call_allowed(true);
	if (rc != 0)
		return rc;
	op.all = set->pool->devices;
	op.set = set;
	op.rc = 0;
	op.done = count;
	op.gathered = 0;
	for (op.index = 0; op.rc == 0 && op.index < count; op.index++) {
		op.item = item_at(items, op.index);
		lock(&op.all->lock);
		do_item(&op);
		if (op.index == count - 1)
			ioasid__inv_flush(&op);
		unlock(&op.all->lock);
	}
	if (done != NULL)
		*done = op.done;
	return op.rc;
}
