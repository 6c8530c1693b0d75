/*
 * The end of a subscription: nothing of the block runs any more, or can start (S7.8).
 */
#include "scene.h"

#include <stdlib.h>

static struct scene sc;

static int do_leave(struct ioasid_set *scope, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_unregister_notifier(scope, &sc.kvm.block);
}

static int do_leave_token(struct ioasid_set *scope, ioasid_t unused, uint32_t token)
{
	(void)unused;
	return ioasid_unregister_notifier_token(ioasid_set_pool(scope), IOASID_SET_OPAQUE, token,
						&sc.kvm.block);
}

/* A handler that stops, and says when it is over. */
struct held {
	struct stop stop;
	atomic_bool over;
};

static int held_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct held *held = w->arg;

	stop_hook(&(struct watcher){ .arg = &held->stop }, event);
	if (event->event == held->stop.event)
		atomic_store(&held->over, true);
	return 0;
}

static void leaving_waits(int (*leave)(struct ioasid_set *, ioasid_t, uint32_t), uint32_t token)
{
	struct held held = { .stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED } };
	struct call attach, leaving;

	id_make_at(sc.set, 7);
	sc.kvm.arg = &held;
	sc.kvm.hook = held_hook;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&held.stop.gate, 1);
	call_start(&leaving, leave, token == 0 ? sc.set : sc.root, 0, token);
	CHECK(call_blocked(&leaving));
	CHECK(!atomic_load(&held.over));
	gate_open(&held.stop.gate);
	CHECK_EQ(call_join(&leaving), 0);
	CHECK(atomic_load(&held.over));
	call_join(&attach);
	recorder_forget(&sc.rec);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "");
	CHECK_EQ(leave(token == 0 ? sc.set : sc.root, 0, token), -ENOENT);
}

static void unregister_waits_for_the_handler(void)
{
	scene_begin(&sc);
	leaving_waits(do_leave, 0);
	scene_end(&sc);
}

static void unregister_by_token_waits_for_the_handler(void)
{
	scene_begin(&sc);
	watcher_leave(&sc.kvm, sc.set);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 1, &sc.kvm.block, 0), 0);
	leaving_waits(do_leave_token, 1);
	scene_end(&sc);
}

/* The set is dead, and the handler is held in FREE: the block is not the caller's again before it is over. */
static void unregister_waits_for_the_free_of_a_dead_set(void)
{
	struct held held = { .stop = { IOASID_EVENT_FREE, 7, GATE_CLOSED } };
	struct call death, leaving;

	scene_begin(&sc);
	watcher_leave(&sc.kvm, sc.set);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 1, &sc.kvm.block, 0), 0);
	id_make_at(sc.set, 7);
	sc.kvm.arg = &held;
	sc.kvm.hook = held_hook;
	call_start(&death, do_set_put, sc.set, 0, 0);
	gate_await(&held.stop.gate, 1);
	call_start(&leaving, do_leave_token, sc.root, 0, 1);
	CHECK(call_blocked(&leaving));
	gate_open(&held.stop.gate);
	CHECK_EQ(call_join(&leaving), 0);
	CHECK(atomic_load(&held.over));
	CHECK_EQ(call_join(&death), 1);
	pool_end(sc.pool);
}

/* The block sits behind the handler that is held: it is in the chain of that event, and must not be called
 * once it has left. */
static void a_block_that_has_not_started_cannot_start(void)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct watcher *last = malloc(sizeof(*last));
	struct call attach, leaving;
	unsigned int before;

	REQUIRE(last != NULL);
	scene_begin(&sc);
	watcher_leave(&sc.kvm, sc.set);
	watcher_init(last, &sc.rec, "last", IOASID_EVENT_ALL, IOASID_PRIO_LAST);
	watcher_join(last, sc.set);
	watcher_init(&sc.kvm, &sc.rec, "kvm", IOASID_EVENT_ALL, IOASID_PRIO_LAST);
	watcher_join(&sc.kvm, sc.set);
	id_make_at(sc.set, 7);
	last->arg = &stop;
	last->hook = stop_hook;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	call_start(&leaving, do_leave, sc.set, 0, 0);
	call_blocked(&leaving);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&leaving), 0);
	/* From here on the count stands still, and the memory may go. */
	before = events_seen(&sc.rec, "kvm", IOASID_EVENT_BIND, 7);
	CHECK_EQ(call_join(&attach), 0);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_BIND, 7), before);
	watcher_leave(last, sc.set);
	free(last);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	scene_end(&sc);
}

static void leaving_one_scope_stays_in_the_other(void)
{
	struct stop stop = { IOASID_EVENT_BIND, 8, GATE_CLOSED };
	struct ioasid_set *other;
	struct call attach;

	scene_begin(&sc);
	other = set_make_token(sc.pool, 2, 10);
	watcher_join(&sc.kvm, other);
	id_make_at(other, 8);
	id_make_at(sc.set, 7);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&attach, do_attach, other, 8, 40);
	gate_await(&stop.gate, 1);
	/* A handler of the block runs, for the other set: leaving this one need not wait for it, but may. */
	struct call leaving;

	call_start(&leaving, do_leave, sc.set, 0, 0);
	call_blocked(&leaving);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&leaving), 0);
	CHECK_EQ(call_join(&attach), 0);
	recorder_forget(&sc.rec);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "");
	CHECK_EQ(ioasid_free(other, 8), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(8/40)");
	set_end(other);
	scene_end(&sc);
}

/* Async. */
struct leaving {
	struct gate gate;
	int result;
	unsigned int called;
	struct held *held;
	bool over;
};

static void left(void *context, int result)
{
	struct leaving *l = context;

	l->result = result;
	l->called++;
	l->over = l->held == NULL || atomic_load(&l->held->over);
	gate_pass(&l->gate);
}

static struct leaving self_leaving, twice_leaving;
static int twice;

static int leave_in_handler_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct held *held = w->arg;

	if (event->event != IOASID_EVENT_BIND)
		return 0;
	CHECK_EQ(ioasid_unregister_notifier(event->set, &w->block), -EDEADLK);
	CHECK_EQ(ioasid_unregister_notifier_async(event->set, &w->block, left, &self_leaving), 0);
	twice = ioasid_unregister_notifier_async(event->set, &w->block, left, &twice_leaving);
	return held_hook(&(struct watcher){ .arg = held }, event);
}

static void a_handler_ends_its_own_subscription(void)
{
	struct held held = { .stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED } };
	struct call attach;

	scene_begin(&sc);
	self_leaving = twice_leaving = (struct leaving){ .gate = GATE_OPEN, .result = -1, .held = &held };
	id_make_at(sc.set, 7);
	sc.kvm.arg = &held;
	sc.kvm.hook = leave_in_handler_hook;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&held.stop.gate, 1);
	/* Not before the handler is over. */
	CHECK(call_blocked(&attach));
	CHECK_EQ(self_leaving.gate.arrived, 0);
	gate_open(&held.stop.gate);
	CHECK_EQ(call_join(&attach), 0);
	gate_await(&self_leaving.gate, 1);
	if (twice == 0)
		gate_await(&twice_leaving.gate, 1);
	CHECK(self_leaving.over);
	recorder_forget(&sc.rec);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "");
	scene_end(&sc);
	CHECK_EQ(self_leaving.called, 1);
	/* One of the two ended it; the other is told, by the call or afterwards, that there was nothing to
	 * end. */
	CHECK_EQ(twice_leaving.called, twice == 0 ? 1 : 0);
	CHECK_EQ((twice == 0 ? twice_leaving.result : twice) + self_leaving.result, -ENOENT);
}

static void async_without_workers_is_told_in_dispatch(void)
{
	struct leaving l = { .gate = GATE_OPEN, .result = -1 };
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make_token(pool, 1, 10);
	struct watcher w;

	recorder_init(&sc.rec);
	watcher_init(&w, &sc.rec, "w", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_unregister_notifier_async(set, &w.block, left, &l), -ENOENT);
	CHECK_EQ(ioasid_unregister_notifier_async(set, NULL, left, &l), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier_async(NULL, &w.block, left, &l), -EINVAL);
	watcher_join(&w, set);
	CHECK_EQ(ioasid_unregister_notifier_async(set, &w.block, NULL, &l), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier_async(set, &w.block, left, &l), 0);
	CHECK_EQ(l.called, 0);
	CHECK(ioasid_pool_dispatch(pool) >= 1);
	CHECK_EQ(l.called, 1);
	CHECK_EQ(l.result, 0);
	id_make_at(set, 7);
	CHECK_EVENTS(&sc.rec, "");
	set_end(set);
	pool_end(pool);
}

/* Detaching data waits for handlers too: what an event carries is good until the handler returns (S7.2,
 * S5.4). */
static int *watched;

static int read_data_hook(struct watcher *w, const struct ioasid_event *event)
{
	int before, after;

	if (event->event != IOASID_EVENT_BIND)
		return 0;
	before = *(volatile int *)event->data;
	gate_pass(&((struct stop *)w->arg)->gate);
	after = *(volatile int *)event->data;
	CHECK_EQ(before, after);
	return 0;
}

static int do_detach_and_free_data(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	void *old = NULL;
	int err = ioasid_detach_data(set, id, &old);

	(void)unused;
	CHECK(old == watched);
	free(old);
	return err;
}

static void detach_data_waits_for_handlers(void)
{
	struct stop stop = { 0, 0, GATE_CLOSED };
	struct call attach, detaching;
	ioasid_t id;

	scene_begin(&sc);
	watched = malloc(sizeof(*watched));
	REQUIRE(watched != NULL);
	*watched = 42;
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, watched, &id), 0);
	sc.kvm.hook = read_data_hook;
	sc.kvm.arg = &stop;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	call_start(&detaching, do_detach_and_free_data, sc.set, 7, 0);
	CHECK(call_blocked(&detaching));
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&detaching), 0);
	CHECK_EQ(call_join(&attach), 0);
	scene_end(&sc);
}

struct detached {
	struct gate gate;
	void *old;
};

static void data_gone(void *context, void *old)
{
	struct detached *d = context;

	d->old = old;
	gate_pass(&d->gate);
}

static int detach_in_handler_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct detached *d = w->arg;
	void *data = NULL;

	if (event->event != IOASID_EVENT_BIND)
		return 0;
	CHECK_EQ(ioasid_detach_data(event->set, event->id, &data), -EDEADLK);
	CHECK_EQ(ioasid_detach_data_async(event->set, event->id, data_gone, d), 0);
	CHECK_EQ(ioasid_detach_data_async(event->set, event->id, data_gone, d), -ENOENT);
	CHECK_EQ(ioasid_find(event->set, event->id, NULL, &data), 0);
	CHECK(data == NULL);
	/* This handler can still see it. */
	CHECK_EQ(d->gate.arrived, 0);
	CHECK_EQ(*(int *)event->data, 42);
	return 0;
}

static void data_detached_in_a_handler_stays_until_it_is_over(void)
{
	struct detached d = { .gate = GATE_OPEN };
	int thing = 42;
	ioasid_t id;

	scene_begin(&sc);
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, &thing, &id), 0);
	sc.kvm.hook = detach_in_handler_hook;
	sc.kvm.arg = &d;
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	gate_await(&d.gate, 1);
	CHECK(d.old == &thing);
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "unregister returns when the handler is over, and it is not called again",
	  unregister_waits_for_the_handler },
	{ "unregister by token does too", unregister_by_token_waits_for_the_handler },
	{ "unregister by token waits for FREE of a dead set", unregister_waits_for_the_free_of_a_dead_set },
	{ "a handler further down a running chain cannot start when unregister has returned",
	  a_block_that_has_not_started_cannot_start },
	{ "a block that leaves one scope stays in the other", leaving_one_scope_stays_in_the_other },
	{ "a handler ends its own subscription with the async form, which is told when it is over (S14.4)",
	  a_handler_ends_its_own_subscription },
	{ "without workers the async form is told in dispatch (S14.4)",
	  async_without_workers_is_told_in_dispatch },
	{ "detaching data waits for handlers that were given it (S5.4, S7.2)",
	  detach_data_waits_for_handlers },
	{ "data detached in a handler is good until the handler returns (S5.4, S7.2)",
	  data_detached_in_a_handler_stays_until_it_is_over },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("unregister", cases, argc, argv);
}
