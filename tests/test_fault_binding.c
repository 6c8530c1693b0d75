/* Page requests that meet binds, unbinds and rebinds, each stopped where it matters (S18.3). */
#include <sched.h>

#include "tests/fault_rig.h"
#include "tests/harness.h"

/* S18.3: the answer in hand finds that park was faster, or fails; the unbind does not wait for it. */
static void an_unbind_overtakes_an_answer_in_hand(void)
{
	for (unsigned int fails = 0; fails < 2; fails++) {
		struct frig_call answering;
		struct frig_stop stop;
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_answering(&r, true);
		id = frig_bound(&r, 0, FRIG_NONE);
		(void)frig_open_group(&r, 0, id, 1, &asked);
		if (fails)
			counting_fail(COUNTING_RESPOND, 1, IOASID_BE_EIO);
		frig_stop_begin(&stop, COUNTING_RESPOND);
		frig_start(&answering, &r, frig_call_success, id);
		gate_await(&stop.gate, 1);
		CHECK_EQ(ioasid_unbind(r.device[0], r.set, id, 0), 0);
		CHECK_EQ(stats_of(r.set).faults_open, 0);
		frig_stop_end(&stop);
		CHECK_EQ(frig_finish(&answering), 0);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		CHECK_EQ(counting_calls(COUNTING_RESPOND), 1);
		frig_close(&r);
	}
}

/* S2.6, S18.3: else what a guest's device had asked for could be told to the next guest with that number. */
static void an_unbind_waits_until_what_was_read_is_recorded(void)
{
	struct frig_call reading, unbinding;
	struct frig_stop stop;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_answering(&r, true);
	id = frig_bound(&r, 0, FRIG_NONE);
	asked = frig_ask(0, id, 1);
	frig_stop_begin(&stop, COUNTING_FAULT_READ);
	frig_start(&reading, &r, frig_call_read, 0);
	gate_await(&stop.gate, 1);
	frig_start(&unbinding, &r, frig_call_unbind, id);
	while (counting_calls(COUNTING_DETACH) == 0)
		sched_yield();
	CHECK(task_blocked(&unbinding.task));
	CHECK_EQ(counting_calls(COUNTING_DETACH), 1);
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&unbinding), 0);
	REQUIRE_EQ(frig_bind(&r, 0, id, FRIG_NONE, 0), 0);
	CHECK_EQ(frig_finish(&reading), 0);
	CHECK_EQ(reading.count, 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
	frig_close(&r);
}

/* S18.3, S9.3: what was read before is answered; what is read during it may be of the new table, and is kept. */
static void a_rebind_answers_what_is_older_and_keeps_what_may_be_newer(void)
{
	struct frig_call rebinding;
	struct frig_stop stop;
	uint64_t older, newer;
	ioasid_t id;
	struct frig r;

	frig_answering(&r, false);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &older);
	frig_stop_begin(&stop, COUNTING_REPLACE);
	frig_start(&rebinding, &r, frig_call_rebind, id);
	gate_await(&stop.gate, 1);
	(void)frig_open_group(&r, 0, id, 2, &newer);
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&rebinding), 0);
	CHECK_ANSWERED(older, IOASID_FAULT_FAILURE);
	CHECK_EQ(counting_answers(newer, NULL), 0);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_respond(&r, 0, id, 2, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(older, IOASID_FAULT_FAILURE);
	CHECK_ANSWERED(newer, IOASID_FAULT_SUCCESS);
	frig_close(&r);
}

/* S18.3: a request of the old table that a reader has in hand. */
static void a_rebind_waits_until_what_was_read_before_is_recorded(void)
{
	struct frig_call reading, rebinding;
	struct frig_stop stop;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_answering(&r, false);
	id = frig_bound(&r, 0, FRIG_NONE);
	asked = frig_ask(0, id, 1);
	frig_stop_begin(&stop, COUNTING_FAULT_READ);
	frig_start(&reading, &r, frig_call_read, 0);
	gate_await(&stop.gate, 1);
	frig_start(&rebinding, &r, frig_call_rebind, id);
	CHECK(task_blocked(&rebinding.task));
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&rebinding), 0);
	CHECK_EQ(frig_finish(&reading), 0);
	CHECK_EQ(reading.count, 1);
	CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
	frig_close(&r);
}

static void bind_spid(void *arg)
{
	struct frig_call *c = arg;

	c->answer = frig_bind(c->r, 0, c->id, 4, 0);
}

/* S9.15, S18.1: the hardware is programmed before the bind knows; no request is lost on its way. */
static void a_device_may_ask_before_its_bind_is_over(void)
{
	for (unsigned int fails = 0; fails < 2; fails++) {
		struct ioasid_fault fault;
		struct frig_stop stop;
		struct frig_call binding;
		uint64_t asked;
		ioasid_t id, found;
		struct frig r;

		frig_begin(&r);
		counting_setup.faults_answered = 0;
		frig_open(&r, IOASID_DEVICE_MEDIATED, 0);
		id = id_make(r.set);
		if (fails)
			counting_fail(COUNTING_ATTACH, 1, IOASID_BE_EIO);
		frig_stop_begin(&stop, COUNTING_ATTACH);
		frig_start(&binding, &r, bind_spid, id);
		gate_await(&stop.gate, 1);
		fault = frig_open_group(&r, 0, id, 1, &asked);
		/* Nobody finds the SPID yet, but that is what the guest asks for. */
		CHECK_EQ(fault.spid.value, 4);
		CHECK_EQ(ioasid_find_by_spid(r.set, fault.spid, &found), -ENOENT);
		frig_stop_end(&stop);
		CHECK_EQ(frig_finish(&binding), fails ? -EIO : 0);
		CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS), 0);
		CHECK_ANSWERED(asked, fails ? IOASID_FAULT_FAILURE : IOASID_FAULT_SUCCESS);
		frig_close(&r);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "an unbind overtakes an answer in hand (S18.3)", an_unbind_overtakes_an_answer_in_hand },
		{ "an unbind waits until what was read is recorded (S2.6, S18.3)",
		  an_unbind_waits_until_what_was_read_is_recorded },
		{ "a rebind answers what is older and keeps what may be newer (S9.3, S18.3)",
		  a_rebind_answers_what_is_older_and_keeps_what_may_be_newer },
		{ "a rebind waits until what was read before is recorded (S18.3)",
		  a_rebind_waits_until_what_was_read_before_is_recorded },
		{ "a device may ask before its bind is over (S9.15, S18.1)", a_device_may_ask_before_its_bind_is_over },
	};

	return TEST_MAIN("fault_binding", cases, argc, argv);
}
