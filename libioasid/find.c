/*
 * Finding private data, and read-side sections (S5.1, S5.2).
 *
 * A find reads the word, the pointer, and the word again: if state, owner and generation are the same, word
 * and pointer come from one life of the ID. Nothing is written, nobody is waited for. (The generation in the
 * word has 21 bits: a thread would have to sleep between two adjacent loads for an exact multiple of 2^21
 * lives of this ID to be fooled.)
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/find.h"
#include "libioasid/pool.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

/* With how it is torn down, which does not change in a state: the mask is one that an instruction can hold. */
#define W_LIFE (W_STATE | W_SET | W_BLOCK | W_NOTIFY | W_GEN)

int ioasid__set_check(struct ioasid_set *set, ioasid_t id, uint64_t w)
{
	const struct thread_state *t = &ioasid__thread;

	if (set_owns_active(set, w))
		return 0;
	if (word_is(w, W_FREE))
		return -ENOENT;
	if (word_is(w, W_BORN)) {
		/* Its own numbers wrap to great ones below the first. */
		if (t->born_pool == set->pool && id - t->born_first < t->born_count && set_owns(set, w))
			return 0;
		return -ENOENT;
	}
	return set_owns(set, w) ? -ENOENT : -EACCES;
}

int ioasid__set_check_held(struct ioasid_set *set, ioasid_t id, uint64_t w)
{
	if (word_is(w, W_PENDING) && set_owns(set, w))
		return 0;
	return ioasid__set_check(set, id, w);
}

/* Word and pointer of one life. */
static int look(struct ioasid_set *set, ioasid_t id, uint64_t *w, void **data)
{
	struct slot *s = &set->table[id];
	uint64_t again;
	int err;

	for (;;) {
		*w = word_load(s);
		if (__builtin_expect(!set_owns_active(set, *w), 0)) {
			err = ioasid__set_check(set, id, *w);
			if (err != 0)
				return err;
		}
		/* Acquire: what was written before attach_data is seen (S5.5), and the second look at the
		 * word comes after. */
		*data = atomic_load_explicit(&s->data, memory_order_acquire);
		again = atomic_load_explicit(&s->word, memory_order_relaxed);
		if (__builtin_expect(((again ^ *w) & W_LIFE) == 0, 1))
			return 0;
	}
}

static int look_get(struct ioasid_set *set, ioasid_t id, uint64_t *w, int (*getter)(void *data), void **data)
{
	int err;

	ioasid__restrict();
	ioasid__rcu_lock();
	err = look(set, id, w, data);
	if (err == 0 && *data != NULL && !getter(*data))
		*data = NULL;
	ioasid__rcu_unlock();
	ioasid__unrestrict();
	return err;
}

int ioasid__find_slow(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	void *found;
	uint64_t w;
	int err;

	if (getter == NULL)
		err = look(set, id, &w, &found);
	else
		err = look_get(set, id, &w, getter, &found);
	if (err == 0)
		*data = found;
	return err;
}

int ioasid_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	return find_quick(set, id, getter, data);
}

void ioasid_read_begin(void)
{
	ioasid__restrict();
	ioasid__rcu_lock();
}

void ioasid_read_end(void)
{
	ioasid__rcu_unlock();
	ioasid__unrestrict();
}

/* ---- Handles ---- */

#define HANDLE_ID_BITS 20

static ioasid_handle_t handle_of(ioasid_t id, uint64_t hi, uint64_t w)
{
	return (hi << W_GEN_BITS | word_gen(w)) << HANDLE_ID_BITS | id;
}

static ioasid_handle_t handle_make(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	return handle_of(id, atomic_load_explicit(&pool->gen_hi[id], memory_order_relaxed), w);
}

ioasid_t ioasid_handle_id(ioasid_handle_t handle)
{
	return (ioasid_t)(handle & ((UINT64_C(1) << HANDLE_ID_BITS) - 1));
}

int ioasid_handle_of(struct ioasid_set *set, ioasid_t id, ioasid_handle_t *handle)
{
	uint64_t w, hi;
	void *data;
	int err;

	if (set == NULL || handle == NULL)
		return -EINVAL;
	if (id >= set->capacity)
		return -ENOENT;
	/* The high part is the life's if it was the same before and after: it changes before the word does. */
	do {
		hi = atomic_load_explicit(&set->pool->gen_hi[id], memory_order_acquire);
		err = look(set, id, &w, &data);
	} while (err == 0 && atomic_load_explicit(&set->pool->gen_hi[id], memory_order_acquire) != hi);
	if (err == 0)
		*handle = handle_of(id, hi, w);
	return err;
}

int ioasid_find_handle(struct ioasid_set *set, ioasid_handle_t handle, int (*getter)(void *data), void **data)
{
	ioasid_t id = ioasid_handle_id(handle);
	void *found = NULL;
	uint64_t w;
	int err;

	if (set == NULL || data == NULL)
		return -EINVAL;
	if (id == 0 || id >= set->capacity)
		return -ENOENT;
	ioasid__restrict();
	ioasid__rcu_lock();
	/* The generation is looked at first: a stale handle says so, whoever has the number now. */
	err = handle_make(set->pool, id, word_load(&set->table[id])) == handle ? 0 : -ESTALE;
	if (err == 0)
		err = look(set, id, &w, &found);
	if (err == 0 && handle_make(set->pool, id, w) != handle)
		err = -ESTALE;
	if (err == 0 && getter != NULL && found != NULL && !getter(found))
		found = NULL;
	ioasid__rcu_unlock();
	ioasid__unrestrict();
	if (err == 0)
		*data = found;
	return err;
}
