/*
 * Invalidation: which caches hold what an item means, and telling the backend; see invalidate.h.
 */
#include "libioasid/invalidate.h"

#include "libioasid/be_call.h"

_Static_assert(IOASID_INVALIDATE_LEAF == IOASID_BE_INV_LEAF && IOASID_INVALIDATE_DEVTLB == IOASID_BE_INV_DEVTLB,
	       "flags of an invalidation are the contract's");

/* More calls than one RID can need: it has one binding, at most on its way from one target to another. */
#define RID_CALLS 8u

/* ---- gathering ---- */

static void call_unpin(struct inv_op *op, const struct inv_call *made_for)
{
	if (made_for->table != NULL && --made_for->table->pins == 0)
		pthread_cond_broadcast(&op->all->changed);
	if (made_for->binding != NULL && --made_for->binding->pins == 0)
		pthread_cond_broadcast(&made_for->binding->rec->cond);
}

void ioasid__inv_flush(struct inv_op *op)
{
	uint32_t done = 0;
	int rc;

	if (op->gathered == 0)
		return;
	unlock(&op->all->lock);
	rc = ioasid__be_invalidate(&op->context->be, op->calls, op->gathered,
				   ioasid__context_deadline(op->context), &done);
	lock(&op->all->lock);
	for (uint32_t i = 0; i < op->gathered; i++)
		call_unpin(op, &op->made_for[i]);
	if (rc != 0) {
		op->rc = rc;
		op->done = op->made_for[done].index;
	}
	op->gathered = 0;
}

/* Is there room for calls of a context? If not: flush, and look again at what is wanted. */
static bool calls_room(struct inv_op *op, struct ioasid_context *context, uint32_t count)
{
	if (op->gathered == 0)
		op->context = context;
	return op->context == context && op->gathered + count <= INV_CALLS;
}

/* A call for the item in hand, where there is room. */
static struct ioasid_be_inv *call_new(struct inv_op *op, uint32_t scope, struct table *table,
				      struct binding *binding)
{
	const struct ioasid_invalidation *item = op->item;
	struct ioasid_be_inv *call = &op->calls[op->gathered];

	op->made_for[op->gathered++] = (struct inv_call) { op->index, table, binding };
	if (table != NULL)
		table->pins++;
	if (binding != NULL)
		binding->pins++;
	*call = (struct ioasid_be_inv) { .scope = scope, .flags = item->flags, .length = IOASID_INVALIDATE_ALL };
	if (item->scope != IOASID_INVALIDATE_DEVICE && item->length != IOASID_INVALIDATE_ALL) {
		call->address = item->address;
		call->length = item->length;
	}
	return call;
}

static struct ioasid_be_inv *call_on_device(struct inv_op *op, const struct ioasid_device *device, uint32_t scope)
{
	struct ioasid_be_inv *call;

	if (!calls_room(op, device->context, 1))
		ioasid__inv_flush(op);
	if (op->rc != 0 || !calls_room(op, device->context, 1))
		return NULL;
	call = call_new(op, scope, NULL, NULL);
	call->dev = device->dev;
	return call;
}

void ioasid__inv_device(struct inv_op *op, const struct ioasid_device *device)
{
	(void)call_on_device(op, device, IOASID_BE_SCOPE_DEVICE);
}

void ioasid__inv_slot(struct inv_op *op, const struct ioasid_device *device, ioasid_t id)
{
	struct ioasid_be_inv *call = call_on_device(op, device, IOASID_BE_SCOPE_PASID);

	if (call != NULL)
		call->pasid = id;
}

/* ---- what is meant ---- */

bool ioasid__inv_owned(const struct inv_op *op, const struct binding *b)
{
	return b->set == op->set || set_is_root(op->set);
}

bool ioasid__inv_meant(const struct inv_op *op, const struct binding *b)
{
	if (!ioasid__inv_owned(op, b) || !binding_lets_through(b))
		return false;
	return op->item->scope != IOASID_INVALIDATE_DOMAIN || (b->in_domain && b->domain == op->item->domain);
}

/*
 * Has a table of an IOASID that is meant a user beside the bindings that are not? A rebind that is under way
 * is one, too.
 */
static bool table_meant(const struct inv_op *op, const struct idrec *rec, const struct table *t)
{
	uint32_t others = 0;
	bool any = false;

	for (const struct binding *b = rec->bindings; b != NULL; b = b->next) {
		if (ioasid__inv_meant(op, b))
			any = true;
		else
			others += (uint32_t)(b->now.table == t) + (uint32_t)(b->before.table == t);
	}
	return any && t->table != NULL && t->users > others;
}

static struct table *table_next(const struct inv_op *op, const struct idrec *rec, uint64_t below)
{
	struct table *t = rec->tables;

	while (t != NULL && (t->serial >= below || !table_meant(op, rec, t)))
		t = t->next;
	return t;
}

/* How many bindings that are meant are on the address space of one of them; 0: that is not the first. */
static uint32_t space_sharers(const struct inv_op *op, const struct binding *one)
{
	const struct binding *first = NULL;
	uint32_t count = 0;

	for (const struct binding *b = one->rec->bindings; b != NULL; b = b->next) {
		if (b->serial > op->as_of || b->now.space != one->now.space || !ioasid__inv_meant(op, b))
			continue;
		if (first == NULL)
			first = b;
		count++;
	}
	return first == one ? count : 0;
}

static struct binding *on_space_next(const struct inv_op *op, const struct idrec *rec, uint64_t below,
				     uint32_t *sharers)
{
	struct binding *b = rec->bindings;

	for (; b != NULL; b = b->next) {
		if (b->serial >= below || b->now.space == NULL || !ioasid__inv_meant(op, b))
			continue;
		*sharers = space_sharers(op, b);
		if (*sharers != 0)
			break;
	}
	return b;
}

/* ---- walks ---- */

/* Each table once. */
static void walk_tables(struct inv_op *op, const struct idrec *rec)
{
	uint64_t below = op->as_of + 1;
	struct table *t;

	while (op->rc == 0 && (t = table_next(op, rec, below)) != NULL) {
		if (!calls_room(op, t->context, 1)) {
			ioasid__inv_flush(op);
			continue;
		}
		below = t->serial;
		call_new(op, IOASID_BE_SCOPE_TABLE, t, NULL)->table = t->table;
	}
}

/* Each address space once; where it has one binding, only that slot of it, since others may be on it, too. */
static void walk_spaces(struct inv_op *op, const struct idrec *rec)
{
	uint64_t below = op->as_of + 1;
	struct ioasid_be_inv *call;
	struct binding *b;
	uint32_t sharers;

	while (op->rc == 0 && (b = on_space_next(op, rec, below, &sharers)) != NULL) {
		if (!calls_room(op, b->device->context, 1)) {
			ioasid__inv_flush(op);
			continue;
		}
		below = b->serial;
		call = call_new(op, sharers > 1 ? IOASID_BE_SCOPE_AS : IOASID_BE_SCOPE_PASID, NULL, b);
		if (sharers > 1) {
			call->as = b->now.space->as;
		} else {
			call->dev = b->device->dev;
			call->pasid = rec->id;
		}
	}
}

void ioasid__inv_record(struct inv_op *op, struct idrec *rec)
{
	ioasid__record_hold(rec);
	walk_tables(op, rec);
	walk_spaces(op, rec);
	ioasid__record_release(rec);
}

/* The next device whose RID is bound to something that is meant; they are listed in the order of serials. */
static struct ioasid_device *rid_next(const struct inv_op *op, uint64_t above)
{
	for (struct link *l = op->all->list.next; l != &op->all->list; l = l->next) {
		struct ioasid_device *device = LINK_OWNER(l, struct ioasid_device, member);

		if (device->serial > above && device->rid.bindings != NULL && ioasid__inv_meant(op, device->rid.bindings))
			return device;
	}
	return NULL;
}

/* A device may go when the lock is given back, with the record of its RID: so there is room before that is
 * looked at. */
void ioasid__inv_rids(struct inv_op *op)
{
	struct ioasid_device *device;
	uint64_t above = 0;

	while (op->rc == 0 && (device = rid_next(op, above)) != NULL) {
		if (!calls_room(op, device->context, RID_CALLS)) {
			ioasid__inv_flush(op);
			continue;
		}
		above = device->serial;
		ioasid__inv_record(op, &device->rid);
	}
}

