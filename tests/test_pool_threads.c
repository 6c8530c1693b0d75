/*
 * What threads keep of pools, and what is left when either ends first (S1.5); and that what one has given back another finds.
 */
#include "support.h"

static uint64_t memory_used(void)
{
	uint64_t bytes = UINT64_MAX;

	CHECK_EQ(ioasid_memory_used(&bytes, NULL), 0);
	return bytes;
}

static void ended_threads_give_back(void)
{
	struct ioasid_pool *pool = pool_make(101);
	struct ioasid_set *set = set_make(pool, 100);
	struct hoarder h;
	uint64_t before;

	/* The first round makes what stays. */
	hoarder_start(&h, set, 100, 0);
	hoarder_end(&h);
	before = memory_used();
	for (unsigned int i = 0; i < 20; i++) {
		hoarder_start(&h, set, 100, 0);
		hoarder_end(&h);
	}
	CHECK_EQ(memory_used(), before);
	CHECK_EQ(stats_of(set).allocated, 0);
	CHECK_EQ(available(pool), 0);
	for (unsigned int i = 0; i < 100; i++)
		id_make(set);
	set_end(set);
	CHECK_EQ(available(pool), 100);
	pool_end(pool);
}

struct survivor {
	struct gate ready, gone, end;
	struct ioasid_set *first, *second;
};

static void use(struct ioasid_set *set)
{
	ioasid_t id[20];

	for (unsigned int i = 0; i < 20; i++)
		CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id[i]), 0);
	for (unsigned int i = 0; i < 20; i++)
		CHECK_EQ(ioasid_free(set, id[i]), 0);
}

static void survive(void *arg)
{
	struct survivor *s = arg;

	use(s->first);
	gate_pass(&s->ready);
	gate_pass(&s->gone);
	if (s->second)
		use(s->second);
	gate_pass(&s->end);
}

/* @again: the thread uses another pool after its first one is gone. Return: memory that is left. */
static uint64_t outlive_pool(bool again)
{
	struct survivor s = { .ready = GATE_CLOSED, .gone = GATE_CLOSED, .end = GATE_CLOSED };
	struct ioasid_pool *pool = pool_make(100), *second = NULL;
	struct task task;

	s.first = set_make(pool, 50);
	task_start(&task, survive, &s);
	gate_await(&s.ready, 1);
	gate_open(&s.ready);
	gate_await(&s.gone, 1);
	set_end(s.first);
	pool_end(pool);
	if (again) {
		second = pool_make(100);
		s.second = set_make(second, 50);
	}
	gate_open(&s.gone);
	gate_await(&s.end, 1);
	if (again) {
		set_end(s.second);
		pool_end(second);
	}
	gate_open(&s.end);
	task_join(&task);
	return memory_used();
}

static void threads_outlive_pools(void)
{
	uint64_t before = outlive_pool(false);

	for (unsigned int i = 0; i < 5; i++)
		CHECK_EQ(outlive_pool(false), before);
	for (unsigned int i = 0; i < 5; i++)
		CHECK_EQ(outlive_pool(true), before);
}

static uint64_t one_pool(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50);

	use(set);
	set_end(set);
	pool_end(pool);
	return memory_used();
}

static void pools_leave_nothing_in_a_thread(void)
{
	uint64_t before;

	one_pool();
	before = one_pool();
	for (unsigned int i = 0; i < 50; i++)
		CHECK_EQ(one_pool(), before);
}

struct scramble {
	struct ioasid_set *set;
	atomic_uint got;
	unsigned int times;
};

/* More threads than numbers, and a quota of all numbers: who has got the credit finds a number. */
static void take_turns(void *arg, unsigned int index)
{
	struct scramble *s = arg;
	ioasid_t id;

	for (unsigned int i = 0; i < s->times; i++) {
		int ret = ioasid_alloc(s->set, 1, IOASID_INVALID, NULL, &id);

		if (ret) {
			CHECK_EQ(ret, -EDQUOT);
			continue;
		}
		atomic_fetch_add(&s->got, 1);
		if ((i + index) % 2)
			CHECK_EQ(ioasid_get(s->set, id), 0);
		CHECK_EQ(ioasid_free(s->set, id), 0);
		if ((i + index) % 2)
			CHECK_EQ(ioasid_put(s->set, id), 1);
	}
}

static void credit_comes_after_the_id(void)
{
	for (uint32_t policy = IOASID_POLICY_ANY; policy <= IOASID_POLICY_RANDOM; policy++) {
		struct ioasid_pool *pool = pool_make_with(3, policy, 0);
		struct scramble s = { .set = set_make(pool, 2), .times = rounds(1000) };

		crowd(4, take_turns, &s);
		CHECK(atomic_load(&s.got) > 0);
		set_end(s.set);
		pool_end(pool);
	}
}

/* S1.2, S14.1: what may be asked of a pool that has nothing yet, beside its capacity being installed. The threads
 * have nothing in common that orders them, so that ThreadSanitizer sees each access that is not atomic. */
static void ask(void *arg, unsigned int index)
{
	struct ioasid_pool *pool = arg;
	struct ioasid_set *root = ioasid_pool_root(pool);
	uint32_t capacity;
	void *data;

	if (index == 0) {
		CHECK_EQ(ioasid_pool_install_capacity(pool, 500), 0);
		return;
	}
	capacity = ioasid_pool_capacity(pool);
	CHECK(capacity == 500 || capacity == IOASID_CAPACITY_MAX);
	CHECK_EQ(ioasid_find(root, 400, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_find(root, 600, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_get(root, 600), -ENOENT);
	CHECK_EQ(ioasid_free(root, 600), -ENOENT);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 400, 0), 0);
	CHECK_EQ(ioasid_attach_data(root, 600, &data), -ENOENT);
}

static void capacity_beside_questions(void)
{
	for (unsigned int i = 0; i < rounds(20); i++) {
		struct ioasid_pool *pool = pool_make(0);

		crowd(3, ask, pool);
		CHECK_EQ(ioasid_pool_capacity(pool), 500);
		CHECK_EQ(ioasid_wait_reclaimed(pool, 500, 0), -ENOENT);
		pool_end(pool);
	}
}

static const struct test_case cases[] = {
	{ "S1.2 a capacity is installed beside calls with the pool", capacity_beside_questions },
	{ "S1.5 threads that end give back their caches of IDs, credit and memory", ended_threads_give_back },
	{ "S1.5 threads give back their caches also when the pool is gone", threads_outlive_pools },
	{ "S1.5 pools that come and go leave nothing in a thread that stays", pools_leave_nothing_in_a_thread },
	{ "S4.6 credit comes no earlier than its ID: within the quota nobody gets -ENOSPC", credit_comes_after_the_id },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("pool_threads", cases, argc, argv);
}
