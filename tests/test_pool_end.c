/*
 * The end of pools, and pools beside each other (S1.5). What threads leave behind is in test_pool_threads.c.
 */
#include "support.h"

#include <stdio.h>

/* --- Who holds the pool --- */

static void destroy_arguments(void)
{
	CHECK_EQ(ioasid_pool_destroy(NULL), -EINVAL);
}

/* A refused destruction is told, and has changed nothing: the pool works on. */
static void expect_busy(struct ioasid_pool *pool, struct journal *log, const char *name)
{
	struct ioasid_set *set;

	journal_clear(log);
	REQUIRE_EQ(ioasid_pool_destroy(pool), -EBUSY);
	CHECK(journal_count(log) > 0);
	if (!CHECK(journal_has(log, name)))
		printf("# no \"%s\" in: %s\n", name, log->text);
	set = set_make(pool, 1);
	CHECK_EQ(ioasid_free(set, id_make(set)), 0);
	set_end(set);
	journal_clear(log);
}

static void sets_hold_it(void)
{
	struct journal log = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(10000);
	struct ioasid_set *set;

	CHECK_EQ(ioasid_pool_set_log(pool, journal_log, &log), 0);
	set = set_make(pool, 10);
	expect_busy(pool, &log, "set");
	set_end(set);
	set = set_make_token(pool, 0x12d15, 10);
	CHECK_EQ(ioasid_set_get(set), 0);
	CHECK_EQ(ioasid_set_put(set), 0);
	id_make_at(set, 4321);
	expect_busy(pool, &log, "12d15");
	CHECK_EQ(ioasid_get(set, 4321), 0);
	set_end(set);
	/* The set is dead, and one reference to one of its IDs is left. */
	expect_busy(pool, &log, "12d15");
	CHECK_EQ(ioasid_put(set, 4321), 1);
	journal_clear(&log);
	pool_end(pool);
	CHECK_EQ(journal_count(&log), 0);
}

static void pending_ids_hold_it(void)
{
	struct journal log = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(10000);
	struct ioasid_set *root = ioasid_pool_root(pool), *set;

	CHECK_EQ(ioasid_pool_set_log(pool, journal_log, &log), 0);
	set = set_make(pool, 10);
	id_make_at(set, 4321);
	CHECK_EQ(ioasid_get(set, 4321), 0);
	CHECK_EQ(ioasid_free(set, 4321), 0);
	set_end(set);
	CHECK_EQ(id_refs(root, 4321), 1);
	expect_busy(pool, &log, "set");
	CHECK_EQ(ioasid_put(root, 4321), 1);
	pool_end(pool);
}

static void subscribers_hold_it(void)
{
	struct journal log = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct subscriber s;

	CHECK_EQ(ioasid_pool_set_log(pool, journal_log, &log), 0);
	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(ioasid_pool_root(pool), &s.block, 0), 0);
	expect_busy(pool, &log, "");
	CHECK_EQ(ioasid_unregister_notifier(ioasid_pool_root(pool), &s.block), 0);
	CHECK_EQ(ioasid_register_notifier_token(pool, IOASID_SET_OPAQUE, 5, &s.block, 0), 0);
	expect_busy(pool, &log, "");
	CHECK_EQ(ioasid_unregister_notifier_token(pool, IOASID_SET_OPAQUE, 5, &s.block), 0);
	pool_end(pool);
}

static int no_number(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	(void)context;
	(void)max;
	*id = min;
	return 0;
}

static void no_number_back(void *context, ioasid_t id)
{
	(void)context;
	(void)id;
}

static void allocators_hold_it(void)
{
	static const struct ioasid_allocator allocator = { .alloc = no_number, .free = no_number_back };
	struct journal log = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);

	CHECK_EQ(ioasid_pool_set_log(pool, journal_log, &log), 0);
	CHECK_EQ(ioasid_register_allocator(pool, &allocator), 0);
	expect_busy(pool, &log, "");
	CHECK_EQ(ioasid_unregister_allocator(pool, &allocator), 0);
	pool_end(pool);
}

static void reservations_do_not(void)
{
	struct ioasid_pool *pool = pool_make(100);

	CHECK_EQ(ioasid_pool_reserve(pool, 10, 20), 0);
	pool_end(pool);
}

/* --- From inside --- */

struct inside {
	struct ioasid_pool *pool, *other;
	int answer[2];
	bool was;
};

static int destroy_in_handler(struct subscriber *s, const struct ioasid_event *event)
{
	struct inside *in = s->context;

	(void)event;
	in->answer[0] = ioasid_pool_destroy(in->pool);
	in->answer[1] = ioasid_pool_destroy(in->other);
	in->was = true;
	return 0;
}

static void destroy_in_work(void *context, struct ioasid_work *work)
{
	struct inside *in = context;

	(void)work;
	in->answer[0] = ioasid_pool_destroy(in->pool);
	in->answer[1] = ioasid_pool_destroy(in->other);
	in->was = true;
}

static void not_from_inside(void)
{
	struct ioasid_pool *pool = pool_make(100), *other = pool_make(100);
	struct inside in = { .pool = pool, .other = other };
	struct ioasid_work work = { .run = destroy_in_work, .context = &in };
	struct ioasid_set *set = set_make(pool, 9);
	struct subscriber s;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.hook = destroy_in_handler;
	s.context = &in;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make(set);
	CHECK(in.was);
	CHECK_EQ(in.answer[0], -EDEADLK);
	CHECK_EQ(in.answer[1], -EDEADLK);

	in = (struct inside){ .pool = pool, .other = other };
	CHECK_EQ(ioasid_queue_work(set, &work), 0);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK(in.was);
	CHECK_EQ(in.answer[0], -EDEADLK);
	CHECK_EQ(in.answer[1], -EDEADLK);

	ioasid_read_begin();
	CHECK_EQ(ioasid_pool_destroy(pool), -EDEADLK);
	CHECK_EQ(ioasid_pool_destroy(other), -EDEADLK);
	CHECK_EQ(ioasid_pool_destroy(NULL), -EINVAL);
	ioasid_read_end();
	set_end(set);
	pool_end(other);
	pool_end(pool);
}

/* --- Queued work --- */

static void ran(void *context, struct ioasid_work *work)
{
	(void)work;
	atomic_fetch_add((atomic_uint *)context, 1);
}

static void queued_work_runs_first(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, i ? IOASID_POOL_NO_WORKER : 0);
		atomic_uint count = 0;
		struct ioasid_work work[20];

		for (unsigned int n = 0; n < 20; n++) {
			work[n] = (struct ioasid_work){ .run = ran, .context = &count };
			CHECK_EQ(ioasid_queue_work(ioasid_pool_root(pool), &work[n]), 0);
		}
		pool_end(pool);
		CHECK_EQ(atomic_load(&count), 20);
	}
}

/* --- Pools beside each other --- */

static void pools_share_no_names(void)
{
	struct ioasid_pool *pool[2] = { pool_make(100), pool_make(50) };
	struct ioasid_set *set[2], *found;
	int number = 1, other = 2;
	ioasid_t id;
	void *data;

	for (unsigned int i = 0; i < 2; i++)
		set[i] = set_make_token(pool[i], 9, 20);
	CHECK_EQ(ioasid_alloc(set[0], 7, 7, &number, &id), 0);
	CHECK_EQ(ioasid_get(set[1], 7), -ENOENT);
	CHECK_EQ(ioasid_alloc(set[1], 7, 7, &other, &id), 0);
	CHECK_EQ(ioasid_find(set[0], 7, NULL, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_free(set[1], 7), 0);
	CHECK_EQ(ioasid_find(ioasid_pool_root(pool[1]), 7, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_find(ioasid_pool_root(pool[0]), 7, NULL, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_attach_spid(set[0], 7, ioasid_spid_make(3)), 0);
	CHECK_EQ(ioasid_find_by_spid(set[1], ioasid_spid_make(3), &id), -ENOENT);
	CHECK_EQ(available(pool[0]), 79);
	CHECK_EQ(available(pool[1]), 29);
	CHECK_EQ(ioasid_detach_data(set[0], 7, &data), 0);
	set_end(set[0]);
	CHECK_EQ(ioasid_set_find(pool[0], IOASID_SET_OPAQUE, 9, &found), -ENOENT);
	CHECK_EQ(ioasid_set_find(pool[1], IOASID_SET_OPAQUE, 9, &found), 0);
	CHECK(found == set[1]);
	CHECK_EQ(ioasid_set_put(found), 0);
	pool_end(pool[0]);
	id_make(set[1]);
	set_end(set[1]);
	pool_end(pool[1]);
}

static void alloc_one(void *arg)
{
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(arg, 1, IOASID_INVALID, NULL, &id), 0);
}

static void stopped_pool_stops_no_other(void)
{
	struct ioasid_pool *stopped = pool_make(100), *pool;
	struct ioasid_set *stopped_set = set_make(stopped, 9), *set;
	struct gate gate = GATE_CLOSED;
	struct subscriber s, t;
	struct task task;
	void *data;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_ALLOC;
	CHECK_EQ(ioasid_register_notifier(stopped_set, &s.block, 0), 0);
	task_start(&task, alloc_one, stopped_set);
	gate_await(&gate, 1);

	/* Everything that waits for threads, with a thread stopped in a handler of the other pool. */
	pool = pool_make(100);
	set = set_make(pool, 20);
	subscriber_init(&t, "t", NULL, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(set, &t.block, 0), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_attach_data(set, 5, &t), 0);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK_EQ(ioasid_set_adjust_quota(set, 1), 0);
	CHECK_EQ(ioasid_pool_reserve(pool, 10, 20), 0);
	CHECK_EQ(ioasid_unregister_notifier(set, &t.block), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, IOASID_FOREVER), 0);
	CHECK_EQ(ioasid_flush_work(set), 0);
	set_end(set);
	pool_end(pool);

	gate_open(&gate);
	task_join(&task);
	set_end(stopped_set);
	pool_end(stopped);
}

static const struct test_case cases[] = {
	{ "S1.5 destroying no pool is refused", destroy_arguments },
	{ "S1.5 sets hold a pool, which is told with their token, and nothing changes", sets_hold_it },
	{ "S1.5 a dead set's FREE_PENDING IDs hold a pool", pending_ids_hold_it },
	{ "S1.5 subscribers hold a pool, waiting ones too", subscribers_hold_it },
	{ "S1.5 custom allocators hold a pool", allocators_hold_it },
	{ "S1.5 reservations do not hold a pool", reservations_do_not },
	{ "S1.5 a pool is not destroyed from a handler, a work item or a read section", not_from_inside },
	{ "S1.5 work that was queued runs before its pool is gone", queued_work_runs_first },
	{ "S1.5 pools share no IDs, tokens, SPIDs or promises", pools_share_no_names },
	{ "S1.5 a thread stopped in one pool's handler stops nobody in another pool", stopped_pool_stops_no_other },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("pool_end", cases, argc, argv);
}
