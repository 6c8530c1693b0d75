/*
 * Completions that have to wait until this thread's outermost handler chain has ended (S7.6).
 *
 * The list goes through pool->next, so that deferring needs no memory; an ID is on one list at most, since it
 * is marked once in a life.
 */
#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/thread.h"

/* The list for a pool; NULL: no memory, and the spare one is another pool's. */
static struct deferral *deferral_of(struct thread_state *t, struct ioasid_pool *pool)
{
	struct thread_cache *c;

	if (t->spare.listed && t->spare.pool == pool)
		return &t->spare;
	c = ioasid__thread_cache(pool);
	if (c != NULL)
		return &c->deferral;
	return t->spare.listed ? NULL : &t->spare;
}

void ioasid__life_defer(struct ioasid_pool *pool, ioasid_t id)
{
	struct thread_state *t = &ioasid__thread;
	struct deferral *d = deferral_of(t, pool);

	if (d == NULL) {
		/* The pool's own worker completes it. */
		ioasid__life_orphan(pool, id);
		return;
	}
	atomic_store_explicit(&pool->next[id], IOASID_INVALID, memory_order_relaxed);
	if (d->listed) {
		atomic_store_explicit(&pool->next[d->last], id, memory_order_relaxed);
		d->last = id;
		return;
	}
	d->pool = pool;
	d->first = d->last = id;
	d->listed = true;
	d->next = t->deferred;
	t->deferred = d;
}

void ioasid__life_run_deferred(void)
{
	struct thread_state *t = &ioasid__thread;
	struct deferral *d;

	/* A completion may run handlers, which defer more: the loop takes those too, without recursion. */
	if (t->completing)
		return;
	t->completing = true;
	while ((d = t->deferred) != NULL) {
		struct ioasid_pool *pool = d->pool;
		ioasid_t id = d->first;

		/* A child of the process: they are the parent's to complete. */
		if (ioasid__forked())
			break;
		if (id == d->last) {
			t->deferred = d->next;
			d->listed = false;
		} else {
			d->first = atomic_load_explicit(&pool->next[id], memory_order_relaxed);
		}
		(void)ioasid__life_complete(pool, id);
	}
	t->completing = false;
}

static void orphans_run(void *context, struct ioasid_work *work)
{
	struct ioasid_pool *pool = context;
	ioasid_t id = atomic_exchange_explicit(&pool->orphans, IOASID_INVALID, memory_order_acq_rel);

	(void)work;
	while (id != IOASID_INVALID) {
		ioasid_t next = atomic_load_explicit(&pool->next[id], memory_order_relaxed);

		(void)ioasid__life_complete(pool, id);
		id = next;
	}
}

void ioasid__life_orphan(struct ioasid_pool *pool, ioasid_t id)
{
	ioasid_t head = atomic_load_explicit(&pool->orphans, memory_order_relaxed);

	do {
		atomic_store_explicit(&pool->next[id], head, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&pool->orphans, &head, id, memory_order_acq_rel,
							memory_order_relaxed));
	(void)ioasid__workq_queue(&pool->internal, &pool->orphan_work);
}

void ioasid__life_settle(void)
{
	if (ioasid__restricted() || ioasid__thread.deferred == NULL)
		return;
	/* In a child they are the parent's to complete (S14.2). */
	if (ioasid__forked())
		ioasid__thread.deferred = NULL;
	else
		ioasid__life_run_deferred();
}

void ioasid__life_init(struct ioasid_pool *pool)
{
	atomic_store_explicit(&pool->orphans, IOASID_INVALID, memory_order_relaxed);
	pool->orphan_work.run = orphans_run;
	pool->orphan_work.context = pool;
}
