/*
 * Policies (S1.6): in which order a pool hands out numbers, and what holds whatever the order.
 */
#include "support.h"

#include <string.h>

static ioasid_t take(struct ioasid_set *set, ioasid_t min, ioasid_t max)
{
	ioasid_t id = 0;

	REQUIRE_EQ(ioasid_alloc(set, min, max, NULL, &id), 0);
	REQUIRE(id >= min && id <= max);
	return id;
}

static void give(struct ioasid_set *set, ioasid_t id)
{
	CHECK_EQ(ioasid_free(set, id), 0);
}

/* --- Lowest first --- */

static void lowest_of_the_window(void)
{
	struct ioasid_pool *pool = pool_make_with(1000, IOASID_POLICY_LOWEST, 0);
	struct ioasid_set *set = set_make(pool, 999);

	for (ioasid_t id = 1; id <= 200; id++)
		CHECK_EQ(id_make(set), id);
	CHECK_EQ(take(set, 300, 999), 300);
	CHECK_EQ(take(set, 100, 999), 201);
	give(set, 130);
	give(set, 65);
	give(set, 64);
	CHECK_EQ(take(set, 66, 999), 130);
	CHECK_EQ(id_make(set), 64);
	CHECK_EQ(id_make(set), 65);
	CHECK_EQ(id_make(set), 202);
	set_end(set);
	CHECK_EQ(ioasid_pool_reserve(pool, 1, 5), 0);
	set = set_make(pool, 900);
	CHECK_EQ(id_make(set), 6);
	CHECK_EQ(ioasid_get(set, 6), 0);
	give(set, 6);
	CHECK_EQ(id_make(set), 7);
	CHECK_EQ(ioasid_put(set, 6), 1);
	CHECK_EQ(id_make(set), 6);
	set_end(set);
	pool_end(pool);
}

struct shared {
	struct ioasid_set *set;
	unsigned int times;
	unsigned int per_thread;
	atomic_uint *owner; /* per ID: who holds it, 0: nobody */
};

/* While threads only allocate, what they have got must be without holes at every moment. */
static void take_many(void *arg, unsigned int index)
{
	struct shared *s = arg;
	ioasid_t id, last = 0;

	for (unsigned int i = 0; i < s->per_thread; i++) {
		if (!CHECK_EQ(ioasid_alloc(s->set, 1, IOASID_INVALID, NULL, &id), 0))
			return;
		CHECK(id > last);
		last = id;
		CHECK_EQ(atomic_exchange(&s->owner[id], index + 1), 0);
	}
}

static void lowest_leaves_no_hole(void)
{
	static atomic_uint owner[4001];

	for (unsigned int round = 0; round < rounds(10); round++) {
		struct ioasid_pool *pool = pool_make_with(5000, IOASID_POLICY_LOWEST, 0);
		struct shared s = { .set = set_make(pool, 4999), .per_thread = 1000, .owner = owner };

		memset(owner, 0, sizeof(owner));
		crowd(4, take_many, &s);
		for (ioasid_t id = 1; id <= 4000; id++)
			CHECK(atomic_load(&owner[id]) != 0);
		set_end(s.set);
		pool_end(pool);
	}
}

/* One thread owns a low number and frees it before it allocates; others churn above. It must always get its
 * number back. */
struct low_owner {
	struct ioasid_set *set;
	atomic_bool stop;
	unsigned int times;
};

static void low_owner(void *arg, unsigned int index)
{
	struct low_owner *s = arg;
	ioasid_t id;

	if (index) {
		while (!atomic_load(&s->stop)) {
			CHECK_EQ(ioasid_alloc(s->set, 60, 200, NULL, &id), 0);
			CHECK(id >= 60 && id <= 200);
			CHECK_EQ(ioasid_free(s->set, id), 0);
		}
		return;
	}
	CHECK_EQ(ioasid_alloc(s->set, 7, 7, NULL, &id), 0);
	for (unsigned int i = 0; i < s->times; i++) {
		CHECK_EQ(ioasid_free(s->set, 7), 0);
		CHECK_EQ(ioasid_alloc(s->set, 7, 200, NULL, &id), 0);
		CHECK_EQ(id, 7);
	}
	atomic_store(&s->stop, true);
}

static void lowest_beside_others(void)
{
	struct ioasid_pool *pool = pool_make_with(256, IOASID_POLICY_LOWEST, 0);
	struct low_owner s = { .set = set_make(pool, 255), .times = rounds(2000) };

	crowd(4, low_owner, &s);
	set_end(s.set);
	pool_end(pool);
}

/* --- Cyclic --- */

static void cyclic_goes_round(void)
{
	struct ioasid_pool *pool = pool_make_with(8, IOASID_POLICY_CYCLIC, 0);
	struct ioasid_set *set = set_make(pool, 7);

	for (unsigned int round = 0; round < 3; round++) {
		for (ioasid_t id = 1; id <= 7; id++) {
			CHECK_EQ(id_make(set), id);
			give(set, id);
		}
	}
	set_end(set);
	pool_end(pool);
}

static void cyclic_takes_the_only_free_one(void)
{
	struct ioasid_pool *pool = pool_make_with(130, IOASID_POLICY_CYCLIC, 0);
	struct ioasid_set *set = set_make(pool, 129);

	for (unsigned int i = 0; i < 129; i++)
		id_make(set);
	for (ioasid_t id = 1; id <= 129; id += 64) {
		give(set, id);
		CHECK_EQ(id_make(set), id);
		give(set, id);
		CHECK_EQ(id_make(set), id);
	}
	set_end(set);
	pool_end(pool);
}

static void cyclic_windows_have_their_own_cursor(void)
{
	struct ioasid_pool *pool = pool_make_with(300, IOASID_POLICY_CYCLIC, 0);
	struct ioasid_set *set = set_make(pool, 299);

	for (unsigned int i = 0; i < 20; i++) {
		ioasid_t low = take(set, 10, 14), high = take(set, 100, 106);

		CHECK_EQ(low, 10 + i % 5);
		CHECK_EQ(high, 100 + i % 7);
		give(set, low);
		give(set, high);
	}
	set_end(set);
	pool_end(pool);
}

/* The windows of the next two cases, which differ all. */
static ioasid_t take_in(struct ioasid_set *set, unsigned int window)
{
	return take(set, 1 + window % 300, 1000 + window / 300);
}

/* Used in turn, many times over: what one window gave back is not what it gets next. */
static void cyclic_windows_may_be_many(void)
{
	static const unsigned int counts[] = { 9, 1000, IOASID_CYCLIC_WINDOWS };

	for (unsigned int n = 0; n < 3; n++) {
		struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_CYCLIC, 0);
		struct ioasid_set *set = set_make(pool, 100);
		unsigned int again = 0;

		for (unsigned int round = 0; round < 3; round++)
			for (unsigned int i = 0; i < counts[n]; i++) {
				ioasid_t id = take_in(set, i);

				give(set, id);
				again += id != 1 + i % 300 + round;
			}
		CHECK_EQ(again, 0);
		set_end(set);
		pool_end(pool);
	}
}

/* One more than there are cursors begins anew, at the cost of one that was not used lately. */
static void cyclic_windows_have_an_end(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_CYCLIC, 0);
	struct ioasid_set *set = set_make(pool, 100);

	for (unsigned int i = 0; i < IOASID_CYCLIC_WINDOWS + 5000; i++) {
		/* This one always is. */
		ioasid_t id = take(set, 2000, 900000);

		CHECK_EQ(id, 2000 + i);
		give(set, id);
		id = take_in(set, i);
		CHECK_EQ(id, 1 + i % 300);
		give(set, id);
	}
	set_end(set);
	pool_end(pool);
}

/* Threads, each with windows of its own, and together more than there are cursors. */
static struct ioasid_set *crowd_set;

static void many_windows(void *arg, unsigned int index)
{
	(void)arg;
	for (unsigned int i = 0; i < rounds(40000); i++) {
		ioasid_t max = 500 + index, id = take(crowd_set, 1 + i % 400, max + i / 400 * 4);

		give(crowd_set, id);
	}
}

static void cyclic_windows_of_threads(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_CYCLIC, 0);

	crowd_set = set_make(pool, 100);
	crowd(4, many_windows, NULL);
	CHECK_EQ(stats_of(crowd_set).allocated, 0);
	set_end(crowd_set);
	pool_end(pool);
}

/*
 * Random frees and allocations in one window. When a number comes back, nothing that was FREE all the time
 * since it was last handed out may have been left aside: else the cursor did not go through the window.
 */
static void cyclic_passes_nothing(void)
{
	enum { WINDOW = 150 };
	struct ioasid_pool *pool = pool_make_with(WINDOW + 1, IOASID_POLICY_CYCLIC, 0);
	struct ioasid_set *set = set_make(pool, WINDOW);
	unsigned int handed_out[WINDOW + 1] = { 0 }, busy_until[WINDOW + 1] = { 0 };
	bool out[WINDOW + 1] = { false };
	unsigned int now = 0, skipped = 0;
	uint64_t seed = 3;

	for (unsigned int i = 0; i < 4000; i++) {
		ioasid_t id = 1 + rnd(&seed) % WINDOW;

		now++;
		if (out[id]) {
			give(set, id);
			out[id] = false;
			busy_until[id] = now;
			continue;
		}
		if (stats_of(set).allocated == WINDOW)
			continue;
		id = id_make(set);
		for (ioasid_t other = 1; handed_out[id] && other <= WINDOW; other++)
			skipped += other != id && !out[other] && busy_until[other] < handed_out[id];
		REQUIRE(!out[id]);
		out[id] = true;
		handed_out[id] = now;
	}
	CHECK_EQ(skipped, 0);
	set_end(set);
	pool_end(pool);
}

/* --- Random --- */

static void random_is_spread(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_RANDOM, 0);
	struct ioasid_set *set = set_make(pool, 4096);
	unsigned int eighth[8] = { 0 }, ascending = 0;
	ioasid_t last = 0;

	for (unsigned int i = 0; i < 4096; i++) {
		ioasid_t id = id_make(set);

		eighth[id >> 17]++;
		ascending += id > last;
		last = id;
	}
	/* 512 each are expected; the seed is fixed, so this does not change from run to run. */
	for (unsigned int i = 0; i < 8; i++)
		CHECK(eighth[i] > 400 && eighth[i] < 624);
	CHECK(ascending > 1850 && ascending < 2250);
	set_end(set);
	pool_end(pool);
}

static void random_reaches_every_number(void)
{
	struct ioasid_pool *pool = pool_make_with(1000, IOASID_POLICY_RANDOM, 0);
	struct ioasid_set *set = set_make(pool, 999);
	unsigned int seen[10] = { 0 };

	for (unsigned int i = 0; i < 2000; i++) {
		ioasid_t id = take(set, 130, 139);

		seen[id - 130]++;
		give(set, id);
	}
	/* Each of ten is expected 200 times. */
	for (unsigned int i = 0; i < 10; i++)
		CHECK(seen[i] > 100 && seen[i] < 300);
	set_end(set);
	pool_end(pool);
}

/* --- Every policy --- */

static const uint32_t policies[] = {
	IOASID_POLICY_ANY, IOASID_POLICY_LOWEST, IOASID_POLICY_CYCLIC, IOASID_POLICY_RANDOM,
};

static void whole_window_is_used(void)
{
	for (size_t p = 0; p < 4; p++) {
		struct ioasid_pool *pool = pool_make_with(1000, policies[p], 0);
		struct ioasid_set *set = set_make(pool, 999);
		unsigned int seen[1000] = { 0 };
		ioasid_t id;

		for (unsigned int i = 0; i < 140; i++)
			seen[take(set, 60, 199)]++;
		for (ioasid_t n = 60; n <= 199; n++)
			CHECK_EQ(seen[n], 1);
		CHECK_EQ(ioasid_alloc(set, 60, 199, NULL, &id), -ENOSPC);
		CHECK_EQ(id, IOASID_INVALID);
		give(set, 127);
		CHECK_EQ(take(set, 60, 199), 127);
		for (unsigned int i = 0; i < 859; i++)
			seen[id_make(set)]++;
		for (ioasid_t n = 1; n <= 999; n++)
			CHECK_EQ(seen[n], 1);
		set_end(set);
		pool_end(pool);
	}
}

/* As many numbers as threads: while one of them asks, the others hold at most all but one. */
static void one_each(void *arg, unsigned int index)
{
	struct shared *s = arg;
	uint64_t seed = index;
	ioasid_t id;

	for (unsigned int i = 0; i < s->times; i++) {
		ioasid_t min = rnd(&seed) % 2 ? 63 : 1, max = min == 63 ? 66 : IOASID_INVALID;

		if (!CHECK_EQ(ioasid_alloc(s->set, min, max, NULL, &id), 0))
			return;
		CHECK_EQ(atomic_exchange(&s->owner[id], index + 1), 0);
		CHECK_EQ(atomic_exchange(&s->owner[id], 0), index + 1);
		CHECK_EQ(ioasid_free(s->set, id), 0);
	}
}

static void last_free_one_is_found(void)
{
	static atomic_uint owner[67];

	for (size_t p = 0; p < 4; p++) {
		struct ioasid_pool *pool = pool_make_with(67, policies[p], 0);
		struct shared s = { .times = rounds(1000), .owner = owner };

		CHECK_EQ(ioasid_pool_reserve(pool, 1, 62), 0);
		s.set = set_make(pool, 4);
		crowd(4, one_each, &s);
		set_end(s.set);
		CHECK_EQ(ioasid_pool_unreserve(pool, 1, 62), 0);
		CHECK_EQ(available(pool), 66);
		pool_end(pool);
	}
}

/* The same with many numbers, so that it takes a while to look at all: the one that is FREE is now here, now
 * there. */
static void many_each(void *arg, unsigned int index)
{
	struct shared *s = arg;
	ioasid_t held[48], id;
	unsigned int n = 0;
	uint64_t seed = index;

	for (unsigned int i = 0; i < s->times || n; i++) {
		if (i < s->times && n < 48) {
			if (!CHECK_EQ(ioasid_alloc(s->set, 100, 291, NULL, &id), 0))
				return;
			CHECK_EQ(atomic_exchange(&s->owner[id], index + 1), 0);
			held[n++] = id;
			continue;
		}
		id = rnd(&seed) % n;
		CHECK_EQ(atomic_exchange(&s->owner[held[id]], 0), index + 1);
		CHECK_EQ(ioasid_free(s->set, held[id]), 0);
		held[id] = held[--n];
	}
}

static void moving_free_one_is_found(void)
{
	static atomic_uint owner[292];

	for (size_t p = 0; p < 4; p++) {
		struct ioasid_pool *pool = pool_make_with(1000, policies[p], 0);
		struct shared s = { .times = rounds(4000), .owner = owner };

		s.set = set_make(pool, 999);
		crowd(4, many_each, &s);
		CHECK_EQ(stats_of(s.set).allocated, 0);
		set_end(s.set);
		pool_end(pool);
	}
}

static const struct test_case cases[] = {
	{ "S1.6 lowest-first gives the lowest FREE number of the window", lowest_of_the_window },
	{ "S1.6 lowest-first leaves no hole below what threads get at once", lowest_leaves_no_hole },
	{ "S1.6 lowest-first finds a low number that was freed before, whatever others do", lowest_beside_others },
	{ "S1.6 cyclic goes through the window before a freed number comes back", cyclic_goes_round },
	{ "S1.6 cyclic gives back a number at once if nothing else is FREE", cyclic_takes_the_only_free_one },
	{ "S1.6 cyclic keeps a cursor for each window", cyclic_windows_have_their_own_cursor },
	{ "S1.6 also for as many as are promised", cyclic_windows_may_be_many },
	{ "S1.6 and the ones in use when there are more", cyclic_windows_have_an_end },
	{ "S1.6 whoever uses them", cyclic_windows_of_threads },
	{ "S1.6 cyclic leaves nothing FREE aside when a number comes back", cyclic_passes_nothing },
	{ "S1.6 random spreads over the whole window", random_is_spread },
	{ "S1.6 random reaches every number of a small window", random_reaches_every_number },
	{ "S3.1 every policy hands out every number of a window, then -ENOSPC", whole_window_is_used },
	{ "S3.1 every policy finds the one number that is FREE at any moment", last_free_one_is_found },
	{ "S3.1 every policy finds it among many that come and go", moving_free_one_is_found },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("policy", cases, argc, argv);
}
