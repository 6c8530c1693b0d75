/* Resets that meet bindings whose teardown is in other hands (S2.7, S9.7, S9.14). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE
#define RID IOASID_NO_PASID

static void call_reset_bindings(void *call)
{
	struct drig_call *c = call;

	c->answer = ioasid_device_reset_bindings(c->r->device[c->device]);
}

static void call_set_reset(void *call)
{
	struct drig_call *c = call;

	c->answer = ioasid_set_reset(c->r->set);
}

static void call_set_put(void *call)
{
	struct drig_call *c = call;

	c->answer = ioasid_set_put(c->r->set);
}

/* S10.1: a set that only notifies does not block, so DMA goes on until the teardown is done. */
static void a_device_reset_takes_over_what_waits_in_a_lane(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	id = drig_bound(&r, 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

static void a_device_reset_waits_for_what_is_in_hand(void)
{
	struct drig_call unbinding, resetting;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, 0);
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	drig_start(&resetting, &r, call_reset_bindings, 0, id, NONE);
	CHECK(task_blocked(&resetting.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&resetting), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(drig_finish(&unbinding), 0);
	drig_stop_end(&stop);
	drig_close(&r);
}

/* What nobody has in hand is done meanwhile, the RID too. */
static void a_device_reset_waits_no_longer_than_the_deadline(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call unbinding;
	ioasid_t id, other;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, 0, 50 * DRIG_MS);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	other = drig_bound(&r, 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, RID, NONE, 3, 0), 0);
	/* Claimed, and still in hardware, while UNBIND is delivered. */
	r.kvm.gate = &gate;
	r.kvm.gate_events = IOASID_EVENT_UNBIND;
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, NONE);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), -ETIMEDOUT);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(drig_slot(&r, 0, other), IOASID_MOCK_SLOT_FREE);
	CHECK_EQ(drig_slot(&r, 0, RID), IOASID_MOCK_SLOT_FREE);
	gate_open(&gate);
	CHECK_EQ(drig_finish(&unbinding), 0);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	drig_close(&r);
}

/* What was bound after another binding's quarantine began is torn down like the rest. */
static void a_quarantine_hides_no_later_binding(void)
{
	ioasid_t id, later;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -EIO);
	later = drig_bound(&r, 1);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), -EIO);
	CHECK_EQ(drig_read(&r, 0, later), DRIG_BLOCKED);
	CHECK_EQ(drig_unbind(&r, 0, later, 0), -ENOENT);
	later = drig_bound(&r, 1);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(id_refs(r.set, later), 1);
	drig_close(&r);
}

/* S2.7, S2.3: an RID that another thread unbinds is waited for. */
static void the_end_of_a_set_waits_for_an_rid_in_hand(void)
{
	for (unsigned int dies = 0; dies < 2; dies++) {
		struct drig_call unbinding, ending;
		struct drig_stop stop;
		struct drig r;

		drig_open(&r, "devices=1", 1);
		CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
		CHECK_EQ(drig_bind(&r, 0, RID, NONE, 1, 0), 0);
		drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, 0);
		drig_start(&unbinding, &r, drig_call_unbind, 0, RID, NONE);
		gate_await(&stop.gate, 1);
		CHECK_EQ(drig_read(&r, 0, RID), DRIG_BYTE(1));
		drig_start(&ending, &r, dies ? call_set_put : call_set_reset, 0, RID, NONE);
		CHECK(task_blocked(&ending.task));
		gate_open(&stop.gate);
		CHECK_EQ(drig_finish(&ending), (int)dies);
		CHECK_EQ(drig_read(&r, 0, RID), DRIG_BLOCKED);
		CHECK_EQ(drig_finish(&unbinding), 0);
		drig_stop_end(&stop);
		if (dies)
			r.set = NULL;
		drig_close(&r);
	}
}

static void the_end_of_a_set_waits_no_longer_than_the_deadline(void)
{
	struct drig_call unbinding;
	struct drig_stop stop;
	struct drig r;

	drig_open_with(&r, "devices=2", 2, 0, 50 * DRIG_MS);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(ioasid_device_assign(r.device[i], r.set), 0);
		CHECK_EQ(drig_bind(&r, i, RID, NONE, 1, 0), 0);
	}
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, 0);
	drig_start(&unbinding, &r, drig_call_unbind, 0, RID, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_set_reset(r.set), -ETIMEDOUT);
	CHECK_EQ(drig_read(&r, 1, RID), DRIG_BLOCKED);
	CHECK_EQ(drig_bind(&r, 1, RID, NONE, 1, 0), 0);
	CHECK_EQ(ioasid_set_put(r.set), -ETIMEDOUT);
	r.set = NULL;
	CHECK_EQ(drig_read(&r, 1, RID), DRIG_BLOCKED);
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&unbinding), 0);
	drig_stop_end(&stop);
	drig_close(&r);
}

/* Whoever failed: the set's end does not say that all is well. */
static void a_quarantined_rid_is_told_of(void)
{
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, RID, NONE, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_ETIMEDOUT);
	CHECK_EQ(drig_unbind(&r, 0, RID, 0), -ETIMEDOUT);
	CHECK_EQ(drig_read(&r, 0, RID), DRIG_BYTE(1));
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), -ETIMEDOUT);
	CHECK_EQ(ioasid_set_reset(r.set), -ETIMEDOUT);
	CHECK_EQ(ioasid_set_put(r.set), -ETIMEDOUT);
	r.set = NULL;
	drig_close(&r);
}

/* VT-d: on a home without the use PASID the RID needs the device for itself. */
static void the_end_of_a_set_takes_its_pasids_before_the_rid(void)
{
	for (unsigned int dies = 0; dies < 2; dies++) {
		struct ioasid_address_space *home;
		struct drig r;

		drig_open_with(&r, "devices=1", 0, IOASID_POOL_NO_WORKER, 0);
		home = drig_space(&r, r.on.context, 0);
		REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, home, &r.device[0]), 0);
		r.devices = 1;
		CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
		CHECK_EQ(drig_bind(&r, 0, RID, NONE, 1, 0), 0);
		(void)drig_bound(&r, 1);
		(void)drig_bound(&r, 1);
		CHECK_EQ(dies ? ioasid_set_put(r.set) : ioasid_set_reset(r.set), (int)dies);
		CHECK_EQ(drig_slot(&r, 0, RID), IOASID_MOCK_SLOT_ATTACHED);
		CHECK_EQ(drig_read(&r, 0, RID), -(int)IOASID_MOCK_FAULT_NOT_PRESENT);
		if (dies)
			r.set = NULL;
		CHECK(ioasid_pool_dispatch(r.pool) >= 0);
		CHECK_EQ(ioasid_device_close(r.device[0]), 0);
		r.device[0] = NULL;
		CHECK_EQ(ioasid_address_space_destroy(home), 0);
		drig_close(&r);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a device reset takes over what waits in a lane (S9.7, S9.14)",
		  a_device_reset_takes_over_what_waits_in_a_lane },
		{ "a device reset waits for what is in hand (S9.14)", a_device_reset_waits_for_what_is_in_hand },
		{ "a device reset waits no longer than the deadline (S9.14)",
		  a_device_reset_waits_no_longer_than_the_deadline },
		{ "a quarantine hides no later binding (S9.8, S9.14)", a_quarantine_hides_no_later_binding },
		{ "the end of a set waits for an RID in hand (S2.3, S2.7)",
		  the_end_of_a_set_waits_for_an_rid_in_hand },
		{ "the end of a set waits no longer than the deadline (S2.3, S2.7)",
		  the_end_of_a_set_waits_no_longer_than_the_deadline },
		{ "a quarantined RID is told of (S4.3, S9.8)", a_quarantined_rid_is_told_of },
		{ "the end of a set takes its PASIDs before the RID (S2.7, S9.11)",
		  the_end_of_a_set_takes_its_pasids_before_the_rid },
	};

	return TEST_MAIN("device_clear", cases, argc, argv);
}
