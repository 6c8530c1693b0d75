/* The n-th backend call, or the n-th request for memory or a descriptor, fails: no group of page requests is
 * lost or answered twice, and all works after it (S0.1, S18). */
#include <errno.h>
#include <stdio.h>

#include "tests/fault_rig.h"
#include "tests/faults.h"
#include "tests/harness.h"

enum { NTH_MAX = 60 };

static void read_all(struct frig *r, bool answer)
{
	struct ioasid_fault faults[8];
	uint32_t count;
	int rc;

	do {
		count = 8;
		rc = ioasid_fault_read(r->context, faults, sizeof(faults[0]), &count);
		for (uint32_t i = 0; rc == 0 && answer && i < count; i++)
			(void)ioasid_fault_respond_handle(r->context, faults[i].handle, IOASID_FAULT_SUCCESS);
	} while (rc != 0 || count != 0);
}

/* All that page requests have to do with, for two IOASIDs. Whatever fails, it goes on. */
static void play(struct frig *r)
{
	struct ioasid_bind_data data;
	ioasid_t id[2];

	for (unsigned int i = 0; i < 2; i++) {
		id[i] = id_make(r->set);
		if (frig_bind(r, i, id[i], FRIG_NONE, 0) != 0)
			(void)frig_bind(r, i, id[i], FRIG_NONE, 0);
		(void)frig_ask(i, id[i], 1);
	}
	read_all(r, false);
	(void)frig_respond(r, 0, id[0], 1, IOASID_FAULT_SUCCESS);
	(void)frig_ask(0, id[0], 2);
	read_all(r, false);
	data = frig_data(r, id[0], FRIG_NONE, 0);
	(void)ioasid_rebind(r->device[0], r->set, &data);
	(void)frig_ask(0, id[0], 3);
	(void)frig_ask(1, id[1], 2);
	read_all(r, false);
	(void)ioasid_device_was_reset(r->device[1]);
	(void)frig_ask(1, id[1], 3);
	read_all(r, false);
	(void)ioasid_unbind(r->device[0], r->set, id[0], 0);
	(void)frig_ask(1, id[1], 4);
	(void)ioasid_free(r->set, id[1]);
	(void)ioasid_pool_dispatch(r->pool);
	(void)ioasid_fault_expire(r->context, 0, NULL);
}

static void check_answered(uint32_t groups)
{
	for (uint32_t handle = 1; handle <= groups; handle++)
		CHECK_EQ(counting_answers(handle, NULL), 1);
}

/* S18.2, S18.3, S9.8 */
static void the_nth_backend_call_fails(void)
{
	static const struct {
		enum counting_op op;
		int32_t error;
	} steps[] = {
		{ COUNTING_FAULTQ_CREATE, IOASID_BE_ENOMEM }, { COUNTING_TABLE_CREATE, IOASID_BE_ENOSPC },
		{ COUNTING_ATTACH, IOASID_BE_EIO },           { COUNTING_ATTACH, IOASID_BE_ENOSPC },
		{ COUNTING_REPLACE, IOASID_BE_EIO },          { COUNTING_PARK, IOASID_BE_ETIMEDOUT },
		{ COUNTING_DETACH, IOASID_BE_EIO },           { COUNTING_FAULT_READ, IOASID_BE_EIO },
		{ COUNTING_RESPOND, IOASID_BE_EIO },          { COUNTING_RESPOND, IOASID_BE_ENODEV },
		{ COUNTING_DEVICE_RESET, IOASID_BE_EIO },
	};
	unsigned int failed = 0;

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		uint64_t calls = 1;

		for (uint64_t nth = 1; nth <= calls && nth < NTH_MAX; nth++) {
			struct frig r;

			frig_begin(&r);
			frig_open(&r, IOASID_DEVICE_DIRECT, IOASID_POOL_NO_WORKER);
			counting_fail(steps[s].op, nth, steps[s].error);
			play(&r);
			calls = counting_calls(steps[s].op);
			failed += nth <= calls;
			counting_fail(steps[s].op, 0, 0);
			(void)ioasid_quarantine_retry(ioasid_pool_root(r.pool), IOASID_INVALID);
			read_all(&r, true);
			for (unsigned int i = 0; i < FRIG_DEVICES; i++) {
				CHECK_EQ(ioasid_device_close(r.device[i]), 0);
				r.device[i] = NULL;
			}
			read_all(&r, true);
			check_answered(7);
			(void)ioasid_pool_dispatch(r.pool);
			frig_close(&r);
		}
		CHECK(calls >= 1);
	}
	printf("# %u calls failed\n", failed);
	CHECK(failed > 30);
}

/* S0.1, S18.1: the first bind makes the queue; the backend has a descriptor for it, or not. */
static void the_nth_request_fails(uint32_t faults_fd)
{
	unsigned int n, failed = 0;
	bool more = true;

	for (n = 1; more && n < NTH_MAX; n++) {
		struct frig r;
		uint64_t asked;
		ioasid_t id;
		int rc;

		frig_begin(&r);
		counting_setup.faults_fd = faults_fd;
		REQUIRE_EQ(faults_begin(), 0);
		frig_open(&r, IOASID_DEVICE_DIRECT, IOASID_POOL_NO_WORKER);
		id = id_make(r.set);
		faults_arm(n, false);
		rc = frig_bind(&r, 0, id, FRIG_NONE, 0);
		more = faults_disarm() != 0;
		if (more) {
			failed++;
			/* A backend has no other word for a descriptor that it did not get. */
			CHECK(rc != 0 && (faults_explain(rc) || (faults_fd != 0 && rc == -ENOMEM)));
			CHECK_EQ(id_refs(r.set, id), 1);
			CHECK_EQ(counting_live(COUNTING_TABLES), 0);
			rc = frig_bind(&r, 0, id, FRIG_NONE, 0);
		}
		CHECK_EQ(rc, 0);
		(void)frig_open_group(&r, 0, id, 1, &asked);
		/* Neither reading nor answering takes memory. */
		faults_arm(1, true);
		CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
		(void)frig_open_group(&r, 0, id, 2, &asked);
		CHECK_EQ(ioasid_free(r.set, id), 0);
		CHECK_EQ(faults_disarm(), 0);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		(void)ioasid_pool_dispatch(r.pool);
		frig_close(&r);
		faults_check("a first bind with faults");
	}
	printf("# %u requests failed\n", failed);
	CHECK(failed >= 6 + faults_fd);
	CHECK(n < NTH_MAX);
}

static void the_nth_request_of_a_first_bind_fails(void)
{
	the_nth_request_fails(0);
	the_nth_request_fails(1);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "the nth backend call fails, and every group is answered once (S18.2, S18.3, S9.8)", the_nth_backend_call_fails },
		{ "the nth request of a first bind with faults fails (S0.1, S18.1)", the_nth_request_of_a_first_bind_fails },
	};

	return TEST_MAIN("fault_failures", cases, argc, argv);
}
