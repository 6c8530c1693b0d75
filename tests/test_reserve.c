/*
 * Reservations (S1.4): numbers that somebody else on the host owns.
 */
#include "support.h"

#include <sched.h>

static void reserve_arguments(void)
{
	struct ioasid_pool *pool = pool_make(100);

	CHECK_EQ(ioasid_pool_reserve(NULL, 1, 2), -EINVAL);
	CHECK_EQ(ioasid_pool_reserve(pool, 0, 2), -EINVAL);
	CHECK_EQ(ioasid_pool_reserve(pool, 3, 2), -EINVAL);
	CHECK_EQ(ioasid_pool_reserve(pool, 1, 100), -EINVAL);
	CHECK_EQ(ioasid_pool_reserve(pool, IOASID_INVALID, IOASID_INVALID), -EINVAL);
	CHECK_EQ(ioasid_pool_unreserve(NULL, 1, 2), -EINVAL);
	CHECK_EQ(ioasid_pool_unreserve(pool, 0, 2), -EINVAL);
	CHECK_EQ(ioasid_pool_unreserve(pool, 3, 2), -EINVAL);
	CHECK_EQ(ioasid_pool_unreserve(pool, 1, 100), -EINVAL);
	CHECK_EQ(ioasid_pool_unreserve(pool, 1, 1), -ENOENT);
	CHECK_EQ(available(pool), 99);
	CHECK_EQ(ioasid_pool_reserve(pool, 1, 99), 0);
	CHECK_EQ(available(pool), 0);
	CHECK_EQ(ioasid_pool_unreserve(pool, 1, 99), 0);
	CHECK_EQ(available(pool), 99);
	pool_end(pool);
}

static void reserved_is_not_handed_out(void)
{
	struct ioasid_pool *pool = pool_make(200);
	struct ioasid_set *set;
	ioasid_t id;
	void *data;

	CHECK_EQ(ioasid_pool_reserve(pool, 50, 149), 0);
	CHECK_EQ(available(pool), 99);
	set = set_make(pool, 99);
	CHECK_EQ(ioasid_alloc(set, 50, 149, NULL, &id), -ENOSPC);
	CHECK_EQ(ioasid_alloc(set, 149, 149, NULL, &id), -ENOSPC);
	CHECK_EQ(ioasid_find(ioasid_pool_root(pool), 60, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_get(set, 60), -ENOENT);
	CHECK_EQ(ioasid_free(ioasid_pool_root(pool), 60), -ENOENT);
	CHECK_EQ(ioasid_put(ioasid_pool_root(pool), 60), -ENOENT);
	for (unsigned int i = 0; i < 99; i++) {
		id = id_make(set);
		CHECK(id < 50 || id > 149);
	}
	set_end(set);
	CHECK_EQ(ioasid_pool_unreserve(pool, 50, 149), 0);
	set = set_make(pool, 199);
	for (unsigned int i = 0; i < 199; i++)
		id_make(set);
	set_end(set);
	pool_end(pool);
}

static void reserve_all_or_nothing(void)
{
	struct ioasid_pool *pool = pool_make(200);
	struct ioasid_set *set = set_make(pool, 50);

	id_make_at(set, 70);
	CHECK_EQ(ioasid_pool_reserve(pool, 60, 80), -EBUSY);
	CHECK_EQ(ioasid_get(set, 70), 0);
	CHECK_EQ(ioasid_free(set, 70), 0);
	CHECK_EQ(ioasid_pool_reserve(pool, 60, 80), -EBUSY);
	CHECK_EQ(ioasid_pool_reserve(pool, 70, 70), -EBUSY);
	CHECK_EQ(available(pool), 149);
	for (ioasid_t id = 60; id <= 80; id++)
		CHECK_EQ(ioasid_pool_unreserve(pool, id, id), -ENOENT);
	CHECK_EQ(ioasid_put(set, 70), 1);
	CHECK_EQ(ioasid_pool_reserve(pool, 60, 80), 0);
	CHECK_EQ(ioasid_pool_reserve(pool, 40, 60), -EEXIST);
	CHECK_EQ(ioasid_pool_reserve(pool, 80, 90), -EEXIST);
	for (ioasid_t id = 40; id < 60; id++)
		CHECK_EQ(ioasid_free(set, id_make_at(set, id)), 0);
	CHECK_EQ(available(pool), 128);
	/* Free are 178, promised to nobody 128. */
	CHECK_EQ(ioasid_pool_reserve(pool, 1, 59), 0);
	CHECK_EQ(available(pool), 69);
	CHECK_EQ(ioasid_pool_reserve(pool, 81, 150), -ENOSPC);
	CHECK_EQ(available(pool), 69);
	CHECK_EQ(ioasid_pool_unreserve(pool, 81, 81), -ENOENT);
	CHECK_EQ(ioasid_pool_reserve(pool, 81, 149), 0);
	CHECK_EQ(available(pool), 0);
	for (unsigned int i = 0; i < 50; i++)
		CHECK(id_make(set) >= 150);
	set_end(set);
	pool_end(pool);
}

static void unreserve_any_part(void)
{
	struct ioasid_pool *pool = pool_make(1000);
	struct ioasid_set *set;

	CHECK_EQ(ioasid_pool_reserve(pool, 100, 199), 0);
	CHECK_EQ(ioasid_pool_reserve(pool, 200, 299), 0);
	CHECK_EQ(ioasid_pool_unreserve(pool, 150, 249), 0);
	CHECK_EQ(available(pool), 899);
	CHECK_EQ(ioasid_pool_unreserve(pool, 100, 150), -ENOENT);
	CHECK_EQ(ioasid_pool_unreserve(pool, 249, 299), -ENOENT);
	CHECK_EQ(available(pool), 899);
	CHECK_EQ(ioasid_pool_reserve(pool, 100, 100), -EEXIST);
	CHECK_EQ(ioasid_pool_reserve(pool, 299, 299), -EEXIST);
	set = set_make(pool, 100);
	for (ioasid_t id = 150; id < 250; id++)
		id_make_at(set, id);
	CHECK_EQ(ioasid_pool_unreserve(pool, 100, 149), 0);
	CHECK_EQ(ioasid_pool_unreserve(pool, 250, 299), 0);
	set_end(set);
	CHECK_EQ(available(pool), 999);
	pool_end(pool);
}

static void cached_ids_can_be_reserved(void)
{
	struct ioasid_pool *pool = pool_make(101);
	struct ioasid_set *set = set_make(pool, IOASID_QUOTA_UNLIMITED);
	struct hoarder h;

	hoarder_start(&h, set, 100, 0);
	CHECK_EQ(ioasid_pool_reserve(pool, 1, 100), 0);
	CHECK_EQ(available(pool), 0);
	hoarder_end(&h);
	CHECK_EQ(ioasid_pool_unreserve(pool, 1, 100), 0);
	for (unsigned int i = 0; i < 100; i++)
		id_make(set);
	set_end(set);
	pool_end(pool);
}

/* Threads that take and give back IDs of a range while one reserves it: nobody may hold an ID that is
 * reserved. */
enum { RANGE = 600 };

struct reserve_race {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	atomic_bool reserved;
	unsigned int times;
};

static void reserve_racer(void *arg, unsigned int index)
{
	struct reserve_race *r = arg;
	ioasid_t id;
	int ret;

	for (unsigned int i = 0; i < r->times; i++) {
		if (index == 0) {
			ret = ioasid_pool_reserve(r->pool, 1, RANGE);
			CHECK(ret == 0 || ret == -EBUSY);
			if (ret == 0) {
				atomic_store(&r->reserved, true);
				sched_yield();
				atomic_store(&r->reserved, false);
				CHECK_EQ(ioasid_pool_unreserve(r->pool, 1, RANGE), 0);
			}
			continue;
		}
		ret = ioasid_alloc(r->set, 1, RANGE, NULL, &id);
		CHECK(ret == 0 || ret == -ENOSPC);
		if (ret == 0) {
			CHECK(!atomic_load(&r->reserved));
			CHECK_EQ(ioasid_free(r->set, id), 0);
		}
	}
}

static void reserve_races_with_alloc(void)
{
	struct reserve_race r = { .pool = pool_make(2 * RANGE), .times = rounds(2000) };

	r.set = set_make(r.pool, 32);
	crowd(3, reserve_racer, &r);
	CHECK_EQ(available(r.pool), 2 * RANGE - 1 - 32);
	set_end(r.set);
	pool_end(r.pool);
}

static const struct test_case cases[] = {
	{ "S1.4 reserve and unreserve check their range", reserve_arguments },
	{ "S1.4 a reserved number is unknown and never handed out, until it is given back", reserved_is_not_handed_out },
	{ "S1.4 reserve takes all or nothing: used, reserved, beyond what is available", reserve_all_or_nothing },
	{ "S1.4 any reserved part can be given back, and nothing else", unreserve_any_part },
	{ "S1.4 numbers in other threads' caches are free to be reserved", cached_ids_can_be_reserved },
	{ "S1.4 nobody holds a number while it is reserved, however they race", reserve_races_with_alloc },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("reserve", cases, argc, argv);
}
