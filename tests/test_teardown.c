/* Bindings whose IOASID, set or device goes: who claims them, and what waits for what (S9.7, S9.14). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* S9.7 */
static void free_before_unbind_tears_down_and_emits_no_unbind(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=2 iommus=2", 2, IOASID_POOL_NO_WORKER, 0);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, 4, 1, 0), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BLOCKED);
	CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_PARKED);
	/* The record is the core's. */
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK(drig_free_id(&r, id));
	CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_FREE);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	journal_expect(&r.journal, "");
	drig_close(&r);
}

/* S9.7: the steps, each once for each device. */
static void teardown_parks_drains_and_detaches(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1 separate_drain=on separate_invalidate=on", 1, IOASID_POOL_NO_WORKER, 0);
	id = id_make(r.set);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_PARK), 0);
	drig_settle(&r, id);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_PARK), 1);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DRAIN), 1);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_INVALIDATE), 1);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DETACH), 1);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.7: between the mark and the core's claim. The FREE handler holds the free there. */
static void an_unbind_that_claims_first_answers_0_and_emits_no_unbind(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call freeing;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	r.kvm.gate = &gate;
	r.kvm.gate_events = IOASID_EVENT_FREE;
	drig_start(&freeing, &r, drig_call_free, 0, id, 0);
	gate_await(&gate, 1);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_FREE);
	gate_open(&gate);
	CHECK_EQ(drig_finish(&freeing), 0);
	CHECK(drig_free_id(&r, id));
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
	drig_close(&r);
}

/* S4.2 */
static void a_second_free_waits_for_the_blocking_of_the_first(void)
{
	struct drig_call first, second;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&first, &r, drig_call_free, 0, id, 0);
	gate_await(&stop.gate, 1);
	drig_start(&second, &r, drig_call_free, 0, id, 0);
	CHECK(task_blocked(&second.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&first), 0);
	CHECK_EQ(drig_finish(&second), 0);
	drig_stop_end(&stop);
	drig_settle(&r, id);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_PARK), 1);
	drig_close(&r);
}

/* S7.10: the core's teardown is queued per context. */
static void contexts_do_not_wait_for_each_others_teardown(void)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "mock0",
		.mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_address_space *space;
	struct ioasid_device *device;
	struct drig_context other;
	struct drig_stop stop;
	ioasid_t slow, fast;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_context_open(&other, "devices=1", 0);
	REQUIRE_EQ(ioasid_device_attach(other.context, r.pool, &spec, NULL, &device, NULL), 0);
	space = drig_space(&r, other.context, IOASID_USE_PASID);
	slow = id_make(r.set);
	fast = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, slow, NONE, 1, 0), 0);
	CHECK_EQ(ioasid_bind_ioas(device, r.set, fast, space, 0), 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_DETACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	CHECK_EQ(ioasid_free(r.set, slow), 0);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_free(r.set, fast), 0);
	CHECK_EQ(ioasid_wait_reclaimed(r.pool, fast, IOASID_FOREVER), 0);
	CHECK(!drig_free_id(&r, slow));
	gate_open(&stop.gate);
	drig_settle(&r, slow);
	drig_stop_end(&stop);
	CHECK_EQ(ioasid_device_close(device), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_context_close(&other);
	drig_close(&r);
}

/* S2.3, S2.7 */
static void death_and_reset_of_a_set_tear_down_its_bindings(void)
{
	struct drig r;

	drig_open(&r, "devices=2", 2);
	for (ioasid_t id = 1; id <= 20; id++) {
		id_make_at(r.set, id);
		CHECK_EQ(drig_bind(&r, id % 2, id, id + 100, 1, 0), 0);
	}
	CHECK_EQ(ioasid_set_reset(r.set), 0);
	for (ioasid_t id = 1; id <= 20; id++) {
		CHECK_EQ(drig_read(&r, id % 2, id), DRIG_BLOCKED);
		drig_settle(&r, id);
		id_make_at(r.set, id);
		CHECK_EQ(drig_bind(&r, id % 2, id, id + 100, 2, 0), 0);
	}
	CHECK_EQ(ioasid_set_put(r.set), 1);
	r.set = NULL;
	for (ioasid_t id = 1; id <= 20; id++) {
		CHECK_EQ(drig_read(&r, id % 2, id), DRIG_BLOCKED);
		drig_settle(&r, id);
	}
	/* Who reclaims gives the credit back after the number (S4.6), and may be between the two. */
	while (available(r.pool) != IOASID_CAPACITY_MAX - 1)
		sched_yield();
	drig_close(&r);
}

/* S4.3 */
static void the_last_put_of_a_set_tells_that_dma_is_not_blocked(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_set_put(r.set), -EIO);
	r.set = NULL;
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_quarantine_retry(ioasid_pool_root(r.pool), id), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.14: close does what waits in a queue that nobody dispatches. */
static void close_does_the_teardown_that_is_still_queued(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=2", 2, IOASID_POOL_NO_WORKER, 0);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, NONE, 1, 0), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK(!drig_free_id(&r, id));
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

static void close_waits_for_teardown_in_hand(void)
{
	struct drig_stop stop;
	struct drig_call closing;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_DETACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	gate_await(&stop.gate, 1);
	drig_start(&closing, &r, drig_call_close, 0, id, 0);
	CHECK(task_blocked(&closing.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&closing), 0);
	r.device[0] = NULL;
	drig_stop_end(&stop);
	drig_settle(&r, id);
	CHECK_EQ(drig_live(&r).devices, 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "free before unbind tears down and emits no UNBIND (S9.7)",
		  free_before_unbind_tears_down_and_emits_no_unbind },
		{ "teardown parks, drains and detaches (S9.7)", teardown_parks_drains_and_detaches },
		{ "an unbind that claims first answers 0 and emits no UNBIND (S9.7)",
		  an_unbind_that_claims_first_answers_0_and_emits_no_unbind },
		{ "a second free waits for the blocking of the first (S4.2)",
		  a_second_free_waits_for_the_blocking_of_the_first },
		{ "contexts do not wait for each other's teardown (S7.10)",
		  contexts_do_not_wait_for_each_others_teardown },
		{ "death and reset of a set tear down its bindings (S2.3, S2.7)",
		  death_and_reset_of_a_set_tear_down_its_bindings },
		{ "the last put of a set tells that DMA is not blocked (S4.3)",
		  the_last_put_of_a_set_tells_that_dma_is_not_blocked },
		{ "close does the teardown that is still queued (S9.14)",
		  close_does_the_teardown_that_is_still_queued },
		{ "close waits for teardown in hand (S9.14)", close_waits_for_teardown_in_hand },
	};

	return TEST_MAIN("teardown", cases, argc, argv);
}
