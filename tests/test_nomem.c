/*
 * Memory is the last reason (S0.1): what a call would refuse anyway it refuses for that reason also where
 * there is no memory.
 */
#include "faults.h"
#include "support.h"

#include <stdlib.h>

/* Two live sets and a dead one. Set a has used its quota up. */
static struct {
	struct ioasid_pool *pool, *custom;
	struct ioasid_set *a, *b, *dead;
	struct subscriber subscriber, other;
	struct ioasid_allocator allocator;
	int number;
	ioasid_t id;
	struct ioasid_set *set;
} g;

static int never(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	(void)context;
	(void)min;
	(void)max;
	(void)id;
	return -EIO;
}

static void never_back(void *context, ioasid_t id)
{
	(void)context;
	(void)id;
}

static void released(void *context, void *data)
{
	(void)context;
	(void)data;
}

static void old_data(void *context, void *old)
{
	(void)old;
	CHECK(context != NULL);
}

static void done(void *context, int result)
{
	(void)result;
	CHECK(context != NULL);
}

static void set_up(void)
{
	g.pool = pool_make(100);
	g.custom = pool_make(100);
	g.allocator = (struct ioasid_allocator){ .alloc = never, .free = never_back };
	CHECK_EQ(ioasid_register_allocator(g.custom, &g.allocator), 0);
	g.a = set_make_token(g.pool, 1, 2);
	g.b = set_make_token(g.pool, 2, 10);
	g.dead = set_make_token(g.pool, 3, 10);
	subscriber_init(&g.subscriber, "s", NULL, IOASID_PRIO_CPU);
	subscriber_init(&g.other, "o", NULL, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(g.a, &g.subscriber.block, 0), 0);
	CHECK_EQ(ioasid_set_on_release(g.a, released, NULL), 0);
	CHECK_EQ(ioasid_alloc(g.a, 5, 5, &g.number, &g.id), 0);
	CHECK_EQ(ioasid_attach_spid(g.a, 5, ioasid_spid_make(50)), 0);
	id_make_at(g.a, 6);
	CHECK_EQ(ioasid_get(g.a, 6), 0);
	CHECK_EQ(ioasid_free(g.a, 6), 0);
	id_make_at(g.b, 9);
	id_make_at(g.dead, 7);
	CHECK_EQ(ioasid_get(g.dead, 7), 0);
	set_end(g.dead);
}

static void take_down(void)
{
	CHECK_EQ(id_refs(g.a, 5), 1);
	CHECK_EQ(ioasid_put(g.a, 6), 1);
	CHECK_EQ(ioasid_put(g.dead, 7), 1);
	set_end(g.a);
	set_end(g.b);
	CHECK_EQ(available(g.pool), 99);
	pool_end(g.pool);
	CHECK_EQ(ioasid_unregister_allocator(g.custom, &g.allocator), 0);
	pool_end(g.custom);
	faults_check("all");
}

/* The space and the quota. */
static void refuse_allocations(void)
{
	CHECK_EQ(ioasid_alloc(g.a, 1, 99, NULL, &g.id), -EDQUOT);
	CHECK_EQ(ioasid_alloc(g.a, 5, 5, &g.number, &g.id), -EDQUOT);
	CHECK_EQ(ioasid_alloc(g.b, 5, 5, NULL, &g.id), -ENOSPC);
	CHECK_EQ(ioasid_alloc(g.b, 6, 6, NULL, &g.id), -EBUSY);
	CHECK_EQ(ioasid_alloc(g.dead, 1, 99, NULL, &g.id), -ENOENT);
	CHECK_EQ(ioasid_alloc_range(g.a, 2, 1, 1, 99, &g.id), -EDQUOT);
	CHECK_EQ(ioasid_alloc_range(g.b, 4, 1, 3, 8, &g.id), -ENOSPC);
	CHECK_EQ(ioasid_alloc_range(g.dead, 2, 1, 1, 99, &g.id), -ENOENT);
	CHECK_EQ(ioasid_pool_reserve(g.pool, 1, 9), -EBUSY);
	CHECK_EQ(ioasid_set_alloc(g.pool, IOASID_SET_OPAQUE, 1, 5, &g.set), -EEXIST);
	CHECK_EQ(ioasid_set_alloc(g.pool, IOASID_SET_OPAQUE, 4, 95, &g.set), -ENOSPC);
	CHECK_EQ(ioasid_set_adjust_quota(g.b, 98), -ENOSPC);
}

/* What hangs on an ID. */
static void refuse_attachments(void)
{
	CHECK_EQ(ioasid_attach_data(g.a, 5, &g.number), -EBUSY);
	CHECK_EQ(ioasid_attach_data(g.a, 6, &g.number), -ENOENT);
	CHECK_EQ(ioasid_attach_data(g.a, 20, &g.number), -ENOENT);
	CHECK_EQ(ioasid_attach_data(g.b, 5, &g.number), -EACCES);
	CHECK_EQ(ioasid_detach_data_async(g.a, 20, old_data, NULL), -ENOENT);
	CHECK_EQ(ioasid_detach_data_async(g.b, 9, old_data, NULL), -ENOENT);
	CHECK_EQ(ioasid_detach_data_async(g.b, 5, old_data, NULL), -EACCES);
	CHECK_EQ(ioasid_attach_spid(g.a, 5, ioasid_spid_make(IOASID_SPID_MAX)), -EBUSY);
	CHECK_EQ(ioasid_attach_spid(g.a, 6, ioasid_spid_make(IOASID_SPID_MAX)), -ENOENT);
	CHECK_EQ(ioasid_attach_spid(g.a, 20, ioasid_spid_make(IOASID_SPID_MAX)), -ENOENT);
	CHECK_EQ(ioasid_attach_spid(g.b, 5, ioasid_spid_make(IOASID_SPID_MAX)), -EACCES);
	CHECK_EQ(ioasid_reclaim_fd(g.pool, 5), -EBUSY);
	CHECK_EQ(ioasid_reclaim_fd(g.pool, 0), -ENOENT);
	CHECK_EQ(ioasid_reclaim_fd(g.pool, 100), -ENOENT);
}

/* Who is registered. */
static void refuse_registrations(void)
{
	CHECK_EQ(ioasid_register_notifier(g.a, &g.subscriber.block, IOASID_NOTIFIER_REPLAY), -EEXIST);
	CHECK_EQ(ioasid_register_notifier(g.dead, &g.other.block, 0), -ENOENT);
	CHECK_EQ(ioasid_unregister_notifier_async(g.b, &g.other.block, done, NULL), -ENOENT);
	CHECK_EQ(ioasid_register_allocator(g.custom, &g.allocator), -EEXIST);
}

struct part {
	void (*fn)(void);
	unsigned int failed;
};

static void without_memory(void *arg)
{
	struct part *part = arg;

	faults_arm(1, true);
	part->fn();
	part->failed += faults_disarm();
}

/* Where the calls are made: in a thread with caches, and in one that is new to the library. */
static void refuse(void (*fn)(void))
{
	struct part part = { .fn = fn };
	struct task task;

	set_up();
	fn();
	take_down();
	set_up();
	without_memory(&part);
	task_start(&task, without_memory, &part);
	task_join(&task);
	/* Something was asked for in vain. */
	CHECK(part.failed > 0);
	take_down();
}

static void quota_and_space_come_first(void)
{
	refuse(refuse_allocations);
}

static void states_come_first(void)
{
	refuse(refuse_attachments);
}

static void names_come_first(void)
{
	refuse(refuse_registrations);
}

static const struct test_case cases[] = {
	{ "S0.1 quota and space are told before memory", quota_and_space_come_first },
	{ "S0.1 owner and state of an ID are told before memory", states_come_first },
	{ "S0.1 what is registered already, or not, is told before memory", names_come_first },
};

int main(int argc, char **argv)
{
	if (faults_begin())
		return EXIT_FAILURE;
	return TEST_MAIN("nomem", cases, argc, argv);
}
