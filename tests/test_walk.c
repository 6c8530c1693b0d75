/*
 * Walks over the IDs of a set or a pool (S2.5).
 */
#include "support.h"

#include <string.h>

struct walk {
	struct ioasid_set *set;      /* what the callback has to be told */
	unsigned int visits[1024];   /* per ID */
	unsigned int count;
	ioasid_t last;
	ioasid_t stop_at;
	int stop_with;
	int (*more)(struct walk *walk, struct ioasid_set *set, ioasid_t id);
	struct gate *gate;
	struct ioasid_pool *pool;
	int ret;
};

static int visit(void *context, struct ioasid_set *set, ioasid_t id)
{
	struct walk *w = context;

	CHECK(!w->set || set == w->set);
	CHECK(id > w->last && id < IOASID_INVALID);
	w->last = id;
	w->count++;
	if (id < 1024)
		w->visits[id]++;
	if (w->more)
		w->more(w, set, id);
	if (w->gate)
		gate_pass(w->gate);
	return id == w->stop_at ? w->stop_with : 0;
}

static void ascending_once(void)
{
	static const ioasid_t ids[] = {
		1, 2, 63, 64, 65, 127, 128, 4095, 4096, 65535, 65536, 524288, IOASID_CAPACITY_MAX - 1,
	};
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 100), *other = set_make(pool, 10);
	struct walk w = { .set = set };

	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 0);
	CHECK_EQ(w.count, 0);
	for (size_t i = sizeof(ids) / sizeof(ids[0]); i-- > 0;)
		id_make_at(set, ids[i]);
	id_make_at(other, 3);
	id_make_at(other, 66);
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 0);
	CHECK_EQ(w.count, sizeof(ids) / sizeof(ids[0]));
	CHECK_EQ(w.last, IOASID_CAPACITY_MAX - 1);
	for (size_t i = 0; i < 7; i++)
		CHECK_EQ(w.visits[ids[i]], 1);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

static void pending_and_freed_are_passed_over(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50);
	struct walk w = { .set = set };

	for (ioasid_t id = 1; id <= 6; id++)
		id_make_at(set, id);
	CHECK_EQ(ioasid_get(set, 2), 0);
	CHECK_EQ(ioasid_free(set, 2), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 0);
	CHECK_EQ(w.count, 4);
	CHECK_EQ(w.visits[2] + w.visits[5], 0);
	CHECK_EQ(ioasid_put(set, 2), 1);
	set_end(set);
	pool_end(pool);
}

static void callback_ends_it(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50);
	struct walk w = { .stop_at = 3, .stop_with = 17 };

	for (ioasid_t id = 1; id <= 6; id++)
		id_make_at(set, id);
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 17);
	CHECK_EQ(w.count, 3);
	w = (struct walk){ .stop_at = 2, .stop_with = -ENOENT };
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), -ENOENT);
	CHECK_EQ(w.count, 2);
	for (ioasid_t id = 1; id <= 6; id++)
		CHECK_EQ(id_refs(set, id), 1);
	set_end(set);
	pool_end(pool);
}

static int count_set(struct walk *w, struct ioasid_set *set, ioasid_t id)
{
	/* Another set than the ID's own could not free it; the root handle could. */
	CHECK_EQ(ioasid_free(set, id), 0);
	w->ret += set == ioasid_pool_root(w->pool);
	return 0;
}

static void root_walks_the_pool(void)
{
	struct ioasid_pool *pool = pool_make(1000);
	struct ioasid_set *set[2] = { set_make(pool, 100), set_make(pool, 100) };
	struct walk w = { .more = count_set, .pool = pool };

	for (ioasid_t id = 10; id < 210; id++)
		id_make_at(set[id % 2], id);
	CHECK_EQ(ioasid_pool_reserve(pool, 300, 310), 0);
	CHECK_EQ(ioasid_set_for_each(ioasid_pool_root(pool), visit, &w), 0);
	CHECK_EQ(w.count, 200);
	CHECK_EQ(w.ret, 0);
	CHECK_EQ(stats_of(set[0]).allocated, 0);
	CHECK_EQ(stats_of(set[1]).allocated, 0);
	set_end(set[0]);
	set_end(set[1]);
	pool_end(pool);
}

static int do_everything(struct walk *w, struct ioasid_set *set, ioasid_t id)
{
	struct walk inner = { .set = set };
	ioasid_t more;
	void *data;

	CHECK_EQ(id_refs(set, id), 2);
	CHECK_EQ(ioasid_attach_data(set, id, w), 0);
	CHECK_EQ(ioasid_detach_data(set, id, &data), 0);
	CHECK_EQ(ioasid_attach_spid(set, id, ioasid_spid_make(id)), 0);
	CHECK_EQ(ioasid_set_for_each(set, visit, &inner), 0);
	CHECK(inner.count > 0);
	CHECK_EQ(ioasid_pool_reserve(w->pool, 900, 910), 0);
	CHECK_EQ(ioasid_pool_unreserve(w->pool, 900, 910), 0);
	CHECK_EQ(ioasid_set_adjust_quota(set, 400 + id), 0);
	if (id < 400)
		CHECK_EQ(ioasid_alloc(set, id + 400, id + 400, NULL, &more), 0);
	CHECK_EQ(ioasid_free(set, id), 0);
	CHECK_EQ(id_refs(set, id), 1);
	return 0;
}

static void callback_may_do_everything(void)
{
	struct ioasid_pool *pool = pool_make(1000);
	struct ioasid_set *set = set_make(pool, 500);
	struct walk w = { .set = set, .pool = pool, .more = do_everything };

	for (ioasid_t id = 1; id <= 100; id++)
		id_make_at(set, id);
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 0);
	for (ioasid_t id = 1; id <= 100; id++) {
		CHECK_EQ(w.visits[id], 1);
		CHECK_EQ(id_refs(set, id), 0);
	}
	set_end(set);
	pool_end(pool);
}

static void walk(void *arg)
{
	struct walk *w = arg;

	w->ret = ioasid_set_for_each(w->set, visit, w);
}

static void callback_blocks_alone(void)
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50), *other;
	struct walk w = { .set = set, .gate = &gate };
	struct subscriber s;
	struct task task;
	ioasid_t id;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	for (id = 1; id <= 4; id++)
		id_make_at(set, id);
	task_start(&task, walk, &w);
	gate_await(&gate, 1);
	/* The walk rests at ID 1. Nothing is locked; ID 1 is referenced and goes no further than
	 * FREE_PENDING. */
	CHECK_EQ(ioasid_free(set, 1), 0);
	CHECK_EQ(id_refs(set, 1), 1);
	CHECK_EQ(ioasid_free(set, 2), 0);
	CHECK_EQ(id_refs(set, 2), 0);
	CHECK_EQ(ioasid_alloc(set, 40, 40, NULL, &id), 0);
	other = set_make(pool, 10);
	CHECK_EQ(ioasid_pool_reserve(pool, 60, 70), 0);
	CHECK_EQ(ioasid_set_adjust_quota(set, 30), 0);
	CHECK_EQ(ioasid_register_notifier(set, &s.block, IOASID_NOTIFIER_REPLAY), 0);
	CHECK_EQ(ioasid_unregister_notifier(set, &s.block), 0);
	set_end(other);
	gate_open(&gate);
	task_join(&task);
	CHECK_EQ(w.ret, 0);
	CHECK_EQ(w.visits[1], 1);
	CHECK_EQ(w.visits[2], 0);
	CHECK_EQ(w.visits[3], 1);
	CHECK_EQ(w.visits[4], 1);
	CHECK_EQ(id_refs(set, 1), 0);
	set_end(set);
	pool_end(pool);
}

/* The set dies while a callback runs: its ID is swept, and the walk's reference was the last. */
static void set_dies_under_a_walk(void)
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50);
	struct walk w = { .set = set, .gate = &gate };
	struct task task;

	id_make_at(set, 1);
	id_make_at(set, 2);
	/* The walker's reference to the set, which it needs for the length of its call, is one to an ID. */
	CHECK_EQ(ioasid_get(set, 2), 0);
	task_start(&task, walk, &w);
	gate_await(&gate, 1);
	set_end(set);
	CHECK_EQ(id_refs(set, 1), 1);
	gate_open(&gate);
	task_join(&task);
	CHECK(w.ret == 0 || w.ret == -ENOENT);
	CHECK_EQ(w.count, 1);
	CHECK_EQ(id_refs(ioasid_pool_root(pool), 1), 0);
	CHECK_EQ(ioasid_put(set, 2), 1);
	pool_end(pool);
}

static void alloc_five(void *arg)
{
	ioasid_t id;

	CHECK_EQ(ioasid_alloc(arg, 5, 5, NULL, &id), 0);
}

static void unborn_are_passed_over(void)
{
	struct gate gate = GATE_OPEN;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 50);
	struct walk w = { .set = set };
	struct subscriber s;
	struct task task;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_ALLOC;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 4);
	id_make_at(set, 6);
	gate_close(&gate);
	task_start(&task, alloc_five, set);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 0);
	CHECK_EQ(w.count, 2);
	CHECK_EQ(w.visits[5], 0);
	gate_open(&gate);
	task_join(&task);
	w = (struct walk){ .set = set };
	CHECK_EQ(ioasid_set_for_each(set, visit, &w), 0);
	CHECK_EQ(w.count, 3);
	set_end(set);
	pool_end(pool);
}

struct churn {
	struct ioasid_set *set;
	atomic_bool stop;
};

/* IDs that are multiples of three stay; the others come and go. */
static void churn(void *arg, unsigned int index)
{
	struct churn *c = arg;
	ioasid_t id;
	uint64_t seed = index;

	if (index == 0) {
		for (unsigned int i = 0; i < rounds(200); i++) {
			struct walk w = { .set = c->set };

			CHECK_EQ(ioasid_set_for_each(c->set, visit, &w), 0);
			for (id = 3; id < 900; id += 3)
				CHECK_EQ(w.visits[id], 1);
		}
		atomic_store(&c->stop, true);
		return;
	}
	while (!atomic_load(&c->stop)) {
		ioasid_t want = 1 + 3 * (rnd(&seed) % 300) + index % 2;

		if (!ioasid_alloc(c->set, want, want, NULL, &id)) {
			CHECK_EQ(ioasid_get(c->set, id), 0);
			CHECK_EQ(ioasid_free(c->set, id), 0);
			CHECK(ioasid_put(c->set, id) >= 0);
		}
	}
}

static void walk_beside_churn(void)
{
	struct ioasid_pool *pool = pool_make(1000);
	struct churn c = { .set = set_make(pool, 999) };

	for (ioasid_t id = 3; id < 900; id += 3)
		id_make_at(c.set, id);
	crowd(3, churn, &c);
	for (ioasid_t id = 1; id < 1000; id++)
		CHECK_EQ(id_refs(c.set, id), id % 3 == 0 && id < 900);
	set_end(c.set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S2.5 a walk visits every ID of the set once, ascending", ascending_once },
	{ "S2.5 a walk passes over what is FREE_PENDING or free", pending_and_freed_are_passed_over },
	{ "S2.5 the callback can end the walk and say with what", callback_ends_it },
	{ "S2.8 a walk with the root handle visits all sets and tells each ID's own", root_walks_the_pool },
	{ "S2.5 the callback has a reference and may do everything", callback_may_do_everything },
	{ "S2.5 a callback that blocks holds up nobody, and its ID is not reclaimed", callback_blocks_alone },
	{ "S2.3 a set may die while it is walked", set_dies_under_a_walk },
	{ "S7.7 a walk passes over an ID whose ALLOC is not agreed yet", unborn_are_passed_over },
	{ "S2.5 what stays is visited once, whatever comes and goes beside it", walk_beside_churn },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("walk", cases, argc, argv);
}
