/*
 * The end of bindings whose IOASID was freed (S9.7, S9.15, S10.1): block, at once and in the freeing thread;
 * teardown, queued per context.
 *
 * Both come after the mark. A bind that is under way sees the mark under the lock, before or after its
 * backend call, so each binding is either seen here or undone by its own bind.
 */
#include <errno.h>

#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/life.h"
#include "libioasid/record.h"

/* ---- lanes ---- */

bool ioasid__lane_take(struct binding *b)
{
	if (!b->queued)
		return false;
	link_remove(&b->waiting);
	b->queued = false;
	return true;
}

static struct binding *lane_pop(struct lane *lane)
{
	struct binding *b = NULL;

	lock(&lane->all->lock);
	if (!link_alone(&lane->ready)) {
		b = LINK_OWNER(lane->ready.next, struct binding, waiting);
		(void)ioasid__lane_take(b);
	}
	unlock(&lane->all->lock);
	return b;
}

void ioasid__lane_run(void *context, struct ioasid_work *work)
{
	struct lane *lane = context;
	struct binding *b;

	(void)work;
	while ((b = lane_pop(lane)) != NULL)
		(void)ioasid__binding_end(lane->all, b);
}

void ioasid__lane_queue(struct lane *lane, struct binding *b)
{
	b->queued = true;
	link_append(&lane->ready, &b->waiting);
	/* Queued already is as good: it runs after this. */
	(void)ioasid__workq_queue(&lane->queue, &lane->work);
}

/* ---- block ---- */

static void block_failed(struct binding *b, int rc)
{
	b->error = ioasid__binding_error(rc);
	b->since = ioasid__now();
}

/* Parks a binding whose turn is free. Lock held, given back meanwhile. */
static void block_park(struct devices *all, struct binding *b, uint64_t deadline)
{
	int rc;

	b->turn = true;
	unlock(&all->lock);
	rc = ioasid__slot_park(b, deadline);
	lock(&all->lock);
	if (rc == 0)
		b->slot = SLOT_PARKED;
	else
		block_failed(b, rc);
	ioasid__turn_end(b);
}

/* The next binding behind a context that has to be blocked: one whose turn is free, else one that has to be
 * waited for. */
static struct binding *block_next(struct idrec *rec, const struct lane *lane)
{
	struct binding *busy = NULL;

	for (struct binding *b = rec->bindings; b != NULL; b = b->next) {
		if (b->device->lane != lane || !binding_lets_through(b))
			continue;
		if (!b->turn)
			return b;
		busy = b;
	}
	return busy;
}

/* Blocks what is behind one context, in at most its deadline. 0, or -ETIMEDOUT: there was no time to try all.
 * Lock held. */
static int block_lane(struct devices *all, struct idrec *rec, struct lane *lane)
{
	struct binding *b = block_next(rec, lane);
	uint64_t deadline;
	struct timespec until;

	if (b == NULL)
		return 0;
	deadline = ioasid__device_deadline(b->device);
	until = device_timespec(deadline);
	for (; b != NULL; b = block_next(rec, lane)) {
		bool late = ioasid__now() >= deadline;

		if (b->turn && late)
			block_failed(b, -ETIMEDOUT);
		else if (b->turn)
			(void)lock_wait_until(&all->lock, &rec->cond, &until);
		else if (late)
			return -ETIMEDOUT; /* its teardown tries, with time of its own */
		else
			block_park(all, b, deadline);
	}
	return 0;
}

static int block_record(struct devices *all, struct idrec *rec)
{
	int rc = 0;

	for (struct lane *lane = all->lanes; lane != NULL; lane = lane->next) {
		int one = block_lane(all, rec, lane);

		if (rc == 0)
			rc = one;
	}
	for (const struct binding *b = rec->bindings; b != NULL && rc == 0; b = b->next)
		if (b->error != 0 && (b->slot == SLOT_ON || b->turn))
			rc = b->error;
	return rc;
}

/* Is the ID still marked, in the life that @w is of? */
static bool is_of_life(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	uint64_t now = word_load(pool_slot(pool, id));

	return word_is(now, W_PENDING) && word_same_life(now, w);
}

int ioasid__binding_block(struct ioasid_pool *pool, uint32_t id, uint64_t w)
{
	struct devices *all = pool->devices;
	struct idrec *rec;
	int rc = 0;

	if (all == NULL)
		return 0;
	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). A life that is not over keeps its record while we have the lock. */
	rec = is_of_life(pool, id, w) ? atomic_load_explicit(&pool->recs[id], memory_order_acquire) : NULL;
	if (rec != NULL) {
		ioasid__record_hold(rec);
		rc = block_record(all, rec);
		ioasid__record_release(rec);
	}
	unlock(&all->lock);
	return rc;
}

/* ---- teardown ---- */

void ioasid__binding_teardown(struct ioasid_pool *pool, uint32_t id)
{
	struct devices *all = pool->devices;
	struct idrec *rec;

	if (all == NULL)
		return;
	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	for (struct binding *b = rec != NULL ? rec->bindings : NULL; b != NULL; b = b->next) {
		if (b->claim != CLAIM_OPEN)
			continue;
		ioasid__binding_take(b);
		/* What could not be blocked is not tried again by itself (S9.8). */
		if (b->error != 0)
			ioasid__binding_quarantine(all, b, b->error);
		else
			ioasid__lane_queue(b->device->lane, b);
	}
	unlock(&all->lock);
}
