/*
 * Private data: attach, detach, forget.
 *
 * Who changes the pointer of a live ID holds DBUSY in its word, for a few instructions, so that a late writer
 * cannot reach the next life: with DBUSY an ID is not reclaimed. Others wait for it, also in handlers, so
 * nothing in it takes a lock or memory.
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

/* Has the set a function, for data of an ID that the caller has, or has the credit for? */
static bool is_released(struct ioasid_set *set)
{
	bool exact, released;

	/* Who changes it sets SET_EXACT, waits until this section is over, and then finds the ID. */
	ioasid__rcu_lock();
	exact = (atomic_load_explicit(&set->slow, memory_order_acquire) & SET_EXACT) != 0;
	released = data_released(set);
	ioasid__rcu_unlock();
	if (!exact)
		return released;
	/* Or looks for IDs and changes it under the lock: that comes before this, or finds the ID. */
	lock(&set->release_lock);
	released = data_released(set);
	unlock(&set->release_lock);
	return released;
}

int ioasid__data_reserve(struct ioasid_set *set)
{
	struct release_node *n;

	if (!is_released(set))
		return 0;
	n = mem_alloc(sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	lock(&set->release_lock);
	n->next = set->release_spare;
	set->release_spare = n;
	unlock(&set->release_lock);
	return 1;
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

static void node_drop(struct ioasid_set *set)
{
	mem_free(node_take(set));
}

void ioasid__data_unreserve(struct ioasid_set *set)
{
	if (data_released(set))
		node_drop(set);
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

/* Takes DBUSY if the ID is held, or with @active ACTIVE, and in the life that @life, unless it is NULL, is a
 * word of: -EAGAIN if not. Another writer is waited for. */
static int busy_take(struct ioasid_set *set, ioasid_t id, bool active, const uint64_t *life, uint64_t *word)
{
	struct slot *s = pool_slot(set->pool, id);
	uint64_t w = word_load(s);
	int err;

	for (;;) {
		err = active ? ioasid__set_check(set, id, w) : ioasid__set_check_held(set, id, w);
		if (err != 0)
			return err;
		if (life != NULL && !word_same_life(w, *life))
			return -EAGAIN;
		if (!(w & W_DBUSY)) {
			if (!word_cas(s, &w, w | W_DBUSY | W_EXT))
				continue;
			*word = w | W_DBUSY | W_EXT;
			return 0;
		}
		sched_yield(); /* for a few instructions of another thread, which takes neither lock nor memory there */
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

/* The set of an ACTIVE ID, in memory until it is released, with the word that says so. Who calls by the root
 * handle has no reference. */
static int owner_hold(struct ioasid_set *set, ioasid_t id, struct ioasid_set **owner, uint64_t *w)
{
	int err;

	ioasid__rcu_lock();
	do {
		*w = word_load(pool_slot(set->pool, id));
		err = ioasid__set_check(set, id, *w);
		/* The section keeps what is found here; NULL or no hold: the ID has gone on. */
		*owner = err == 0 ? pool_set_of(set->pool, *w) : NULL;
	} while (err == 0 && (*owner == NULL || !ioasid__set_hold_unless_gone(*owner)));
	ioasid__rcu_unlock();
	return err;
}

/* With DBUSY, and with what ioasid__data_reserve() answered. */
static int put_in(struct slot *s, void *data, int reserved)
{
	if (atomic_load_explicit(&s->data, memory_order_relaxed) != NULL)
		return -EBUSY;
	if (reserved < 0)
		return reserved;
	/* Release: what the caller wrote before is seen by who finds it (S5.5). */
	atomic_store_explicit(&s->data, data, memory_order_release);
	return 0;
}

/* -EAGAIN: the number has gone on to another life. */
static int attach(struct ioasid_set *set, ioasid_t id, void *data)
{
	struct ioasid_set *owner;
	int err, reserved;
	uint64_t life, w;

	err = owner_hold(set, id, &owner, &life);
	if (err != 0)
		return err;
	reserved = ioasid__data_reserve(owner);
	err = busy_take(set, id, true, &life, &w);
	if (err == 0) {
		err = put_in(pool_slot(set->pool, id), data, reserved);
		(void)busy_release(set->pool, id);
	}
	if (err != 0 && reserved > 0)
		node_drop(owner);
	ioasid__set_release(owner);
	return err;
}

int ioasid_attach_data(struct ioasid_set *set, ioasid_t id, void *data)
{
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || data == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	do {
		err = attach(set, id, data);
	} while (err == -EAGAIN);
	return err;
}

/* ---- Detach ---- */

/* Takes the pointer out; *w: the word after it. 0; -ENOENT: there is none, or no such ID; -EACCES. */
static int take_out(struct ioasid_set *set, ioasid_t id, void **old, uint64_t *w)
{
	struct ioasid_set *owner;
	bool released = false;
	struct slot *s;
	int err;

	if (id >= set->capacity)
		return -ENOENT;
	err = busy_take(set, id, false, NULL, w);
	if (err != 0)
		return err;
	s = pool_slot(set->pool, id);
	owner = owner_of(set, *w);
	*old = atomic_load_explicit(&s->data, memory_order_acquire);
	if (*old == NULL)
		err = -ENOENT;
	else
		released = data_released(owner);
	/* Its node goes later, when the ID may no longer keep the set. */
	if (released)
		ioasid__set_hold(owner);
	atomic_store_explicit(&s->data, NULL, memory_order_release);
	*w = busy_release(set->pool, id);
	if (released) {
		node_drop(owner);
		ioasid__set_release(owner);
	}
	return err;
}

/* Waits until no reader and no handler of an event that had begun can see what was taken out. */
static void wait_unseen(struct ioasid_set *set, ioasid_t id, uint64_t w)
{
	struct slot *s = pool_slot(set->pool, id);
	uint64_t now = w;

	/* An event reads the pointer under its turn: only one that runs now, be it the ALLOC in which it was
	 * taken out, can have the old one. The turn is not taken: by now the number may be another set's,
	 * whose events this call must neither wait for nor hold up (S2.6). */
	while ((now & W_TURN) && word_same_life(now, w)) {
		(void)ioasid__park(set->pool, id, now, IOASID_FOREVER);
		now = word_load(s);
	}
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
