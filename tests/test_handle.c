/*
 * Handles (S4.7): one life of an IOASID told from the next.
 */
#include "support.h"

#include <sched.h>

#include "libioasid/pool.h"

static ioasid_handle_t handle_make(struct ioasid_set *set, ioasid_t id)
{
	ioasid_handle_t handle = 0;

	CHECK_EQ(ioasid_handle_of(set, id, &handle), 0);
	CHECK(handle != 0);
	CHECK_EQ(ioasid_handle_id(handle), id);
	return handle;
}

/* Check that all forms tell that the handle's life is over, and that nothing happens to whoever has the
 * number now. */
static void expect_stale(struct ioasid_set *set, ioasid_handle_t handle)
{
	uint32_t refs = id_refs(set, ioasid_handle_id(handle));
	void *data = &refs;

	CHECK_EQ(ioasid_get_handle(set, handle), -ESTALE);
	CHECK_EQ(ioasid_put_handle(set, handle), -ESTALE);
	CHECK_EQ(ioasid_find_handle(set, handle, NULL, &data), -ESTALE);
	CHECK(data == &refs);
	CHECK_EQ(ioasid_free_handle(set, handle), -ESTALE);
	CHECK_EQ(id_refs(set, ioasid_handle_id(handle)), refs);
}

static void handle_names_an_id(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	ioasid_handle_t handle, same;
	int number;
	ioasid_t id;
	void *data;

	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	handle = handle_make(set, 5);
	CHECK_EQ(ioasid_handle_of(set, 5, &same), 0);
	CHECK(handle == same);
	CHECK_EQ(ioasid_handle_of(ioasid_pool_root(pool), 5, &same), 0);
	CHECK(handle == same);
	CHECK_EQ(ioasid_get_handle(set, handle), 0);
	CHECK_EQ(id_refs(set, 5), 2);
	CHECK_EQ(ioasid_find_handle(set, handle, NULL, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_put_handle(set, handle), 0);
	CHECK_EQ(id_refs(set, 5), 1);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK_EQ(ioasid_find_handle(set, handle, NULL, &data), 0);
	CHECK(data == NULL);
	CHECK_EQ(ioasid_free_handle(set, handle), 0);
	CHECK_EQ(id_refs(set, 5), 0);
	CHECK_EQ(ioasid_handle_id(handle), 5);
	set_end(set);
	pool_end(pool);
}

static void handle_arguments(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	ioasid_handle_t handle = 77, mine;
	void *data;

	id_make_at(set, 5);
	CHECK_EQ(ioasid_handle_of(set, 5, NULL), -EINVAL);
	CHECK_EQ(ioasid_handle_of(set, 6, &handle), -ENOENT);
	CHECK_EQ(ioasid_handle_of(set, 0, &handle), -ENOENT);
	CHECK_EQ(ioasid_handle_of(set, 100, &handle), -ENOENT);
	CHECK_EQ(ioasid_handle_of(set, IOASID_INVALID, &handle), -ENOENT);
	CHECK_EQ(ioasid_handle_of(other, 5, &handle), -EACCES);
	CHECK(handle == 77);
	mine = handle_make(set, 5);
	CHECK_EQ(ioasid_get_handle(other, mine), -EACCES);
	CHECK_EQ(ioasid_put_handle(other, mine), -EACCES);
	CHECK_EQ(ioasid_find_handle(other, mine, NULL, &data), -EACCES);
	CHECK_EQ(ioasid_free_handle(other, mine), -EACCES);
	CHECK_EQ(ioasid_find_handle(set, mine, NULL, NULL), -EINVAL);
	CHECK_EQ(id_refs(set, 5), 1);
	/* Numbers that no handle has. */
	CHECK_EQ(ioasid_get_handle(set, 0), -ENOENT);
	CHECK_EQ(ioasid_put_handle(set, 0), -ENOENT);
	CHECK_EQ(ioasid_free_handle(set, 0), -ENOENT);
	CHECK_EQ(ioasid_find_handle(set, 0, NULL, &data), -ENOENT);
	CHECK(ioasid_get_handle(set, UINT64_MAX) < 0);
	CHECK(ioasid_put_handle(set, UINT64_MAX) < 0);
	CHECK(ioasid_free_handle(set, UINT64_MAX) < 0);
	CHECK_EQ(id_refs(set, 5), 1);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

static void handle_of_a_pending_id(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	ioasid_handle_t handle, more;
	void *data;

	id_make_at(set, 5);
	handle = handle_make(set, 5);
	CHECK_EQ(ioasid_get_handle(set, handle), 0);
	CHECK_EQ(ioasid_get_handle(set, handle), 0);
	CHECK_EQ(ioasid_free_handle(set, handle), 0);
	CHECK_EQ(ioasid_handle_of(set, 5, &more), -ENOENT);
	CHECK_EQ(ioasid_get_handle(set, handle), -ENOENT);
	CHECK_EQ(ioasid_find_handle(set, handle, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_free_handle(set, handle), 0);
	CHECK_EQ(id_refs(set, 5), 2);
	CHECK_EQ(ioasid_put_handle(set, handle), 0);
	CHECK_EQ(ioasid_put_handle(set, handle), 1);
	expect_stale(set, handle);
	set_end(set);
	pool_end(pool);
}

static void stale_in_every_later_life(void)
{
	enum { LIVES = 100 };
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	ioasid_handle_t handle[LIVES];

	for (unsigned int i = 0; i < LIVES; i++) {
		struct ioasid_set *owner = i % 3 == 2 ? other : set;

		id_make_at(owner, 5);
		handle[i] = handle_make(owner, 5);
		for (unsigned int n = 0; n < i; n++) {
			CHECK(handle[n] != handle[i]);
			CHECK_EQ(ioasid_get_handle(ioasid_pool_root(pool), handle[n]), -ESTALE);
		}
		if (i)
			expect_stale(ioasid_pool_root(pool), handle[i - 1]);
		switch (i % 4) {
		case 0:
			CHECK_EQ(ioasid_free_handle(owner, handle[i]), 0);
			break;
		case 1:
			CHECK_EQ(ioasid_put_handle(owner, handle[i]), 1);
			break;
		case 2:
			CHECK_EQ(ioasid_get_handle(owner, handle[i]), 0);
			CHECK_EQ(ioasid_free(owner, 5), 0);
			CHECK_EQ(ioasid_put_handle(owner, handle[i]), 1);
			break;
		default:
			CHECK_EQ(ioasid_set_reset(owner), 0);
		}
		expect_stale(ioasid_pool_root(pool), handle[i]);
	}
	set_end(set);
	set_end(other);
	pool_end(pool);
}

/*
 * The state word holds the low 21 bits of the generation. By hand it is moved to the last life before these
 * bits wrap, and afterwards to where they began: 2^21 lives in two.
 */
static void stale_after_the_word_wraps(void)
{
	enum { WRAPS = 2080 };
	static ioasid_handle_t handle[WRAPS];
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct slot *slot = pool_slot(pool, 5);
	uint64_t first;

	id_make_at(set, 5);
	first = word_gen(atomic_load(&slot->word));
	handle[0] = handle_make(set, 5);
	for (unsigned int i = 1; i < WRAPS; i++) {
		CHECK_EQ(ioasid_free(set, 5), 0);
		/* 2080 wraps of 2^21 lives are more than 2^32. */
		atomic_store(&slot->word, atomic_load(&slot->word) | W_GEN);
		id_make_at(set, 5);
		CHECK_EQ(ioasid_free(set, 5), 0);
		atomic_store(&slot->word, (atomic_load(&slot->word) & ~W_GEN) | first << W_GEN_SHIFT);
		id_make_at(set, 5);
		CHECK_EQ(word_gen(atomic_load(&slot->word)), first);
		handle[i] = handle_make(set, 5);
		for (unsigned int n = 0; n < i; n++)
			CHECK(handle[n] != handle[i]);
		expect_stale(set, handle[0]);
		expect_stale(set, handle[i - 1]);
		CHECK_EQ(ioasid_get_handle(set, handle[i]), 0);
		CHECK_EQ(ioasid_put_handle(set, handle[i]), 0);
	}
	set_end(set);
	pool_end(pool);
}

/* The number is freed and handed out again all the time. What a handle gives is of its own life. */
#define LIVES_MAX 100000u

struct lives {
	struct ioasid_set *set;
	unsigned int times;
	atomic_uint current; /* the life that was begun last */
	_Atomic ioasid_handle_t handle[LIVES_MAX];
	char data[LIVES_MAX];
};

static void live(struct lives *l)
{
	ioasid_handle_t handle;
	ioasid_t id;
	int ret;

	for (unsigned int i = 1; i < l->times; i++) {
		/* A reader's reference may keep the last life for a moment; of one that ends also -ENOSPC is
		 * true. */
		while ((ret = ioasid_alloc(l->set, 5, 5, &l->data[i], &id)) == -EBUSY || ret == -ENOSPC)
			sched_yield();
		CHECK_EQ(ret, 0);
		CHECK_EQ(ioasid_handle_of(l->set, 5, &handle), 0);
		atomic_store(&l->handle[i], handle);
		atomic_store(&l->current, i);
		CHECK_EQ(ioasid_free_handle(l->set, handle), 0);
	}
	atomic_store(&l->current, l->times);
}

static void look(struct lives *l, unsigned int i)
{
	ioasid_handle_t handle = atomic_load(&l->handle[i]);
	void *data = NULL;
	int ret;

	ret = ioasid_get_handle(l->set, handle);
	if (ret) {
		CHECK(ret == -ENOENT || ret == -ESTALE);
		return;
	}
	/* With a reference it cannot end, though it may be marked. */
	ret = ioasid_find_handle(l->set, handle, NULL, &data);
	CHECK(ret == 0 ? data == &l->data[i] : ret == -ENOENT);
	ret = ioasid_put_handle(l->set, handle);
	CHECK(ret == 0 || ret == 1);
}

static void live_or_look(void *arg, unsigned int index)
{
	struct lives *l = arg;
	unsigned int i;

	if (index == 0) {
		live(l);
		return;
	}
	while ((i = atomic_load(&l->current)) < l->times) {
		if (i == 0) {
			sched_yield();
			continue;
		}
		look(l, i);
		/* The life before was over when this one began. */
		if (i > 1) {
			CHECK_EQ(ioasid_free_handle(l->set, atomic_load(&l->handle[i - 1])), -ESTALE);
			CHECK_EQ(ioasid_put_handle(l->set, atomic_load(&l->handle[i - 1])), -ESTALE);
		}
	}
}

static void handles_keep_to_their_life(void)
{
	static struct lives l;
	struct ioasid_pool *pool = pool_make(100);

	l.set = set_make(pool, 10);
	l.times = rounds(5000);
	if (l.times > LIVES_MAX)
		l.times = LIVES_MAX;
	crowd(3, live_or_look, &l);
	CHECK_EQ(stats_of(l.set).allocated, 0);
	set_end(l.set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S4.7 a handle names one ID, the same whoever asks, in all forms", handle_names_an_id },
	{ "S4.7 the owner is checked, and what is no handle is unknown", handle_arguments },
	{ "S4.7 a handle's life ends with the reclaim, not with the free", handle_of_a_pending_id },
	{ "S4.7 a handle is -ESTALE in every later life, of whatever set, without effect", stale_in_every_later_life },
	{ "S4.7 a handle is -ESTALE 2^32 lives later", stale_after_the_word_wraps },
	{ "S4.7 handles keep to their own life while the number comes and goes", handles_keep_to_their_life },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("handle", cases, argc, argv);
}
