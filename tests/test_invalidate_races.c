/* Invalidations that meet what ends or changes their targets, each stopped where it matters (S17.2, S17.4). */
#include <sched.h>

#include "tests/harness.h"
#include "tests/invalidate_rig.h"

#define NONE IOASID_SPID_NONE

/* ---- what ends a target ---- */

static void an_unbind_ends_a_table_when_nobody_invalidates_it(void)
{
	struct drig_call unbinding;
	struct invalidating inv;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	inv_start_id(&inv, &r, id);
	drig_start(&unbinding, &r, drig_call_unbind, 0, id, NONE);
	while (drig_slot(&r, 0, id) != IOASID_MOCK_SLOT_FREE)
		sched_yield();
	CHECK(task_blocked(&unbinding.task));
	CHECK_EQ(drig_live(&r).tables, 1);
	/* Meanwhile it is not bound any more. */
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	inv_finish(&inv);
	CHECK_EQ(drig_finish(&unbinding), 0);
	CHECK_EQ(drig_live(&r).tables, 0);
	CHECK_EQ(id_refs(r.set, id), 1);
	drig_close(&r);
}

/* A guest that invalidates does not delay the blocking of what it has, and binds of others not at all. */
static void neither_a_free_that_blocks_nor_a_bind_waits(void)
{
	struct invalidating inv;
	ioasid_t id, other;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = drig_bound(&r, 1);
	inv_start_id(&inv, &r, id);
	other = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, other, 5, 2, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, NONE, 1, 0), 0);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(1));
	CHECK_EQ(drig_unbind(&r, 0, other, 0), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK(!drig_free_id(&r, id));
	inv_finish(&inv);
	drig_settle(&r, id);
	CHECK_EQ(drig_live(&r).tables, 0);
	drig_close(&r);
}

static void a_rebind_ends_the_old_table_when_nobody_invalidates_it(void)
{
	struct drig_call rebinding;
	struct invalidating inv;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	inv_start_id(&inv, &r, id);
	drig_start(&rebinding, &r, drig_call_rebind, 0, id, NONE);
	while (drig_read(&r, 0, id) != DRIG_BYTE(2))
		sched_yield();
	CHECK(task_blocked(&rebinding.task));
	CHECK_EQ(drig_live(&r).tables, 2);
	inv_finish(&inv);
	CHECK_EQ(drig_finish(&rebinding), 0);
	CHECK_EQ(drig_live(&r).tables, 1);
	drig_close(&r);
}

/* S16.1: who has unbound or rebound can destroy the address space at once. */
static void an_address_space_is_given_back_when_nobody_invalidates_it(void)
{
	static void (*const ends[])(void *) = { drig_call_unbind, drig_call_rebind };

	for (unsigned int i = 0; i < 2; i++) {
		struct ioasid_address_space *space;
		struct drig_call ending;
		struct invalidating inv;
		struct drig r;
		ioasid_t id;

		drig_open(&r, "devices=1", 1);
		id = id_make(r.set);
		space = drig_space(&r, r.on.context, IOASID_USE_PASID);
		CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
		inv_start_id(&inv, &r, id);
		drig_start(&ending, &r, ends[i], 0, id, NONE);
		CHECK(task_blocked(&ending.task));
		CHECK_EQ(ioasid_address_space_destroy(space), -EBUSY);
		inv_finish(&inv);
		CHECK_EQ(drig_finish(&ending), 0);
		CHECK_EQ(ioasid_address_space_destroy(space), 0);
		drig_close(&r);
	}
}

/* By a scope that does not name the device, whose RID goes as well. */
static void a_device_is_closed_when_nobody_invalidates_what_it_has(void)
{
	struct invalidating inv;
	struct ioasid_bind_data data;
	struct drig_call closing;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=2", 2);
	id = drig_bound(&r, 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	data = drig_data(&r, IOASID_NO_PASID, NONE, 3, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	inv_begin(&inv, &r);
	inv_add(&inv, inv_set());
	inv_start(&inv, &r);
	drig_start(&closing, &r, drig_call_close, 0, IOASID_INVALID, NONE);
	CHECK(task_blocked(&closing.task));
	CHECK_EQ(drig_live(&r).devices, 2);
	inv_finish(&inv);
	CHECK_EQ(drig_finish(&closing), 0);
	r.device[0] = NULL;
	CHECK_EQ(drig_live(&r).devices, 1);
	CHECK_EQ(drig_live(&r).tables, 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_close(&r);
}

/* ---- targets on their way ---- */

static void start_stopped(struct drig_call *c, struct drig *r, void (*fn)(void *), ioasid_t id, uint32_t spid,
			  struct drig_stop *stop, uint32_t op, uint32_t phase)
{
	drig_stop_begin(stop, r, op, phase, IOASID_MOCK_NO_DEVICE);
	drig_start(c, r, fn, 0, id, spid);
	gate_await(&stop->gate, 1);
}

static int end_stopped(struct drig_call *c, struct drig_stop *stop)
{
	int answer;

	gate_open(&stop->gate);
	answer = drig_finish(c);
	drig_stop_end(stop);
	return answer;
}

/* The hardware may use it before the bind has returned, and as long as an unbind has not. */
static void what_is_being_bound_or_unbound_is_invalidated(void)
{
	struct drig_stop stop;
	struct drig_call c;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	start_stopped(&c, &r, drig_call_bind, id, 9, &stop, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_END);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	drig_move(&r, 1, 5);
	CHECK_EQ(inv_one(r.set, inv_spid(9)), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(5));
	CHECK_EQ(end_stopped(&c, &stop), 0);
	start_stopped(&c, &r, drig_call_unbind, id, NONE, &stop, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(5));
	drig_move(&r, 1, 6);
	CHECK_EQ(inv_one(r.set, inv_id(id)), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(6));
	CHECK_EQ(end_stopped(&c, &stop), 0);
	drig_close(&r);
}

/* S9.3: while a slot moves it may be on either table. */
static void a_rebind_under_way_has_two_tables(void)
{
	static const uint32_t phases[] = { IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_PHASE_END };

	for (unsigned int i = 0; i < 2; i++) {
		struct ioasid_set *other;
		struct drig_stop stop;
		struct drig_call c;
		struct drig r;
		ioasid_t id;

		drig_open(&r, "devices=1", 1);
		other = set_make(r.pool, 1);
		id = id_make(r.set);
		CHECK_EQ(inv_bind_domain(&r, 0, id, 1, 0, 3), 0);
		start_stopped(&c, &r, drig_call_rebind, id, NONE, &stop, IOASID_MOCK_OP_REPLACE, phases[i]);
		CHECK_EQ(inv_one(r.set, inv_domain(3)), 0);
		CHECK_EQ(inv_calls(&r), 2);
		/* Neither is another set's, or another domain's. */
		CHECK_EQ(inv_one(other, inv_id(id)), 0);
		CHECK_EQ(inv_one(r.set, inv_domain(4)), 0);
		CHECK_EQ(inv_calls(&r), 2);
		CHECK_EQ(end_stopped(&c, &stop), 0);
		CHECK_EQ(inv_one(r.set, inv_domain(3)), 0);
		CHECK_EQ(inv_calls(&r), 3);
		set_end(other);
		drig_close(&r);
	}
}

static void invalidate_all(void *arg)
{
	struct drig *r = arg;

	CHECK_EQ(inv_one(r->set, inv_set()), 0);
}

static void two_invalidations_of_one_table_run_side_by_side(void)
{
	struct invalidating inv;
	struct task second;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	inv_start_id(&inv, &r, id);
	task_start(&second, invalidate_all, &r);
	gate_await(&inv.stop.gate, 2);
	gate_open(&inv.stop.gate);
	task_join(&second);
	inv_finish(&inv);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "an unbind ends a table when nobody invalidates it (S17.2, S9.15)",
		  an_unbind_ends_a_table_when_nobody_invalidates_it },
		{ "neither a free that blocks nor a bind waits for an invalidation (S17.4, S10.1)",
		  neither_a_free_that_blocks_nor_a_bind_waits },
		{ "a rebind ends the old table when nobody invalidates it (S9.3, S17.2)",
		  a_rebind_ends_the_old_table_when_nobody_invalidates_it },
		{ "an address space is given back when nobody invalidates it (S16.1, S17.2)",
		  an_address_space_is_given_back_when_nobody_invalidates_it },
		{ "a device is closed when nobody invalidates what it has (S9.14, S17.2)",
		  a_device_is_closed_when_nobody_invalidates_what_it_has },
		{ "what is being bound or unbound is invalidated (S17.2)",
		  what_is_being_bound_or_unbound_is_invalidated },
		{ "a rebind under way has two tables (S9.3, S17.2)", a_rebind_under_way_has_two_tables },
		{ "two invalidations of one table run side by side (S17.4)",
		  two_invalidations_of_one_table_run_side_by_side },
	};

	return TEST_MAIN("invalidate_races", cases, argc, argv);
}
