/*
 * A block that leaves the pool while a number goes from set to set. Each set has a chain of its own, and they
 * lose the block one after the other; yet it sees whole lives, and the end of the last one may be missing
 * (S7.1, S7.8).
 */
#include "support.h"

#include <sched.h>

enum { SETS = 200, ROUNDS = 1000, NUMBER = 7 };

struct leaver {
	struct ioasid_notifier block;
	atomic_bool lives;    /* told ALLOC, and not FREE since */
	atomic_uint events;
	atomic_uint repeated; /* ALLOC of one that lives */
	atomic_uint unborn;   /* FREE of one that does not */
};

struct churn {
	struct task task;
	struct ioasid_set *sets[SETS];
	atomic_bool stop;
};

static int told(void *context, const struct ioasid_event *event)
{
	struct leaver *l = context;
	bool alloc = event->event == IOASID_EVENT_ALLOC;

	if (atomic_exchange(&l->lives, alloc) == alloc)
		atomic_fetch_add(alloc ? &l->repeated : &l->unborn, 1);
	atomic_fetch_add(&l->events, 1);
	return 0;
}

/* The number goes between the sets at both ends of the pool's list. */
static void churn_main(void *arg)
{
	struct churn *c = arg;

	for (unsigned int i = 0; !atomic_load(&c->stop); i++) {
		struct ioasid_set *set = c->sets[i % 2 == 0 ? 0 : SETS - 1];
		ioasid_t id;

		CHECK_EQ(ioasid_alloc(set, NUMBER, NUMBER, NULL, &id), 0);
		CHECK_EQ(ioasid_free(set, NUMBER), 0);
	}
}

static void a_block_that_leaves_the_pool_sees_whole_lives(void)
{
	struct leaver l = { .block = { .handler = told,
				       .events = IOASID_EVENT_ALLOC | IOASID_EVENT_FREE,
				       .priority = IOASID_PRIO_CPU } };
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *root = ioasid_pool_root(pool);
	struct churn c = { 0 };

	l.block.context = &l;
	for (unsigned int i = 0; i < SETS; i++)
		c.sets[i] = set_make(pool, 2);
	task_start(&c.task, churn_main, &c);
	for (unsigned int i = 0; i < rounds(ROUNDS) || atomic_load(&l.events) < ROUNDS; i++) {
		unsigned int before = atomic_load(&l.events);

		atomic_store(&l.lives, false);
		CHECK_EQ(ioasid_register_notifier(root, &l.block, IOASID_NOTIFIER_REPLAY), 0);
		for (unsigned int n = 0; n < 100 && atomic_load(&l.events) == before; n++)
			sched_yield();
		CHECK_EQ(ioasid_unregister_notifier(root, &l.block), 0);
	}
	atomic_store(&c.stop, true);
	task_join(&c.task);
	CHECK_EQ(atomic_load(&l.repeated), 0);
	CHECK_EQ(atomic_load(&l.unborn), 0);
	for (unsigned int i = 0; i < SETS; i++)
		set_end(c.sets[i]);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "a block that leaves the pool while a number changes its set sees whole lives (S7.1, S7.8)",
	  a_block_that_leaves_the_pool_sees_whole_lives },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("leaving", cases, argc, argv);
}
