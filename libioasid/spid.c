/*
 * SPIDs.
 */
#include "libioasid/spid.h"

#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/binding.h"
#include "libioasid/chain.h"
#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/rcu.h"
#include "libioasid/ref.h"
#include "libioasid/thread.h"
#include "libioasid/turn.h"

struct spid_leaf {
	_Atomic uint32_t entry[SPID_LEAF_ENTRIES];
};

/* ---- The table ---- */

/* Where the leaf of a number is noted; NULL: nowhere, since there is no table of leaves. */
static inline _Atomic(struct spid_leaf *) *place_of(struct ioasid_set *set, uint32_t spid)
{
	_Atomic(struct spid_leaf *) *top;

	if (spid < SPID_LEAF_ENTRIES)
		return &set->spids_low;
	top = atomic_load_explicit(&set->spids, memory_order_acquire);
	return top == NULL ? NULL : &top[spid / SPID_LEAF_ENTRIES];
}

/* The entry of a number; NULL: its leaf was never made. */
static inline _Atomic uint32_t *entry_of(struct ioasid_set *set, uint32_t spid)
{
	_Atomic(struct spid_leaf *) *place = place_of(set, spid);
	struct spid_leaf *leaf = place == NULL ? NULL : atomic_load_explicit(place, memory_order_acquire);

	return leaf == NULL ? NULL : &leaf->entry[spid % SPID_LEAF_ENTRIES];
}

static bool top_make(struct ioasid_set *set)
{
	_Atomic(struct spid_leaf *) *top = NULL, *fresh = mem_zalloc(SPID_LEAVES * sizeof(*fresh));

	/* Release pairs with the acquire of who looks a number up. */
	if (fresh != NULL && !atomic_compare_exchange_strong_explicit(&set->spids, &top, fresh, memory_order_acq_rel,
								      memory_order_acquire))
		mem_free((void *)fresh);
	return fresh != NULL;
}

/* The same, of a leaf that is made; NULL: no memory. Both levels stay until the set goes. */
static _Atomic uint32_t *__attribute__((noinline)) leaf_make(struct ioasid_set *set, uint32_t spid)
{
	struct spid_leaf *leaf, *none = NULL;

	if (place_of(set, spid) == NULL && !top_make(set))
		return NULL;
	leaf = mem_zalloc_line(sizeof(*leaf));
	if (leaf == NULL)
		return NULL;
	if (!atomic_compare_exchange_strong_explicit(place_of(set, spid), &none, leaf, memory_order_acq_rel,
						     memory_order_acquire))
		mem_free(leaf);
	return entry_of(set, spid);
}

static _Atomic uint32_t *entry_make(struct ioasid_set *set, uint32_t spid)
{
	_Atomic uint32_t *entry = entry_of(set, spid);

	return entry != NULL ? entry : leaf_make(set, spid);
}

void ioasid__spid_fini(struct ioasid_set *set)
{
	_Atomic(struct spid_leaf *) *top = atomic_load_explicit(&set->spids, memory_order_acquire);
	uint32_t i;

	for (i = 0; top != NULL && i < SPID_LEAVES; i++)
		mem_free(atomic_load_explicit(&top[i], memory_order_relaxed));
	mem_free((void *)top);
	mem_free(atomic_load_explicit(&set->spids_low, memory_order_relaxed));
}

static uint32_t of_id(struct ioasid_pool *pool, ioasid_t id)
{
	return atomic_load_explicit(&pool->spid_of[id], memory_order_acquire);
}

static uint32_t number(uint32_t of)
{
	return (of & ~(SPID_HIDDEN | SPID_BINDING)) - 1;
}

uint32_t ioasid__spid_value(struct ioasid_pool *pool, ioasid_t id)
{
	uint32_t of = of_id(pool, id);

	return of == 0 || (of & SPID_HIDDEN) ? IOASID_SPID_NONE : number(of);
}

uint32_t ioasid__spid_number(struct ioasid_pool *pool, ioasid_t id)
{
	/* Sequentially consistent: a bind has marked the word before; see reserve(). */
	uint32_t of = atomic_load_explicit(&pool->spid_of[id], memory_order_seq_cst);

	return of == 0 ? IOASID_SPID_NONE : number(of);
}

ioasid_t ioasid__spid_peek(struct ioasid_set *set, uint32_t spid)
{
	const _Atomic uint32_t *entry = entry_of(set, spid);

	return entry == NULL ? 0 : atomic_load_explicit(entry, memory_order_acquire) & ~SPID_HIDDEN;
}

/* With the turn held: the number is nobody's any more. The entry last: who takes it begins a new binding of
 * the number. */
static void release(struct ioasid_set *set, ioasid_t id)
{
	uint32_t of = of_id(set->pool, id);

	atomic_store_explicit(&set->pool->spid_of[id], 0, memory_order_release);
	atomic_store_explicit(entry_of(set, number(of)), 0, memory_order_release);
}

void ioasid__spid_forget(struct ioasid_pool *pool, ioasid_t id, struct ioasid_set *set)
{
	uint32_t of = of_id(pool, id);

	if (of != 0 && !(of & SPID_HIDDEN))
		release(set, id);
}

/* ---- Reserve, publish, withdraw ---- */

static int turn_begin(struct ioasid_set *set, ioasid_t id, unsigned int states)
{
	uint64_t w;

	return id >= set->capacity ? -ENOENT : ioasid__turn_take(set, id, states, &w);
}

/* For a SPID that is about to hang on the ID: from here on a free and a reclaim look for one. */
static int turn_begin_attach(struct ioasid_set *set, ioasid_t id)
{
	uint64_t w;

	return id >= set->capacity ? -ENOENT : ioasid__turn_take_with(set, id, TURN_ACTIVE, W_EXT, &w);
}

static void turn_end(struct ioasid_set *set, ioasid_t id)
{
	(void)ioasid__turn_release(set->pool, id);
	ioasid__life_settle();
}

/* With the turn held, as taken to attach. */
static int reserve(struct ioasid_set *set, ioasid_t id, _Atomic uint32_t *entry, uint32_t spid, uint32_t flags)
{
	uint32_t none = 0;

	if (of_id(set->pool, id) != 0)
		return -EBUSY;
	if (!atomic_compare_exchange_strong_explicit(entry, &none, id | SPID_HIDDEN, memory_order_acq_rel,
						     memory_order_acquire))
		return -EEXIST;
	/* A mark may have come; then the turn's release, or the free, sees the number and forgets it. A bind
	 * sees it, or has marked the word before ioasid__binding_fits() looks. */
	atomic_store_explicit(&set->pool->spid_of[id], (spid + 1) | flags, memory_order_seq_cst);
	return 0;
}

/* With the turn held and the number reserved: BIND, then it can be found. */
static int publish(struct ioasid_set *set, ioasid_t id)
{
	struct ioasid_pool *pool = set->pool;
	uint32_t of = of_id(pool, id), told = 0;
	struct chain *chain = ioasid__chain_pin(set);
	int err = 0;

	if (chain != NULL) {
		err = ioasid__chain_announce(set, chain, IOASID_EVENT_BIND, id, number(of), &told);
		if (err != 0) {
			ioasid__chain_undo(set, chain, told, IOASID_EVENT_UNBIND, id, number(of));
			atomic_fetch_add_explicit(&set->vetoes, 1, memory_order_relaxed);
		}
		ioasid__chain_unpin(pool, chain, 1);
	}
	if (err != 0)
		return err;
	/* The number back first: who finds the ID by its SPID can ask for it. */
	atomic_store_explicit(&pool->spid_of[id], of & ~SPID_HIDDEN, memory_order_release);
	atomic_store_explicit(entry_of(set, number(of)), id, memory_order_release);
	return 0;
}

static int check(struct ioasid_set *set, ioasid_spid_t spid)
{
	return set == NULL || set_is_root(set) || spid.value > IOASID_SPID_MAX ? -EINVAL : 0;
}

/* Why there is no entry to reserve: the state comes before the memory (S0.1). With the turn held. */
static int no_entry(struct ioasid_set *set, ioasid_t id)
{
	return of_id(set->pool, id) != 0 ? -EBUSY : -ENOMEM;
}

int ioasid__spid_reserve(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid, bool binding)
{
	_Atomic uint32_t *entry;
	int err = check(set, spid);

	if (err != 0)
		return err;
	err = turn_begin_attach(set, id);
	if (err != 0)
		return err;
	entry = of_id(set->pool, id) == 0 ? entry_make(set, spid.value) : NULL;
	err = entry == NULL ? no_entry(set, id)
			    : reserve(set, id, entry, spid.value, SPID_HIDDEN | (binding ? SPID_BINDING : 0));
	turn_end(set, id);
	return err;
}

int ioasid__spid_publish(struct ioasid_set *set, ioasid_t id)
{
	int err = turn_begin(set, id, TURN_ACTIVE);

	if (err != 0)
		return -ENOENT;
	err = publish(set, id);
	turn_end(set, id);
	return err;
}

/* With the turn held. The hidden entry makes finds fail before UNBIND is delivered. */
static void withdraw(struct ioasid_set *set, ioasid_t id, uint32_t of)
{
	struct ioasid_pool *pool = set->pool;
	struct chain *chain;

	/* Release: who was told by a handler, by whatever way, sees it hidden. */
	atomic_store_explicit(entry_of(set, number(of)), id | SPID_HIDDEN, memory_order_release);
	chain = ioasid__chain_pin(set);
	if (chain != NULL) {
		ioasid__chain_deliver(set, chain, IOASID_EVENT_UNBIND, id, number(of));
		ioasid__chain_unpin(pool, chain, 1);
	}
	release(set, id);
}

int ioasid__spid_withdraw(struct ioasid_set *set, ioasid_t id)
{
	int err = turn_begin(set, id, TURN_ACTIVE | TURN_PENDING);
	uint32_t of;

	if (err != 0)
		return -ENOENT;
	of = of_id(set->pool, id);
	if (of == 0 || (of & SPID_HIDDEN))
		err = -ENOENT;
	else
		withdraw(set, id, of);
	turn_end(set, id);
	return err;
}

void ioasid__spid_unreserve(struct ioasid_set *set, ioasid_t id)
{
	if (turn_begin(set, id, TURN_ACTIVE | TURN_PENDING) != 0)
		return;
	if (of_id(set->pool, id) & SPID_HIDDEN)
		release(set, id);
	turn_end(set, id);
}

/* ---- The public side ---- */

int ioasid_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid)
{
	_Atomic uint32_t *entry;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (check(set, spid) != 0)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	err = turn_begin_attach(set, id);
	if (err != 0)
		return err;
	entry = of_id(set->pool, id) == 0 ? entry_make(set, spid.value) : NULL;
	err = entry == NULL ? no_entry(set, id) : reserve(set, id, entry, spid.value, SPID_HIDDEN);
	if (err == 0) {
		err = ioasid__binding_fits(set->pool, id, spid.value) ? publish(set, id) : -EINVAL;
		if (err != 0)
			release(set, id);
	}
	turn_end(set, id);
	return err;
}

int ioasid_detach_spid(struct ioasid_set *set, ioasid_t id)
{
	uint32_t of;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || set_is_root(set))
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	err = turn_begin(set, id, TURN_ACTIVE | TURN_PENDING);
	if (err != 0)
		return err;
	of = of_id(set->pool, id);
	if (of == 0)
		err = -ENOENT;
	else if (of & (SPID_BINDING | SPID_HIDDEN))
		err = -EBUSY;
	else
		withdraw(set, id, of);
	turn_end(set, id);
	return err;
}

/* Does this thread deliver the BIND of this ID? */
static bool binds_here(const struct ioasid_pool *pool, ioasid_t id)
{
	const struct delivery *d = &ioasid__thread.delivery;

	return d->pool == pool && d->event == IOASID_EVENT_BIND && d->id == id;
}

int ioasid_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t *spid)
{
	uint64_t w, again;
	uint32_t of;
	int err;

	if (set == NULL || spid == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	do {
		w = word_load(&set->table[id]);
		err = ioasid__set_check_held(set, id, w);
		if (err != 0)
			return err;
		of = of_id(set->pool, id);
		again = word_load(&set->table[id]);
	} while (!word_same_life(w, again));
	/* A hidden one is known to those only that are told of its BIND (S7.7). */
	if (of == 0 || ((of & SPID_HIDDEN) && !binds_here(set->pool, id)))
		return -ENOENT;
	spid->value = number(of);
	return 0;
}

int ioasid_find_by_spid(struct ioasid_set *set, ioasid_spid_t spid, ioasid_t *id)
{
	_Atomic uint32_t *entry;
	uint32_t seen, found;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (check(set, spid) != 0 || id == NULL)
		return -EINVAL;
	entry = entry_of(set, spid.value);
	if (entry == NULL)
		return -ENOENT;
	for (;;) {
		seen = atomic_load_explicit(entry, memory_order_acquire);
		found = seen & ~SPID_HIDDEN;
		if (found == 0)
			return -ENOENT;
		/* Only those that are told of its BIND know a hidden one (S7.7). */
		if ((seen & SPID_HIDDEN) && !binds_here(set->pool, found))
			return -ENOENT;
		err = __builtin_expect(ref_get_quick(set, found), 1) ? 0 : ioasid_get(set, found);
		if (err != 0)
			return err == -EACCES ? -ENOENT : err;
		/* Still its number, after the reference was taken? Else it was given up between, and may have
		 * another owner. */
		if (atomic_load_explicit(entry, memory_order_acquire) == seen)
			break;
		(void)ioasid_put(set, found);
	}
	*id = found;
	return 0;
}
