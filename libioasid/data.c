/*
 * Private data: attach, detach, forget.
 *
 * Who changes the pointer of a live ID holds DBUSY in its word, for a few instructions, so that a late writer
 * cannot reach the next life: with DBUSY an ID is not reclaimed.
 */
#include "libioasid/data.h"

#include <errno.h>
#include <sched.h>

#include <ioasid/id.h>

#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"
#include "libioasid/turn.h"

/* ---- Release ---- */

int ioasid__data_reserve(struct ioasid_set *set)
{
	struct release_node *n;

	if (!data_released(set))
		return 0;
	n = mem_alloc(sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	lock(&set->release_lock);
	n->next = set->release_spare;
	set->release_spare = n;
	unlock(&set->release_lock);
	return 0;
}

static struct release_node *node_take(struct ioasid_set *set)
{
	struct release_node *n;

	lock(&set->release_lock);
	n = set->release_spare;
	if (n != NULL)
		set->release_spare = n->next;
	unlock(&set->release_lock);
	return n;
}

void ioasid__data_unreserve(struct ioasid_set *set)
{
	if (data_released(set))
		mem_free(node_take(set));
}

void ioasid__data_fini(struct ioasid_set *set)
{
	struct release_node *n;

	while ((n = node_take(set)) != NULL)
		mem_free(n);
}

void ioasid__data_release_run(void *context, struct ioasid_work *work)
{
	struct ioasid_set *set = context;
	struct release_node *n, *next;

	(void)work;
	lock(&set->release_lock);
	n = set->release_due;
	set->release_due = NULL;
	unlock(&set->release_lock);
	ioasid__rcu_sync();
	for (; n != NULL; n = next) {
		next = n->next;
		if (n->release != NULL)
			n->release(n->context, n->data);
		mem_free(n);
	}
	ioasid__set_release(set);
}

void ioasid__data_forget(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t id)
{
	struct slot *s = pool_slot(pool, id);
	void *data = atomic_load_explicit(&s->data, memory_order_relaxed);
	struct release_node *n;

	if (data == NULL)
		return;
	/* Before the word becomes FREE, which releases it. */
	atomic_store_explicit(&s->data, NULL, memory_order_relaxed);
	atomic_fetch_add_explicit(&set->misuse, 1, memory_order_relaxed);
	/* Without a node it was attached when the set had no function, and is none of its business. */
	n = data_released(set) ? node_take(set) : NULL;
	if (n == NULL)
		return;
	n->data = data;
	lock(&set->release_lock);
	n->release = atomic_load_explicit(&set->release, memory_order_relaxed);
	n->context = set->release_context;
	n->next = set->release_due;
	set->release_due = n;
	unlock(&set->release_lock);
	ioasid__set_hold(set);
	if (ioasid__workq_queue(&set->releases, &set->release_work) != 0)
		ioasid__set_release(set);
}

/* ---- DBUSY ---- */

/* The set's own writer; a root handle's calls go by the ID's set. */
static struct ioasid_set *owner_of(struct ioasid_set *set, uint64_t w)
{
	return set_is_root(set) ? pool_set_of(set->pool, w) : set;
}

/* Takes DBUSY if the ID is held, or with @active ACTIVE. Another writer is waited for, or with @try answered
 * -EBUSY. */
static int busy_take(struct ioasid_set *set, ioasid_t id, bool active, bool try, uint64_t *word)
{
	struct slot *s = pool_slot(set->pool, id);
	uint64_t w = word_load(s);
	int err;

	for (;;) {
		err = active ? ioasid__set_check(set, id, w) : ioasid__set_check_held(set, id, w);
		if (err != 0)
			return err;
		if (!(w & W_DBUSY)) {
			if (!word_cas(s, &w, w | W_DBUSY | W_EXT))
				continue;
			*word = w | W_DBUSY | W_EXT;
			return 0;
		}
		if (try)
			return -EBUSY;
		sched_yield(); /* for a few instructions of another thread */
		w = word_load(s);
	}
}

static uint64_t busy_release(struct ioasid_pool *pool, ioasid_t id)
{
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s), n;

	do {
		n = w & ~W_DBUSY;
		if (word_reclaimable(n))
			n = (n & ~W_STATE) | W_BORN;
	} while (!word_cas(s, &w, n));
	if (word_is(n, W_BORN) && !word_is(w, W_BORN))
		ioasid__life_reclaim(pool, id, n);
	return n;
}

/* ---- Attach ---- */

int ioasid_attach_data(struct ioasid_set *set, ioasid_t id, void *data)
{
	struct ioasid_set *owner;
	struct slot *s;
	uint64_t w;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || data == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	err = busy_take(set, id, true, true, &w);
	if (err != 0)
		return err;
	s = pool_slot(set->pool, id);
	owner = owner_of(set, w);
	if (atomic_load_explicit(&s->data, memory_order_relaxed) != NULL)
		err = -EBUSY;
	else
		err = ioasid__data_reserve(owner);
	/* Release: what the caller wrote before is seen by who finds it (S5.5). */
	if (err == 0)
		atomic_store_explicit(&s->data, data, memory_order_release);
	(void)busy_release(set->pool, id);
	return err;
}

/* ---- Detach ---- */

/* Takes the pointer out; *w: the word after it. 0; -ENOENT: there is none, or no such ID; -EACCES. */
static int take_out(struct ioasid_set *set, ioasid_t id, void **old, uint64_t *w)
{
	struct ioasid_set *owner;
	struct slot *s;
	int err;

	if (id >= set->capacity)
		return -ENOENT;
	err = busy_take(set, id, false, false, w);
	if (err != 0)
		return err;
	s = pool_slot(set->pool, id);
	owner = owner_of(set, *w);
	*old = atomic_load_explicit(&s->data, memory_order_acquire);
	if (*old == NULL)
		err = -ENOENT;
	else
		ioasid__data_unreserve(owner);
	atomic_store_explicit(&s->data, NULL, memory_order_release);
	*w = busy_release(set->pool, id);
	return err;
}

/* Waits until no reader and no handler of an event that had begun can see what was taken out. */
static void wait_unseen(struct ioasid_set *set, ioasid_t id, uint64_t w)
{
	uint64_t now;

	/* An event reads the pointer under its turn: only one that runs now, be it the ALLOC in which it was
	 * taken out, can have the old one. */
	if ((w & W_TURN) &&
	    ioasid__turn_take(&set->pool->root, id, TURN_ACTIVE | TURN_PENDING | TURN_BORN, &now) == 0)
		(void)ioasid__turn_release(set->pool, id);
	ioasid__rcu_sync();
}

int ioasid_detach_data(struct ioasid_set *set, ioasid_t id, void **old)
{
	void *data;
	uint64_t w;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || old == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	err = take_out(set, id, &data, &w);
	if (err != 0)
		return err;
	wait_unseen(set, id, w);
	*old = data;
	ioasid__life_settle();
	return 0;
}

/* A detach that waits in a queue of its own, so that it delays no other job. */
struct detach_job {
	struct ioasid_work work;
	struct workq queue;
	struct ioasid_set *set;
	ioasid_t id;
	uint64_t word;
	void *old;
	void (*done)(void *context, void *old);
	void *context;
};

static void detach_run(void *context, struct ioasid_work *work)
{
	struct detach_job *job = context;
	struct ioasid_set *set = job->set;

	(void)work;
	wait_unseen(set, job->id, job->word);
	job->done(job->context, job->old);
	ioasid__set_release(set);
}

/* Is there something to take out? 0; -ENOENT, -EACCES. */
static int has_data(struct ioasid_set *set, ioasid_t id)
{
	struct slot *s = pool_slot(set->pool, id);
	int err;

	if (id >= set->capacity)
		return -ENOENT;
	err = ioasid__set_check_held(set, id, word_load(s));
	if (err == 0 && atomic_load_explicit(&s->data, memory_order_relaxed) == NULL)
		err = -ENOENT;
	return err;
}

int ioasid_detach_data_async(struct ioasid_set *set, ioasid_t id, void (*done)(void *context, void *old), void *context)
{
	struct detach_job *job;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || done == NULL)
		return -EINVAL;
	job = mem_zalloc(sizeof(*job));
	if (job == NULL) {
		err = has_data(set, id);
		return err != 0 ? err : -ENOMEM;
	}
	err = take_out(set, id, &job->old, &job->word);
	if (err != 0) {
		mem_free(job);
		return err;
	}
	job->set = set;
	job->id = id;
	job->done = done;
	job->context = context;
	job->work.run = detach_run;
	job->work.context = job;
	ioasid__set_hold(set);
	ioasid__workq_init(&job->queue, set->pool->executor, WORK_CALLS);
	workq_own(&job->queue, job);
	(void)ioasid__workq_queue(&job->queue, &job->work);
	return 0;
}
