/* Binds, unbinds and frees of one IOASID that meet, each stopped where it matters (S9.1, S9.15). */
#include <sched.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* S9.15: stopped before and after the hardware is programmed. */
static void a_bind_that_a_free_overtakes_undoes_itself(void)
{
	static const uint32_t phases[] = { IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_PHASE_END };

	for (unsigned int i = 0; i < 2; i++) {
		struct drig_call binding, freeing;
		struct drig_stop stop;
		ioasid_t id;
		struct drig r;

		drig_open(&r, "devices=1", 1);
		drig_listen(&r);
		id = id_make_at(r.set, 9);
		drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, phases[i], IOASID_MOCK_NO_DEVICE);
		drig_start(&binding, &r, drig_call_bind, 0, id, 4);
		gate_await(&stop.gate, 1);
		drig_start(&freeing, &r, drig_call_free, 0, id, 0);
		drig_await_mark(&r, id);
		/* A free that blocks waits for the call in hand. */
		CHECK(task_blocked(&freeing.task));
		CHECK_EQ(ioasid_get(r.set, id), -ENOENT);
		gate_open(&stop.gate);
		CHECK_EQ(drig_finish(&binding), -ENOENT);
		CHECK_EQ(drig_finish(&freeing), 0);
		drig_stop_end(&stop);
		drig_settle(&r, id);
		CHECK(drig_free_id(&r, id));
		CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
		CHECK_EQ(drig_live(&r).tables, 0);
		CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_FREE);
		/* Nobody was told of the SPID, so nobody is told of its end. */
		journal_expect(&r.journal, "kvm:ALLOC 9, kvm:FREE 9");
		CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 10), 4, 1, 0), 0);
		drig_close(&r);
	}
}

/* S9.15: making the table programs nothing, so nobody waits for it. */
static void a_free_does_not_wait_for_a_table_that_is_being_made(void)
{
	struct drig_stop stop;
	struct drig_call binding;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_TABLE_CREATE, IOASID_MOCK_PHASE_END, IOASID_MOCK_NO_DEVICE);
	drig_start(&binding, &r, drig_call_bind, 0, id, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&binding), -ENOENT);
	drig_stop_end(&stop);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ATTACH), 0);
	CHECK_EQ(drig_live(&r).tables, 0);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.15, S7.1: the free waits for the handler, FREE covers the SPID. */
static void a_free_during_bind_is_delivered_after_it(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call binding, freeing;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	r.kvm.gate = &gate;
	r.kvm.gate_events = IOASID_EVENT_BIND;
	drig_start(&binding, &r, drig_call_bind, 0, id, 4);
	gate_await(&gate, 1);
	drig_start(&freeing, &r, drig_call_free, 0, id, 0);
	/* Blocked already: the event turn is not what the hardware waits for. */
	while (drig_read(&r, 0, id) != DRIG_BLOCKED)
		sched_yield();
	CHECK(task_blocked(&freeing.task));
	gate_open(&gate);
	CHECK_EQ(drig_finish(&binding), -ENOENT);
	CHECK_EQ(drig_finish(&freeing), 0);
	drig_settle(&r, id);
	CHECK(drig_free_id(&r, id));
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
	drig_close(&r);
}

static int free_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	struct drig *r = self->context;

	if (event->event == IOASID_EVENT_BIND)
		CHECK_EQ(ioasid_free(r->set, event->id), -EINPROGRESS);
	return 0;
}

/* S7.6, S9.15: the thread that delivers BIND completes the free itself, and holds nothing that this waits
 * for. */
static void a_free_from_the_bind_handler_ends_bind_and_id(void)
{
	uint64_t before;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	r.kvm.hook = free_in_handler;
	r.kvm.context = &r;
	id = id_make_at(r.set, 9);
	before = drig_calls(&r, IOASID_MOCK_OP_PARK);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), -ENOENT);
	CHECK(drig_calls(&r, IOASID_MOCK_OP_PARK) > before);
	CHECK(drig_free_id(&r, id));
	CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_FREE);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
	drig_close(&r);
}

/* S9.15, S9.7 */
static void a_free_waits_for_an_unbind_in_hand(void)
{
	struct drig_call unbinding, freeing;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, 0);
	gate_await(&stop.gate, 1);
	drig_start(&freeing, &r, drig_call_free, 0, id, 0);
	CHECK(task_blocked(&freeing.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&unbinding), 0);
	CHECK_EQ(drig_finish(&freeing), 0);
	drig_stop_end(&stop);
	CHECK(drig_free_id(&r, id));
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4, kvm:FREE 9");
	drig_close(&r);
}

/* S9.7 */
static void of_two_unbinds_one_claims_the_record(void)
{
	struct drig_call unbinding;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_DETACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, 0);
	gate_await(&stop.gate, 1);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&unbinding), 0);
	drig_stop_end(&stop);
	CHECK_EQ(id_refs(r.set, id), 1);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	drig_close(&r);
}

/* S9.1, on the same device and on another. */
static void a_bind_during_the_last_unbind_waits_for_it(void)
{
	for (unsigned int device = 0; device < 2; device++) {
		struct drig_call unbinding, binding;
		struct drig_stop stop;
		ioasid_t id;
		struct drig r;

		drig_open(&r, "devices=2", 2);
		drig_listen(&r);
		id = id_make_at(r.set, 9);
		CHECK_EQ(drig_bind(&r, 0, id, 4, 2, 0), 0);
		drig_stop_begin(&stop, &r, IOASID_MOCK_OP_DETACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
		drig_start(&unbinding, &r, drig_call_unbind, 0, id, 0);
		gate_await(&stop.gate, 1);
		/* With another table and another SPID: nothing of the old binding is left. */
		drig_start(&binding, &r, drig_call_bind, device, id, 5);
		CHECK(task_blocked(&binding.task));
		gate_open(&stop.gate);
		CHECK_EQ(drig_finish(&unbinding), 0);
		CHECK_EQ(drig_finish(&binding), 0);
		drig_stop_end(&stop);
		CHECK_EQ(drig_read(&r, device, id), DRIG_BYTE(1));
		CHECK_EQ(id_refs(r.set, id), 2);
		journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4, kvm:BIND 9/5");
		drig_close(&r);
	}
}

/* S9.2, S9.15 */
static void of_two_binds_on_one_device_the_second_waits_and_is_refused(void)
{
	struct drig_call first, second;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&first, &r, drig_call_bind, 0, id, NONE);
	gate_await(&stop.gate, 1);
	drig_start(&second, &r, drig_call_bind, 0, id, NONE);
	CHECK(task_blocked(&second.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&first), 0);
	CHECK_EQ(drig_finish(&second), -EBUSY);
	drig_stop_end(&stop);
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ATTACH), 1);
	drig_close(&r);
}

/* S9.1, S9.15: the first one's failure makes the second the first. */
static void of_two_binds_on_two_devices_one_announces_the_spid(void)
{
	for (unsigned int fails = 0; fails < 2; fails++) {
		struct drig_call first, second;
		struct drig_stop stop;
		ioasid_t id;
		struct drig r;

		drig_open(&r, "devices=2 iommus=2", 2);
		drig_listen(&r);
		id = id_make_at(r.set, 9);
		if (fails)
			drig_fail(&r, IOASID_MOCK_OP_ATTACH, 1, 1, IOASID_BE_ENOSPC);
		drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_BEGIN, 0);
		drig_start(&first, &r, drig_call_bind, 0, id, 4);
		gate_await(&stop.gate, 1);
		drig_start(&second, &r, drig_call_bind, 1, id, 4);
		CHECK(task_blocked(&second.task));
		gate_open(&stop.gate);
		CHECK_EQ(drig_finish(&first), fails ? -ENOSPC : 0);
		CHECK_EQ(drig_finish(&second), 0);
		drig_stop_end(&stop);
		CHECK_EQ(id_refs(r.set, id), 3 - fails);
		journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
		if (!fails)
			CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
		journal_expect(&r.journal, "");
		CHECK_EQ(drig_unbind(&r, 1, id, 0), 0);
		journal_expect(&r.journal, "kvm:UNBIND 9/4");
		drig_close(&r);
	}
}

/* S9.15: without a SPID two devices do not wait for each other. */
static void binds_on_two_devices_run_side_by_side(void)
{
	struct drig_stop stop;
	struct drig_call first;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2 iommus=2", 2);
	id = id_make(r.set);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_BEGIN, 0);
	drig_start(&first, &r, drig_call_bind, 0, id, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(drig_bind(&r, 1, id, NONE, 1, 0), 0);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(1));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&first), 0);
	drig_stop_end(&stop);
	drig_close(&r);
}

/* S9.15: backend calls of one (device, IOASID) are made one at a time. */
static void an_unbind_waits_for_the_park_that_a_free_has_in_hand(void)
{
	struct drig_call unbinding, freeing;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&freeing, &r, drig_call_free, 0, id, NONE);
	gate_await(&stop.gate, 1);
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, NONE);
	/* Who claims the binding takes it down (S9.7): the free, if the unbind comes too late. */
	drig_await_claim(&r, id);
	CHECK(task_blocked(&unbinding.task));
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_PARK), 1);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DETACH), 0);
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&freeing), 0);
	CHECK_EQ(drig_finish(&unbinding), 0);
	drig_stop_end(&stop);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_PARK), 1);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a bind that a free overtakes undoes itself (S9.15)",
		  a_bind_that_a_free_overtakes_undoes_itself },
		{ "a free does not wait for a table that is being made (S9.15)",
		  a_free_does_not_wait_for_a_table_that_is_being_made },
		{ "a free during BIND is delivered after it (S9.15, S7.1)",
		  a_free_during_bind_is_delivered_after_it },
		{ "a free from the BIND handler ends bind and ID (S7.6, S9.15)",
		  a_free_from_the_bind_handler_ends_bind_and_id },
		{ "a free waits for an unbind in hand (S9.15)", a_free_waits_for_an_unbind_in_hand },
		{ "an unbind waits for the park that a free has in hand (S9.15)",
		  an_unbind_waits_for_the_park_that_a_free_has_in_hand },
		{ "of two unbinds one claims the record (S9.7)", of_two_unbinds_one_claims_the_record },
		{ "a bind during the last unbind waits for it (S9.1)",
		  a_bind_during_the_last_unbind_waits_for_it },
		{ "of two binds on one device the second waits and is refused (S9.2)",
		  of_two_binds_on_one_device_the_second_waits_and_is_refused },
		{ "of two binds on two devices one announces the SPID (S9.1)",
		  of_two_binds_on_two_devices_one_announces_the_spid },
		{ "binds on two devices run side by side (S9.15)", binds_on_two_devices_run_side_by_side },
	};

	return TEST_MAIN("bind_races", cases, argc, argv);
}
