/*
 * Quotas: exact whatever credit threads have cached (S3.1, S3.2, S2.4).
 */
#include "support.h"

#include <sched.h>

#include "libioasid/set.h"

enum { THREADS = 4 };

/* --- Using it up --- */

static void quota_is_exact(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 1000);
	ioasid_t id;

	for (unsigned int i = 0; i < 1000; i++)
		id_make(set);
	for (unsigned int i = 0; i < 3; i++) {
		id = 1;
		CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), -EDQUOT);
		CHECK_EQ(id, IOASID_INVALID);
	}
	CHECK_EQ(stats_of(set).allocated, 1000);
	set_end(set);
	pool_end(pool);
}

static bool counts_exactly(struct ioasid_set *set)
{
	return (atomic_load(&set->slow) & SET_EXACT) != 0;
}

/* Less than an eighth of the set is free again, but far more than threads can cache. */
static void caches_again(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 100000);
	ioasid_t id;

	for (unsigned int i = 0; i < 100000; i++)
		id_make(set);
	CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), -EDQUOT);
	CHECK(counts_exactly(set));
	for (ioasid_t i = 1; i <= 100; i++)
		CHECK_EQ(ioasid_free(set, i), 0);
	id_make(set);
	CHECK(counts_exactly(set));
	for (ioasid_t i = 1000; i < 4000; i++)
		CHECK_EQ(ioasid_free(set, i), 0);
	id_make(set);
	CHECK(!counts_exactly(set));
	for (unsigned int i = 0; i < 3098; i++)
		id_make(set);
	CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), -EDQUOT);
	CHECK_EQ(stats_of(set).allocated, 100000);
	set_end(set);
	pool_end(pool);
}

static void pending_counts(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 2);
	ioasid_t first = id_make(set), id;

	id_make(set);
	CHECK_EQ(ioasid_get(set, first), 0);
	CHECK_EQ(ioasid_free(set, first), 0);
	CHECK_EQ(ioasid_alloc(set, 1, 99, NULL, &id), -EDQUOT);
	CHECK_EQ(stats_of(set).allocated, 2);
	CHECK_EQ(stats_of(set).pending, 1);
	CHECK_EQ(ioasid_put(set, first), 1);
	id_make(set);
	CHECK_EQ(ioasid_alloc(set, 1, 99, NULL, &id), -EDQUOT);
	set_end(set);
	pool_end(pool);
}

/* Whoever makes the reclaim: when it returns, the credit is there. */
static void credit_is_back_on_return(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 1);

	for (unsigned int i = 0; i < 1000; i++) {
		ioasid_t id = id_make(set);

		switch (i % 4) {
		case 0:
			CHECK_EQ(ioasid_free(set, id), 0);
			break;
		case 1:
			CHECK_EQ(ioasid_put(set, id), 1);
			break;
		case 2:
			CHECK_EQ(ioasid_get(set, id), 0);
			CHECK_EQ(ioasid_free(set, id), 0);
			CHECK_EQ(ioasid_put(set, id), 1);
			break;
		default:
			CHECK_EQ(ioasid_set_reset(set), 0);
		}
	}
	set_end(set);
	pool_end(pool);
}

static void others_credit_is_called_in(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 400);
	struct hoarder h[THREADS];
	ioasid_t id;

	for (unsigned int i = 0; i < THREADS; i++)
		hoarder_start(&h[i], set, 100, 1);
	for (unsigned int i = 0; i < 400 - THREADS; i++)
		id_make(set);
	CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), -EDQUOT);
	CHECK_EQ(stats_of(set).allocated, 400);
	for (unsigned int i = 0; i < THREADS; i++)
		hoarder_end(&h[i]);
	CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), -EDQUOT);
	set_end(set);
	CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1);
	pool_end(pool);
}

struct share {
	struct ioasid_set *set;
	atomic_uint got;
	unsigned int each;
	unsigned int times;
};

static void grab(void *arg, unsigned int index)
{
	struct share *s = arg;
	ioasid_t id;
	int ret;

	(void)index;
	while (!(ret = ioasid_alloc(s->set, 1, IOASID_INVALID, NULL, &id)))
		atomic_fetch_add(&s->got, 1);
	CHECK_EQ(ret, -EDQUOT);
}

static void threads_share_it_to_the_last(void)
{
	for (unsigned int i = 0; i < rounds(30); i++) {
		struct ioasid_pool *pool = pool_make(0);
		struct share s = { .set = set_make(pool, 999) };

		crowd(THREADS, grab, &s);
		CHECK_EQ(atomic_load(&s.got), 999);
		CHECK_EQ(stats_of(s.set).allocated, 999);
		set_end(s.set);
		CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1);
		pool_end(pool);
	}
}

/* Together the threads never want more than the quota: no call may fail, wherever the credit lies at the
 * moment. */
static void within_share(void *arg, unsigned int index)
{
	struct share *s = arg;
	ioasid_t id[64];
	uint64_t seed = index;
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->times; i++) {
		while (n < s->each && rnd(&seed) % 8) {
			if (!CHECK_EQ(ioasid_alloc(s->set, 1, IOASID_INVALID, NULL, &id[n]), 0))
				return;
			n++;
		}
		while (n && rnd(&seed) % 8)
			CHECK_EQ(ioasid_free(s->set, id[--n]), 0);
	}
	while (n)
		CHECK_EQ(ioasid_free(s->set, id[--n]), 0);
}

static void nobody_fails_within_quota(void)
{
	static const unsigned int each[] = { 1, 3, 64 };

	for (unsigned int i = 0; i < 3; i++) {
		struct ioasid_pool *pool = pool_make(2 + THREADS * 64);
		struct share s = { .set = set_make(pool, THREADS * each[i]), .each = each[i], .times = rounds(300) };

		crowd(THREADS, within_share, &s);
		CHECK_EQ(stats_of(s.set).allocated, 0);
		set_end(s.set);
		pool_end(pool);
	}
}

/* The same with an unlimited set, whose limit is what the pool has left. */
static void nobody_fails_within_the_pool(void)
{
	struct ioasid_pool *pool = pool_make(1 + 10 + THREADS * 8);
	struct ioasid_set *promised = set_make(pool, 10);
	struct share s = { .set = set_make(pool, IOASID_QUOTA_UNLIMITED), .each = 8, .times = rounds(300) };

	crowd(THREADS, within_share, &s);
	CHECK_EQ(available(pool), THREADS * 8);
	for (unsigned int i = 0; i < 10; i++)
		id_make(promised);
	for (unsigned int i = 0; i < THREADS * 8; i++)
		id_make(s.set);
	CHECK_EQ(available(pool), 0);
	set_end(s.set);
	set_end(promised);
	pool_end(pool);
}

static void ranges_count_each_id(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 100);
	struct hoarder h;
	ioasid_t id;

	hoarder_start(&h, set, 100, 0);
	CHECK_EQ(ioasid_alloc_range(set, 101, 1, 1, IOASID_INVALID, &id), -EDQUOT);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(ioasid_alloc_range(set, 99, 1, 1, IOASID_INVALID, &id), 0);
	CHECK_EQ(ioasid_alloc_range(set, 2, 1, 1, IOASID_INVALID, &id), -EDQUOT);
	id_make(set);
	CHECK_EQ(ioasid_alloc_range(set, 1, 1, 1, IOASID_INVALID, &id), -EDQUOT);
	hoarder_end(&h);
	set_end(set);
	pool_end(pool);
}

/* --- Adjusting it --- */

static void adjust_and_its_errors(void)
{
	struct ioasid_pool *pool = pool_make(101);
	struct ioasid_set *set = set_make(pool, 40), *other = set_make(pool, 10);
	ioasid_t id[3], more;

	for (unsigned int i = 0; i < 3; i++)
		id[i] = id_make(set);
	CHECK_EQ(ioasid_get(set, id[0]), 0);
	CHECK_EQ(ioasid_free(set, id[0]), 0);
	CHECK_EQ(ioasid_set_adjust_quota(set, 0), -EINVAL);
	CHECK_EQ(ioasid_set_adjust_quota(set, 2), -EINVAL);
	CHECK_EQ(ioasid_set_adjust_quota(set, 91), -ENOSPC);
	CHECK_EQ(ioasid_set_adjust_quota(set, IOASID_CAPACITY_MAX), -ENOSPC);
	CHECK_EQ(stats_of(set).quota, 40);
	CHECK_EQ(available(pool), 50);
	CHECK_EQ(ioasid_set_adjust_quota(set, 40), 0);
	CHECK_EQ(available(pool), 50);
	CHECK_EQ(ioasid_set_adjust_quota(set, 3), 0);
	CHECK_EQ(stats_of(set).quota, 3);
	CHECK_EQ(available(pool), 87);
	CHECK_EQ(ioasid_alloc(set, 1, 100, NULL, &more), -EDQUOT);
	CHECK_EQ(ioasid_put(set, id[0]), 1);
	CHECK_EQ(ioasid_set_adjust_quota(set, 2), 0);
	CHECK_EQ(available(pool), 88);
	CHECK_EQ(ioasid_set_adjust_quota(set, 90), 0);
	CHECK_EQ(available(pool), 0);
	for (unsigned int i = 0; i < 88; i++)
		id_make(set);
	CHECK_EQ(ioasid_alloc(set, 1, 100, NULL, &more), -EDQUOT);
	for (unsigned int i = 0; i < 10; i++)
		id_make(other);
	set_end(set);
	set_end(other);
	CHECK_EQ(available(pool), 100);
	pool_end(pool);
}

static void adjust_calls_credit_in(void)
{
	struct ioasid_pool *pool = pool_make(2001);
	struct ioasid_set *set = set_make(pool, 400);
	struct hoarder h[THREADS];
	ioasid_t id;

	for (unsigned int i = 0; i < THREADS; i++)
		hoarder_start(&h[i], set, 100, 5);
	CHECK_EQ(ioasid_set_adjust_quota(set, 5 * THREADS - 1), -EINVAL);
	CHECK_EQ(available(pool), 1600);
	CHECK_EQ(ioasid_set_adjust_quota(set, 5 * THREADS), 0);
	CHECK_EQ(available(pool), 2000 - 5 * THREADS);
	CHECK_EQ(ioasid_alloc(set, 1, 2000, NULL, &id), -EDQUOT);
	CHECK_EQ(ioasid_set_adjust_quota(set, 5 * THREADS + 1), 0);
	id_make(set);
	for (unsigned int i = 0; i < THREADS; i++)
		hoarder_end(&h[i]);
	CHECK_EQ(ioasid_alloc(set, 1, 2000, NULL, &id), -EDQUOT);
	CHECK_EQ(stats_of(set).allocated, 5 * THREADS + 1);
	set_end(set);
	CHECK_EQ(available(pool), 2000);
	pool_end(pool);
}

static void adjust_to_unlimited_and_back(void)
{
	struct ioasid_pool *pool = pool_make(2001);
	struct ioasid_set *set = set_make(pool, 1000), *other;
	struct hoarder h[THREADS];
	ioasid_t id;

	for (unsigned int i = 0; i < THREADS; i++)
		hoarder_start(&h[i], set, 100, 5);
	CHECK_EQ(available(pool), 1000);
	CHECK_EQ(ioasid_set_adjust_quota(set, IOASID_QUOTA_UNLIMITED), 0);
	CHECK_EQ(stats_of(set).quota, IOASID_QUOTA_UNLIMITED);
	CHECK_EQ(available(pool), 2000 - 5 * THREADS);
	other = set_make(pool, 2000 - 5 * THREADS);
	CHECK_EQ(ioasid_alloc(set, 1, 2000, NULL, &id), -ENOSPC);
	CHECK_EQ(ioasid_set_adjust_quota(set, 5 * THREADS + 1), -ENOSPC);
	CHECK_EQ(ioasid_set_adjust_quota(set, 5 * THREADS - 1), -EINVAL);
	CHECK_EQ(ioasid_set_adjust_quota(set, 5 * THREADS), 0);
	CHECK_EQ(available(pool), 0);
	CHECK_EQ(ioasid_alloc(set, 1, 2000, NULL, &id), -EDQUOT);
	CHECK_EQ(ioasid_set_adjust_quota(set, IOASID_QUOTA_UNLIMITED), 0);
	CHECK_EQ(ioasid_set_adjust_quota(set, IOASID_QUOTA_UNLIMITED), 0);
	CHECK_EQ(available(pool), 0);
	set_end(other);
	for (unsigned int i = 0; i < THREADS; i++)
		hoarder_end(&h[i]);
	for (unsigned int i = 0; i < 1000; i++)
		id_make(set);
	CHECK_EQ(available(pool), 1000 - 5 * THREADS);
	CHECK_EQ(ioasid_set_adjust_quota(set, 2000), 0);
	CHECK_EQ(available(pool), 0);
	set_end(set);
	CHECK_EQ(available(pool), 2000);
	pool_end(pool);
}

/* The quota goes up and down, to unlimited and back, under threads that use it; never below what they may
 * have. */
static void adjuster(void *arg, unsigned int index)
{
	static const uint32_t quota[] = { THREADS * 8, 1000, IOASID_QUOTA_UNLIMITED, THREADS * 8 + 1, 500 };
	struct share *s = arg;

	if (index) {
		within_share(arg, index);
		return;
	}
	for (unsigned int i = 0; i < s->times; i++) {
		CHECK_EQ(ioasid_set_adjust_quota(s->set, quota[i % 5]), 0);
		sched_yield();
	}
	CHECK_EQ(ioasid_set_adjust_quota(s->set, 77), 0);
}

static void adjust_races_with_alloc(void)
{
	struct ioasid_pool *pool = pool_make(2001);
	struct share s = { .set = set_make(pool, THREADS * 8), .each = 8, .times = rounds(300) };

	crowd(THREADS, adjuster, &s);
	CHECK_EQ(available(pool), 2000 - 77);
	CHECK_EQ(stats_of(s.set).allocated, 0);
	for (unsigned int i = 0; i < 77; i++)
		id_make(s.set);
	set_end(s.set);
	CHECK_EQ(available(pool), 2000);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S3.1 a set gets as many IDs as its quota says, then -EDQUOT", quota_is_exact },
	{ "S3.1 a set that has room again lets threads cache credit again, and stays exact", caches_again },
	{ "S3.2 a FREE_PENDING ID counts until it is reclaimed", pending_counts },
	{ "S4.6 the credit is back when the call that reclaims returns", credit_is_back_on_return },
	{ "S3.1 credit cached by threads that rest is called in before -EDQUOT", others_credit_is_called_in },
	{ "S3.1 threads at the limit together get exactly the quota", threads_share_it_to_the_last },
	{ "S3.1 no thread gets an error while all together stay within the quota", nobody_fails_within_quota },
	{ "S3.1 no thread gets an error while all together stay within what the pool has", nobody_fails_within_the_pool },
	{ "S3.3 a range needs credit for each of its IDs", ranges_count_each_id },
	{ "S2.4 a quota can be adjusted within what is held and what is available, else nothing changes",
	  adjust_and_its_errors },
	{ "S2.4 shrinking to what is held calls in the credit of threads that rest", adjust_calls_credit_in },
	{ "S2.4 a quota can become unlimited and limited again", adjust_to_unlimited_and_back },
	{ "S2.4 adjusting under threads that allocate loses no credit and breaks no promise", adjust_races_with_alloc },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("quota", cases, argc, argv);
}
