/*
 * Dropping counted references (S4.5).
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/life.h"
#include "libioasid/pool.h"

static int put_misuse(struct ioasid_set *set)
{
	if (set_is_root(set))
		atomic_fetch_add_explicit(&set->pool->counters.misuse, 1, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&set->misuse, 1, memory_order_relaxed);
	ioasid__log(set->pool, IOASID_LOG_WARNING, "put of an IOASID without a counted reference");
	return -EINVAL;
}

/* -EALREADY: the ID was marked since the look at its word. */
static int put_once(struct ioasid_set *set, ioasid_t id, const uint64_t *gen)
{
	struct slot *s = pool_slot(set->pool, id);
	uint64_t w, n;
	int err;

	word_prefetch_write(s);
	w = word_load(s);
	do {
		if (gen != NULL && word_gen(w) != *gen)
			return -ESTALE;
		err = ioasid__set_check_held(set, id, w);
		if (err != 0)
			return err;
		/* No counted reference left: a free, or misuse (S4.5). */
		if (!(w & W_REFS))
			return word_is(w, W_PENDING) ? put_misuse(set) : ioasid__life_mark(set, id, gen);
		n = w - W_REF;
		if (word_reclaimable(n))
			n = (n & ~W_STATE) | W_BORN;
	} while (!word_cas(s, &w, n));
	if (word_is(w, W_BORN) || !word_is(n, W_BORN))
		return 0;
	ioasid__life_reclaim(set->pool, id, n);
	return 1;
}

static int put_by(struct ioasid_set *set, ioasid_t id, const uint64_t *gen)
{
	int ret;

	do {
		ret = put_once(set, id, gen);
	} while (ret == -EALREADY);
	return ret;
}

int ioasid__life_put_in(struct ioasid_set *set, ioasid_t id)
{
	return put_by(set, id, NULL);
}

int ioasid__life_put_gen(struct ioasid_set *set, ioasid_t id, uint64_t gen)
{
	return put_by(set, id, &gen);
}

int ioasid__life_put(struct ioasid_pool *pool, ioasid_t id)
{
	return ioasid__life_put_in(&pool->root, id);
}
