/* Rebinds, resets and closes that meet binds and frees, each stopped where it matters (S9.3, S9.14, S9.15). */
#include <stdlib.h>
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* ---- where a rebind takes memory ---- */

/* The nth request of a thread stops there. */
static _Thread_local struct gate *memory_gate;
static _Thread_local unsigned int memory_next;

static void *take(void *context, size_t size, size_t align)
{
	(void)context;
	if (memory_next != 0 && --memory_next == 0)
		gate_pass(memory_gate);
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give_back(void *context, void *memory, size_t size)
{
	(void)context;
	memset(memory, 0xa5, size);
	free(memory);
}

struct stopped_rebind {
	struct drig_call call;
	struct gate gate;
	unsigned int nth;
};

static void call_stopped_rebind(void *arg)
{
	struct stopped_rebind *s = arg;

	memory_gate = &s->gate;
	memory_next = s->nth;
	drig_call_rebind(&s->call);
	memory_next = 0;
	/* Without such a request: nobody need wait for it. */
	gate_pass(&s->gate);
}

/* S9.15, S10.1: whenever the rebind stops to take memory. */
static void a_free_while_a_rebind_takes_memory_blocks_all_the_same(void)
{
	static const struct ioasid_memory memory = { .alloc = take, .free = give_back };
	unsigned int stopped = 0;

	REQUIRE_EQ(ioasid_memory_use(&memory), 0);
	for (unsigned int nth = 1; nth < 8; nth++) {
		struct stopped_rebind s = { .gate = GATE_CLOSED, .nth = nth };
		struct drig_call freeing;
		struct drig_stop stop;
		struct task task;
		struct drig r;
		ioasid_t id;

		drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
		id = drig_bound(&r, 1);
		s.call = (struct drig_call){ .r = &r, .id = id, .answer = 1 };
		task_start(&task, call_stopped_rebind, &s);
		gate_await(&s.gate, 1);
		stopped += s.call.answer == 1;
		drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
		drig_start(&freeing, &r, drig_call_free, 0, id, NONE);
		gate_await(&stop.gate, 1);
		gate_open(&s.gate);
		/* It ends, or waits for the slot that is being parked. */
		(void)task_blocked(&task);
		gate_open(&stop.gate);
		task_join(&task);
		CHECK_EQ(drig_finish(&freeing), 0);
		drig_stop_end(&stop);
		CHECK(s.call.answer == -ENOENT || s.call.answer == 0);
		CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
		drig_settle(&r, id);
		drig_close(&r);
	}
	CHECK(stopped >= 2);
}

/* Binds with cookie 72. */
static void call_bind_cookie(void *call)
{
	struct drig_call *c = call;

	c->answer = drig_bind(c->r, c->device, c->id, c->spid, 1, 72);
}

/* S9.15: wherever the rebind is, after the free the IOASID is blocked, and what was parked is not put back to
 * work. */
static void a_free_during_a_rebind_blocks_all_the_same(void)
{
	static const struct {
		uint32_t op;
		uint32_t phase;
	} places[] = {
		{ IOASID_MOCK_OP_TABLE_CREATE, IOASID_MOCK_PHASE_BEGIN }, { IOASID_MOCK_OP_TABLE_CREATE, IOASID_MOCK_PHASE_END },
		{ IOASID_MOCK_OP_REPLACE, IOASID_MOCK_PHASE_BEGIN },      { IOASID_MOCK_OP_REPLACE, IOASID_MOCK_PHASE_END },
	};

	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct drig_call rebinding, freeing;
		struct drig_stop stop;
		ioasid_t id;
		struct drig r;

		drig_open(&r, "devices=2 iommus=2", 2);
		id = drig_bound(&r, 2);
		drig_stop_begin(&stop, &r, places[i].op, places[i].phase, IOASID_MOCK_NO_DEVICE);
		drig_start(&rebinding, &r, drig_call_rebind, 0, id, NONE);
		gate_await(&stop.gate, 1);
		drig_start(&freeing, &r, drig_call_free, 0, id, NONE);
		id_await_mark(r.set, id);
		CHECK(task_blocked(&freeing.task));
		gate_open(&stop.gate);
		CHECK_EQ(drig_finish(&freeing), 0);
		CHECK_EQ(drig_finish(&rebinding), -ENOENT);
		drig_stop_end(&stop);
		for (unsigned int device = 0; device < 2; device++)
			CHECK_EQ(drig_read(&r, device, id), DRIG_BLOCKED);
		drig_settle(&r, id);
		CHECK_EQ(drig_live(&r).tables, 0);
		CHECK_EQ(drig_live(&r).bindings, 0);
		drig_close(&r);
	}
}

/* S9.3 */
static void binds_and_unbinds_wait_for_a_rebind(void)
{
	struct drig_call rebinding, binding, unbinding;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=3", 3);
	id = drig_bound(&r, 2);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_REPLACE, IOASID_MOCK_PHASE_BEGIN, 1);
	drig_start(&rebinding, &r, drig_call_rebind, 0, id, NONE);
	gate_await(&stop.gate, 1);
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, NONE);
	drig_start(&binding, &r, drig_call_bind, 2, id, NONE);
	CHECK(task_blocked(&unbinding.task));
	CHECK(task_blocked(&binding.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&rebinding), 0);
	CHECK_EQ(drig_finish(&unbinding), 0);
	/* It asked for the table that the IOASID had. */
	CHECK_EQ(drig_finish(&binding), -EINVAL);
	drig_stop_end(&stop);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(2));
	CHECK_EQ(id_refs(r.set, id), 2);
	drig_close(&r);
}

/* S9.3 */
static void a_rebind_waits_for_a_bind_in_hand(void)
{
	struct drig_call rebinding, binding;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = drig_bound(&r, 1);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_BEGIN, 1);
	drig_start(&binding, &r, drig_call_bind, 1, id, NONE);
	gate_await(&stop.gate, 1);
	drig_start(&rebinding, &r, drig_call_rebind, 0, id, NONE);
	CHECK(task_blocked(&rebinding.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&binding), 0);
	CHECK_EQ(drig_finish(&rebinding), 0);
	drig_stop_end(&stop);
	for (unsigned int device = 0; device < 2; device++)
		CHECK_EQ(drig_read(&r, device, id), DRIG_BYTE(2));
	drig_close(&r);
}

/* A bind with a second cookie that is stopped in BIND: its user has no hardware of its own. */
static ioasid_t stopped_bind(struct drig *r, struct gate *gate, struct drig_call *binding)
{
	ioasid_t id;

	drig_open(r, "devices=1", 1);
	drig_listen(r);
	id = id_make_at(r->set, 9);
	CHECK_EQ(drig_bind(r, 0, id, NONE, 1, 71), 0);
	r->kvm.gate = gate;
	r->kvm.gate_events = IOASID_EVENT_BIND;
	drig_start(binding, r, call_bind_cookie, 0, id, 4);
	gate_await(gate, 1);
	return id;
}

/* S9.2: the first user goes, the second's hardware stays. */
static void an_unbind_leaves_the_hardware_to_a_bind_under_way(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call binding;
	struct drig r;
	ioasid_t id = stopped_bind(&r, &gate, &binding);

	CHECK_EQ(drig_unbind(&r, 0, id, 72), -ENOENT);
	CHECK_EQ(drig_unbind(&r, 0, id, 71), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	gate_open(&gate);
	CHECK_EQ(drig_finish(&binding), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(drig_unbind(&r, 0, id, 72), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	CHECK_EQ(id_refs(r.set, id), 1);
	drig_close(&r);
}

/* S9.14: a reset that meets a bind under way ends it. */
static void a_reset_of_the_device_ends_a_bind_under_way(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call binding;
	struct drig r;
	ioasid_t id = stopped_bind(&r, &gate, &binding);

	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	gate_open(&gate);
	CHECK_EQ(drig_finish(&binding), -ENOENT);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(drig_bind(&r, 0, id, 5, 2, 0), 0);
	drig_close(&r);
}

/* S9.8, S9.14: what cannot be reset keeps a reference, whoever's bind it met. */
static void a_reset_that_fails_keeps_the_reference_of_a_bind_under_way(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call binding;
	struct drig r;
	ioasid_t id = stopped_bind(&r, &gate, &binding);

	CHECK_EQ(drig_unbind(&r, 0, id, 71), 0);
	drig_fail(&r, IOASID_MOCK_OP_DETACH, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), -EIO);
	gate_open(&gate);
	CHECK_EQ(drig_finish(&binding), -ENOENT);
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.7: the teardown takes the first user's references, the second's bind its own. */
static void a_free_ends_a_bind_under_way_and_its_binding(void)
{
	struct gate gate = GATE_CLOSED;
	struct drig_call binding, freeing;
	struct drig r;
	ioasid_t id = stopped_bind(&r, &gate, &binding);

	drig_start(&freeing, &r, drig_call_free, 0, id, NONE);
	/* The hardware is not waited for with the turn of the BIND: else this would wait for ever. */
	while (drig_read(&r, 0, id) != DRIG_BLOCKED)
		sched_yield();
	CHECK(task_blocked(&freeing.task));
	gate_open(&gate);
	CHECK_EQ(drig_finish(&freeing), 0);
	CHECK_EQ(drig_finish(&binding), -ENOENT);
	drig_settle(&r, id);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
	CHECK_EQ(drig_live(&r).bindings, 0);
	drig_close(&r);
}

/* S9.11, S2.3: the set dies while its RID is being bound. */
static void call_put(void *call)
{
	struct drig_call *c = call;

	c->answer = ioasid_set_put(c->r->set);
}

static void a_bind_of_an_rid_that_its_sets_death_overtakes_undoes_itself(void)
{
	struct drig_call binding, dying;
	struct drig_stop stop;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(ioasid_set_get(r.set), 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_END, IOASID_MOCK_NO_DEVICE);
	drig_start(&binding, &r, drig_call_bind, 0, IOASID_NO_PASID, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_set_put(r.set), 0);
	drig_start(&dying, &r, call_put, 0, 0, NONE);
	/* It waits for the call in hand, as a free does. */
	CHECK(task_blocked(&dying.task));
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&dying), 1);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BLOCKED);
	CHECK_EQ(drig_finish(&binding), -ENOENT);
	drig_stop_end(&stop);
	r.set = NULL;
	CHECK_EQ(drig_slot(&r, 0, 0), IOASID_MOCK_SLOT_FREE);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a free during a rebind blocks all the same (S9.15)", a_free_during_a_rebind_blocks_all_the_same },
		{ "a free while a rebind takes memory blocks all the same (S9.15, S10.1)",
		  a_free_while_a_rebind_takes_memory_blocks_all_the_same },
		{ "binds and unbinds wait for a rebind (S9.3)", binds_and_unbinds_wait_for_a_rebind },
		{ "a rebind waits for a bind in hand (S9.3)", a_rebind_waits_for_a_bind_in_hand },
		{ "an unbind leaves the hardware to a bind under way (S9.2)",
		  an_unbind_leaves_the_hardware_to_a_bind_under_way },
		{ "a reset of the device ends a bind under way (S9.14)", a_reset_of_the_device_ends_a_bind_under_way },
		{ "a reset that fails keeps the reference of a bind under way (S9.8)",
		  a_reset_that_fails_keeps_the_reference_of_a_bind_under_way },
		{ "a free ends a bind under way and its binding (S9.7)", a_free_ends_a_bind_under_way_and_its_binding },
		{ "a bind of an RID that its set's death overtakes undoes itself (S9.11)",
		  a_bind_of_an_rid_that_its_sets_death_overtakes_undoes_itself },
	};

	return TEST_MAIN("rebind_races", cases, argc, argv);
}
