/*
 * Pools (S1.1 to S1.3): what a namespace holds and promises. Reservations, policies and the end of a pool
 * have files of their own.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "libioasid/pool.h"

/* --- Creation and capacity --- */

static void fresh_pool(void)
{
	struct ioasid_pool *pool;

	REQUIRE_EQ(ioasid_pool_create(NULL, &pool), 0);
	CHECK_EQ(IOASID_CAPACITY_MAX, 1u << 20);
	CHECK_EQ(ioasid_pool_capacity(pool), 1u << 20);
	CHECK_EQ(available(pool), (1u << 20) - 1);
	CHECK_EQ(IOASID_INVALID, UINT32_MAX);
	pool_end(pool);
}

/* Kilobytes of the table that are backed: how a page is, mincore() tells. */
static size_t table_kilobytes(struct ioasid_pool *pool)
{
	static unsigned char page[IOASID_CAPACITY_MAX * sizeof(struct slot) / 4096];
	size_t i, n = 0;

	REQUIRE_EQ(mincore(pool->table, IOASID_CAPACITY_MAX * sizeof(struct slot), page), 0);
	for (i = 0; i < sizeof(page); i++)
		n += page[i] & 1;
	return 4 * n;
}

/* Does the machine give huge pages to who does not ask for them? */
static bool huge_always(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char text[64] = "";
	bool always = f != NULL && fgets(text, sizeof(text), f) != NULL && strstr(text, "[always]") != NULL;

	if (f != NULL)
		fclose(f);
	return always;
}

/* 16 bytes an ID; huge pages come where the pool is dense, not where a window reaches. */
static void memory_follows_use(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 200000);
	ioasid_t id, last = HUGE_PAGE / sizeof(struct slot);
	bool always = huge_always();

	CHECK_EQ((uintptr_t)pool->table % HUGE_PAGE, 0);
	for (unsigned int i = 0; i < 1000; i++)
		id_make(set);
	for (ioasid_t high = 2 * last; high < IOASID_CAPACITY_MAX; high += last)
		CHECK_EQ(ioasid_alloc(set, high, high, NULL, &id), 0);
	CHECK_EQ(atomic_load(&pool->huge), 0);
	CHECK(always || table_kilobytes(pool) <= 4 * (1000 * sizeof(struct slot) / 4096 + 2 + 6));
	for (unsigned int i = 0; i < last; i++)
		id_make(set);
	CHECK_EQ(atomic_load(&pool->huge), 2);
	CHECK(always || table_kilobytes(pool) <= 2 * HUGE_PAGE / 1024 + 6 * 4);
	set_end(set);
	pool_end(pool);
}

static void attributes(void)
{
	struct {
		struct ioasid_pool_attr attr;
		uint8_t more[16];
	} big;
	struct ioasid_pool_attr attr = { .struct_size = sizeof(attr) };
	struct ioasid_pool *pool = NULL;

	CHECK_EQ(ioasid_pool_create(&attr, NULL), -EINVAL);
	CHECK_EQ(ioasid_pool_create(NULL, NULL), -EINVAL);
	attr.struct_size = 0;
	CHECK_EQ(ioasid_pool_create(&attr, &pool), -EINVAL);
	attr.struct_size = 3;
	CHECK_EQ(ioasid_pool_create(&attr, &pool), -EINVAL);
	attr = (struct ioasid_pool_attr){ .struct_size = sizeof(attr), .policy = IOASID_POLICY_RANDOM + 1 };
	CHECK_EQ(ioasid_pool_create(&attr, &pool), -EINVAL);
	attr = (struct ioasid_pool_attr){ .struct_size = sizeof(attr), .flags = ~IOASID_POOL_NO_WORKER };
	CHECK_EQ(ioasid_pool_create(&attr, &pool), -EINVAL);
	attr = (struct ioasid_pool_attr){ .struct_size = sizeof(attr), .max_workers = 257 };
	CHECK_EQ(ioasid_pool_create(&attr, &pool), -EINVAL);
	CHECK(pool == NULL);

	attr.max_workers = 256;
	REQUIRE_EQ(ioasid_pool_create(&attr, &pool), 0);
	pool_end(pool);
	memset(&big, 0, sizeof(big));
	big.attr.struct_size = sizeof(big);
	REQUIRE_EQ(ioasid_pool_create(&big.attr, &pool), 0);
	pool_end(pool);
	pool = NULL;
	big.more[sizeof(big.more) - 1] = 1;
	CHECK_EQ(ioasid_pool_create(&big.attr, &pool), -E2BIG);
	CHECK(pool == NULL);
}

static void ids_of_pool(void)
{
	struct ioasid_pool *pool = pool_make(9);
	struct ioasid_set *set = set_make(pool, 8);
	unsigned int seen[9] = { 0 };
	ioasid_t id;

	for (unsigned int i = 0; i < 8; i++) {
		id = id_make(set);
		REQUIRE(id >= 1 && id <= 8);
		seen[id]++;
	}
	for (unsigned int i = 1; i < 9; i++)
		CHECK_EQ(seen[i], 1);
	set_end(set);
	pool_end(pool);
}

static void capacity_once(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set;

	CHECK_EQ(ioasid_pool_install_capacity(NULL, 16), -EINVAL);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 0), -EINVAL);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 1), -EINVAL);
	CHECK_EQ(ioasid_pool_install_capacity(pool, IOASID_CAPACITY_MAX + 1), -EINVAL);
	CHECK_EQ(ioasid_pool_install_capacity(pool, UINT32_MAX), -EINVAL);
	CHECK_EQ(ioasid_pool_capacity(pool), IOASID_CAPACITY_MAX);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 2), 0);
	CHECK_EQ(ioasid_pool_capacity(pool), 2);
	CHECK_EQ(available(pool), 1);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 4), -EBUSY);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 2), -EBUSY);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 1), -EINVAL);
	CHECK_EQ(ioasid_pool_capacity(pool), 2);
	CHECK_EQ(ioasid_pool_capacity(NULL), 0);
	set = set_make(pool, 1);
	CHECK_EQ(id_make(set), 1);
	set_end(set);
	pool_end(pool);
}

static void capacity_before_use(void)
{
	struct ioasid_pool *pool = pool_make(0);

	set_end(set_make(pool, 1));
	CHECK_EQ(ioasid_pool_install_capacity(pool, 16), -EBUSY);
	pool_end(pool);

	pool = pool_make(0);
	CHECK_EQ(ioasid_pool_reserve(pool, 5, 5), 0);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 16), -EBUSY);
	CHECK_EQ(ioasid_pool_unreserve(pool, 5, 5), 0);
	CHECK_EQ(ioasid_pool_install_capacity(pool, 16), -EBUSY);
	pool_end(pool);

	/* What failed has not begun anything. */
	pool = pool_make(0);
	CHECK_EQ(ioasid_pool_reserve(pool, 0, 5), -EINVAL);
	CHECK_EQ(ioasid_pool_install_capacity(pool, IOASID_CAPACITY_MAX), 0);
	CHECK_EQ(ioasid_pool_capacity(pool), IOASID_CAPACITY_MAX);
	pool_end(pool);
}

/* --- What a pool promises --- */

static void promise_adds_up(void)
{
	struct ioasid_pool *pool = pool_make(101);
	struct ioasid_set *quota, *free_for_all;
	ioasid_t id[5];

	CHECK_EQ(ioasid_pool_available(NULL, &id[0]), -EINVAL);
	CHECK_EQ(ioasid_pool_available(pool, NULL), -EINVAL);
	CHECK_EQ(available(pool), 100);
	quota = set_make(pool, 30);
	CHECK_EQ(available(pool), 70);
	CHECK_EQ(ioasid_pool_reserve(pool, 91, 100), 0);
	CHECK_EQ(available(pool), 60);
	id_make(quota);
	CHECK_EQ(available(pool), 60);
	free_for_all = set_make(pool, IOASID_QUOTA_UNLIMITED);
	CHECK_EQ(available(pool), 60);
	for (unsigned int i = 0; i < 5; i++)
		id[i] = id_make(free_for_all);
	CHECK_EQ(available(pool), 55);
	CHECK_EQ(ioasid_get(free_for_all, id[0]), 0);
	CHECK_EQ(ioasid_free(free_for_all, id[0]), 0);
	CHECK_EQ(available(pool), 55);
	CHECK_EQ(ioasid_free(free_for_all, id[1]), 0);
	CHECK_EQ(available(pool), 56);
	CHECK_EQ(ioasid_put(free_for_all, id[0]), 1);
	CHECK_EQ(available(pool), 57);
	set_end(free_for_all);
	CHECK_EQ(available(pool), 60);
	set_end(quota);
	CHECK_EQ(available(pool), 90);
	CHECK_EQ(ioasid_pool_unreserve(pool, 91, 100), 0);
	CHECK_EQ(available(pool), 100);
	pool_end(pool);
}

static void promise_is_kept(void)
{
	struct ioasid_pool *pool = pool_make(301);
	struct ioasid_set *quota = set_make(pool, 200);
	struct ioasid_set *greedy = set_make(pool, IOASID_QUOTA_UNLIMITED);
	ioasid_t id;

	for (unsigned int i = 0; i < 100; i++)
		id_make(greedy);
	CHECK_EQ(available(pool), 0);
	CHECK_EQ(ioasid_alloc(greedy, 1, 300, NULL, &id), -ENOSPC);
	CHECK_EQ(id, IOASID_INVALID);
	for (unsigned int i = 0; i < 200; i++)
		id_make(quota);
	CHECK_EQ(ioasid_alloc(quota, 1, 300, NULL, &id), -EDQUOT);
	set_end(quota);
	CHECK_EQ(available(pool), 200);
	id_make(greedy);
	CHECK_EQ(available(pool), 199);
	set_end(greedy);
	pool_end(pool);
}

static void dead_sets_ids_are_not_promised(void)
{
	struct ioasid_pool *pool = pool_make(101);
	struct ioasid_set *dead = set_make(pool, 40), *set = NULL;
	ioasid_t id[3];

	for (unsigned int i = 0; i < 3; i++) {
		id[i] = id_make(dead);
		CHECK_EQ(ioasid_get(dead, id[i]), 0);
	}
	set_end(dead);
	CHECK_EQ(available(pool), 97);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 98, &set), -ENOSPC);
	CHECK(set == NULL);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(ioasid_put(dead, id[i]), 1);
		CHECK_EQ(available(pool), 98 + i);
	}
	set_end(set_make(pool, 100));
	pool_end(pool);
}

static void cached_credit_is_not_lost(void)
{
	struct ioasid_pool *pool = pool_make(1001);
	struct ioasid_set *greedy = set_make(pool, IOASID_QUOTA_UNLIMITED), *rest;
	struct hoarder h[3];

	for (unsigned int i = 0; i < 3; i++)
		hoarder_start(&h[i], greedy, 100, 1);
	CHECK_EQ(available(pool), 997);
	rest = set_make(pool, 997);
	CHECK_EQ(available(pool), 0);
	for (unsigned int i = 0; i < 997; i++)
		id_make(rest);
	for (unsigned int i = 0; i < 3; i++)
		hoarder_end(&h[i]);
	set_end(rest);
	CHECK_EQ(available(pool), 997);
	set_end(greedy);
	CHECK_EQ(available(pool), 1000);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S1.1 a new pool numbers 2^20 and can promise all of them but 0", fresh_pool },
	{ "S1.1 a pool's table costs memory where it is used, huge pages only where it is dense", memory_follows_use },
	{ "S0.1 a pool's attributes are checked and later versions' zeros accepted", attributes },
	{ "S1.1 a pool hands out each of 1 ... capacity - 1 once", ids_of_pool },
	{ "S1.2 the capacity is installed once, in range, and arguments are looked at first", capacity_once },
	{ "S1.2 after the first set or reservation the capacity stays", capacity_before_use },
	{ "S1.3 available is capacity - 1 less reservations, quotas, and unlimited sets' IDs", promise_adds_up },
	{ "S1.3 a quota can be used up whatever an unlimited set takes", promise_is_kept },
	{ "S1.3 a dead set's unreclaimed IDs are not promised again", dead_sets_ids_are_not_promised },
	{ "S1.3 credit that other threads have cached is called in before a promise fails", cached_credit_is_not_lost },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("pool", cases, argc, argv);
}
