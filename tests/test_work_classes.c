/*
 * What work waits for, the library's own work does for it, however many threads there are (S7.10, S14.4).
 */
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/faults.h"
#include "tests/harness.h"

#define LONG (UINT64_C(300000) * DRIG_MS) /* where a wait that hangs ends, so that the case fails and not the run */

/* A rig whose pool has as few threads as there can be. */
static void open_narrow(struct drig *r, const char *config, uint32_t devices)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .max_workers = 1 };
	static const char *const names[] = { "mock0", "mock1" };

	drig_open(r, config, 0);
	set_end(r->set);
	pool_end(r->pool);
	REQUIRE_EQ(ioasid_pool_create(&attr, &r->pool), 0);
	r->set = set_make(r->pool, 100);
	for (; r->devices < devices; r->devices++)
		REQUIRE_EQ(drig_attach(r, names[r->devices], IOASID_DEVICE_MEDIATED, NULL, &r->device[r->devices]), 0);
}

/* An item that stops at its gate, frees an ID if it has one, and waits until that is reclaimed. */
struct waiter {
	struct ioasid_work work;
	struct drig *r;
	struct gate gate, end;
	ioasid_t id, freed;
	int answer;
};

static void waiter_run(void *context, struct ioasid_work *work)
{
	struct waiter *w = context;

	(void)work;
	gate_pass(&w->gate);
	if (w->freed != 0)
		CHECK_EQ(ioasid_free(w->r->set, w->freed), 0);
	w->answer = ioasid_wait_reclaimed(w->r->pool, w->id, LONG);
	gate_pass(&w->end);
}

static void waiter_queue(struct waiter *w, struct drig *r, ioasid_t id, ioasid_t freed)
{
	*w = (struct waiter){ .work = { .run = waiter_run, .context = w }, .r = r, .id = id, .freed = freed };
	w->gate = w->end = (struct gate)GATE_OPEN;
	CHECK_EQ(ioasid_queue_work(r->set, &w->work), 0);
}

static void an_item_waits_for_the_teardown(void)
{
	struct waiter w;
	struct drig r;
	ioasid_t id;

	open_narrow(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	waiter_queue(&w, &r, id, id);
	CHECK_EQ(ioasid_flush_work(r.set), 0);
	CHECK_EQ(w.answer, 0);
	drig_close(&r);
}

static void the_dispatching_thread_waits_for_the_teardown(void)
{
	struct waiter w;
	struct drig r;
	ioasid_t id;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	id = drig_bound(&r, 1);
	waiter_queue(&w, &r, id, id);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK_EQ(w.answer, 0);
	/* And outside of items. */
	id = drig_bound(&r, 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(ioasid_wait_reclaimed(r.pool, id, 0), -ETIMEDOUT); /* only looks */
	CHECK_EQ(ioasid_wait_reclaimed(r.pool, id, LONG), 0);
	drig_close(&r);
}

static void dispatch_main(void *arg)
{
	CHECK(ioasid_pool_dispatch(arg) >= 1);
}

/* The only thread that dispatches sleeps already when the teardown is queued, or when the last put comes. */
static void who_waits_is_woken(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call freeing;
	struct task dispatch;
	struct waiter w;
	struct drig r;
	ioasid_t id;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	drig_listen(&r);
	id = drig_bound(&r, 1);
	CHECK_EQ(ioasid_get(r.set, id), 0);
	r.kvm.gate = &gate;
	r.kvm.gate_events = IOASID_EVENT_FREE;
	drig_start(&freeing, &r, drig_call_free, 0, id, 0);
	gate_await(&gate, 1);
	waiter_queue(&w, &r, id, 0);
	task_start(&dispatch, dispatch_main, r.pool);
	CHECK(task_blocked(&dispatch));
	gate_open(&gate);
	CHECK_EQ(drig_finish(&freeing), 0);
	CHECK(task_blocked(&dispatch)); /* it has torn down, and waits for the put */
	CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_FREE);
	CHECK_EQ(ioasid_put(r.set, id), 1);
	task_join(&dispatch);
	CHECK_EQ(w.answer, 0);
	drig_close(&r);
}

/* No thread can be started: who waits does what nobody else will. */
static void an_item_does_what_no_thread_is_there_for(void)
{
	struct waiter w;
	struct drig r;
	ioasid_t id;

	open_narrow(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	w = (struct waiter){ .work = { .run = waiter_run, .context = &w }, .r = &r, .id = id };
	w.gate = (struct gate)GATE_CLOSED;
	w.end = (struct gate)GATE_OPEN;
	/* The one that the pool came with is all there is. */
	faults_arm(1, true);
	CHECK_EQ(ioasid_queue_work(r.set, &w.work), 0);
	gate_await(&w.gate, 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK(faults_disarm() >= 1);
	gate_open(&w.gate);
	CHECK_EQ(ioasid_flush_work(r.set), 0);
	CHECK_EQ(w.answer, 0);
	drig_close(&r);
}

/* ---- Other work of the library ---- */

static void detached(void *context, void *old)
{
	CHECK_EQ(*(int *)old, 42);
	gate_pass(context);
}

/* A set's item blocks: data that was detached is given back all the same, and sets die. */
static void a_blocked_item_delays_no_other_work(void)
{
	struct gate done = GATE_OPEN;
	struct ioasid_set *other;
	struct waiter w;
	struct drig r;
	int data = 42;
	ioasid_t id;

	open_narrow(&r, "devices=1", 0);
	other = set_make(r.pool, 10);
	REQUIRE_EQ(ioasid_alloc(other, 7, 7, &data, &id), 0);
	w = (struct waiter){ .work = { .run = waiter_run, .context = &w }, .r = &r, .id = id };
	w.gate = (struct gate)GATE_CLOSED;
	w.end = (struct gate)GATE_OPEN;
	CHECK_EQ(ioasid_queue_work(r.set, &w.work), 0);
	gate_await(&w.gate, 1);
	CHECK_EQ(ioasid_detach_data_async(other, 7, detached, &done), 0);
	gate_await(&done, 1);
	ioasid_read_begin();
	CHECK_EQ(ioasid_set_put(other), 1);
	ioasid_read_end();
	/* It waits for ever if the death is delayed. */
	while (stats_of(ioasid_pool_root(r.pool)).sets != 1)
		usleep(1000);
	gate_open(&w.gate);
	CHECK_EQ(ioasid_flush_work(r.set), 0);
	CHECK_EQ(w.answer, 0);
	drig_close(&r);
}

/* One context hangs until its deadline, another one's teardown goes on beside it, and items do. */
static void a_context_that_hangs_delays_no_other(void)
{
	struct drig_context second;
	struct drig_stop stop;
	struct waiter w;
	struct drig r, b;
	ioasid_t slow, quick;

	open_narrow(&r, "devices=2", 1);
	drig_context_open(&second, "devices=2", 0);
	b = r;
	b.on = second;
	b.parent = drig_space(&b, second.context, IOASID_USE_PASID | IOASID_USE_PARENT);
	REQUIRE_EQ(drig_attach(&b, "mock1", IOASID_DEVICE_MEDIATED, NULL, &b.device[0]), 0);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	slow = drig_bound(&r, 1);
	quick = drig_bound(&b, 1);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_DETACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	CHECK_EQ(ioasid_free(r.set, slow), 0);
	gate_await(&stop.gate, 1);
	waiter_queue(&w, &r, quick, quick);
	CHECK_EQ(ioasid_flush_work(r.set), 0);
	CHECK_EQ(w.answer, 0);
	drig_stop_end(&stop);
	CHECK_EQ(ioasid_wait_reclaimed(r.pool, slow, LONG), 0);
	CHECK_EQ(ioasid_device_close(b.device[0]), 0);
	CHECK_EQ(ioasid_address_space_destroy(b.parent), 0);
	drig_context_close(&second);
	drig_close(&r);
}

static const struct test_case cases[] = {
	{ "S7.10 with one thread an item may wait for the teardown", an_item_waits_for_the_teardown },
	{ "S14.4 without threads who waits for a reclaim does the teardown",
	  the_dispatching_thread_waits_for_the_teardown },
	{ "S14.4 also when it is queued later, and hears of a put", who_waits_is_woken },
	{ "S7.10 also where no thread can be started", an_item_does_what_no_thread_is_there_for },
	{ "S7.10 a blocked item delays neither detaches nor the death of sets", a_blocked_item_delays_no_other_work },
	{ "S7.10 nor does a context's teardown delay another's", a_context_that_hangs_delays_no_other },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("work_classes", cases, argc, argv);
}
