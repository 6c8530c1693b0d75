/*
 * One bind, from the reference to BIND, and back where it fails (S9.1, S9.2, S9.15); docs/bindings.md has the
 * reasons.
 *
 * Nothing of the core is called with the lock or a backend turn held: the end of an event turn may complete
 * somebody's free of this very ID, which waits for backend turns.
 */
#include "libioasid/bind.h"

#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/life.h"
#include "libioasid/mem.h"
#include "libioasid/spid.h"

/* Takes the reference, and looks whose ID it is. */
static int op_object(struct bind_op *op)
{
	const struct bind_request *rq = op->rq;
	int rc;

	if (bind_is_rid(op)) {
		lock(&op->all->lock);
		rc = ioasid__rid_check(rq->device, rq->set);
		op->owner = rq->device->set;
		unlock(&op->all->lock);
		return rc;
	}
	rc = ioasid_get(rq->set, rq->id);
	if (rc == 0)
		op->owner = pool_set_of(op->all->pool, word_load(pool_slot(op->all->pool, rq->id)));
	return rc;
}

static void op_memory_free(struct bind_op *op)
{
	ioasid__record_free(op->rec_new);
	mem_free(op->binding_new);
	mem_free(op->table_new);
	mem_free(op->user);
	lock(&op->all->lock);
	ioasid__content_put(op->content);
	unlock(&op->all->lock);
}

/* Page requests need a device that has them, and a queue. */
static int op_faults(const struct bind_op *op)
{
	struct faults *faults;
	int rc;

	if (!ioasid__bind_faults(op->rq))
		return 0;
	rc = ioasid__faults_capable(op->rq->device, op->rq->why);
	return rc != 0 ? rc : ioasid__faults_get(op->rq->device->context, &faults, op->rq->why);
}

/* All of it before anything else happens (S0.1). */
static int op_memory(struct bind_op *op)
{
	const struct bind_request *rq = op->rq;

	op->rec_new = bind_is_rid(op) ? NULL : ioasid__record_new(rq->id);
	op->binding_new = mem_zalloc(sizeof(*op->binding_new));
	op->table_new = mem_zalloc(sizeof(*op->table_new));
	op->content = ioasid__content_new(rq->entry, rq->flags, ioasid__bind_faults(rq));
	op->user = mem_zalloc(sizeof(*op->user));
	if ((op->rec_new == NULL && !bind_is_rid(op)) || op->binding_new == NULL || op->table_new == NULL ||
	    op->content == NULL || op->user == NULL)
		return -ENOMEM;
	op->user->cookie = rq->cookie;
	op->user->setup = true;
	return 0;
}

/* Has the ID been freed, or the RID been taken away, while we were busy? Lock held. */
static bool op_revoked(const struct bind_op *op)
{
	if (bind_is_rid(op))
		return op->rq->device->set != op->owner;
	return ioasid__binding_marked(op->all->pool, op->rq->id);
}

static void op_record(struct bind_op *op)
{
	op->rec = ioasid__record_of(op->rq->device, op->rq->id);
	if (op->rec != NULL)
		return;
	op->rec = op->rec_new;
	op->rec_new = NULL;
	/* Release: whoever sees the record without the lock sees it initialised. */
	atomic_store_explicit(&op->all->pool->recs[op->rq->id], op->rec, memory_order_release);
}

/* Puts a binding of this device there, and this bind's user into it. Nothing can fail here. */
static void op_insert(struct bind_op *op, struct binding *b)
{
	struct idrec *rec = op->rec;

	if (b == NULL) {
		b = op->binding_new;
		op->binding_new = NULL;
		link_init(&b->of_device);
		link_init(&b->waiting);
		b->device = op->rq->device;
		b->set = op->owner;
		/* It is alive: its death takes the RID away first, under the lock. */
		if (bind_is_rid(op))
			ioasid__set_hold(b->set);
		b->space = op->rq->space;
		if (rec->live == 0)
			rec->content = ioasid__content_get(op->content);
		b->content = ioasid__content_get(rec->content);
		b->in_domain = (op->rq->flags & IOASID_BIND_DOMAIN) != 0;
		b->domain = op->rq->domain;
		ioasid__binding_insert(op->all, rec, b);
	}
	op->user->binding = b;
	op->user->next = b->users;
	b->users = op->user;
	if (op->user->names_spid)
		rec->spid_users++;
	rec->opening = op->spid == SPID_OPENING;
}

/* Waits until nobody is about to change what this bind depends on, looks, and takes its place. */
static int op_enter(struct bind_op *op)
{
	struct binding *b;
	int rc;

	lock(&op->all->lock);
	op_record(op);
	for (;;) {
		b = ioasid__record_find(op->rec, op->rq->device);
		if (op_revoked(op)) {
			rc = -ENOENT;
			break;
		}
		if (!op->rec->opening && !op->rec->rebinding && op->rec->closing == 0 &&
		    (b == NULL || b->claim == CLAIM_OPEN || b->claim == CLAIM_QUARANTINE)) {
			rc = ioasid__bind_check(op, b);
			break;
		}
		lock_wait(&op->all->lock, &op->rec->cond);
	}
	if (rc == 0)
		op_insert(op, b);
	else
		op->spid = SPID_NOTHING;
	unlock(&op->all->lock);
	if (op->without_pasids)
		ioasid__report_reason(op->rq->device, IOASID_CAP_PASID, "no PASIDs", "the device has none", op->rq->why);
	return rc;
}

/* The number turned out to be the caller's own: others need not wait for us. */
static void op_gate_open(struct bind_op *op)
{
	lock(&op->all->lock);
	op->rec->opening = false;
	pthread_cond_broadcast(&op->rec->cond);
	unlock(&op->all->lock);
	op->spid = SPID_NOTHING;
}

/* On a DIRECT device the guest's number is the IOASID. The binding is recorded by now, so whoever attaches a
 * SPID meanwhile sees it, or is seen here. */
static int op_direct(const struct bind_op *op)
{
	struct ioasid_pool *pool = op->all->pool;
	uint32_t has = bind_is_rid(op) ? IOASID_SPID_NONE : ioasid__spid_number(pool, op->rq->id);

	return has == IOASID_SPID_NONE || ioasid__binding_fits(pool, op->rq->id, has) ? 0 : -EINVAL;
}

static int op_reserve(struct bind_op *op)
{
	const struct bind_request *rq = op->rq;
	uint32_t has;
	int rc;

	if (op->spid != SPID_OPENING)
		return op_direct(op);
	do {
		rc = ioasid__spid_reserve(op->owner, rq->id, ioasid_spid_make(rq->spid), true);
		if (rc == 0)
			op->spid = SPID_RESERVED;
		if (rc != -EBUSY)
			return rc != 0 ? rc : op_direct(op);
		/* The caller attached one. If it has gone again, the next round knows more. */
		has = ioasid__spid_value(op->all->pool, rq->id);
	} while (has == IOASID_SPID_NONE);
	if (has != rq->spid)
		return -EBUSY;
	op_gate_open(op);
	return op_direct(op);
}

/* After a failure that says too little the slot may be attached: then it is taken down, and a backend that
 * knows nothing of it says so. */
static bool may_be_attached(int rc)
{
	return rc == 0 || rc == -EIO || rc == -ETIMEDOUT;
}

/* Programs the hardware, unless another user of the device has. */
static int op_program(struct bind_op *op)
{
	struct binding *b;
	int rc = 0;

	lock(&op->all->lock);
	b = op->user->binding;
	if (op_revoked(op) || b == NULL)
		rc = -ENOENT;
	if (rc != 0 || b->claim != CLAIM_SETUP)
		goto out;
	rc = ioasid__target_get(op->all, b, b->content, b->space, &op->table_new, &b->now, op->rq->why);
	/* The mark may have come while the backend made the table. */
	if (rc == 0 && op_revoked(op))
		rc = -ENOENT;
	if (rc != 0)
		goto out;
	ioasid__turn_begin(op->all, b);
	unlock(&op->all->lock);
	rc = ioasid__slot_attach(b, op->rq->why);
	lock(&op->all->lock);
	if (may_be_attached(rc) && (rc == 0 || b->slot != SLOT_HOME))
		b->slot = SLOT_ON;
	ioasid__turn_end(b);
out:
	unlock(&op->all->lock);
	return rc;
}

static int op_publish(struct bind_op *op)
{
	int rc;

	if (op->spid != SPID_RESERVED)
		return 0;
	rc = ioasid__spid_publish(op->owner, op->rq->id);
	if (rc == 0)
		op->spid = SPID_PUBLISHED;
	return rc;
}

/*
 * The last look at the mark, after backend call and event (S9.15): from here on the binding is there,
 * whatever happens to it next.
 */
static int op_commit(struct bind_op *op)
{
	struct idrec *rec = op->rec;
	struct binding *b;
	int rc = 0;

	lock(&op->all->lock);
	b = op->user->binding;
	if (b == NULL || op_revoked(op) || b->claim > CLAIM_OPEN) {
		rc = -ENOENT;
		goto out;
	}
	if (op->spid == SPID_PUBLISHED) {
		rec->spid = op->rq->spid;
		rec->spid_users = 1;
		op->user->names_spid = true;
		rec->opening = false;
	}
	op->user->setup = false;
	op->user = NULL;
	b->claim = CLAIM_OPEN;
	pthread_cond_broadcast(&rec->cond);
	pthread_cond_broadcast(&op->all->changed);
out:
	unlock(&op->all->lock);
	return rc;
}

/* Backwards. What the hardware cannot undo goes into quarantine, with the reference. */
static void op_undo(struct bind_op *op)
{
	struct leave leave;

	if (op->spid == SPID_RESERVED)
		ioasid__spid_unreserve(op->owner, op->rq->id);
	if (op->spid == SPID_PUBLISHED && !ioasid__binding_marked(op->all->pool, op->rq->id))
		(void)ioasid__spid_withdraw(op->owner, op->rq->id);
	lock(&op->all->lock);
	if (op->spid != SPID_NOTHING)
		op->rec->opening = false;
	ioasid__leave_user(op->all, op->rec, op->owner, op->user, &leave);
	op->user = NULL;
	pthread_cond_broadcast(&op->rec->cond);
	unlock(&op->all->lock);
	(void)ioasid__leave_finish(&leave);
}

int ioasid__bind(const struct bind_request *rq)
{
	struct bind_op op = { .rq = rq, .all = rq->device->all };
	int rc = op_object(&op);

	if (rc != 0)
		return rc;
	rc = op_faults(&op);
	if (rc == 0)
		rc = op_memory(&op);
	if (rc == 0 && !bind_is_rid(&op))
		rc = ioasid__binding_mark_bound(op.owner, rq->id);
	if (rc == 0)
		rc = op_enter(&op);
	if (rc != 0) {
		op_memory_free(&op);
		if (!bind_is_rid(&op))
			ioasid__life_put(op.all->pool, rq->id);
		return rc;
	}
	rc = op_reserve(&op);
	if (rc == 0)
		rc = op_program(&op);
	if (rc == 0)
		rc = op_publish(&op);
	if (rc == 0)
		rc = op_commit(&op);
	if (rc != 0)
		op_undo(&op);
	op_memory_free(&op);
	return rc;
}
