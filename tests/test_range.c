/*
 * Ranges (S3.3): consecutive IDs or none, their alignment, their events and what vetoes and competitors make
 * of them.
 */
#include "support.h"

#include <string.h>

static ioasid_t range(struct ioasid_set *set, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max)
{
	ioasid_t first = 0;

	REQUIRE_EQ(ioasid_alloc_range(set, count, align, min, max, &first), 0);
	CHECK(first >= min && first >= 1 && first <= max && first + count - 1 <= max);
	CHECK_EQ(first % align, 0);
	for (uint32_t i = 0; i < count; i++)
		CHECK_EQ(id_refs(set, first + i), 1);
	return first;
}

static void expect_range(struct ioasid_set *set, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max, int error)
{
	uint32_t before = stats_of(set).allocated;
	ioasid_t first = 7;

	CHECK_EQ(ioasid_alloc_range(set, count, align, min, max, &first), error);
	CHECK_EQ(first, IOASID_INVALID);
	CHECK_EQ(stats_of(set).allocated, before);
}

static void range_arguments(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 99);

	expect_range(set, 0, 1, 1, 99, -EINVAL);
	expect_range(set, 100, 1, 1, 99, -EINVAL);
	expect_range(set, UINT32_MAX, 1, 1, 99, -EINVAL);
	expect_range(set, 1, 0, 1, 99, -EINVAL);
	expect_range(set, 1, 3, 1, 99, -EINVAL);
	expect_range(set, 1, UINT32_MAX, 1, 99, -EINVAL);
	expect_range(set, 1, 1, 5, 4, -EINVAL);
	expect_range(set, 1, 1, 0, 0, -EINVAL);
	expect_range(set, 1, 1, 100, 200, -EINVAL);
	CHECK_EQ(ioasid_alloc_range(set, 1, 1, 1, 99, NULL), -EINVAL);
	/* Possible, but there is no such place. */
	expect_range(set, 6, 1, 10, 14, -ENOSPC);
	expect_range(set, 99, 2, 1, 99, -ENOSPC);
	expect_range(set, 1, 128, 1, 99, -ENOSPC);
	expect_range(set, 1, 0x80000000, 0, IOASID_INVALID, -ENOSPC);
	expect_range(set, 2, 64, 1, 64, -ENOSPC);
	expect_range(set, 37, 64, 1, 99, -ENOSPC);
	CHECK_EQ(range(set, 36, 64, 0, IOASID_INVALID), 64);
	CHECK_EQ(range(set, 63, 1, 0, IOASID_INVALID), 1);
	expect_range(set, 1, 1, 1, 99, -EDQUOT);
	set_end(set);
	pool_end(pool);
}

static void range_in_every_policy(void)
{
	for (uint32_t policy = IOASID_POLICY_ANY; policy <= IOASID_POLICY_RANDOM; policy++) {
		struct ioasid_pool *pool = pool_make_with(1024, policy, 0);
		struct ioasid_set *set = set_make(pool, 1023);
		ioasid_t first;

		/* 0 is not there, so one place less. */
		for (unsigned int i = 0; i < 15; i++)
			range(set, 64, 64, 1, 1023);
		expect_range(set, 63, 64, 1, 1023, -ENOSPC);
		CHECK_EQ(range(set, 63, 1, 1, 1023), 1);
		for (ioasid_t id = 500; id < 600; id++)
			CHECK_EQ(ioasid_free(set, id), 0);
		CHECK_EQ(ioasid_free(set, 602), 0);
		expect_range(set, 101, 1, 1, 1023, -ENOSPC);
		id_make_at(set, 602);
		first = range(set, 100, 4, 1, 1023);
		CHECK_EQ(first, 500);
		for (ioasid_t id = 1; id < 1024; id += 2)
			CHECK_EQ(ioasid_free(set, id), 0);
		expect_range(set, 2, 1, 1, 1023, -ENOSPC);
		CHECK_EQ(ioasid_free(set, 700), 0);
		CHECK_EQ(range(set, 3, 1, 1, 1023), 699);
		set_end(set);
		pool_end(pool);
	}
}

static void lowest_range_first(void)
{
	struct ioasid_pool *pool = pool_make_with(1000, IOASID_POLICY_LOWEST, 0);
	struct ioasid_set *set = set_make(pool, 999);

	id_make_at(set, 5);
	CHECK_EQ(range(set, 4, 1, 1, 999), 1);
	CHECK_EQ(range(set, 4, 1, 1, 999), 6);
	CHECK_EQ(range(set, 4, 4, 1, 999), 12);
	CHECK_EQ(range(set, 100, 1, 1, 999), 16);
	CHECK_EQ(range(set, 2, 1, 1, 999), 10);
	set_end(set);
	pool_end(pool);
}

/* Numbers that rest in other threads' caches are FREE. */
static void range_over_cached_numbers(void)
{
	struct ioasid_pool *pool = pool_make(257);
	struct ioasid_set *set = set_make(pool, 256);
	struct hoarder h[2];

	for (unsigned int i = 0; i < 2; i++)
		hoarder_start(&h[i], set, 256, 0);
	CHECK_EQ(range(set, 256, 1, 1, 256), 1);
	for (unsigned int i = 0; i < 2; i++)
		hoarder_end(&h[i]);
	set_end(set);
	pool_end(pool);
}

static void freed_one_by_one(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 8);
	ioasid_t first = range(set, 8, 8, 1, 99);

	CHECK_EQ(ioasid_get(set, first + 3), 0);
	for (ioasid_t id = first; id < first + 8; id++) {
		CHECK_EQ(ioasid_free(set, id), 0);
		CHECK_EQ(id_refs(set, id), id == first + 3);
	}
	CHECK_EQ(stats_of(set).allocated, 1);
	expect_range(set, 8, 8, 1, 99, -EDQUOT);
	CHECK_EQ(ioasid_put(set, first + 3), 1);
	range(set, 8, 8, 1, 99);
	set_end(set);
	pool_end(pool);
}

/* --- Events --- */

static void events_ascend(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 8);
	struct subscriber a, b;

	subscriber_init(&a, "a", &j, IOASID_PRIO_CPU);
	subscriber_init(&b, "b", &j, IOASID_PRIO_IOMMU);
	CHECK_EQ(ioasid_register_notifier(set, &b.block, 0), 0);
	CHECK_EQ(ioasid_register_notifier(set, &a.block, 0), 0);
	CHECK_EQ(range(set, 3, 1, 62, 64), 62);
	journal_expect(&j, "a:ALLOC 62, b:ALLOC 62, a:ALLOC 63, b:ALLOC 63, a:ALLOC 64, b:ALLOC 64");
	set_end(set);
	pool_end(pool);
}

/* The third of four is vetoed by the second of three subscribers. */
static void veto_undoes_descending(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 4);
	struct subscriber a, b, c;

	subscriber_init(&a, "a", &j, IOASID_PRIO_CPU);
	subscriber_init(&b, "b", &j, IOASID_PRIO_DEVICE);
	subscriber_init(&c, "c", &j, IOASID_PRIO_IOMMU);
	b.veto_id = 22;
	b.veto_events = IOASID_EVENT_ALLOC;
	b.veto = -EPROTO;
	CHECK_EQ(ioasid_register_notifier(set, &a.block, 0), 0);
	CHECK_EQ(ioasid_register_notifier(set, &b.block, 0), 0);
	CHECK_EQ(ioasid_register_notifier(set, &c.block, 0), 0);
	for (unsigned int i = 0; i < 3; i++) {
		expect_range(set, 4, 4, 20, 23, -EPROTO);
		journal_expect(&j, "a:ALLOC 20, b:ALLOC 20, c:ALLOC 20, a:ALLOC 21, b:ALLOC 21, c:ALLOC 21, "
				   "a:ALLOC 22, b:ALLOC 22, a:FREE 22, "
				   "c:FREE 21, b:FREE 21, a:FREE 21, c:FREE 20, b:FREE 20, a:FREE 20");
	}
	b.veto = 0;
	CHECK_EQ(range(set, 4, 4, 20, 23), 20);
	set_end(set);
	pool_end(pool);
}

/* A handler that keeps a reference to an ID of a range that is then vetoed. */
static int keep_one(struct subscriber *s, const struct ioasid_event *event)
{
	(void)s;
	if (event->event == IOASID_EVENT_ALLOC && event->id == 21)
		CHECK_EQ(ioasid_get(event->set, event->id), 0);
	return 0;
}

static void vetoed_but_referenced(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 4);
	struct subscriber s;
	ioasid_t first = 7;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.hook = keep_one;
	s.veto_id = 22;
	s.veto_events = IOASID_EVENT_ALLOC;
	s.veto = -EPROTO;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	CHECK_EQ(ioasid_alloc_range(set, 4, 4, 20, 23, &first), -EPROTO);
	CHECK_EQ(first, IOASID_INVALID);
	CHECK_EQ(stats_of(set).allocated, 1);
	CHECK_EQ(stats_of(set).pending, 1);
	CHECK_EQ(id_refs(set, 20), 0);
	CHECK_EQ(id_refs(set, 21), 1);
	CHECK_EQ(ioasid_get(set, 21), -ENOENT);
	CHECK_EQ(ioasid_put(set, 21), 1);
	CHECK_EQ(stats_of(set).allocated, 0);
	set_end(set);
	pool_end(pool);
}

static void range_twenty(void *arg)
{
	ioasid_t first;

	CHECK_EQ(ioasid_alloc_range(arg, 4, 4, 20, 23, &first), 0);
	CHECK_EQ(first, 20);
}

static void unseen_until_the_last_agreed(void)
{
	struct gate gate = GATE_OPEN;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 8), *root = ioasid_pool_root(pool);
	struct subscriber s;
	struct task task;
	ioasid_t id;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	gate_close(&gate);
	task_start(&task, range_twenty, set);
	gate_await(&gate, 1);
	for (id = 20; id <= 23; id++) {
		CHECK_EQ(ioasid_get(set, id), -ENOENT);
		CHECK_EQ(ioasid_free(root, id), -ENOENT);
	}
	CHECK_EQ(ioasid_alloc(set, 20, 23, NULL, &id), -ENOSPC);
	gate_open(&gate);
	task_join(&task);
	for (id = 20; id <= 23; id++)
		CHECK_EQ(id_refs(root, id), 1);
	set_end(set);
	pool_end(pool);
}

struct attempt {
	struct ioasid_set *set;
	int ret[2];
};

static void spid_for_twenty(void *arg)
{
	struct attempt *a = arg;

	a->ret[0] = ioasid_attach_spid(a->set, 20, ioasid_spid_make(1));
	a->ret[1] = ioasid_detach_spid(a->set, 20);
}

static void no_spid_for_the_unborn(void)
{
	struct gate gate = GATE_OPEN;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 8);
	struct attempt attempt = { .set = set };
	struct task birth, task;
	struct subscriber s;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	gate_close(&gate);
	task_start(&birth, range_twenty, set);
	gate_await(&gate, 1);
	task_start(&task, spid_for_twenty, &attempt);
	/* One that waited would wait for ever. */
	task_join(&task);
	gate_open(&gate);
	task_join(&birth);
	CHECK_EQ(attempt.ret[0], -ENOENT);
	CHECK_EQ(attempt.ret[1], -ENOENT);
	set_end(set);
	pool_end(pool);
}

/* --- Beside others --- */

struct competition {
	struct ioasid_set *set;
	atomic_uint owner[65];
	atomic_uint again;
	unsigned int times;
};

/* Four threads and four places, of which a thread spoils one at most: one is FREE as a whole at any moment. */
static void compete(void *arg, unsigned int index)
{
	struct competition *c = arg;
	ioasid_t first;

	for (unsigned int i = 0; i < c->times; i++) {
		int ret = ioasid_alloc_range(c->set, 16, 16, 1, IOASID_INVALID, &first);

		if (ret == -EAGAIN) {
			CHECK_EQ(first, IOASID_INVALID);
			atomic_fetch_add(&c->again, 1);
			continue;
		}
		if (!CHECK_EQ(ret, 0))
			return;
		CHECK_EQ(first % 16, 0);
		for (ioasid_t id = first; id < first + 16; id++)
			CHECK_EQ(atomic_exchange(&c->owner[id - 16], index + 1), 0);
		for (ioasid_t id = first; id < first + 16; id++) {
			CHECK_EQ(atomic_exchange(&c->owner[id - 16], 0), index + 1);
			CHECK_EQ(ioasid_free(c->set, id), 0);
		}
	}
}

static void never_a_wrong_enospc(void)
{
	for (uint32_t policy = IOASID_POLICY_ANY; policy <= IOASID_POLICY_RANDOM; policy++) {
		struct ioasid_pool *pool = pool_make_with(80, policy, 0);
		struct competition c = { .set = set_make(pool, 64), .times = rounds(1000) };

		crowd(4, compete, &c);
		CHECK(atomic_load(&c.again) < 4 * c.times);
		CHECK_EQ(stats_of(c.set).allocated, 0);
		for (unsigned int i = 0; i < 4; i++)
			range(c.set, 16, 16, 1, 79);
		set_end(c.set);
		pool_end(pool);
	}
}

/* --- Custom allocators --- */

static int give_min(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	(void)context;
	(void)max;
	*id = min;
	return 0;
}

static void take_back(void *context, ioasid_t id)
{
	(void)context;
	(void)id;
}

static void not_with_a_custom_allocator(void)
{
	static const struct ioasid_allocator allocator = { .alloc = give_min, .free = take_back };
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 20);

	CHECK_EQ(ioasid_register_allocator(pool, &allocator), 0);
	expect_range(set, 4, 1, 1, 99, -EOPNOTSUPP);
	expect_range(set, 1, 1, 1, 99, -EOPNOTSUPP);
	expect_range(set, 0, 1, 1, 99, -EINVAL);
	CHECK_EQ(ioasid_unregister_allocator(pool, &allocator), 0);
	range(set, 4, 1, 1, 99);
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S3.3 count, alignment and window are checked, and what has no place is -ENOSPC", range_arguments },
	{ "S3.3 a range that exists is found under every policy, another never", range_in_every_policy },
	{ "S3.3 lowest-first gives the lowest range", lowest_range_first },
	{ "S3.3 a range goes over numbers that threads have cached", range_over_cached_numbers },
	{ "S3.3 the IDs of a range are freed one by one", freed_one_by_one },
	{ "S3.3 ALLOC of a range goes up", events_ascend },
	{ "S3.3 a veto undoes the whole range, going down, and backwards for each ID", veto_undoes_descending },
	{ "S7.7 an ID of a vetoed range to which a handler kept a reference stays FREE_PENDING", vetoed_but_referenced },
	{ "S7.7 no ID of a range is there before the last handler agreed", unseen_until_the_last_agreed },
	{ "S7.7 a SPID for an ID whose ALLOC is not agreed yet is -ENOENT, without waiting", no_spid_for_the_unborn },
	{ "S3.3 ranges that compete get -EAGAIN at worst, never a wrong -ENOSPC", never_a_wrong_enospc },
	{ "S3.3 a custom allocator has no ranges", not_with_a_custom_allocator },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("range", cases, argc, argv);
}
