/* Quarantine: what is left when hardware does not obey (S9.8, S4.3). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* S9.8, S4.3 */
static void what_cannot_be_parked_is_quarantined_and_not_reused(void)
{
	ioasid_t id, again = IOASID_INVALID;
	struct drig_listing seen;
	struct drig r;

	drig_open(&r, "devices=2 iommus=2", 2);
	id = drig_bound(&r, 2);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	/* The other device is blocked all the same. */
	CHECK_EQ((drig_read(&r, 0, id) == DRIG_BLOCKED) + (drig_read(&r, 1, id) == DRIG_BLOCKED), 1);
	CHECK_EQ(ioasid_alloc(r.set, id, id, NULL, &again), -EBUSY);
	/* The device that obeyed loses its binding, and with it its reference, behind the call. */
	do
		seen = drig_list(r.set);
	while (seen.last.bindings != 1 || seen.last.refs != 1);
	CHECK_EQ(seen.last.flags, IOASID_PARKED_PENDING | IOASID_PARKED_QUARANTINED);
	CHECK_EQ(seen.last.refs, 1);
	CHECK_EQ(stats_of(r.set).quarantined, 1);
	/* Freed again it still is not known to be blocked. */
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	CHECK_EQ(stats_of(r.set).quarantined, 0);
	CHECK(drig_free_id(&r, id));
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), -ENOENT);
	drig_close(&r);
}

/* How long the free of an ID takes whose device does not answer. */
static uint64_t free_without_an_answer(void)
{
	uint64_t waited;
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, 0, 50 * DRIG_MS);
	id = drig_bound(&r, 1);
	drig_hang(&r, IOASID_MOCK_OP_PARK, 1);
	waited = drig_now();
	CHECK_EQ(ioasid_free(r.set, id), -ETIMEDOUT);
	waited = drig_now() - waited;
	CHECK(waited >= 50 * DRIG_MS);
	/* A free that was stopped until its time was over, before it had begun to park, leaves that to the
	 * teardown. */
	while (stats_of(r.set).quarantined != 1)
		sched_yield();
	CHECK_EQ(ioasid_quarantine_retry(r.set, IOASID_INVALID), 0);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
	return waited;
}

/* S9.8, S9.15. The library's own deadline is five seconds; a machine that stands still for so long does so
 * once. */
static void hardware_that_does_not_answer_costs_the_deadline_and_no_more(void)
{
	uint64_t waited = UINT64_MAX;

	for (unsigned int i = 0; i < 3 && waited >= 5000 * DRIG_MS; i++)
		waited = free_without_an_answer();
	CHECK(waited < 5000 * DRIG_MS);
}

/* S9.15: the call that is waited for is another thread's. */
static void a_call_in_hand_that_does_not_end_is_waited_for_until_the_deadline(void)
{
	struct drig_stop stop;
	struct drig_call c;
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, 0, 50 * DRIG_MS);
	id = id_make(r.set);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_END, IOASID_MOCK_NO_DEVICE);
	drig_start(&c, &r, drig_call_bind, 0, id, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_free(r.set, id), -ETIMEDOUT);
	CHECK_EQ(stats_of(r.set).quarantined, 1);
	CHECK(!drig_free_id(&r, id));
	/* When it ends at last, its thread undoes what it did, and with that the quarantine is over. */
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&c), -ENOENT);
	drig_stop_end(&stop);
	CHECK(drig_free_id(&r, id));
	CHECK_EQ(drig_slot(&r, 0, id), IOASID_MOCK_SLOT_FREE);
	CHECK_EQ(stats_of(r.set).quarantined, 0);
	drig_close(&r);
}

/* S9.8: parked is blocked, so free answers 0; but the number is not reused. */
static void what_cannot_be_detached_stays_parked(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	id = drig_bound(&r, 1);
	drig_fail(&r, IOASID_MOCK_OP_DETACH, 1, 2, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(stats_of(r.set).quarantined, 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), -EIO);
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.8 */
static void a_reported_device_reset_ends_the_quarantine(void)
{
	ioasid_t id, healthy;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = drig_bound(&r, 1);
	healthy = drig_bound(&r, 1);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	CHECK_EQ(ioasid_device_was_reset(r.device[1]), 0);
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_device_was_reset(r.device[0]), 0);
	CHECK(drig_free_id(&r, id));
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DEVICE_RESET), 2);
	/* Bindings in use stay. */
	CHECK_EQ(drig_read(&r, 0, healthy), DRIG_BYTE(1));
	CHECK_EQ(id_refs(r.set, healthy), 2);
	drig_close(&r);
}

static void check_quarantined(struct ioasid_set *set, uint32_t count)
{
	struct ioasid_stats stats = stats_of(set);

	CHECK_EQ(stats.pending, 0);
	CHECK_EQ(stats.quarantined, count);
	CHECK_EQ(stats.parked, count);
}

/* S9.8 on an ACTIVE IOASID; the statistics show it (S13.1). */
static void an_unbind_that_cannot_be_finished_is_quarantined(void)
{
	struct drig_listing seen;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_DETACH, 1, 1, IOASID_BE_ETIMEDOUT);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ETIMEDOUT);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	CHECK_EQ(id_refs(r.set, id), 2);
	seen = drig_list(r.set);
	CHECK_EQ(seen.count, 1);
	CHECK_EQ(seen.last.flags, IOASID_PARKED_QUARANTINED);
	check_quarantined(r.set, 1);
	check_quarantined(ioasid_pool_root(r.pool), 1);
	/* Not again on this device, but elsewhere, with another table. */
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), -EBUSY);
	CHECK_EQ(drig_bind(&r, 1, id, 5, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(2));
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	check_quarantined(r.set, 0);
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(drig_bind(&r, 0, id, 5, 2, 0), 0);
	drig_close(&r);
}

/* S2.6, S9.8 */
static void a_retry_is_for_the_callers_own(void)
{
	struct ioasid_set *other;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	other = set_make(r.pool, 5);
	id = drig_bound(&r, 1);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	CHECK_EQ(ioasid_quarantine_retry(other, IOASID_INVALID), -ENOENT);
	CHECK_EQ(ioasid_quarantine_retry(other, id), -EACCES);
	CHECK_EQ(ioasid_quarantine_retry(NULL, id), -EINVAL);
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_quarantine_retry(ioasid_pool_root(r.pool), IOASID_INVALID), 0);
	CHECK(drig_free_id(&r, id));
	set_end(other);
	drig_close(&r);
}

/* S9.11: an RID that cannot go home is quarantined like the rest. */
static void an_rid_that_cannot_go_home_is_quarantined(void)
{
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_set_reset(r.set), -EIO);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), -EBUSY);
	CHECK_EQ(ioasid_quarantine_retry(r.set, IOASID_NO_PASID), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BLOCKED);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "what cannot be parked is quarantined and not reused (S9.8, S4.3)",
		  what_cannot_be_parked_is_quarantined_and_not_reused },
		{ "hardware that does not answer costs the deadline and no more (S9.8, S9.15)",
		  hardware_that_does_not_answer_costs_the_deadline_and_no_more },
		{ "a call in hand that does not end is waited for until the deadline (S9.15)",
		  a_call_in_hand_that_does_not_end_is_waited_for_until_the_deadline },
		{ "what cannot be detached stays parked (S9.8)", what_cannot_be_detached_stays_parked },
		{ "a reported device reset ends the quarantine (S9.8)",
		  a_reported_device_reset_ends_the_quarantine },
		{ "an unbind that cannot be finished is quarantined (S9.8)",
		  an_unbind_that_cannot_be_finished_is_quarantined },
		{ "a retry is for the caller's own (S2.6, S9.8)", a_retry_is_for_the_callers_own },
		{ "an RID that cannot go home is quarantined (S9.8, S9.11)",
		  an_rid_that_cannot_go_home_is_quarantined },
	};

	return TEST_MAIN("quarantine", cases, argc, argv);
}
