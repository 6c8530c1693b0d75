/*
 * Private data (S5.1 to S5.4): find, getters, read sections, attach and detach, and for whom detach waits.
 */
#include "support.h"

#include <sched.h>

#ifdef FIND_INLINE
#include <ioasid/inline.h>
#define SUITE "find-inline"
#else
#define SUITE "find"
#endif

/* --- Find and attach --- */

static unsigned int asked;

static int keep(void *data)
{
	asked++;
	return data != NULL;
}

static int refuse(void *data)
{
	(void)data;
	asked++;
	return 0;
}

static void find_answers(void)
{
	static const ioasid_t none[] = { 0, 6, 99, 100, IOASID_CAPACITY_MAX, IOASID_INVALID };
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	int number;
	ioasid_t id;
	void *data = &pool;

	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	CHECK_EQ(ioasid_find(set, 5, NULL, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		CHECK_EQ(ioasid_find(set, none[i], NULL, &data), -ENOENT);
		CHECK_EQ(ioasid_find(other, none[i], keep, &data), -ENOENT);
		CHECK_EQ(ioasid_find(ioasid_pool_root(pool), none[i], keep, &data), -ENOENT);
	}
	CHECK_EQ(ioasid_find(other, 5, NULL, &data), -EACCES);
	CHECK(data == &pool);
	CHECK_EQ(ioasid_find(set, 5, NULL, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_find(other, 5, NULL, &data), -EACCES);
	CHECK_EQ(ioasid_find(set, 5, keep, &data), -ENOENT);
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(ioasid_find(other, 5, NULL, &data), -ENOENT);
	CHECK(data == &number);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

static void getter_decides(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	int number;
	void *data = &pool;

	id_make_at(set, 5);
	asked = 0;
	CHECK_EQ(ioasid_find(set, 5, keep, &data), 0);
	CHECK(data == NULL);
	CHECK_EQ(asked, 0);
	CHECK_EQ(ioasid_attach_data(set, 5, &number), 0);
	CHECK_EQ(ioasid_find(set, 5, keep, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(asked, 1);
	CHECK_EQ(ioasid_find(set, 5, refuse, &data), 0);
	CHECK(data == NULL);
	CHECK_EQ(asked, 2);
	CHECK_EQ(ioasid_find(set, 6, keep, &data), -ENOENT);
	CHECK_EQ(asked, 2);
	set_end(set);
	pool_end(pool);
}

static void attach_answers(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	int number, second;
	void *data = NULL;

	id_make_at(set, 5);
	CHECK_EQ(ioasid_attach_data(set, 5, NULL), -EINVAL);
	CHECK_EQ(ioasid_attach_data(set, 6, &number), -ENOENT);
	CHECK_EQ(ioasid_attach_data(set, 0, &number), -ENOENT);
	CHECK_EQ(ioasid_attach_data(set, 100, &number), -ENOENT);
	CHECK_EQ(ioasid_attach_data(other, 5, &number), -EACCES);
	CHECK_EQ(ioasid_attach_data(set, 5, &number), 0);
	CHECK_EQ(ioasid_attach_data(set, 5, &second), -EBUSY);
	CHECK_EQ(ioasid_attach_data(set, 5, &number), -EBUSY);
	CHECK_EQ(ioasid_attach_data(other, 5, &second), -EACCES);
	CHECK_EQ(ioasid_find(set, 5, NULL, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK_EQ(ioasid_attach_data(set, 5, &second), 0);
	CHECK_EQ(ioasid_find(set, 5, NULL, &data), 0);
	CHECK(data == &second);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_attach_data(set, 5, &number), -ENOENT);
	CHECK_EQ(ioasid_attach_data(other, 5, &number), -EACCES);
	CHECK_EQ(ioasid_put(set, 5), 1);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

static void detach_answers(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	int number;
	void *data = &pool;

	id_make_at(set, 5);
	CHECK_EQ(ioasid_detach_data(set, 5, NULL), -EINVAL);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), -ENOENT);
	CHECK_EQ(ioasid_detach_data(set, 6, &data), -ENOENT);
	CHECK_EQ(ioasid_detach_data(set, IOASID_INVALID, &data), -ENOENT);
	CHECK_EQ(ioasid_attach_data(set, 5, &number), 0);
	CHECK_EQ(ioasid_detach_data(other, 5, &data), -EACCES);
	CHECK(data == &pool);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), -ENOENT);
	CHECK_EQ(ioasid_attach_data(set, 5, &number), 0);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	data = &pool;
	CHECK_EQ(ioasid_detach_data(other, 5, &data), -EACCES);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), -ENOENT);
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(stats_of(set).misuse, 0);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

/* --- For whom detach waits --- */

/* Somebody who sees the data and rests there, and somebody who detaches it. */
struct meeting {
	struct ioasid_set *set;
	struct gate gate;
	int *seen;
	void *old;
	int ret;
	struct task reader, detacher;
};

static struct gate *getter_gate;

static int rest_in_getter(void *data)
{
	gate_pass(getter_gate);
	CHECK_EQ(*(int *)data, 1);
	return 1;
}

static void read_in_getter(void *arg)
{
	struct meeting *m = arg;
	void *data;

	CHECK_EQ(ioasid_find(m->set, 5, rest_in_getter, &data), 0);
}

static void read_in_section(void *arg)
{
	struct meeting *m = arg;
	void *data = NULL;

	ioasid_read_begin();
	ioasid_read_begin();
	CHECK_EQ(ioasid_find(m->set, 5, NULL, &data), 0);
	ioasid_read_end();
	gate_pass(&m->gate);
	if (CHECK(data != NULL))
		CHECK_EQ(*(int *)data, 1);
	ioasid_read_end();
}

static void detach(void *arg)
{
	struct meeting *m = arg;

	m->ret = ioasid_detach_data(m->set, 5, &m->old);
	if (m->ret == 0)
		*(int *)m->old = 0;
}

/* Detach hides the data before it waits. */
static void await_hidden(struct ioasid_set *set)
{
	for (void *data = set; data != NULL; sched_yield())
		REQUIRE_EQ(ioasid_find(set, 5, NULL, &data), 0);
}

static void detach_waits(void (*reader)(void *meeting))
{
	struct ioasid_pool *pool = pool_make(100);
	struct meeting m = { .set = set_make(pool, 10), .gate = GATE_CLOSED };
	int number = 1, second = 2;
	ioasid_t id;
	void *data;

	getter_gate = &m.gate;
	CHECK_EQ(ioasid_alloc(m.set, 5, 5, &number, &id), 0);
	task_start(&m.reader, reader, &m);
	gate_await(&m.gate, 1);
	task_start(&m.detacher, detach, &m);
	/* Nobody finds it any more, and its place can be taken, while detach still waits. */
	await_hidden(m.set);
	CHECK(task_blocked(&m.detacher));
	CHECK_EQ(ioasid_attach_data(m.set, 5, &second), 0);
	gate_open(&m.gate);
	task_join(&m.reader);
	task_join(&m.detacher);
	CHECK_EQ(m.ret, 0);
	CHECK(m.old == &number);
	CHECK_EQ(ioasid_find(m.set, 5, NULL, &data), 0);
	CHECK(data == &second);
	CHECK_EQ(ioasid_detach_data(m.set, 5, &data), 0);
	set_end(m.set);
	pool_end(pool);
}

static void detach_waits_for_getters(void)
{
	detach_waits(read_in_getter);
}

static void detach_waits_for_sections(void)
{
	detach_waits(read_in_section);
}

/* A handler that was told the data, at any event of the ID. */
static int rest_in_handler(struct subscriber *s, const struct ioasid_event *event)
{
	struct meeting *m = s->context;

	if (event->id != 5 || !(event->event & s->gate_events))
		return 0;
	if (CHECK(event->data == m->seen)) {
		gate_pass(&m->gate);
		CHECK_EQ(*(int *)event->data, 1);
	}
	return 0;
}

static void transition(void *arg)
{
	struct meeting *m = arg;

	CHECK_EQ(ioasid_attach_spid(m->set, 5, ioasid_spid_make(1)), 0);
	CHECK_EQ(ioasid_detach_spid(m->set, 5), 0);
	CHECK_EQ(ioasid_free(m->set, 5), 0);
}

static void detach_waits_for_handlers(void)
{
	static const uint32_t events[] = { IOASID_EVENT_BIND, IOASID_EVENT_UNBIND, IOASID_EVENT_FREE };

	for (size_t i = 0; i < 3; i++) {
		struct ioasid_pool *pool = pool_make(100);
		struct meeting m = { .set = set_make(pool, 10), .gate = GATE_CLOSED };
		int number = 1;
		struct subscriber s;
		ioasid_t id;

		subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
		s.hook = rest_in_handler;
		s.context = &m;
		s.gate_events = events[i];
		m.seen = &number;
		CHECK_EQ(ioasid_register_notifier(m.set, &s.block, 0), 0);
		CHECK_EQ(ioasid_alloc(m.set, 5, 5, &number, &id), 0);
		/* A detacher that comes late finds the ID pending, with its data. */
		CHECK_EQ(ioasid_get(m.set, 5), 0);
		task_start(&m.reader, transition, &m);
		gate_await(&m.gate, 1);
		task_start(&m.detacher, detach, &m);
		if (events[i] != IOASID_EVENT_FREE)
			await_hidden(m.set);
		CHECK(task_blocked(&m.detacher));
		gate_open(&m.gate);
		task_join(&m.detacher);
		task_join(&m.reader);
		CHECK_EQ(ioasid_put(m.set, 5), 1);
		CHECK_EQ(m.ret, 0);
		CHECK(m.old == &number);
		CHECK_EQ(stats_of(m.set).misuse, 0);
		set_end(m.set);
		pool_end(pool);
	}
}

/* Readers of other IDs' data are readers, too; but handlers of other IDs were told nothing of this. */
static void detach_waits_for_no_other_handler(void)
{
	struct gate gate = GATE_OPEN;
	struct ioasid_pool *pool = pool_make(100);
	struct meeting m = { .set = set_make(pool, 10) };
	int number = 1, other = 1;
	struct subscriber s;
	ioasid_t id;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_BIND;
	CHECK_EQ(ioasid_register_notifier(m.set, &s.block, 0), 0);
	CHECK_EQ(ioasid_alloc(m.set, 5, 5, &number, &id), 0);
	CHECK_EQ(ioasid_alloc(m.set, 6, 6, &other, &id), 0);
	gate_close(&gate);
	task_start(&m.reader, transition, &m);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_detach_data(m.set, 6, &m.old), 0);
	CHECK(m.old == &other);
	gate_open(&gate);
	task_join(&m.reader);
	set_end(m.set);
	pool_end(pool);
}

/* --- Find waits for nobody --- */

static void find_passes_everybody(void)
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct meeting m = { .set = set_make(pool, 10), .gate = GATE_CLOSED };
	int number = 1;
	struct subscriber s;
	struct task task;
	ioasid_t id;
	void *data;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_BIND;
	CHECK_EQ(ioasid_register_notifier(m.set, &s.block, 0), 0);
	CHECK_EQ(ioasid_alloc(m.set, 5, 5, &number, &id), 0);
	id_make_at(m.set, 7);
	CHECK_EQ(ioasid_attach_data(m.set, 7, &number), 0);
	/* One thread in a handler of the ID, one in a section, one that waits for both to detach another ID's
	 * data. */
	task_start(&task, transition, &m);
	gate_await(&gate, 1);
	task_start(&m.reader, read_in_section, &m);
	gate_await(&m.gate, 1);
	CHECK_EQ(ioasid_find(m.set, 5, keep, &data), 0);
	CHECK(data == &number);
	task_start(&m.detacher, detach, &m);
	await_hidden(m.set);
	CHECK(task_blocked(&m.detacher));
	CHECK_EQ(ioasid_find(m.set, 7, keep, &data), 0);
	CHECK(data == &number);
	gate_open(&m.gate);
	gate_open(&gate);
	task_join(&m.reader);
	task_join(&m.detacher);
	task_join(&task);
	set_end(m.set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S5.1 find tells unknown, pending, others' and data apart", find_answers },
	{ "S5.1 a getter is asked for data only, and can refuse it", getter_decides },
	{ "S5.3 data is attached to an ACTIVE ID that has none", attach_answers },
	{ "S5.4 data is detached once, from an ACTIVE or FREE_PENDING ID", detach_answers },
	{ "S5.4 detach returns when no getter can see the data", detach_waits_for_getters },
	{ "S5.4 detach returns when no read section can see the data", detach_waits_for_sections },
	{ "S5.4 detach returns when no handler of the ID can see the data", detach_waits_for_handlers },
	{ "S5.4 detach does not wait for handlers of other IDs", detach_waits_for_no_other_handler },
	{ "S5.2 find passes everybody who rests in a handler, a section or a wait", find_passes_everybody },
};

int main(int argc, char **argv)
{
	return TEST_MAIN(SUITE, cases, argc, argv);
}
