/*
 * Walking the IDs of a set: the map of what it has used, the walk of for_each, the sweep that frees all.
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/chain.h"
#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/life.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/set.h"
#include "libioasid/thread.h"

/* ---- The map ---- */

static void touch_bit(_Atomic uint64_t *word, uint32_t bit)
{
	uint64_t mask = UINT64_C(1) << (bit % 64);

	/* Sticky, so mostly there already. Sequentially consistent before the ID's word is: a sweep that
	 * misses the bit misses no ID. */
	if (!(atomic_load_explicit(word, memory_order_relaxed) & mask))
		atomic_fetch_or_explicit(word, mask, memory_order_seq_cst);
}

void ioasid__pool_touch(struct ioasid_pool *pool, ioasid_t id)
{
	uint32_t group = id >> GROUP_SHIFT;

	touch_bit(&pool->touched[group / 64], group);
}

int ioasid__set_touch(struct ioasid_set *set, ioasid_t id)
{
	uint32_t group = id >> GROUP_SHIFT, chunk = group / MAP_CHUNK_GROUPS, bit = group % MAP_CHUNK_GROUPS;
	_Atomic uint64_t *map = atomic_load_explicit(&set->map[chunk], memory_order_acquire), *fresh;

	if (map == NULL) {
		fresh = mem_zalloc(MAP_CHUNK_GROUPS / 8);
		if (fresh == NULL)
			return -ENOMEM;
		if (atomic_compare_exchange_strong_explicit(&set->map[chunk], &map, fresh, memory_order_seq_cst,
							    memory_order_acquire))
			map = fresh;
		else
			mem_free((void *)fresh);
	}
	ioasid__pool_touch(set->pool, id);
	touch_bit(&map[bit / 64], bit);
	return 0;
}

/* The first set bit of @words at or after @bit, below @end; @end: none. */
static uint32_t next_bit(_Atomic uint64_t *words, uint32_t bit, uint32_t end)
{
	while (bit < end) {
		uint64_t w = atomic_load_explicit(&words[bit / 64], memory_order_seq_cst) >> (bit % 64);

		if (w != 0)
			return bit + (uint32_t)__builtin_ctzll(w);
		bit = (bit | 63) + 1;
	}
	return end;
}

static uint32_t next_group(struct ioasid_set *set, uint32_t group)
{
	uint32_t chunk, first, found;

	if (set_is_root(set))
		return next_bit(set->pool->touched, group, GROUPS_MAX);
	for (chunk = group / MAP_CHUNK_GROUPS; chunk < MAP_CHUNKS; chunk++) {
		_Atomic uint64_t *map = atomic_load_explicit(&set->map[chunk], memory_order_seq_cst);

		first = chunk * MAP_CHUNK_GROUPS;
		if (map == NULL)
			continue;
		found = next_bit(map, group > first ? group - first : 0, MAP_CHUNK_GROUPS);
		if (found < MAP_CHUNK_GROUPS)
			return first + found;
	}
	return GROUPS_MAX;
}

ioasid_t ioasid__set_next_group(struct ioasid_set *set, ioasid_t id)
{
	uint32_t group = id >> GROUP_SHIFT, found = next_group(set, group);
	ioasid_t first = found << GROUP_SHIFT;

	if (found == group)
		return id;
	return first < pool_capacity(set->pool) ? first : pool_capacity(set->pool);
}

ioasid_t ioasid__set_group_end(const struct ioasid_set *set, ioasid_t id)
{
	ioasid_t end = (id | (GROUP_IDS - 1)) + 1;

	return end < pool_capacity(set->pool) ? end : pool_capacity(set->pool);
}

/* ---- The walk ---- */

static int visit(struct ioasid_set *set, ioasid_t id, int (*fn)(void *context, struct ioasid_set *set, ioasid_t id),
		 void *context)
{
	struct slot *s = pool_slot(set->pool, id);
	int ret;

	if (!set_owns_active(set, word_load(s)))
		return 0;
	ret = ioasid_get(set, id);
	if (ret != 0)
		return ret == -EOVERFLOW ? ret : 0;
	/* With a reference on the ID, its set stays. */
	ret = fn(context, set_is_root(set) ? pool_set_of(set->pool, word_load(s)) : set, id);
	(void)ioasid_put(set, id);
	return ret;
}

int ioasid_set_for_each(struct ioasid_set *set, int (*fn)(void *context, struct ioasid_set *set, ioasid_t id),
			void *context)
{
	ioasid_t id = 0;
	int ret = 0;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || fn == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	if (atomic_load_explicit(&set->slow, memory_order_acquire) & SET_DEAD)
		return -ENOENT;
	while (ret == 0 && (id = ioasid__set_next_group(set, id)) < pool_capacity(set->pool))
		ret = visit(set, id++, fn, context);
	return ret;
}

/* ---- The sweep ---- */

/* Frees what is trivial in a group, one change of a word each; returns how many, and whether the set has
 * @more ACTIVE there. In a section that has seen neither chain nor slow pool. */
static uint32_t sweep_trivial(struct ioasid_set *set, ioasid_t first, bool *more)
{
	ioasid_t id, end = ioasid__set_group_end(set, first);
	uint64_t freed = 0;

	ids_prefetch_group(set->pool, first >> GROUP_SHIFT);
	for (id = first; id < end; id++) {
		struct slot *s = &set->table[id];
		uint64_t w = word_look(s);

		if (!set_owns_active(set, w))
			continue;
		if (!(w & W_TRIVIAL_MASK) && !word_gen_wraps(w) && word_cas(s, &w, word_next_life(w)))
			freed |= UINT64_C(1) << (id % GROUP_IDS);
		else
			*more = true;
	}
	if (freed != 0)
		ioasid__ids_hint_group(set->pool, first >> GROUP_SHIFT, freed);
	return (uint32_t)__builtin_popcountll(freed);
}

static void worse(int *ret, int err)
{
	if (err < 0 && err != -ENOENT && err != -EACCES && (*ret == 0 || *ret == -EINPROGRESS))
		*ret = err;
}

/* The rest of a group, one by one. */
static void sweep_group(struct ioasid_set *set, ioasid_t first, int *ret)
{
	ioasid_t id, end = ioasid__set_group_end(set, first);

	for (id = first; id < end; id++)
		if (set_owns_active(set, word_look(pool_slot(set->pool, id)))) {
			worse(ret, ioasid__life_free(set, id));
			ioasid__life_settle();
		}
}

int ioasid__set_sweep(struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;
	uint32_t freed = 0;
	ioasid_t id;
	int ret = 0;

	for (id = ioasid__set_next_group(set, 0); id < pool_capacity(pool);
	     id = ioasid__set_next_group(set, (id | (GROUP_IDS - 1)) + 1)) {
		bool more = false;

		ioasid__rcu_lock();
		if (!(atomic_load_explicit(&set->slow, memory_order_seq_cst) & SET_CHAIN) &&
		    atomic_load_explicit(&pool->slow, memory_order_seq_cst) == 0)
			freed += sweep_trivial(set, id, &more);
		else
			more = true;
		ioasid__rcu_unlock();
		/* An ID that is allocated later belongs to a set that lives, or is freed by who allocated it. */
		if (more)
			sweep_group(set, id, &ret);
	}
	ioasid__rcu_lock();
	if (freed != 0) {
		/* A reset that took the last IDs of a set that died meanwhile. */
		ioasid__set_id_quiet(set);
		ioasid__quota_give(set, freed);
	}
	ioasid__rcu_unlock();
	return ret;
}
