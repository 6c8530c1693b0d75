/*
 * Counted references, by number and by handle, and frees by handle (S4.2 to S4.5, S4.7).
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/pool.h"
#include "libioasid/ref.h"
#include "libioasid/thread.h"

/* Of one life only if @gen is not NULL. */
static int __attribute__((noinline)) get(struct ioasid_set *set, ioasid_t id, const uint64_t *gen)
{
	struct slot *s = &set->table[id];
	uint64_t w;
	int err;

	word_prefetch_write(s);
	w = word_load(s);
	do {
		if (gen != NULL && word_gen(w) != *gen)
			return -ESTALE;
		if (__builtin_expect(!set_owns_active(set, w), 0)) {
			err = ioasid__set_check(set, id, w);
			if (err != 0)
				return err;
		}
		if (__builtin_expect((w & W_REFS) == W_REFS, 0))
			return -EOVERFLOW;
	} while (!word_cas(s, &w, w + W_REF));
	return 0;
}

int ioasid_get(struct ioasid_set *set, ioasid_t id)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	return __builtin_expect(ref_get_quick(set, id), 1) ? 0 : get(set, id, NULL);
}

static int __attribute__((noinline)) put_slow(struct ioasid_set *set, ioasid_t id)
{
	int ret = ioasid__life_put_in(set, id);

	ioasid__life_settle();
	return ret;
}

int ioasid_put(struct ioasid_set *set, ioasid_t id)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	return __builtin_expect(ref_put_quick(set, id), 1) ? 0 : put_slow(set, id);
}

int ioasid_refs(struct ioasid_set *set, ioasid_t id, uint32_t *refs)
{
	uint64_t w;
	int err;

	if (set == NULL || refs == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	w = word_load(&set->table[id]);
	err = ioasid__set_check_held(set, id, w);
	if (err == 0)
		*refs = word_refs(w) + ((w & W_ALLOC) != 0);
	return err;
}

/* ---- Handles ---- */

/*
 * The word has the low part of the generation, and changes with it in one step. The high part, which changes
 * every 2^23 lives, is looked at with a reference of the life in hand, under which it stands still.
 */
static int handle_check(struct ioasid_set *set, ioasid_handle_t handle, ioasid_t *id, uint64_t *gen)
{
	*id = ioasid_handle_id(handle);
	*gen = (handle >> 20) & ((UINT64_C(1) << W_GEN_BITS) - 1);
	if (*id == 0 || *id >= set->capacity)
		return -ENOENT;
	return 0;
}

static bool handle_life(struct ioasid_set *set, ioasid_t id, ioasid_handle_t handle)
{
	uint64_t hi = atomic_load_explicit(&set->pool->gen_hi[id], memory_order_relaxed);

	return hi == handle >> (20 + W_GEN_BITS);
}

int ioasid_get_handle(struct ioasid_set *set, ioasid_handle_t handle)
{
	uint64_t gen;
	ioasid_t id;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	err = handle_check(set, handle, &id, &gen);
	if (err != 0)
		return err;
	if (!handle_life(set, id, handle))
		return -ESTALE;
	err = __builtin_expect(ref_get_quick_gen(set, id, gen), 1) ? 0 : get(set, id, &gen);
	if (err == 0 && !handle_life(set, id, handle)) {
		(void)ioasid__life_put_in(set, id);
		ioasid__life_settle();
		err = -ESTALE;
	}
	return err;
}

int ioasid_put_handle(struct ioasid_set *set, ioasid_handle_t handle)
{
	uint64_t gen;
	ioasid_t id;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	err = handle_check(set, handle, &id, &gen);
	if (err != 0)
		return err;
	/* Who puts has a reference: the life, and with it the high part, stands still if the handle is right. */
	if (!handle_life(set, id, handle))
		return -ESTALE;
	if (__builtin_expect(ref_put_quick_gen(set, id, gen), 1))
		return 0;
	err = ioasid__life_put_gen(set, id, gen);
	ioasid__life_settle();
	return err;
}

int ioasid_free_handle(struct ioasid_set *set, ioasid_handle_t handle)
{
	uint64_t gen;
	ioasid_t id;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	err = handle_check(set, handle, &id, &gen);
	if (err == 0)
		err = handle_life(set, id, handle) ? ioasid__life_free_gen(set, id, gen) : -ESTALE;
	ioasid__life_settle();
	return err > 0 ? 0 : err;
}
