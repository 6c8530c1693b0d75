/*
 * Finding many at once, and finds that are expanded in their callers: both answer as ioasid_find() does
 * (S5.1,
 * S14.3).
 */
#include "support.h"

#include <ioasid/inline.h>

enum { CAPACITY = 400, MANY = 512 };

/* Not expanded: the compiler does not know what it points to. */
static int (*volatile find_of_library)(struct ioasid_set *, ioasid_t, int (*)(void *), void **) = ioasid_find;

static struct scene {
	struct ioasid_pool *pool;
	struct ioasid_set *set, *other;
	int marks[CAPACITY];
} scene;

/* IDs of each kind side by side: with data, without, pending, FREE, another set's. */
static void scene_begin(void)
{
	ioasid_t id;

	scene.pool = pool_make(CAPACITY);
	scene.set = set_make(scene.pool, 250);
	scene.other = set_make(scene.pool, 100);
	for (ioasid_t i = 1; i < CAPACITY; i++) {
		struct ioasid_set *set = i % 5 == 4 ? scene.other : scene.set;

		if (i % 5 == 3)
			continue;
		REQUIRE_EQ(ioasid_alloc(set, i, i, i % 5 == 1 ? NULL : &scene.marks[i], &id), 0);
		if (i % 5 == 2 && i % 2 == 0) {
			REQUIRE_EQ(ioasid_get(set, i), 0);
			REQUIRE_EQ(ioasid_free(set, i), 0);
		}
	}
}

static void scene_end(void)
{
	for (ioasid_t i = 1; i < CAPACITY; i++)
		if (i % 5 == 2 && i % 2 == 0)
			CHECK_EQ(ioasid_put(scene.set, i), 1);
	set_end(scene.set);
	set_end(scene.other);
	pool_end(scene.pool);
}

/* All numbers around the pool in an order that jumps. */
static uint32_t numbers(ioasid_t ids[MANY])
{
	for (uint32_t i = 0; i < MANY; i++)
		ids[i] = i * 197 % MANY;
	ids[7] = IOASID_INVALID;
	ids[8] = IOASID_CAPACITY_MAX;
	ids[9] = ids[10];
	return MANY;
}

static void compare(struct ioasid_set *set, const ioasid_t *ids, uint32_t count)
{
	void *data[MANY], *one;
	int errs[MANY], found = 0, err;

	memset(errs, 1, sizeof(errs));
	memset(data, 1, sizeof(data));
	for (uint32_t i = 0; i < count; i++)
		found += find_of_library(set, ids[i], NULL, &one) == 0;
	CHECK_EQ(ioasid_find_many(set, ids, count, data, errs), found);
	for (uint32_t i = 0; i < count; i++) {
		one = NULL;
		err = find_of_library(set, ids[i], NULL, &one);
		CHECK_EQ(errs[i], err);
		CHECK(data[i] == one);
	}
	CHECK_EQ(ioasid_find_many(set, ids, count, data, NULL), found);
}

static void many_answer_as_one(void)
{
	ioasid_t ids[MANY];
	uint32_t count = numbers(ids), n;

	scene_begin();
	for (n = 0; n < 40; n++)
		compare(scene.set, ids + n, n);
	compare(scene.set, ids, count);
	compare(scene.other, ids, count);
	compare(ioasid_pool_root(scene.pool), ids, count);
	scene_end();
}

static void many_check_arguments(void)
{
	ioasid_t ids[1] = { 1 };
	void *data[1];

	scene_begin();
	CHECK_EQ(ioasid_find_many(NULL, ids, 1, data, NULL), -EINVAL);
	CHECK_EQ(ioasid_find_many(scene.set, NULL, 1, data, NULL), -EINVAL);
	CHECK_EQ(ioasid_find_many(scene.set, ids, 1, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_find_many(scene.set, ids, IOASID_CAPACITY_MAX + 1, data, NULL), -EINVAL);
	CHECK_EQ(ioasid_find_many(scene.set, NULL, 0, NULL, NULL), 0);
	scene_end();
}

static int keep_odd(void *data)
{
	return (int)(((int *)data - scene.marks) % 2);
}

static void expanded_answers_as_called(void)
{
	int (*const getters[])(void *) = { NULL, keep_odd };
	struct ioasid_set *sets[4];
	ioasid_t ids[MANY];
	uint32_t count = numbers(ids);

	scene_begin();
	sets[0] = scene.set;
	sets[1] = scene.other;
	sets[2] = ioasid_pool_root(scene.pool);
	sets[3] = NULL;
	for (unsigned int n = 0; n < 8; n++)
		for (uint32_t i = 0; i < count; i++) {
			void *one = &one, *two = &one;
			int err = ioasid_find(sets[n / 2], ids[i], getters[n % 2], &one);

			CHECK_EQ(err, find_of_library(sets[n / 2], ids[i], getters[n % 2], &two));
			CHECK(one == two);
		}
	CHECK_EQ(ioasid_find(scene.set, 1, NULL, NULL), -EINVAL);
	scene_end();
}

/* An ID that is being born exists for the thread that delivers its ALLOC only. */
struct birth {
	struct gate gate;
	struct ioasid_set *set;
	ioasid_t id;
};

static int sees(struct birth *b, ioasid_t id)
{
	void *data = NULL, *many[1];
	int err = ioasid_find(b->set, id, NULL, &data), errs[1];

	CHECK_EQ(ioasid_find_many(b->set, &id, 1, many, errs), err == 0);
	CHECK_EQ(errs[0], err);
	CHECK(many[0] == data);
	return err;
}

static int on_alloc(void *context, const struct ioasid_event *event)
{
	struct birth *b = context;

	CHECK_EQ(sees(b, event->id), 0);
	b->id = event->id;
	gate_pass(&b->gate);
	return 0;
}

static void bear(void *arg)
{
	struct birth *b = arg;
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(b->set, 1, IOASID_INVALID, b, &id), 0);
}

static void unborn_are_not_found(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct birth b = { .set = set_make(pool, 10) };
	struct ioasid_notifier block = {
		.handler = on_alloc, .context = &b, .events = IOASID_EVENT_ALLOC, .priority = IOASID_PRIO_CPU,
	};
	struct task task;

	CHECK_EQ(ioasid_register_notifier(b.set, &block, 0), 0);
	gate_close(&b.gate);
	task_start(&task, bear, &b);
	gate_await(&b.gate, 1);
	CHECK_EQ(sees(&b, b.id), -ENOENT);
	gate_open(&b.gate);
	task_join(&task);
	CHECK_EQ(sees(&b, b.id), 0);
	CHECK_EQ(ioasid_unregister_notifier(b.set, &block), 0);
	set_end(b.set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S5.1 many answer each as one find would, in any number and order", many_answer_as_one },
	{ "S0.1 many look at their arguments first", many_check_arguments },
	{ "S14.3 an expanded find answers as the library's function, whose address it is", expanded_answers_as_called },
	{ "S7.7 an ID that is being born is found by the thread of its ALLOC only, expanded or many", unborn_are_not_found },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("find-many", cases, argc, argv);
}
