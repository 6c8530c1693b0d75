/*
 * The life of an ID from the mark on.
 */
#include "libioasid/life.h"

#include <errno.h>

#include "libioasid/allocator.h"
#include "libioasid/binding.h"
#include "libioasid/chain.h"
#include "libioasid/data.h"
#include "libioasid/ids.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/spid.h"
#include "libioasid/thread.h"
#include "libioasid/turn.h"

/* ---- Reclaim ---- */

/* The credit of an ID that is back. A section, since with its last credit a dead set may go. */
static void give_credit(struct ioasid_set *set)
{
	ioasid__rcu_lock();
	ioasid__quota_give(set, 1);
	ioasid__rcu_unlock();
}

void ioasid__life_reclaim(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	struct ioasid_set *set = pool_set_of(pool, w);
	uint64_t freed = word_next_life(w);

	if (w & W_EXT)
		ioasid__data_forget(pool, set, id);
	if (w & W_BOUND)
		ioasid__binding_forget(pool, id);
	if (word_gen_wraps(w))
		atomic_fetch_add_explicit(&pool->gen_hi[id], 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&set->pending, 1, memory_order_relaxed);
	ioasid__allocator_give(pool, id, freed);
	/* The set is still there: its credit for this ID is not back yet. */
	give_credit(set);
	if (w & (W_WAIT | W_WATCH))
		ioasid__park_tell(pool, id, w);
}

void ioasid__life_unborn(struct ioasid_pool *pool, ioasid_t id)
{
	/* The generation stays: nobody has seen this life. */
	ioasid__allocator_give(pool, id, ioasid__turn_abandon(pool, id) & W_GEN);
}

/* ---- Mark, complete, drop ---- */

/* Alloc's reference goes, with the turn: 1 if that reclaimed. */
static int drop(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t id)
{
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s), n;

	/* From the change on the ID no longer keeps the set; the section does. */
	ioasid__rcu_lock();
	do {
		n = word_released(w, W_TURN | W_OWED | W_ALLOC);
	} while (!word_cas(s, &w, n));
	if (!word_is(n, W_BORN))
		ioasid__set_id_quiet(set);
	ioasid__rcu_unlock();
	if ((w & W_WAIT) && !(n & W_WAIT))
		ioasid__park_wake(pool, id);
	if (!word_is(n, W_BORN))
		return 0;
	/* Until the reclaim the ID's credit keeps the set. */
	ioasid__set_id_quiet(set);
	ioasid__life_reclaim(pool, id, n);
	return 1;
}

/* The word of an ID once it is marked: with the way in which its set tears down now, which this free keeps to
 * however long it takes (S10.1). */
static uint64_t marked(struct ioasid_set *set, uint64_t w)
{
	uint64_t mode = atomic_load_explicit(&set->mode, memory_order_relaxed);

	_Static_assert(W_BLOCK == (uint64_t)IOASID_TEARDOWN_BLOCK << W_MODE_SHIFT, "modes are as in the word");
	_Static_assert(W_NOTIFY == (uint64_t)IOASID_TEARDOWN_NOTIFY << W_MODE_SHIFT, "modes are as in the word");
	return (w & ~W_STATE) | W_PENDING | mode << W_MODE_SHIFT;
}

/*
 * When an ID was marked is noted with some bits of its generation, in the place of what is less than a
 * microsecond. So a time that is not yet written, or is written late because others completed the free, is
 * never taken for that of another life.
 */
#define TIME_LIFE UINT64_C(0x3ff)

static void note_time(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	/* Relaxed: only shown. */
	atomic_store_explicit(&pool->marked_at[id], (ioasid__now() & ~TIME_LIFE) | (word_gen(w) & TIME_LIFE),
			      memory_order_relaxed);
}

uint64_t ioasid__life_marked_at(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	uint64_t at = atomic_load_explicit(&pool->marked_at[id], memory_order_relaxed);

	return ((at ^ word_gen(w)) & TIME_LIFE) == 0 ? at & ~TIME_LIFE : 0;
}

/* Has a marked ID something left to block? */
static bool has_to_block(uint64_t w)
{
	return (w & (W_BOUND | W_BLOCK)) == (W_BOUND | W_BLOCK);
}

/* An ID that is only blocked has no FREE to wait for: a SPID's number is free from the mark on, however long
 * the device takes (S6.4). */
static bool is_silent(uint64_t w)
{
	return !(w & W_NOTIFY);
}

/* FREE, if there is one, of the marked ID @w with the turn held; then the SPID's number is free. */
static void deliver_free(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t id, uint64_t w)
{
	struct chain *chain;

	if (!is_silent(w)) {
		chain = ioasid__chain_pin(set);
		if (chain != NULL) {
			(void)ioasid__chain_deliver(set, chain, IOASID_EVENT_FREE, id, ioasid__spid_value(pool, id));
			ioasid__chain_unpin(pool, chain, 1);
		}
	}
	ioasid__spid_forget(pool, id, set);
}

/* With the turn held, nothing to block or blocked already. */
static int finish(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t id, int err)
{
	uint64_t w = word_load(pool_slot(pool, id));
	int reclaimed;

	if (ioasid__restricted())
		ioasid__spid_forget(pool, id, set); /* nobody to tell: see mark_and_go() */
	else
		deliver_free(pool, set, id, w);
	if (w & W_BOUND)
		ioasid__binding_teardown(pool, id);
	reclaimed = drop(pool, set, id);
	return err != 0 ? err : reclaimed;
}

static void give_number(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t id)
{
	uint64_t w;

	(void)ioasid__turn_take(set, id, TURN_PENDING, &w);
	ioasid__spid_forget(pool, id, set);
	(void)ioasid__turn_release(pool, id);
}

int ioasid__life_complete(struct ioasid_pool *pool, ioasid_t id)
{
	uint64_t w = word_load(pool_slot(pool, id));
	struct ioasid_set *set = pool_set_of(pool, w);
	int err = 0;

	if (has_to_block(w) && (w & W_EXT) && is_silent(w))
		give_number(pool, set, id);
	if (w & W_BOUND)
		ioasid__binding_answer(pool, id);
	if (has_to_block(w))
		err = ioasid__binding_block(pool, id, w);
	/* Alloc's reference is still there: the ID cannot go away, nor become anything but FREE_PENDING. */
	(void)ioasid__turn_take(set, id, TURN_PENDING, &w);
	return finish(pool, set, id, err);
}

/* ---- Free ---- */

/* Freeing what is marked, as @w: no transition; if it is blocked, returns after the first free's blocking
 * (S4.2). */
static int free_again(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	if (!has_to_block(w))
		return 0;
	return ioasid__restricted() ? -EINPROGRESS : ioasid__binding_block(pool, id, w);
}

/*
 * The mark. What follows depends on the context and on what hangs on the ID. In this order:
 *
 *  - Nothing to block, nobody has the turn, and handlers may run here or there are none: the mark takes the
 *    turn in the same step, and the free is finished at once.
 *  - No restricted context: complete, that is block, wait for the turn, finish.
 *  - Restricted, and somebody has the turn: OWED; who has it completes the free.
 *  - Restricted: deferred to the end of this thread's outermost chain; a number that nobody is told of goes
 *    at once.
 */
static int mark_and_go(struct ioasid_pool *pool, struct ioasid_set *owner, ioasid_t id, uint64_t w)
{
	bool restricted = ioasid__restricted();
	bool quiet = atomic_load_explicit(&owner->chain, memory_order_acquire) == NULL;
	bool here = !(w & (W_TURN | W_BOUND)) && (!restricted || quiet);
	uint64_t n = marked(owner, w);
	bool give = !here && restricted && (w & (W_TURN | W_EXT)) == W_EXT && is_silent(n);

	if (here || give)
		n |= W_TURN;
	else if (restricted && (w & W_TURN))
		n |= W_OWED;
	if (!word_cas(pool_slot(pool, id), &w, n))
		return -EAGAIN;
	atomic_fetch_add_explicit(&owner->pending, 1, memory_order_relaxed);
	note_time(pool, id, n);
	if (here && restricted && atomic_load_explicit(&owner->chain, memory_order_acquire) != NULL) {
		/*
		 * Somebody subscribed, and may have been told of the ID, between the look and the mark. Who
		 * subscribes from here on will not be: the ID is marked.
		 */
		ioasid__life_defer(pool, id);
		(void)ioasid__turn_release(pool, id);
		return 0;
	}
	if (here)
		return finish(pool, owner, id, 0);
	if (!restricted)
		return ioasid__life_complete(pool, id);
	if (!(n & W_OWED))
		ioasid__life_defer(pool, id);
	if (give) {
		ioasid__spid_forget(pool, id, owner);
		(void)ioasid__turn_release(pool, id);
	}
	return has_to_block(n) ? -EINPROGRESS : 0;
}

/* @owner is a real set, in memory for the length of the call. -EAGAIN: the word changed; -EALREADY: the ID is
 * marked, and not @again. */
static int free_word(struct ioasid_set *owner, ioasid_t id, uint64_t w, bool again)
{
	struct ioasid_pool *pool = owner->pool;
	int err;

	if (word_is(w, W_PENDING)) {
		if (!set_owns(owner, w))
			return -EACCES;
		return again ? free_again(pool, id, w) : -EALREADY;
	}
	err = ioasid__set_check(owner, id, w);
	if (err != 0)
		return err;
	if (word_is(w, W_BORN))
		return -EDEADLK; /* its ALLOC is being delivered by this thread */
	if (ioasid__free_at_once(owner, id, w))
		return 1;
	return mark_and_go(pool, owner, id, w);
}

/* The set that has an ID, kept in memory; NULL: the ID is FREE. The caller may have come by the root handle,
 * with no reference. */
static struct ioasid_set *owner_hold(struct ioasid_pool *pool, ioasid_t id)
{
	struct ioasid_set *set = NULL;
	uint64_t w;

	ioasid__rcu_lock();
	do {
		w = word_load(pool_slot(pool, id));
		if (word_is(w, W_FREE))
			break;
		/* The section keeps the memory of what is found here; NULL or no hold: the ID has gone on. */
		set = pool_set_of(pool, w);
	} while (set == NULL || !ioasid__set_hold_unless_gone(set));
	ioasid__rcu_unlock();
	return word_is(w, W_FREE) ? NULL : set;
}

/* With @gen: of one life only, -ESTALE if it is over. */
static int free_as(struct ioasid_set *owner, ioasid_t id, const uint64_t *gen, bool again)
{
	uint64_t w;
	int err;

	do {
		w = word_load(pool_slot(owner->pool, id));
		if (gen != NULL && word_gen(w) != *gen)
			return -ESTALE;
		err = free_word(owner, id, w, again);
	} while (err == -EAGAIN);
	return err;
}

static int free_by(struct ioasid_set *set, ioasid_t id, const uint64_t *gen, bool again)
{
	struct ioasid_set *owner;
	int err;

	if (id >= set->capacity)
		return -ENOENT;
	if (!set_is_root(set))
		return free_as(set, id, gen, again);
	do {
		owner = owner_hold(set->pool, id);
		if (owner == NULL)
			return gen != NULL ? -ESTALE : -ENOENT;
		err = free_as(owner, id, gen, again);
		ioasid__set_release(owner);
	} while (err == -EACCES); /* it went to another set meanwhile, which root may free as well */
	return err;
}

int ioasid__life_free(struct ioasid_set *set, ioasid_t id)
{
	return free_by(set, id, NULL, true);
}

int ioasid__life_free_gen(struct ioasid_set *set, ioasid_t id, uint64_t gen)
{
	return free_by(set, id, &gen, true);
}

int ioasid__life_mark(struct ioasid_set *set, ioasid_t id, const uint64_t *gen)
{
	return free_by(set, id, gen, false);
}

/* ---- What bindings ask ---- */

int ioasid__binding_mark_bound(struct ioasid_set *set, uint32_t id)
{
	struct slot *s = pool_slot(set->pool, id);
	uint64_t w = word_load(s);
	int err;

	do {
		err = ioasid__set_check(set, id, w);
		if (err != 0)
			return err;
		if (w & W_BOUND)
			return 0;
	} while (!word_cas(s, &w, w | W_BOUND));
	return 0;
}

bool ioasid__binding_marked(struct ioasid_pool *pool, uint32_t id)
{
	return !word_is(word_load(pool_slot(pool, id)), W_ACTIVE);
}

/* ---- A vetoed birth ---- */

void ioasid__life_vetoed(struct ioasid_set *set, ioasid_t id, struct chain *chain, uint32_t told, void *data)
{
	struct ioasid_pool *pool = set->pool;
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s);

	while (!word_cas(s, &w, marked(set, w)))
		;
	atomic_fetch_add_explicit(&set->pending, 1, memory_order_relaxed);
	note_time(pool, id, w);
	ioasid__chain_undo(set, chain, told, IOASID_EVENT_FREE, id, IOASID_SPID_NONE);
	/* The allocation did not happen. What a handler attached meanwhile goes the way of all data, by
	 * drop(). */
	if (data != NULL &&
	    atomic_compare_exchange_strong_explicit(&s->data, &data, NULL, memory_order_acq_rel, memory_order_relaxed))
		ioasid__data_unreserve(set);
	(void)drop(pool, set, id);
}
