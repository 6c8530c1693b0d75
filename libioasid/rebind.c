/*
 * One rebind (S9.3): the IOASID's table is replaced on each of its devices, or on none.
 *
 * The record's gate is closed meanwhile, so that its bindings can only become fewer: by a free, a reset or a
 * close. Each binding keeps what it was on in `before` until all have moved; then that is given back, or they
 * move back to it.
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/bind.h"
#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/life.h"
#include "libioasid/mem.h"

struct rebind_op {
	const struct bind_request *rq;
	struct devices *all;
	struct idrec *rec;
	struct content *content;            /* the new one */
	struct content *old;                /* both with a reference */
	struct ioasid_address_space *space; /* the old one */
	struct table *spare;
	struct table *dead;
};

/*
 * Was the ID freed meanwhile? A free that blocks marks first and then takes the lock. So if the answer is no,
 * and the lock is not given back before the turn is taken, the free waits for that turn, and parks what was
 * moved.
 */
static bool op_revoked(const struct rebind_op *op)
{
	if (op->rq->id == IOASID_NO_PASID)
		return false;
	return ioasid__binding_marked(op->all->pool, op->rq->id);
}

/* A binding that has not moved yet, or with @back one that has. */
static struct binding *next_of(const struct rebind_op *op, bool back)
{
	for (struct binding *b = op->rec->bindings; b != NULL; b = b->next)
		if (b->claim == CLAIM_OPEN && b->error == 0 && b->slot == SLOT_ON &&
		    (b->content == op->content) == back)
			return b;
	return NULL;
}

static void binding_content(struct binding *b, struct content *content, struct ioasid_address_space *space)
{
	ioasid__content_put(b->content);
	b->content = ioasid__content_get(content);
	b->space = space;
}

/* Moves a slot, with the turn; what it has asked for by then is answered. Lock given back meanwhile. */
static int move(struct rebind_op *op, struct binding *b, const struct target *to, struct content *content,
		uint32_t flags)
{
	uint64_t epoch;
	int rc;

	unlock(&op->all->lock);
	epoch = ioasid__faults_epoch(b->device->context);
	rc = ioasid__slot_replace(b, to, content, flags, op->rq->why);
	if (rc == 0)
		ioasid__faults_over(b->device, b->rec->id, FAULTS_REPLACED, epoch);
	lock(&op->all->lock);
	return rc;
}

/* Gets the new target of one binding and moves it there. Lock held. */
static int forward_one(struct rebind_op *op, struct binding *b)
{
	struct target to = { NULL, NULL };
	int rc = 0;

	ioasid__turn_begin(op->all, b);
	if (b->claim == CLAIM_OPEN)
		rc = ioasid__target_get(op->all, b, op->content, op->rq->space, &op->spare, &to, op->rq->why);
	if (rc == 0 && b->claim == CLAIM_OPEN) {
		rc = move(op, b, &to, op->content, op->rq->flags & IOASID_BIND_HITLESS);
		if (rc == 0) {
			b->before = b->now;
			b->now = to;
			binding_content(b, op->content, op->rq->space);
			to = (struct target) { NULL, NULL };
		}
	}
	ioasid__target_put(op->rec, &to, &op->dead);
	ioasid__turn_end(b);
	return rc;
}

/* Makes sure that there is memory for a table. Lock held, given back meanwhile. */
static bool forward_memory(struct rebind_op *op)
{
	if (op->spare == NULL) {
		unlock(&op->all->lock);
		op->spare = mem_zalloc(sizeof(*op->spare));
		lock(&op->all->lock);
	}
	return op->spare != NULL;
}

/*
 * All forward, up to the first failure. Lock held, given back to take memory, but not between the look at the
 * mark and the turn: else it could be a free's, and what that has parked by then would be moved.
 */
static int forward(struct rebind_op *op)
{
	struct binding *b;
	int rc = 0;

	while (rc == 0) {
		if (!forward_memory(op))
			return -ENOMEM;
		b = op_revoked(op) ? NULL : next_of(op, false);
		if (b == NULL)
			break;
		rc = forward_one(op, b);
	}
	return rc == 0 && op_revoked(op) ? -ENOENT : rc;
}

/* Moves one binding back; one that cannot go back is taken down, and that is noted in *leave. Lock held. */
static bool back_one(struct rebind_op *op, struct binding *b, struct leave *leave)
{
	struct target to = b->before;
	int rc = 0;

	ioasid__turn_begin(op->all, b);
	if (b->claim == CLAIM_OPEN)
		rc = move(op, b, &to, op->old, 0);
	if (rc == 0 && b->claim == CLAIM_OPEN) {
		b->before = b->now;
		b->now = to;
		binding_content(b, op->old, op->space);
	}
	ioasid__turn_end(b);
	if (rc == 0 || b->claim != CLAIM_OPEN)
		return false;
	ioasid__leave_binding(op->all, b, leave);
	return true;
}

/* All that have moved go back, unless the ID was freed: then they are being torn down as they are. Lock held. */
static void backward(struct rebind_op *op)
{
	struct leave leave;
	struct binding *b;

	while (!op_revoked(op) && (b = next_of(op, true)) != NULL) {
		if (!back_one(op, b, &leave))
			continue;
		unlock(&op->all->lock);
		(void)ioasid__leave_finish(&leave);
		lock(&op->all->lock);
	}
}

/* May every device that the IOASID is bound on ask for pages? Lock held. */
static bool all_can_fault(const struct idrec *rec, struct ioasid_reason *why)
{
	for (const struct binding *b = rec->bindings; b != NULL; b = b->next)
		if (b->claim <= CLAIM_OPEN && !ioasid__faults_possible(b->device)) {
			ioasid__reason_set(why, "a device that the IOASID is bound on has no page requests");
			return false;
		}
	return true;
}

/* Waits for the gate and closes it. Lock held. */
static int rebind_begin(struct rebind_op *op)
{
	const struct bind_request *rq = op->rq;
	struct idrec *rec;
	struct binding *b;

	for (;;) {
		op->rec = rec = ioasid__record_of(rq->device, rq->id);
		b = rec != NULL ? ioasid__record_find(rec, rq->device) : NULL;
		if (b == NULL || op_revoked(op) || b->claim > CLAIM_OPEN || b->error != 0)
			return -ENOENT;
		if (!rec->opening && !rec->rebinding && rec->closing == 0 && b->claim == CLAIM_OPEN)
			break;
		lock_wait(&op->all->lock, &rec->cond);
	}
	for (const struct binding_user *u = b->users; u == NULL || u->cookie != rq->cookie; u = u->next)
		if (u == NULL)
			return -ENOENT;
	for (const struct binding *other = rec->bindings; other != NULL; other = other->next)
		if (other->claim <= CLAIM_OPEN && other->device->context != rq->device->context)
			return -EINVAL;
	if (op->content->faults && !all_can_fault(rec, rq->why))
		return -EOPNOTSUPP;
	rec->rebinding = true;
	op->old = ioasid__content_get(rec->content);
	op->space = b->space;
	return 0;
}

/* A bind that is in the middle of its own work holds no gate unless it is the first with a SPID: it is waited
 * for here. */
static void wait_for_setups(struct rebind_op *op)
{
	struct binding *b = op->rec->bindings;

	while (b != NULL) {
		if (b->claim != CLAIM_SETUP) {
			b = b->next;
			continue;
		}
		lock_wait(&op->all->lock, &op->rec->cond);
		b = op->rec->bindings;
	}
}

/* What is left behind may be destroyed next, so who still invalidates it is waited for; with tables that is
 * done where they end. */
static void wait_for_pins(const struct rebind_op *op)
{
	const struct binding *b = op->rec->bindings;

	while (b != NULL) {
		if (b->before.space == NULL || b->pins == 0) {
			b = b->next;
			continue;
		}
		lock_wait(&op->all->lock, &op->rec->cond);
		b = op->rec->bindings;
	}
}

/* The domain id that a caller has given with the new table. */
static void domain_set(const struct rebind_op *op)
{
	struct binding *b = ioasid__record_find(op->rec, op->rq->device);

	if ((op->rq->flags & IOASID_BIND_DOMAIN) == 0 || b == NULL)
		return;
	b->in_domain = true;
	b->domain = op->rq->domain;
}

static void rebind_end(struct rebind_op *op, int rc)
{
	struct idrec *rec = op->rec;

	wait_for_pins(op);
	if (rc == 0)
		domain_set(op);

	for (struct binding *b = rec->bindings; b != NULL; b = b->next)
		ioasid__target_put(rec, &b->before, &op->dead);
	if (rc == 0 && rec->content != NULL) {
		ioasid__content_put(rec->content);
		rec->content = ioasid__content_get(op->content);
	}
	rec->rebinding = false;
	pthread_cond_broadcast(&rec->cond);
}

static int rebind_locked(struct rebind_op *op)
{
	int rc = rebind_begin(op);

	if (rc != 0)
		return rc;
	wait_for_setups(op);
	rc = forward(op);
	if (rc != 0)
		backward(op);
	rebind_end(op, rc);
	return rc;
}

static int rebind_run(struct rebind_op *op)
{
	struct faults *faults;
	int rc;

	if (ioasid__bind_faults(op->rq)) {
		rc = ioasid__faults_get(op->rq->device->context, &faults, op->rq->why);
		if (rc != 0)
			return rc;
	}
	op->content = ioasid__content_new(op->rq->entry, op->rq->flags, ioasid__bind_faults(op->rq));
	if (op->content == NULL)
		return -ENOMEM;
	lock(&op->all->lock);
	if (op->rq->id == IOASID_NO_PASID)
		rc = ioasid__rid_check(op->rq->device, op->rq->set);
	else
		rc = 0;
	if (rc == 0)
		rc = rebind_locked(op);
	ioasid__content_put(op->content);
	ioasid__content_put(op->old);
	unlock(&op->all->lock);
	ioasid__tables_destroy(op->all, op->dead);
	mem_free(op->spare);
	return rc;
}

int ioasid_rebind(struct ioasid_device *device, struct ioasid_set *set, const struct ioasid_bind_data *data)
{
	struct bind_request rq;
	struct rebind_op op = { .rq = &rq };
	int rc = ioasid__bind_request(device, set, data, REBIND_FLAGS, &rq);

	if (rc != 0)
		return rc;
	op.all = device->all;
	if (rq.id != IOASID_NO_PASID)
		rc = ioasid_get(set, rq.id);
	if (rc != 0)
		return rc;
	rc = rebind_run(&op);
	if (rq.id != IOASID_NO_PASID)
		ioasid__life_put(op.all->pool, rq.id);
	return rc;
}
