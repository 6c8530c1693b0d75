/*
 * Work items: first in first out within a set, and sets that do not wait for each other (S7.10).
 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

static int do_flush(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_flush_work(set);
}

static void items_run_in_the_order_of_queueing(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 10);
	static struct job jobs[1000];

	jobs_clear();
	for (unsigned int i = 0; i < 1000; i++) {
		job_init(&jobs[i], i, NULL);
		CHECK_EQ(ioasid_queue_work(set, &jobs[i].work), 0);
	}
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(jobs_run.count, 1000);
	CHECK_EQ(jobs_run.most, 1);
	for (unsigned int i = 0; i < 1000; i++)
		if (!CHECK_EQ(jobs_run.order[i], i))
			break;
	set_end(set);
	pool_end(pool);
}

static void an_item_waits_for_the_one_before(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 10);
	struct gate gate = GATE_CLOSED;
	struct job first, second;
	struct call flush;

	jobs_clear();
	job_init(&first, 1, &gate);
	job_init(&second, 2, NULL);
	CHECK_EQ(ioasid_queue_work(set, &first.work), 0);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_queue_work(set, &second.work), 0);
	CHECK_EQ(ioasid_queue_work(set, &second.work), -EALREADY);
	call_start(&flush, do_flush, set, 0, 0);
	CHECK(call_blocked(&flush));
	CHECK_EQ(jobs_run.count, 1);
	gate_open(&gate);
	CHECK_EQ(call_join(&flush), 0);
	CHECK_EQ(jobs_run.count, 2);
	CHECK_EQ(jobs_run.order[1], 2);
	CHECK_EQ(ioasid_queue_work(set, &second.work), 0);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(jobs_run.count, 3);
	set_end(set);
	pool_end(pool);
}

/* The item of each set waits for that of the next: with one thread, or one queue, for all of them nothing
 * would ever end. */
#define DEEP 8

struct domino {
	struct ioasid_work work;
	struct gate *wait_for;
	struct gate *fell;
};

static void domino_run(void *context, struct ioasid_work *work)
{
	struct domino *d = context;

	(void)work;
	if (d->wait_for != NULL)
		gate_await(d->wait_for, 1);
	gate_pass(d->fell);
}

static void sets_do_not_wait_for_each_other(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *sets[DEEP];
	struct domino dominoes[DEEP];
	struct gate gates[DEEP];

	for (int i = 0; i < DEEP; i++) {
		gates[i] = (struct gate)GATE_OPEN;
		dominoes[i] = (struct domino){ .wait_for = i + 1 < DEEP ? &gates[i + 1] : NULL,
					       .fell = &gates[i] };
		dominoes[i].work = (struct ioasid_work){ .run = domino_run, .context = &dominoes[i] };
		sets[i] = i == 0 ? ioasid_pool_root(pool) : set_make(pool, 10);
	}
	for (int i = 0; i < DEEP; i++)
		CHECK_EQ(ioasid_queue_work(sets[i], &dominoes[i].work), 0);
	gate_await(&gates[0], 1);
	for (int i = 0; i < DEEP; i++)
		CHECK_EQ(ioasid_flush_work(sets[i]), 0);
	for (int i = 1; i < DEEP; i++)
		set_end(sets[i]);
	pool_end(pool);
}

/* Again and again from itself, and gone at the end: from the beginning of its function the item is its own. */
struct phoenix {
	struct ioasid_work work;
	struct ioasid_set *set;
	unsigned int lives;
	struct gate *last;
};

static void phoenix_run(void *context, struct ioasid_work *work)
{
	struct phoenix *p = context;
	struct gate *last = p->last;

	CHECK_EQ(ioasid_flush_work(p->set), -EDEADLK);
	if (--p->lives > 0) {
		CHECK_EQ(ioasid_queue_work(p->set, work), 0);
		CHECK_EQ(ioasid_queue_work(p->set, work), -EALREADY);
		return;
	}
	free(p);
	gate_pass(last);
}

static void an_item_queues_itself_again_and_ends_itself(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 10);
	struct gate last = GATE_OPEN;
	struct phoenix *p = calloc(1, sizeof(*p));

	REQUIRE(p != NULL);
	*p = (struct phoenix){ .set = set, .lives = 100, .last = &last };
	p->work = (struct ioasid_work){ .run = phoenix_run, .context = p };
	CHECK_EQ(ioasid_queue_work(set, &p->work), 0);
	gate_await(&last, 1);
	CHECK_EQ(ioasid_flush_work(set), 0);
	set_end(set);
	pool_end(pool);
}

/* What a work item may do: everything but wait for work. */
struct worker_calls {
	struct scene sc;
	struct ioasid_work work;
	struct watcher other;
	unsigned int runs;
};

static void call_everything(void *context, struct ioasid_work *work)
{
	struct worker_calls *w = context;
	struct ioasid_set *fresh = NULL;
	ioasid_t id = IOASID_INVALID;
	void *data = NULL;

	(void)work;
	CHECK_EQ(ioasid_flush_work(w->sc.set), -EDEADLK);
	CHECK_EQ(ioasid_pool_destroy(w->sc.pool), -EDEADLK);
	CHECK_EQ(ioasid_set_alloc(w->sc.pool, IOASID_SET_OPAQUE, 99, 5, &fresh), 0);
	CHECK_EQ(ioasid_register_notifier(fresh, &w->other.block, 0), 0);
	CHECK_EQ(ioasid_alloc(fresh, 500, 500, w, &id), 0);
	CHECK_EQ(do_attach(fresh, id, 3), 0);
	CHECK_EQ(do_detach(fresh, id, 0), 0);
	CHECK_EQ(ioasid_detach_data(fresh, id, &data), 0);
	CHECK_EQ(ioasid_set_adjust_quota(fresh, 6), 0);
	CHECK_EQ(ioasid_unregister_notifier(fresh, &w->other.block), 0);
	CHECK_EQ(ioasid_free(fresh, id), 0);
	CHECK_EQ(ioasid_wait_reclaimed(w->sc.pool, id, IOASID_FOREVER), 0);
	CHECK_EQ(ioasid_set_reset(fresh), 0);
	CHECK_EQ(ioasid_set_put(fresh), 1);
	CHECK_EQ(ioasid_pool_reserve(w->sc.pool, 600, 601), 0);
	CHECK_EQ(ioasid_pool_unreserve(w->sc.pool, 600, 601), 0);
	w->runs++;
}

static int queue_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct worker_calls *calls = w->arg;

	CHECK_EQ(ioasid_flush_work(event->set), -EDEADLK);
	return event->id == 7 && event->event == IOASID_EVENT_ALLOC ?
		       ioasid_queue_work(event->set, &calls->work) :
		       0;
}

static void an_item_may_call_what_a_handler_may_not(void)
{
	static struct worker_calls w;

	memset(&w, 0, sizeof(w));
	scene_begin(&w.sc);
	watcher_init(&w.other, &w.sc.rec, "other", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	w.work = (struct ioasid_work){ .run = call_everything, .context = &w };
	w.sc.kvm.hook = queue_hook;
	w.sc.kvm.arg = &w;
	CHECK_EQ(do_alloc(w.sc.set, 7, 0), 7);
	CHECK_EQ(ioasid_flush_work(w.sc.set), 0);
	CHECK_EQ(w.runs, 1);
	CHECK_EVENTS_OF(&w.sc.rec, "other", "other:ALLOC(500) other:BIND(500/3) other:UNBIND(500/3)");
	scene_end(&w.sc);
}

static void work_outlives_its_set(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct job jobs[3];

	jobs_clear();
	for (unsigned int i = 0; i < 3; i++) {
		job_init(&jobs[i], i, NULL);
		CHECK_EQ(ioasid_queue_work(set, &jobs[i].work), 0);
	}
	set_end(set);
	CHECK(ioasid_pool_dispatch(pool) >= 3);
	CHECK_EQ(jobs_run.count, 3);
	pool_end(pool);
}

static void a_pool_that_is_destroyed_runs_what_is_queued(void)
{
	for (uint32_t flags = 0; flags <= IOASID_POOL_NO_WORKER; flags++) {
		struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, flags);
		static struct job jobs[100];

		jobs_clear();
		for (unsigned int i = 0; i < 100; i++) {
			job_init(&jobs[i], i, NULL);
			CHECK_EQ(ioasid_queue_work(ioasid_pool_root(pool), &jobs[i].work), 0);
		}
		pool_end(pool);
		CHECK_EQ(jobs_run.count, 100);
	}
}

/* What was done before queueing is seen by the item, and what it did by who flushed: without any lock of ours
 * (S5.5). */
struct baton {
	struct ioasid_work work;
	uint64_t plain;
};

static void baton_run(void *context, struct ioasid_work *work)
{
	struct baton *b = context;

	(void)work;
	b->plain = b->plain * 3 + 1;
}

static void work_is_ordered_with_what_surrounds_it(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 10);
	struct baton b = { .plain = 0 };
	unsigned int n = rounds(200);

	b.work = (struct ioasid_work){ .run = baton_run, .context = &b };
	for (unsigned int i = 0; i < n; i++) {
		b.plain = i;
		CHECK_EQ(ioasid_queue_work(set, &b.work), 0);
		CHECK_EQ(ioasid_flush_work(set), 0);
		CHECK_EQ(b.plain, (uint64_t)i * 3 + 1);
	}
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "items of a set run one at a time, in the order of queueing (S7.10)",
	  items_run_in_the_order_of_queueing },
	{ "an item waits for the one before, is queued once, and flush waits for it (S7.10)",
	  an_item_waits_for_the_one_before },
	{ "sets do not wait for each other, eight deep (S7.10)", sets_do_not_wait_for_each_other },
	{ "an item may queue itself again, and free itself (S7.10)",
	  an_item_queues_itself_again_and_ends_itself },
	{ "a work item may call what a handler may not (S7.10)", an_item_may_call_what_a_handler_may_not },
	{ "items that are queued run after their set has died (S7.10)", work_outlives_its_set },
	{ "destroying a pool runs what is queued (S1.5)", a_pool_that_is_destroyed_runs_what_is_queued },
	{ "an item sees what was done before it was queued (S5.5)", work_is_ordered_with_what_surrounds_it },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("work", cases, argc, argv);
}
