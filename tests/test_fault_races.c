/* Page requests that meet frees, unbinds, rebinds and each other, each stopped where it matters (S10.2, S18). */
#include <sched.h>

#include "tests/fault_rig.h"
#include "tests/harness.h"

/* S10.2: the request is on its way to the reader when the mark comes. The free does not wait for the reader. */
static void a_request_that_is_being_read_at_the_mark_is_not_delivered(void)
{
	for (unsigned int answered = 0; answered < 2; answered++) {
		struct frig_stop stop;
		struct frig_call reading;
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_answering(&r, answered);
		id = frig_bound(&r, 0, FRIG_NONE);
		REQUIRE_EQ(ioasid_get(r.set, id), 0);
		asked = frig_ask(0, id, 1);
		frig_stop_begin(&stop, COUNTING_FAULT_READ);
		frig_start(&reading, &r, frig_call_read, 0);
		gate_await(&stop.gate, 1);
		CHECK_EQ(ioasid_free(r.set, id), 0);
		frig_stop_end(&stop);
		CHECK_EQ(frig_finish(&reading), 0);
		CHECK_EQ(reading.count, 0);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		CHECK_EQ(stats_of(r.set).faults_swallowed, 1);
		CHECK_EQ(stats_of(r.set).faults_open, 0);
		CHECK(ioasid_put(r.set, id) >= 0);
		frig_close(&r);
	}
}

/* S10.2: who came first answers, also if the backend then fails. */
static void an_answer_in_hand_at_the_mark_is_the_answer(void)
{
	for (unsigned int fails = 0; fails < 2; fails++) {
		struct frig_stop stop;
		struct frig_call answering;
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_answering(&r, false);
		id = frig_bound(&r, 0, FRIG_NONE);
		(void)frig_open_group(&r, 0, id, 1, &asked);
		if (fails)
			counting_fail(COUNTING_RESPOND, 1, IOASID_BE_EIO);
		frig_stop_begin(&stop, COUNTING_RESPOND);
		frig_start(&answering, &r, frig_call_success, id);
		gate_await(&stop.gate, 1);
		CHECK_EQ(ioasid_free(r.set, id), 0);
		/* Nothing waits for it, not even the reclaim. */
		CHECK_EQ(ioasid_wait_reclaimed(r.pool, id, IOASID_FOREVER), 0);
		CHECK_EQ(stats_of(r.set).faults_open, 0);
		frig_stop_end(&stop);
		CHECK_EQ(frig_finish(&answering), 0);
		CHECK_EQ(counting_answers(asked, NULL), !fails);
		CHECK_EQ(counting_calls(COUNTING_RESPOND), 1);
		CHECK_EQ(stats_of(r.set).faults_swallowed, 0);
		CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
		frig_close(&r);
	}
}

/* S10.2, S9.7: while the library answers at the mark, an answer is late, and what would end the binding
 * waits. */
static void an_answer_of_the_library_in_hand_keeps_the_binding(void)
{
	static void (*const ends[])(void *) = { frig_call_unbind, frig_call_close };

	for (unsigned int i = 0; i < 2; i++) {
		struct frig_call freeing, ending;
		struct ioasid_fault fault;
		struct frig_stop stop;
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_answering(&r, true);
		id = frig_bound(&r, 0, FRIG_NONE);
		fault = frig_open_group(&r, 0, id, 1, &asked);
		frig_stop_begin(&stop, COUNTING_RESPOND);
		frig_start(&freeing, &r, frig_call_free, id);
		gate_await(&stop.gate, 1);
		CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), -ENOENT);
		CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS), -ENOENT);
		frig_start(&ending, &r, ends[i], id);
		/* It has claimed the binding, and waits with the hardware done. */
		while (counting_calls(COUNTING_DETACH) == 0)
			sched_yield();
		CHECK(task_blocked(&ending.task));
		frig_stop_end(&stop);
		CHECK_EQ(frig_finish(&freeing), 0);
		CHECK_EQ(frig_finish(&ending), 0);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		CHECK_EQ(counting_calls(COUNTING_RESPOND), 1);
		CHECK_EQ(ioasid_wait_reclaimed(r.pool, id, IOASID_FOREVER), 0);
		frig_close(&r);
	}
}

/* S6.4, S10.2: in a set that only blocks a SPID's number is free from the mark on, and its new owner may ask
 * by the old one's name before all of that is answered. */
static void a_name_of_a_new_owner_is_not_the_marked_ones(void)
{
	enum { GROUPS = 20 };
	uint64_t old[GROUPS + 1], new;
	struct frig_stop stop;
	struct frig_call freeing;
	ioasid_t id, next;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	REQUIRE_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_BLOCK), 0);
	id = frig_bound(&r, 0, 4);
	for (uint32_t group = 1; group <= GROUPS; group++)
		(void)frig_open_group(&r, 0, id, group, &old[group]);
	frig_stop_begin(&stop, COUNTING_RESPOND);
	frig_start(&freeing, &r, frig_call_free, id);
	gate_await(&stop.gate, 1);
	next = frig_bound(&r, 0, 4);
	counting_hook(COUNTING_RESPOND, NULL, NULL);
	for (uint32_t group = 1; group <= GROUPS; group += GROUPS - 1) {
		(void)frig_open_group(&r, 0, next, group, &new);
		CHECK_EQ(frig_respond(&r, 0, 4, group, IOASID_FAULT_SUCCESS), 0);
		CHECK_ANSWERED(new, IOASID_FAULT_SUCCESS);
	}
	CHECK_EQ(frig_respond(&r, 0, 4, 2, IOASID_FAULT_SUCCESS), -ENOENT);
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&freeing), 0);
	for (uint32_t group = 1; group <= GROUPS; group++) {
		CHECK_ANSWERED(old[group], IOASID_FAULT_FAILURE);
		/* Every place in the table is good. */
		(void)frig_open_group(&r, 0, next, group + GROUPS, &new);
	}
	CHECK_EQ(stats_of(r.set).faults_open, GROUPS);
	for (uint32_t group = 1; group <= GROUPS; group++)
		CHECK_EQ(frig_respond(&r, 0, 4, group + GROUPS, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(stats_of(r.set).faults_open, 0);
	frig_close(&r);
}

/* S18.2 */
static void of_two_answers_the_first_is_given(void)
{
	struct frig_call answering;
	struct frig_stop stop;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_answering(&r, true);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &asked);
	frig_stop_begin(&stop, COUNTING_RESPOND);
	frig_start(&answering, &r, frig_call_success, id);
	gate_await(&stop.gate, 1);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_FAILURE), 0);
	CHECK_EQ(ioasid_fault_expire(r.context, 0, NULL), 0);
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&answering), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	CHECK_EQ(counting_calls(COUNTING_RESPOND), 1);
	frig_close(&r);
}

/* S18.1: the contract has one reader at a time. */
static void two_readers_take_turns(void)
{
	struct frig_call first, second;
	struct frig_stop stop;
	ioasid_t id;
	struct frig r;

	frig_answering(&r, true);
	id = frig_bound(&r, 0, FRIG_NONE);
	CHECK(frig_ask(0, id, 1) && frig_ask(0, id, 2));
	frig_stop_begin(&stop, COUNTING_FAULT_READ);
	frig_start(&first, &r, frig_call_read, 0);
	gate_await(&stop.gate, 1);
	frig_start(&second, &r, frig_call_read, 0);
	CHECK(task_blocked(&second.task));
	CHECK_EQ(counting_calls(COUNTING_FAULT_READ), 1);
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&first) + frig_finish(&second), 0);
	CHECK_EQ(first.fault.group, 1);
	CHECK_EQ(second.fault.group, 2);
	CHECK_EQ(stats_of(r.set).faults_open, 2);
	frig_close(&r);
}

/* S18.1: one queue, also if two binds want the first. */
static void two_first_binds_make_one_queue(void)
{
	struct frig_call first, second;
	struct frig_stop stop;
	ioasid_t a, b;
	struct frig r;

	frig_answering(&r, true);
	a = id_make(r.set);
	b = id_make(r.set);
	frig_stop_begin(&stop, COUNTING_FAULTQ_CREATE);
	frig_start(&first, &r, frig_call_bind, a);
	gate_await(&stop.gate, 1);
	frig_start(&second, &r, frig_call_bind, b);
	CHECK(task_blocked(&second.task));
	frig_stop_end(&stop);
	CHECK_EQ(frig_finish(&first), 0);
	CHECK_EQ(frig_finish(&second), 0);
	CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 1);
	frig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a request that is being read at the mark is not delivered (S10.2)",
		  a_request_that_is_being_read_at_the_mark_is_not_delivered },
		{ "an answer in hand at the mark is the answer (S10.2)", an_answer_in_hand_at_the_mark_is_the_answer },
		{ "an answer of the library in hand keeps the binding (S10.2, S9.7)",
		  an_answer_of_the_library_in_hand_keeps_the_binding },
		{ "a name of a new owner is not the marked one's (S6.4, S10.2)",
		  a_name_of_a_new_owner_is_not_the_marked_ones },
		{ "of two answers the first is given (S18.2)", of_two_answers_the_first_is_given },
		{ "two readers take turns (S18.1)", two_readers_take_turns },
		{ "two first binds make one queue (S18.1)", two_first_binds_make_one_queue },
	};

	return TEST_MAIN("fault_races", cases, argc, argv);
}
