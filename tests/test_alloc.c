/*
 * Allocation (S3.1, S3.2, S3.4): windows, errors and their order, uniqueness. Quotas, ranges and waiting for
 * a reclaim have files of their own, policies too.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

/* --- Windows --- */

static void window_is_cut_to_the_pool(void)
{
	struct ioasid_pool *pool = pool_make(10);
	struct ioasid_set *set = set_make(pool, 9);
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(set, 0, 1, NULL, &id), 0);
	CHECK_EQ(id, 1);
	CHECK_EQ(ioasid_alloc(set, 9, IOASID_INVALID, NULL, &id), 0);
	CHECK_EQ(id, 9);
	CHECK_EQ(ioasid_alloc(set, 4, 4, NULL, &id), 0);
	CHECK_EQ(id, 4);
	CHECK_EQ(ioasid_alloc(set, 5, 6, NULL, &id), 0);
	CHECK(id == 5 || id == 6);
	for (unsigned int i = 0; i < 5; i++) {
		CHECK_EQ(ioasid_alloc(set, 0, IOASID_INVALID - 1, NULL, &id), 0);
		CHECK(id >= 1 && id <= 9);
	}
	CHECK_EQ(stats_of(set).allocated, 9);
	set_end(set);
	pool_end(pool);
}

static void impossible_windows(void)
{
	struct ioasid_pool *pool = pool_make(10);
	struct ioasid_set *set = set_make(pool, 9);
	static const ioasid_t window[][2] = {
		{ 0, 0 }, { 2, 1 }, { 10, 10 }, { 10, IOASID_INVALID }, { IOASID_INVALID, IOASID_INVALID }, { 1, 0 },
		{ IOASID_INVALID, 1 }, { IOASID_CAPACITY_MAX, IOASID_CAPACITY_MAX },
	};

	for (size_t i = 0; i < sizeof(window) / sizeof(window[0]); i++) {
		ioasid_t id = 7;

		CHECK_EQ(ioasid_alloc(set, window[i][0], window[i][1], NULL, &id), -EINVAL);
		CHECK_EQ(id, IOASID_INVALID);
	}
	CHECK_EQ(ioasid_alloc(set, 1, 9, NULL, NULL), -EINVAL);
	CHECK_EQ(stats_of(set).allocated, 0);
	set_end(set);
	pool_end(pool);
}

static void data_comes_with_it(void)
{
	struct ioasid_pool *pool = pool_make(10);
	struct ioasid_set *set = set_make(pool, 9);
	void *data = &pool;
	int number;
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(set, 3, 3, &number, &id), 0);
	CHECK_EQ(ioasid_find(set, 3, NULL, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_detach_data(set, 3, &data), 0);
	CHECK_EQ(ioasid_alloc(set, 4, 4, NULL, &id), 0);
	CHECK_EQ(ioasid_find(set, 4, NULL, &data), 0);
	CHECK(data == NULL);
	CHECK_EQ(id_refs(set, 4), 1);
	set_end(set);
	pool_end(pool);
}

/* --- Errors --- */

static void expect_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, int error)
{
	struct ioasid_stats before = stats_of(set), after;
	ioasid_t id = 7;

	CHECK_EQ(ioasid_alloc(set, min, max, &before, &id), error);
	CHECK_EQ(id, IOASID_INVALID);
	after = stats_of(set);
	CHECK_EQ(after.allocated, before.allocated);
	CHECK_EQ(after.pending, before.pending);
}

static void full_windows(void)
{
	struct ioasid_pool *pool = pool_make(200);
	struct ioasid_set *set = set_make(pool, 150), *other = set_make(pool, 10);

	for (ioasid_t id = 60; id <= 70; id++)
		id_make_at(set, id);
	id_make_at(other, 71);
	expect_alloc(set, 60, 70, -ENOSPC);
	expect_alloc(set, 65, 65, -ENOSPC);
	expect_alloc(set, 71, 71, -ENOSPC);
	expect_alloc(other, 60, 71, -ENOSPC);
	/* FREE_PENDING: not FREE. Asked for by itself it is worth waiting for. */
	CHECK_EQ(ioasid_get(set, 65), 0);
	CHECK_EQ(ioasid_free(set, 65), 0);
	expect_alloc(set, 65, 65, -EBUSY);
	expect_alloc(other, 65, 65, -EBUSY);
	expect_alloc(set, 64, 65, -ENOSPC);
	expect_alloc(set, 60, 70, -ENOSPC);
	CHECK_EQ(ioasid_put(set, 65), 1);
	CHECK_EQ(id_make_at(set, 65), 65);
	CHECK_EQ(ioasid_pool_reserve(pool, 80, 85), 0);
	expect_alloc(set, 80, 85, -ENOSPC);
	expect_alloc(set, 80, 80, -ENOSPC);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

/* Of all that applies the first is told: arguments, object, quota, space. */
static void order_of_errors(void)
{
	struct ioasid_pool *pool = pool_make(10);
	struct ioasid_set *set = set_make(pool, 1), *dead = set_make(pool, 1);
	ioasid_t id;

	id_make_at(dead, 2);
	CHECK_EQ(ioasid_get(dead, 2), 0);
	CHECK_EQ(ioasid_set_put(dead), 1);
	/* Impossible window; dead set; its quota is used up. */
	expect_alloc(dead, 5, 4, -EINVAL);
	expect_alloc(dead, 10, 11, -EINVAL);
	expect_alloc(dead, 2, 2, -ENOENT);
	expect_alloc(dead, 1, 9, -ENOENT);
	/* Quota used up; no ID of the window FREE. */
	id_make_at(set, 1);
	expect_alloc(set, 5, 4, -EINVAL);
	expect_alloc(set, 1, 1, -EDQUOT);
	expect_alloc(set, 1, 9, -EDQUOT);
	/* Not allowed here comes after the arguments and before the object. */
	ioasid_read_begin();
	expect_alloc(set, 5, 4, -EINVAL);
	expect_alloc(set, 1, 9, -EDEADLK);
	expect_alloc(dead, 1, 9, -EDEADLK);
	CHECK_EQ(ioasid_alloc(NULL, 1, 9, NULL, &id), -EINVAL);
	ioasid_read_end();
	CHECK_EQ(ioasid_put(dead, 2), 1);
	set_end(set);
	pool_end(pool);
}

static void veto_is_the_answer(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(10);
	struct ioasid_set *set = set_make(pool, 2);
	struct subscriber a, b;

	subscriber_init(&a, "a", &j, IOASID_PRIO_CPU);
	subscriber_init(&b, "b", &j, IOASID_PRIO_DEVICE);
	b.veto_id = 5;
	b.veto_events = IOASID_EVENT_ALLOC;
	b.veto = -EADDRINUSE;
	CHECK_EQ(ioasid_register_notifier(set, &a.block, 0), 0);
	CHECK_EQ(ioasid_register_notifier(set, &b.block, 0), 0);
	for (unsigned int i = 0; i < 5; i++) {
		expect_alloc(set, 5, 5, -EADDRINUSE);
		journal_expect(&j, "a:ALLOC 5, b:ALLOC 5, a:FREE 5");
	}
	b.veto = 1;
	id_make_at(set, 5);
	id_make(set);
	set_end(set);
	pool_end(pool);
}

/* --- Whole space --- */

static void whole_space_is_found(void)
{
	struct ioasid_pool *pool = pool_make(1001);
	struct ioasid_set *set = set_make(pool, 700), *other = set_make(pool, 300);
	struct hoarder h[4];

	for (unsigned int i = 0; i < 4; i++)
		hoarder_start(&h[i], i % 2 ? set : other, 128, 0);
	for (unsigned int i = 0; i < 700; i++)
		id_make(set);
	for (unsigned int i = 0; i < 300; i++)
		id_make(other);
	for (unsigned int i = 0; i < 4; i++)
		hoarder_end(&h[i]);
	expect_alloc(set, 1, 1000, -EDQUOT);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

static void each_cached_number_is_found(void)
{
	struct ioasid_pool *pool = pool_make(129);
	struct ioasid_set *set = set_make(pool, 128);
	struct hoarder h[2];

	for (unsigned int i = 0; i < 2; i++)
		hoarder_start(&h[i], set, 128, 0);
	for (ioasid_t id = 128; id >= 1; id--)
		id_make_at(set, id);
	for (unsigned int i = 0; i < 2; i++)
		hoarder_end(&h[i]);
	set_end(set);
	pool_end(pool);
}

/* --- Uniqueness --- */

struct unique {
	struct ioasid_pool *pool;
	struct ioasid_set *set[2];
	atomic_uint owner[257];
	unsigned int times;
};

/* Allocates and frees at random, alone, in ranges, with a last put instead of a free; holds up to 16. */
static void unique_user(void *arg, unsigned int index)
{
	struct unique *u = arg;
	struct ioasid_set *set = u->set[index % 2];
	ioasid_t held[16], id;
	unsigned int n = 0;
	uint64_t seed = index;

	for (unsigned int i = 0; i < u->times || n; i++) {
		uint32_t r = rnd(&seed), many = r % 7 == 0 ? 3 : 1;
		int ret;

		if (i < u->times && n + many <= 16 && r % 2) {
			ret = many > 1 ? ioasid_alloc_range(set, many, 1, 1, 256, &id) :
					 ioasid_alloc(set, 1 + rnd(&seed) % 200, 256, NULL, &id);
			CHECK(ret == 0 || ret == -ENOSPC || (many > 1 && ret == -EAGAIN));
			for (uint32_t k = 0; !ret && k < many; k++) {
				CHECK_EQ(atomic_exchange(&u->owner[id + k], index + 1), 0);
				held[n++] = id + k;
			}
		} else if (n) {
			id = held[--n];
			CHECK_EQ(atomic_exchange(&u->owner[id], 0), index + 1);
			if (r % 3) {
				CHECK_EQ(ioasid_free(set, id), 0);
			} else {
				CHECK_EQ(ioasid_get(set, id), 0);
				CHECK_EQ(ioasid_free(set, id), 0);
				CHECK_EQ(ioasid_put(set, id), 1);
			}
		}
	}
}

static void never_two_of_a_kind(void)
{
	for (uint32_t policy = IOASID_POLICY_ANY; policy <= IOASID_POLICY_RANDOM; policy++) {
		struct unique u = { .pool = pool_make_with(257, policy, 0), .times = rounds(3000) };

		u.set[0] = set_make(u.pool, 128);
		u.set[1] = set_make(u.pool, IOASID_QUOTA_UNLIMITED);
		crowd(4, unique_user, &u);
		CHECK_EQ(available(u.pool), 128);
		CHECK_EQ(stats_of(ioasid_pool_root(u.pool)).allocated, 0);
		set_end(u.set[1]);
		/* Nothing was lost. */
		CHECK_EQ(ioasid_set_adjust_quota(u.set[0], 256), 0);
		for (unsigned int i = 0; i < 256; i++)
			id_make(u.set[0]);
		set_end(u.set[0]);
		pool_end(u.pool);
	}
}

static void pending_is_never_handed_out(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 99);
	bool pending[100] = { false };
	ioasid_t id;

	for (unsigned int i = 0; i < 99; i++) {
		id = id_make(set);
		if (id % 3 == 0)
			CHECK_EQ(ioasid_get(set, id), 0);
	}
	for (id = 1; id < 100; id++) {
		CHECK_EQ(ioasid_free(set, id), 0);
		pending[id] = id % 3 == 0;
	}
	for (unsigned int i = 0; i < 66; i++) {
		id = id_make(set);
		CHECK(!pending[id]);
	}
	expect_alloc(set, 1, 99, -EDQUOT);
	CHECK_EQ(stats_of(set).pending, 33);
	for (id = 3; id < 100; id += 3)
		CHECK_EQ(ioasid_put(set, id), 1);
	for (unsigned int i = 0; i < 33; i++)
		CHECK(pending[id_make(set)]);
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S3.1 a window is inclusive and cut to 1 ... capacity - 1", window_is_cut_to_the_pool },
	{ "S3.1 a window that holds no ID of the pool is -EINVAL", impossible_windows },
	{ "S3.1 an ID has the data that it was allocated with", data_comes_with_it },
	{ "S3.1 a window without FREE ID is -ENOSPC, one FREE_PENDING ID alone -EBUSY, and nothing changes",
	  full_windows },
	{ "S0.1 arguments come before context, context before object, object before quota, quota before space",
	  order_of_errors },
	{ "S3.1 a veto is the answer, as often as it is given, and costs nothing", veto_is_the_answer },
	{ "S3.1 sets within their quotas fill the whole space, whatever threads have cached", whole_space_is_found },
	{ "S3.1 a number that a thread has cached is found when it is asked for", each_cached_number_is_found },
	{ "S3.4 no ID is out twice, under any policy, alone or in ranges", never_two_of_a_kind },
	{ "S3.2 a FREE_PENDING ID is not handed out", pending_is_never_handed_out },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("alloc", cases, argc, argv);
}
