/*
 * The death of a set (S2.3), and what races with it.
 */
#include "support.h"

#include <sched.h>
#include <stdio.h>

/* --- What dies and what stays --- */

static void death_frees_every_id(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(1000);
	struct ioasid_set *set = set_make_token(pool, 5, 200), *other = set_make(pool, 10);
	struct subscriber s;
	char text[32];

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	s.block.events = IOASID_EVENT_FREE;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	for (ioasid_t id = 100; id < 300; id++)
		id_make_at(set, id);
	id_make_at(other, 50);
	set_end(set);
	CHECK_EQ(journal_count(&j), 200);
	for (ioasid_t id = 100; id < 300; id++) {
		snprintf(text, sizeof(text), "s:FREE %u", id);
		CHECK(journal_has(&j, text));
		CHECK_EQ(ioasid_get(ioasid_pool_root(pool), id), -ENOENT);
	}
	CHECK_EQ(available(pool), 989);
	CHECK_EQ(id_refs(other, 50), 1);
	/* Its subscribers went after the last FREE; nobody holds the pool any more. */
	set_end(other);
	pool_end(pool);
}

static void referenced_ids_go_one_by_one(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make_token(pool, 5, 20), *heir;
	struct subscriber s;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	s.block.events = IOASID_EVENT_FREE;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	for (ioasid_t id = 1; id <= 3; id++) {
		id_make_at(set, id);
		CHECK_EQ(ioasid_get(set, id), 0);
	}
	CHECK_EQ(ioasid_get(set, 3), 0);
	set_end(set);
	CHECK_EQ(journal_count(&j), 3);
	CHECK_EQ(available(pool), 96);
	/* The token is free at once, for a set that is another one. */
	heir = set_make_token(pool, 5, 96);
	CHECK(heir != set);
	CHECK_EQ(ioasid_put(heir, 1), -EACCES);
	CHECK_EQ(ioasid_put(set, 1), 1);
	CHECK_EQ(ioasid_put(set, 3), 0);
	CHECK_EQ(ioasid_put(set, 2), 1);
	CHECK_EQ(available(pool), 2);
	CHECK_EQ(ioasid_put(set, 3), 1);
	CHECK_EQ(available(pool), 3);
	CHECK_EQ(journal_count(&j), 3);
	set_end(heir);
	pool_end(pool);
}

static int walked(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)set;
	(void)id;
	++*(unsigned int *)context;
	return 0;
}

/* The holder of an ID's reference may call with the set; what needs a live set answers -ENOENT, the rest
 * works. */
static void dead_set_answers(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 20);
	struct subscriber s;
	unsigned int count = 0;
	int number;
	ioasid_t id = 0;
	ioasid_handle_t handle;
	ioasid_spid_t spid;
	uint32_t refs;
	void *data;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	id_make_at(set, 7);
	CHECK_EQ(ioasid_get(set, 7), 0);
	CHECK_EQ(ioasid_get(set, 7), 0);
	CHECK_EQ(ioasid_attach_data(set, 7, &number), 0);
	CHECK_EQ(ioasid_attach_spid(set, 7, ioasid_spid_make(70)), 0);
	CHECK_EQ(ioasid_handle_of(set, 7, &handle), 0);
	set_end(set);

	CHECK_EQ(ioasid_alloc(set, 1, 99, NULL, &id), -ENOENT);
	CHECK_EQ(id, IOASID_INVALID);
	id = 0;
	CHECK_EQ(ioasid_alloc_range(set, 2, 1, 1, 99, &id), -ENOENT);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(ioasid_set_get(set), -ENOENT);
	CHECK_EQ(ioasid_set_put(set), -ENOENT);
	CHECK_EQ(ioasid_set_adjust_quota(set, 30), -ENOENT);
	CHECK_EQ(ioasid_set_for_each(set, walked, &count), -ENOENT);
	CHECK_EQ(count, 0);
	CHECK_EQ(ioasid_set_reset(set), -ENOENT);
	CHECK_EQ(ioasid_set_teardown_mode(set, IOASID_TEARDOWN_BLOCK), -ENOENT);
	CHECK_EQ(ioasid_set_on_release(set, NULL, NULL), -ENOENT);
	CHECK_EQ(ioasid_set_quota_alarm(set, 0, NULL, NULL), -ENOENT);
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), -ENOENT);
	CHECK_EQ(ioasid_unregister_notifier(set, &s.block), -ENOENT);
	CHECK_EQ(ioasid_attach_spid(set, 7, ioasid_spid_make(71)), -ENOENT);

	CHECK_EQ(ioasid_get(set, 7), -ENOENT);
	CHECK_EQ(ioasid_find(set, 7, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_find_by_spid(set, ioasid_spid_make(70), &id), -ENOENT);
	CHECK_EQ(ioasid_spid(set, 7, &spid), -ENOENT);
	CHECK_EQ(ioasid_detach_spid(set, 7), -ENOENT);
	CHECK_EQ(ioasid_refs(set, 7, &refs), 0);
	CHECK_EQ(refs, 2);
	CHECK_EQ(stats_of(set).pending, 1);
	CHECK_EQ(ioasid_free(set, 7), 0);
	CHECK_EQ(ioasid_detach_data(set, 7, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_put_handle(set, handle), 0);
	CHECK_EQ(ioasid_put(set, 7), 1);
	pool_end(pool);
}

/* --- Alloc --- */

struct death {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	ioasid_t id;
	int ret;
};

static char thing[] = "private data";
static atomic_uint released;

static void release_thing(void *context, void *data)
{
	CHECK(context == NULL && data == thing);
	atomic_fetch_add(&released, 1);
}

static void alloc_with_data_in_dying(void *arg)
{
	struct death *d = arg;

	d->ret = ioasid_alloc(d->set, 10, 99, thing, &d->id);
}

static void alloc_in_dying(void *arg)
{
	struct death *d = arg;

	d->ret = ioasid_alloc(d->set, 10, 99, NULL, &d->id);
}

static void range_in_dying(void *arg)
{
	struct death *d = arg;

	d->ret = ioasid_alloc_range(d->set, 4, 4, 10, 99, &d->id);
}

static void kill_set(void *arg)
{
	struct death *d = arg;

	d->ret = ioasid_set_put(d->set);
}

/* A thread is stopped in the ALLOC handler when the last reference is put: its ID is swept, or was never
 * there. */
static void death_while_alloc(void (*fn)(void *arg))
{
	struct journal j = JOURNAL_EMPTY;
	struct gate gate = GATE_OPEN;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 20), *root = ioasid_pool_root(pool);
	struct death birth = { .set = set }, end = { .set = set };
	struct task birth_task, end_task;
	struct subscriber s;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_ALLOC;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	CHECK_EQ(ioasid_set_on_release(set, release_thing, NULL), 0);
	atomic_store(&released, 0);
	id_make_at(set, 1);
	CHECK_EQ(ioasid_get(set, 1), 0);
	gate_close(&gate);
	task_start(&birth_task, fn, &birth);
	gate_await(&gate, 1);
	task_start(&end_task, kill_set, &end);
	task_blocked(&end_task);
	gate_open(&gate);
	task_join(&birth_task);
	task_join(&end_task);
	CHECK_EQ(end.ret, 1);
	if (CHECK(birth.ret == 0 || birth.ret == -ENOENT) && birth.ret)
		CHECK_EQ(birth.id, IOASID_INVALID);
	for (ioasid_t id = 10; id < 100; id++)
		CHECK_EQ(ioasid_get(root, id), -ENOENT);
	/* Each ALLOC has its FREE, and the first ID has both. */
	CHECK_EQ(journal_count(&j) % 2, 0);
	CHECK_EQ(available(pool), 98);
	CHECK_EQ(ioasid_put(set, 1), 1);
	CHECK_EQ(available(pool), 99);
	pool_end(pool);
	/* Whose the data is, is told by the answer: the caller's, or the release function's, which got it
	 * once. */
	CHECK_EQ(atomic_load(&released), fn == alloc_with_data_in_dying && birth.ret == 0);
}

static void alloc_races_with_death(void)
{
	death_while_alloc(alloc_in_dying);
}

static void alloc_with_data_races_with_death(void)
{
	death_while_alloc(alloc_with_data_in_dying);
}

static void range_races_with_death(void)
{
	death_while_alloc(range_in_dying);
}

/* The last reference is put inside the handler of an ID that is being born. */
static int kill_own_set(struct subscriber *s, const struct ioasid_event *event)
{
	struct death *d = s->context;

	if (event->event == IOASID_EVENT_ALLOC && event->id != 1)
		d->ret = ioasid_set_put(event->set);
	return 0;
}

static void death_in_the_handler_of_a_birth(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 20);
	struct death d = { .ret = 7 };
	struct subscriber s;
	ioasid_t id;
	int ret;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	s.hook = kill_own_set;
	s.context = &d;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 1);
	CHECK_EQ(ioasid_get(set, 1), 0);
	ret = ioasid_alloc(set, 2, 2, NULL, &id);
	CHECK(ret == 0 || ret == -ENOENT);
	CHECK_EQ(d.ret, 1);
	CHECK(journal_has(&j, "s:FREE 2"));
	CHECK(journal_has(&j, "s:FREE 1"));
	CHECK_EQ(journal_count(&j), 4);
	CHECK_EQ(ioasid_get(set, 2), -ENOENT);
	CHECK_EQ(id_refs(set, 1), 1);
	CHECK_EQ(ioasid_put(set, 1), 1);
	pool_end(pool);
}

struct storm {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	ioasid_t anchor;
	atomic_uint puts;
};

static void alloc_until_dead(void *arg, unsigned int index)
{
	struct storm *s = arg;
	ioasid_t id;
	int ret;

	if (index == 0) {
		sched_yield();
		CHECK_EQ(ioasid_set_put(s->set), 1);
		return;
	}
	for (;;) {
		ret = index == 1 ? ioasid_alloc_range(s->set, 3, 1, 1, 999, &id) :
				   ioasid_alloc(s->set, 1, 999, NULL, &id);
		if (ret == -ENOENT)
			return;
		if (ret == 0 && id % 2) {
			ret = ioasid_free(s->set, id);
			CHECK(ret == 0 || ret == -ENOENT);
		} else {
			CHECK(ret == 0 || ret == -EDQUOT || ret == -EAGAIN);
		}
	}
}

static int visited(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)context;
	(void)set;
	CHECK_EQ(id, 0);
	return 0;
}

static void nothing_survives_death(void)
{
	struct storm s = { .pool = pool_make(1000) };

	for (unsigned int i = 0; i < rounds(200); i++) {
		s.set = set_make(s.pool, 600);
		s.anchor = id_make(s.set);
		CHECK_EQ(ioasid_get(s.set, s.anchor), 0);
		crowd(4, alloc_until_dead, &s);
		CHECK_EQ(ioasid_set_for_each(ioasid_pool_root(s.pool), visited, NULL), 0);
		CHECK_EQ(available(s.pool), 998);
		CHECK_EQ(ioasid_put(s.set, s.anchor), 1);
		CHECK_EQ(available(s.pool), 999);
	}
	pool_end(s.pool);
}

/* --- Find and get --- */

/* Who finds a set has a reference to it: it cannot die before that is put. Each life ends by exactly one put. */
static void find_or_make(void *arg, unsigned int index)
{
	struct storm *s = arg;
	struct ioasid_set *set;
	ioasid_t id;
	int ret;

	(void)index;
	for (unsigned int i = 0; i < rounds(500); i++) {
		ret = ioasid_set_find(s->pool, IOASID_SET_OPAQUE, 9, &set);
		if (ret == -ENOENT)
			ret = ioasid_set_alloc(s->pool, IOASID_SET_OPAQUE, 9, 8, &set);
		else
			CHECK_EQ(ret, 0);
		if (ret) {
			CHECK_EQ(ret, -EEXIST);
			continue;
		}
		CHECK_EQ(ioasid_set_get(set), 0);
		ret = ioasid_alloc(set, 1, 99, NULL, &id);
		CHECK(ret == 0 || ret == -EDQUOT);
		CHECK_EQ(ioasid_set_put(set), 0);
		ret = ioasid_set_put(set);
		CHECK(ret == 0 || ret == 1);
		atomic_fetch_add(&s->puts, ret == 1);
		sched_yield();
	}
}

static void found_sets_are_alive(void)
{
	struct storm s = { .pool = pool_make(1000) };

	crowd(2, find_or_make, &s);
	CHECK(atomic_load(&s.puts) > 0);
	CHECK_EQ(available(s.pool), 999);
	pool_end(s.pool);
}

static const struct test_case cases[] = {
	{ "S2.3 the death of a set frees every ID of it and nobody else's", death_frees_every_id },
	{ "S2.3 IDs that are referenced outlive their set one by one, and the token is free at once",
	  referenced_ids_go_one_by_one },
	{ "S2.3 a dead set is -ENOENT, but put, find, spid and detach stay legal", dead_set_answers },
	{ "S2.3 an alloc that races with death is swept or refused", alloc_races_with_death },
	{ "S2.3 an alloc with data that races with death leaves it to the caller or the release function, not both",
	  alloc_with_data_races_with_death },
	{ "S2.3 a range that races with death is swept or refused", range_races_with_death },
	{ "S2.3 a set may die inside the handler of a birth in it", death_in_the_handler_of_a_birth },
	{ "S2.3 nothing is ACTIVE after death, whatever threads allocate meanwhile", nothing_survives_death },
	{ "S2.2 a set that was found is alive until it is put", found_sets_are_alive },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("set_death", cases, argc, argv);
}
