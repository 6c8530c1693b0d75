/*
 * What reclaim does with SPID, private data and credit (S4.6), and the function that a set has for data left
 * behind.
 */
#include "support.h"

#include <sched.h>
#include <stdlib.h>

/* Data that says what happened to it. */
struct thing {
	int value;
	atomic_uint released;
	pthread_t by;
};

static void thing_release(void *context, void *data)
{
	struct thing *t = data;

	t->by = pthread_self();
	t->value = -1;
	atomic_fetch_add(&t->released, 1);
	if (context)
		gate_pass(context);
}

static void nothing_is_left_for_the_next(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	ioasid_spid_t spid;
	int number;
	ioasid_t id;
	void *data;

	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	CHECK_EQ(ioasid_attach_spid(set, 5, ioasid_spid_make(50)), 0);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_put(set, 5), 1);
	id_make_at(other, 5);
	CHECK_EQ(ioasid_find(other, 5, NULL, &data), 0);
	CHECK(data == NULL);
	CHECK_EQ(ioasid_spid(other, 5, &spid), -ENOENT);
	CHECK_EQ(ioasid_find_by_spid(set, ioasid_spid_make(50), &id), -ENOENT);
	CHECK_EQ(ioasid_find_by_spid(other, ioasid_spid_make(50), &id), -ENOENT);
	CHECK_EQ(ioasid_get(set, 5), -EACCES);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

static void left_data_is_misuse(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct thing thing = { .value = 1 };
	ioasid_t id;
	void *data;

	for (unsigned int i = 1; i <= 3; i++) {
		CHECK_EQ(ioasid_alloc(set, 5, 5, &thing, &id), 0);
		CHECK_EQ(ioasid_free(set, 5), 0);
		CHECK_EQ(stats_of(set).misuse, i);
	}
	CHECK_EQ(ioasid_alloc(set, 5, 5, &thing, &id), 0);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(stats_of(set).misuse, 3);
	CHECK_EQ(stats_of(ioasid_pool_root(pool)).misuse, 3);
	CHECK_EQ(thing.value, 1);
	set_end(set);
	pool_end(pool);
}

static void release_arguments(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);

	CHECK_EQ(ioasid_set_on_release(NULL, thing_release, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), 0);
	CHECK_EQ(ioasid_set_on_release(set, NULL, NULL), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), -EBUSY);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), -EBUSY);
	ioasid_read_begin();
	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), -EDEADLK);
	ioasid_read_end();
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), 0);
	set_end(set);
	pool_end(pool);
}

static void await(atomic_uint *count, unsigned int value)
{
	while (atomic_load(count) < value)
		sched_yield();
}

static void data_is_released_once(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50);
	struct thing thing[40] = { { .value = 0 } }, detached = { .value = 0 };
	ioasid_t id;
	void *data;

	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), 0);
	for (ioasid_t i = 0; i < 40; i++) {
		CHECK_EQ(ioasid_alloc(set, 1 + i, 1 + i, i < 20 ? &thing[i] : NULL, &id), 0);
		if (i >= 20)
			CHECK_EQ(ioasid_attach_data(set, id, &thing[i]), 0);
	}
	/* What was detached is its owner's again. */
	CHECK_EQ(ioasid_alloc(set, 90, 90, &detached, &id), 0);
	CHECK_EQ(ioasid_detach_data(set, 90, &data), 0);
	CHECK_EQ(ioasid_free(set, 90), 0);
	for (ioasid_t i = 0; i < 40; i += 2)
		CHECK_EQ(ioasid_free(set, 1 + i), 0);
	for (ioasid_t i = 0; i < 40; i += 2)
		await(&thing[i].released, 1);
	for (ioasid_t i = 0; i < 40; i++)
		CHECK_EQ(atomic_load(&thing[i].released), i % 2 == 0);
	/* The others go with the set. */
	set_end(set);
	for (ioasid_t i = 1; i < 40; i += 2)
		await(&thing[i].released, 1);
	pool_end(pool);
	for (ioasid_t i = 0; i < 40; i++) {
		CHECK_EQ(atomic_load(&thing[i].released), 1);
		CHECK(!pthread_equal(thing[i].by, pthread_self()));
	}
	CHECK_EQ(atomic_load(&detached.released), 0);
}

/* Memory that a release function really frees: a reader that may still see it would read freed memory. */
static int thing_getter(void *data)
{
	return ((struct thing *)data)->value == 7;
}

struct readers {
	struct ioasid_set *set;
	unsigned int times;
	atomic_bool stop;
};

static void thing_free(void *context, void *data)
{
	(void)context;
	((struct thing *)data)->value = 0;
	free(data);
}

static void read_and_free(void *arg, unsigned int index)
{
	struct readers *r = arg;
	ioasid_t id;
	void *data;

	for (unsigned int i = 0; index == 0 && i < r->times; i++) {
		struct thing *t = calloc(1, sizeof(*t));

		if (!CHECK(t != NULL))
			break;
		t->value = 7;
		CHECK_EQ(ioasid_alloc(r->set, 5, 5, t, &id), 0);
		CHECK_EQ(ioasid_free(r->set, 5), 0);
	}
	if (index == 0)
		atomic_store(&r->stop, true);
	while (!atomic_load(&r->stop)) {
		if (index == 1) {
			CHECK(ioasid_find(r->set, 5, thing_getter, &data) != -EINVAL);
			sched_yield();
			continue;
		}
		ioasid_read_begin();
		if (ioasid_find(r->set, 5, NULL, &data) == 0 && data)
			CHECK_EQ(((struct thing *)data)->value, 7);
		ioasid_read_end();
		sched_yield();
	}
}

static void readers_see_no_released_data(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct readers r = { .set = set_make(pool, 50), .times = rounds(1000) };

	CHECK_EQ(ioasid_set_on_release(r.set, thing_free, NULL), 0);
	crowd(3, read_and_free, &r);
	set_end(r.set);
	pool_end(pool);
}

/* --- Who waits for whom --- */

struct reader {
	struct ioasid_set *set;
	struct gate gate;
	struct task task;
};

static void read_five(void *arg)
{
	struct reader *r = arg;
	struct thing *t = NULL;
	void *data;

	ioasid_read_begin();
	CHECK_EQ(ioasid_find(r->set, 5, NULL, &data), 0);
	t = data;
	gate_pass(&r->gate);
	if (CHECK(t != NULL))
		CHECK_EQ(t->value, 1);
	ioasid_read_end();
}

/* A reader rests with the data; the ID is reclaimed and used again; the data is released when the reader has
 * gone. */
static void reclaim_waits_for_no_reader(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct reader reader = { .set = set, .gate = GATE_CLOSED };
	struct thing thing = { .value = 1 };
	struct thing second = { .value = 1 };
	ioasid_t id;

	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), 0);
	CHECK_EQ(ioasid_alloc(set, 5, 5, &thing, &id), 0);
	task_start(&reader.task, read_five, &reader);
	gate_await(&reader.gate, 1);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, 0), 0);
	CHECK_EQ(ioasid_alloc(set, 5, 5, &second, &id), 0);
	CHECK_EQ(atomic_load(&thing.released), 0);
	gate_open(&reader.gate);
	task_join(&reader.task);
	await(&thing.released, 1);
	CHECK_EQ(thing.value, -1);
	set_end(set);
	await(&second.released, 1);
	pool_end(pool);
}

/* A release function that rests holds up nobody but the releases after it. */
static void release_holds_up_nobody(void)
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct thing thing = { .value = 1 };
	ioasid_t id;

	CHECK_EQ(ioasid_set_on_release(set, thing_release, &gate), 0);
	CHECK_EQ(ioasid_alloc(set, 5, 5, &thing, &id), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	gate_await(&gate, 1);
	for (ioasid_t i = 1; i <= 10; i++)
		id_make(set);
	set_end(set);
	CHECK_EQ(available(pool), 99);
	gate_open(&gate);
	pool_end(pool);
	CHECK_EQ(atomic_load(&thing.released), 1);
}

static void released_by_dispatch(void)
{
	struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct thing thing = { .value = 1 };
	ioasid_t id;

	CHECK_EQ(ioasid_set_on_release(set, thing_release, NULL), 0);
	CHECK_EQ(ioasid_alloc(set, 5, 5, &thing, &id), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(atomic_load(&thing.released), 0);
	CHECK(ioasid_pool_dispatch(pool) > 0);
	CHECK_EQ(atomic_load(&thing.released), 1);
	CHECK(pthread_equal(thing.by, pthread_self()));
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S4.6 SPID and data are gone before the number is handed out again", nothing_is_left_for_the_next },
	{ "S4.6 data that is attached at reclaim is forgotten and counted as misuse", left_data_is_misuse },
	{ "S4.6 a release function is given to a set without IDs", release_arguments },
	{ "S4.6 data left behind is released once, in a worker; detached data is not", data_is_released_once },
	{ "S4.6 a reader never sees data that was released", readers_see_no_released_data },
	{ "S4.6 reclaim does not wait for readers, release does", reclaim_waits_for_no_reader },
	{ "S4.6 a release function that blocks holds up no allocation and no death", release_holds_up_nobody },
	{ "S4.6 in a pool without workers data is released by dispatch", released_by_dispatch },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("release", cases, argc, argv);
}
