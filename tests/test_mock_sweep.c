/* Each operation of the mock fails at each of its calls, and each request for memory: nothing is left half
 * done. */
#include "tests/harness.h"

#include <stdio.h>
#include <string.h>

#include "tests/mock_life.h"

/*
 * Lives through all steps. A step that fails with @error has changed nothing, and succeeds when it is done
 * again. Answers how many failed.
 */
static unsigned int live_through(struct life *l, int32_t error)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < life_step_count; i++) {
		const struct ioasid_mock_live before = rig_live(&l->rig);
		struct ioasid_mock_live after;
		int32_t rc = life_steps[i](l);

		if (rc == error) {
			failed++;
			after = rig_live(&l->rig);
			CHECK(!memcmp(&before, &after, sizeof(before)));
			rc = life_steps[i](l);
		}
		if (!CHECK_EQ(rc, 0))
			CHECK_EQ(i, SIZE_MAX);
	}
	return failed;
}

static void every_operation_fails_at_every_call_and_leaves_nothing_half_done(void)
{
	for (uint32_t op = 0; op < IOASID_MOCK_OP_COUNT; op++) {
		struct life l;
		uint64_t items;

		/* Open and close are not steps. */
		if (op == IOASID_MOCK_OP_OPEN || op == IOASID_MOCK_OP_CLOSE)
			continue;
		life_open(&l, LIFE_CONFIG);
		items = rig_items(&l.rig, op);
		CHECK_EQ(live_through(&l, IOASID_BE_EIO), 0);
		items = rig_items(&l.rig, op) - items;
		if (!CHECK(items > 0))
			CHECK_EQ(op, UINT32_MAX);
		life_close(&l);
		for (uint64_t nth = 1; nth <= items + 1; nth++) {
			life_open(&l, LIFE_CONFIG);
			rig_fail(&l.rig, op, nth, IOASID_BE_EIO);
			CHECK_EQ(live_through(&l, IOASID_BE_EIO), nth <= items);
			life_close(&l);
		}
	}
}

static void memory_that_runs_out_at_any_request_leaves_nothing_half_done(void)
{
	bool failed = true;
	unsigned int rounds = 0;

	for (uint64_t nth = 1; failed; nth++) {
		struct life l;

		life_open(&l, LIFE_CONFIG);
		CHECK_EQ(l.rig.control->fail_memory(l.rig.mock, nth), 0);
		failed = live_through(&l, IOASID_BE_ENOMEM);
		life_close(&l);
		rounds += failed;
	}
	/* Two address spaces, a handle of a third, table, device, maps, a file, windows, a leaf of slots: at
	 * least. */
	CHECK(rounds >= 10);
}

static void memory_that_runs_out_in_open_is_an_error_and_no_leak(void)
{
	struct rig rig;
	int32_t rc = IOASID_BE_ENOMEM;
	unsigned int nth = 0;

	while (rc) {
		char config[64];

		snprintf(config, sizeof(config), "devices=2 ats=on ids=4 fail_memory=%u", ++nth);
		rig_core(&rig);
		rc = rig_try(&rig, config);
		CHECK(rc == 0 || rc == IOASID_BE_ENOMEM);
	}
	/* Machine, IOMMUs, devices, the IOMMU's two TLBs, two of devices, IDs, context. */
	CHECK_EQ(nth, 10);
	rig_close(&rig);
}

/* A context that answers anything but EBUSY to close has ended. */
static void open_and_close_fail_on_demand(void)
{
	struct rig rig, other;

	rig_core(&rig);
	CHECK_EQ(rig_try(&rig, "fail=open:1:13"), IOASID_BE_EACCES);
	rig_open(&other, "machine=close fail=open:2:13", 0);
	rig_core(&rig);
	CHECK_EQ(rig_try(&rig, "machine=close"), IOASID_BE_EACCES);
	rig_core(&rig);
	REQUIRE_EQ(rig_try(&rig, "machine=close"), 0);
	rig_fail(&other, IOASID_MOCK_OP_CLOSE, 1, IOASID_BE_EBUSY);
	CHECK_EQ(rig.core->close(rig.ctx), IOASID_BE_EBUSY);
	CHECK_EQ(rig_live(&other).contexts, 2);
	rig_fail(&other, IOASID_MOCK_OP_CLOSE, 1, IOASID_BE_EIO);
	CHECK_EQ(rig.core->close(rig.ctx), IOASID_BE_EIO);
	CHECK_EQ(rig_live(&other).contexts, 1);
	rig_close(&other);
}

static const struct test_case cases[] = {
	{ "every operation fails at every call and leaves nothing half done",
	  every_operation_fails_at_every_call_and_leaves_nothing_half_done },
	{ "memory that runs out at any request leaves nothing half done",
	  memory_that_runs_out_at_any_request_leaves_nothing_half_done },
	{ "memory that runs out in open is an error and no leak",
	  memory_that_runs_out_in_open_is_an_error_and_no_leak },
	{ "open and close fail on demand", open_and_close_fail_on_demand },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_sweep", cases, argc, argv);
}
