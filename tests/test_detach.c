/*
 * Detaching data where waiting is not allowed, and the form that does not wait (S5.4).
 */
#include "support.h"

#include <sched.h>

/* What an asynchronous detach answered. */
struct answer {
	atomic_uint calls;
	void *old;
	pthread_t by;
	bool restricted; /* was the callback told in a restricted context? */
	struct ioasid_pool *pool;
};

static void answered(void *context, void *old)
{
	struct answer *a = context;

	a->old = old;
	a->by = pthread_self();
	a->restricted = ioasid_wait_reclaimed(a->pool, 1, 0) == -EDEADLK;
	atomic_fetch_add(&a->calls, 1);
}

static void await_answer(struct answer *a)
{
	while (!atomic_load(&a->calls))
		sched_yield();
}

static void async_arguments(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	struct answer a = { .pool = pool };
	int number;
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	id_make_at(set, 6);
	CHECK_EQ(ioasid_detach_data_async(NULL, 5, answered, &a), -EINVAL);
	CHECK_EQ(ioasid_detach_data_async(set, 5, NULL, &a), -EINVAL);
	CHECK_EQ(ioasid_detach_data_async(set, 6, answered, &a), -ENOENT);
	CHECK_EQ(ioasid_detach_data_async(set, 7, answered, &a), -ENOENT);
	CHECK_EQ(ioasid_detach_data_async(set, 0, answered, &a), -ENOENT);
	CHECK_EQ(ioasid_detach_data_async(set, 100, answered, &a), -ENOENT);
	CHECK_EQ(ioasid_detach_data_async(other, 5, answered, &a), -EACCES);
	CHECK_EQ(ioasid_detach_data_async(set, 5, answered, &a), 0);
	CHECK_EQ(ioasid_detach_data_async(set, 5, answered, &a), -ENOENT);
	set_end(set);
	set_end(other);
	pool_end(pool);
	/* Work that was queued has run before the pool went. */
	CHECK_EQ(atomic_load(&a.calls), 1);
	CHECK(a.old == &number);
	CHECK(!a.restricted);
}

static void async_in_both_states(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		bool pending = i & 1, dispatch = i & 2;
		struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, dispatch ? IOASID_POOL_NO_WORKER : 0);
		struct ioasid_set *set = set_make(pool, 10);
		struct answer a = { .pool = pool };
		int number, second;
		ioasid_t id;
		void *data;

		CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
		CHECK_EQ(ioasid_get(set, 5), 0);
		if (pending)
			CHECK_EQ(ioasid_free(set, 5), 0);
		CHECK_EQ(ioasid_detach_data_async(set, 5, answered, &a), 0);
		if (!pending) {
			CHECK_EQ(ioasid_find(set, 5, NULL, &data), 0);
			CHECK(data == NULL);
			CHECK_EQ(ioasid_attach_data(set, 5, &second), 0);
			CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
			CHECK(data == &second);
		}
		if (dispatch) {
			CHECK_EQ(atomic_load(&a.calls), 0);
			CHECK(ioasid_pool_dispatch(pool) > 0);
			CHECK_EQ(atomic_load(&a.calls), 1);
			CHECK(pthread_equal(a.by, pthread_self()));
		} else {
			await_answer(&a);
			CHECK(!pthread_equal(a.by, pthread_self()));
		}
		CHECK(a.old == &number);
		CHECK_EQ(ioasid_put(set, 5), pending ? 1 : 0);
		set_end(set);
		CHECK_EQ(stats_of(ioasid_pool_root(pool)).misuse, 0);
		pool_end(pool);
	}
}

/* --- For whom the answer waits --- */

struct reader {
	struct ioasid_set *set;
	struct gate gate;
	struct task task;
};

static void read_five(void *arg)
{
	struct reader *r = arg;
	void *data = NULL;

	ioasid_read_begin();
	CHECK_EQ(ioasid_find(r->set, 5, NULL, &data), 0);
	CHECK(data != NULL);
	gate_pass(&r->gate);
	ioasid_read_end();
}

static void bind_five(void *arg)
{
	CHECK_EQ(ioasid_attach_spid(arg, 5, ioasid_spid_make(5)), 0);
}

/* The answer must not come while @gate holds the one who sees the data. Work queued afterwards runs all the
 * same. */
static void ran(void *context, struct ioasid_work *work)
{
	(void)work;
	atomic_fetch_add((atomic_uint *)context, 1);
}

static void answer_waits(struct ioasid_set *set, struct gate *gate, struct task *task, int *number)
{
	struct answer a = { .pool = ioasid_set_pool(set) };
	atomic_uint count = 0;
	struct ioasid_work work = { .run = ran, .context = &count };

	CHECK_EQ(ioasid_detach_data_async(set, 5, answered, &a), 0);
	CHECK_EQ(ioasid_queue_work(set, &work), 0);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(atomic_load(&count), 1);
	for (unsigned int i = 0; i < 100; i++)
		sched_yield();
	CHECK_EQ(atomic_load(&a.calls), 0);
	gate_open(gate);
	task_join(task);
	await_answer(&a);
	CHECK(a.old == number);
}

static void answer_waits_for_readers(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct reader r = { .set = set_make(pool, 10), .gate = GATE_CLOSED };
	int number;
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(r.set, 5, 5, &number, &id), 0);
	task_start(&r.task, read_five, &r);
	gate_await(&r.gate, 1);
	answer_waits(r.set, &r.gate, &r.task, &number);
	set_end(r.set);
	pool_end(pool);
}

static void answer_waits_for_handlers(void)
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct subscriber s;
	struct task task;
	int number;
	ioasid_t id;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_BIND;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	task_start(&task, bind_five, set);
	gate_await(&gate, 1);
	answer_waits(set, &gate, &task, &number);
	set_end(set);
	pool_end(pool);
}

/* --- Where waiting is not allowed --- */

static struct {
	struct ioasid_set *set;
	struct answer answer;
	int number;
	bool used;
} here;

/* Refused to wait, nothing is detached; the other form works, and its answer comes after this. */
static void try_both(void)
{
	void *data = NULL;

	CHECK_EQ(ioasid_detach_data(here.set, 5, &data), -EDEADLK);
	CHECK_EQ(ioasid_detach_data(here.set, 99, &data), -EDEADLK);
	CHECK_EQ(ioasid_detach_data(NULL, 5, &data), -EINVAL);
	CHECK(data == NULL);
	CHECK_EQ(ioasid_detach_data_async(here.set, 5, answered, &here.answer), 0);
	for (unsigned int i = 0; i < 100; i++)
		sched_yield();
	CHECK_EQ(atomic_load(&here.answer.calls), 0);
	CHECK_EQ(here.number, 1);
	here.used = true;
}

static int getter(void *data)
{
	CHECK(data == &here.number);
	try_both();
	return 1;
}

static int handler(struct subscriber *s, const struct ioasid_event *event)
{
	(void)s;
	if (event->event == IOASID_EVENT_BIND)
		try_both();
	return 0;
}

static void in_section(void)
{
	ioasid_read_begin();
	ioasid_read_begin();
	ioasid_read_end();
	try_both();
	ioasid_read_end();
}

static void in_getter(void)
{
	void *data;

	CHECK_EQ(ioasid_find(here.set, 5, getter, &data), 0);
	CHECK(data == &here.number);
}

static void in_handler(void)
{
	CHECK_EQ(ioasid_attach_spid(here.set, 5, ioasid_spid_make(5)), 0);
}

static void nobody_waits_here(void (*where)(void))
{
	struct ioasid_pool *pool = pool_make(100);
	struct subscriber s;
	ioasid_t id;

	here.set = set_make(pool, 10);
	here.number = 1;
	here.used = false;
	here.answer = (struct answer){ .pool = pool };
	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.hook = handler;
	CHECK_EQ(ioasid_register_notifier(here.set, &s.block, 0), 0);
	CHECK_EQ(ioasid_alloc(here.set, 5, 5, &here.number, &id), 0);
	where();
	CHECK(here.used);
	await_answer(&here.answer);
	CHECK(here.answer.old == &here.number);
	CHECK(!pthread_equal(here.answer.by, pthread_self()));
	set_end(here.set);
	pool_end(pool);
}

static void not_in_sections(void)
{
	nobody_waits_here(in_section);
}

static void not_in_getters(void)
{
	nobody_waits_here(in_getter);
}

static void not_in_handlers(void)
{
	nobody_waits_here(in_handler);
}

static const struct test_case cases[] = {
	{ "S5.4 the form that does not wait refuses what the other refuses, at once", async_arguments },
	{ "S5.4 it works ACTIVE and FREE_PENDING, and answers in a worker or in dispatch", async_in_both_states },
	{ "S5.4 its answer waits for readers, and no other work does", answer_waits_for_readers },
	{ "S5.4 its answer waits for handlers of the ID, and no other work does", answer_waits_for_handlers },
	{ "S5.4 in a read section detach is -EDEADLK, the other form works", not_in_sections },
	{ "S5.4 in a getter detach is -EDEADLK, the other form works", not_in_getters },
	{ "S5.4 in a handler detach is -EDEADLK, the other form works", not_in_handlers },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("detach", cases, argc, argv);
}
