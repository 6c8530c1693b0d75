/* The n-th call, or the n-th taking of memory, fails: nothing is half done, and all works after it (S0.1). */
#include <stdlib.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

enum { DEVICES = 3 };

/* What must be as before after a failed bind, whichever step failed. */
static void check_untouched(struct drig *r, ioasid_t id, unsigned int bound)
{
	ioasid_t found;

	CHECK_EQ(id_refs(r->set, id), 1 + bound);
	for (unsigned int i = 0; i < DEVICES; i++)
		CHECK_EQ(drig_read(r, i, id), i < bound ? DRIG_BYTE(1) : DRIG_BLOCKED);
	if (bound == 0) {
		CHECK_EQ(ioasid_find_by_spid(r->set, ioasid_spid_make(4), &found), -ENOENT);
		CHECK_EQ(drig_live(r).tables, 0);
	}
}

/* Binds on each device in turn, trying again after a failure. Returns how many binds failed. */
static unsigned int bind_all(struct drig *r, ioasid_t id, int error)
{
	unsigned int failed = 0;

	for (unsigned int i = 0; i < DEVICES; i++) {
		int rc = drig_bind(r, i, id, 4, 1, 0);

		if (rc == 0)
			continue;
		CHECK_EQ(rc, error);
		check_untouched(r, id, i);
		failed++;
		CHECK_EQ(drig_bind(r, i, id, 4, 1, 0), 0);
	}
	check_untouched(r, id, DEVICES);
	return failed;
}

static void check_events(struct drig *r)
{
	journal_expect(&r->journal, "kvm:ALLOC 9, kvm:BIND 9/4");
}

/* After each step of a bind. */
static void the_nth_backend_call_of_a_bind_fails(void)
{
	static const struct {
		uint32_t op;
		int32_t error;
		uint64_t calls; /* in three binds behind two IOMMUs */
	} steps[] = {
		{ IOASID_MOCK_OP_TABLE_CREATE, IOASID_BE_ENOSPC, 2 }, { IOASID_MOCK_OP_TABLE_CREATE, IOASID_BE_EIO, 2 },
		{ IOASID_MOCK_OP_ATTACH, IOASID_BE_ENOSPC, 3 },       { IOASID_MOCK_OP_ATTACH, IOASID_BE_EIO, 3 },
		{ IOASID_MOCK_OP_ATTACH, IOASID_BE_ETIMEDOUT, 3 },
	};

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		for (uint64_t nth = 1; nth <= steps[s].calls + 1; nth++) {
			struct drig r;

			drig_open(&r, "devices=3 iommus=2", DEVICES);
			drig_listen(&r);
			id_make_at(r.set, 9);
			drig_fail(&r, steps[s].op, nth, 1, steps[s].error);
			CHECK_EQ(bind_all(&r, 9, steps[s].error), nth <= steps[s].calls);
			check_events(&r);
			drig_heal(&r);
			for (unsigned int i = 0; i < DEVICES; i++)
				CHECK_EQ(drig_unbind(&r, i, 9, 0), 0);
			check_untouched(&r, 9, 0);
			CHECK_EQ(stats_of(r.set).quarantined, 0);
			drig_close(&r);
		}
	}
}

/* An error that leaves it open whether the slot is attached is followed by a detach, one that does not is
 * not. */
static void after_an_attach_of_unknown_outcome_the_slot_is_detached(void)
{
	static const struct {
		int32_t error;
		uint64_t detaches;
	} answers[] = { { IOASID_BE_EIO, 1 }, { IOASID_BE_ETIMEDOUT, 1 }, { IOASID_BE_ENOSPC, 0 }, { IOASID_BE_EBUSY, 0 } };

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct drig r;

		drig_open(&r, "devices=1", 1);
		drig_fail(&r, IOASID_MOCK_OP_ATTACH, 1, 1, answers[i].error);
		CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 9), 4, 1, 0), answers[i].error);
		CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DETACH), answers[i].detaches);
		CHECK_EQ(id_refs(r.set, 9), 1);
		drig_close(&r);
	}
}

/* Whichever call of the teardown fails, a retry brings the ID back, and DMA is blocked where free said so. */
static void the_nth_backend_call_of_a_teardown_fails(void)
{
	static const uint32_t ops[] = { IOASID_MOCK_OP_PARK, IOASID_MOCK_OP_DRAIN, IOASID_MOCK_OP_DETACH };

	for (size_t o = 0; o < sizeof(ops) / sizeof(ops[0]); o++) {
		for (uint64_t nth = 1; nth <= DEVICES + 1; nth++) {
			unsigned int reached = 0;
			struct drig r;
			int rc;

			drig_open_with(&r, "devices=3 iommus=2 separate_drain=on", DEVICES,
				       IOASID_POOL_NO_WORKER, 0);
			drig_listen(&r);
			id_make_at(r.set, 9);
			CHECK_EQ(bind_all(&r, 9, 0), 0);
			drig_fail(&r, ops[o], nth, 1, IOASID_BE_EIO);
			rc = ioasid_free(r.set, 9);
			for (unsigned int i = 0; i < DEVICES; i++)
				reached += drig_read(&r, i, 9) != DRIG_BLOCKED;
			/* What is not drained may have DMA in flight, so it is not blocked. */
			CHECK_EQ(rc, ops[o] != IOASID_MOCK_OP_DETACH && nth <= DEVICES ? -EIO : 0);
			CHECK_EQ(reached, ops[o] == IOASID_MOCK_OP_PARK && rc != 0);
			CHECK(ioasid_pool_dispatch(r.pool) >= 1);
			CHECK_EQ(drig_free_id(&r, 9), nth > DEVICES);
			CHECK_EQ(ioasid_quarantine_retry(r.set, IOASID_INVALID), nth > DEVICES ? -ENOENT : 0);
			CHECK(drig_free_id(&r, 9));
			journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
			CHECK_EQ(drig_live(&r).tables, 0);
			drig_heal(&r);
			drig_close(&r);
		}
	}
}

/* A veto whose undoing fails: the ID is the caller's still, the device's slot is quarantined. */
static void a_bind_that_cannot_be_undone_is_quarantined(void)
{
	struct drig r;

	drig_open(&r, "devices=3", DEVICES);
	drig_listen(&r);
	id_make_at(r.set, 9);
	r.kvm.veto_id = 9;
	r.kvm.veto_events = IOASID_EVENT_BIND;
	r.kvm.veto = -ENOTTY;
	drig_fail(&r, IOASID_MOCK_OP_DETACH, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_bind(&r, 0, 9, 4, 1, 0), -ENOTTY);
	r.kvm.veto_id = 0;
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BLOCKED);
	CHECK_EQ(id_refs(r.set, 9), 2);
	CHECK_EQ(drig_unbind(&r, 0, 9, 0), -ENOENT);
	CHECK_EQ(drig_bind(&r, 0, 9, 4, 1, 0), -EBUSY);
	CHECK_EQ(drig_bind(&r, 1, 9, 4, 1, 0), 0);
	CHECK_EQ(ioasid_quarantine_retry(r.set, 9), 0);
	CHECK_EQ(id_refs(r.set, 9), 2);
	drig_close(&r);
}

/* ---- Memory ---- */

static _Atomic uint64_t memory_left; /* takings until one fails; 0: none does */

static void *memory_take(void *context, size_t size, size_t align)
{
	void *memory = NULL;

	(void)context;
	if (memory_left > 0 && --memory_left == 0)
		return NULL;
	if (posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
		return NULL;
	return memory;
}

static void memory_give(void *context, void *memory, size_t size)
{
	(void)context;
	(void)size;
	free(memory);
}

/* S0.1: memory is taken before the first event, and before the hardware is touched. */
static void the_nth_taking_of_memory_fails(void)
{
	const struct ioasid_memory memory = { .alloc = memory_take, .free = memory_give };
	struct ioasid_bind_data data;
	unsigned int failures = 0;
	struct drig r;

	memory_left = 0;
	REQUIRE_EQ(ioasid_memory_use(&memory), 0);
	drig_open(&r, "devices=3 iommus=2", DEVICES);
	drig_listen(&r);
	/* A thread that begins takes memory, whenever it comes to run; after the seal none will. */
	CHECK_EQ(ioasid_pool_seal(r.pool, NULL), 0);
	for (uint64_t nth = 1;; nth++) {
		uint64_t attached = drig_calls(&r, IOASID_MOCK_OP_ATTACH);
		int rc;

		id_make_at(r.set, 9);
		journal_clear(&r.journal);
		memory_left = nth;
		rc = drig_bind(&r, 0, 9, 4, 1, 0);
		memory_left = 0;
		if (rc == 0)
			break;
		CHECK_EQ(rc, -ENOMEM);
		failures++;
		check_untouched(&r, 9, 0);
		CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ATTACH), attached);
		journal_expect(&r.journal, "");
		CHECK_EQ(ioasid_free(r.set, 9), 0);
	}
	CHECK(failures >= 5);
	journal_expect(&r.journal, "kvm:BIND 9/4");
	data = drig_data(&r, 9, IOASID_SPID_NONE, 2, 0);
	for (uint64_t nth = 1;; nth++) {
		int rc;

		memory_left = nth;
		rc = ioasid_rebind(r.device[0], r.set, &data);
		memory_left = 0;
		if (rc == 0)
			break;
		CHECK_EQ(rc, -ENOMEM);
		CHECK_EQ(drig_read(&r, 0, 9), DRIG_BYTE(1));
	}
	/* Nothing of this takes memory: unbind, free, teardown (S9.7). */
	memory_left = 1;
	CHECK_EQ(drig_unbind(&r, 0, 9, 0), 0);
	memory_left = 0;
	CHECK_EQ(drig_bind(&r, 0, 9, 4, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, 9, 4, 1, 0), 0);
	memory_left = 1;
	CHECK_EQ(ioasid_free(r.set, 9), 0);
	drig_settle(&r, 9);
	CHECK_EQ(memory_left, 1);
	memory_left = 0;
	drig_close(&r);
	REQUIRE_EQ(ioasid_memory_use(NULL), 0);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "the n-th backend call of a bind fails and nothing is half done (S9.1)",
		  the_nth_backend_call_of_a_bind_fails },
		{ "the n-th backend call of a teardown fails and a retry ends it (S9.8)",
		  the_nth_backend_call_of_a_teardown_fails },
		{ "after an attach of unknown outcome the slot is detached (S9.15)",
		  after_an_attach_of_unknown_outcome_the_slot_is_detached },
		{ "a bind that cannot be undone is quarantined (S9.8)",
		  a_bind_that_cannot_be_undone_is_quarantined },
		{ "the n-th taking of memory fails before anything happens (S0.1)",
		  the_nth_taking_of_memory_fails },
	};

	return TEST_MAIN("bind_failures", cases, argc, argv);
}
