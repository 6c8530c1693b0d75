/* How devices end, and what that does to their bindings (S9.8, S9.14). */
#include "tests/device_rig.h"
#include "tests/harness.h"

/* S9.14: each binding is torn down, and the IOASIDs stay. */
static void close_takes_down_all_bindings_of_the_device_only(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, 4, 1, 0), 0);
	CHECK_EQ(id_refs(r.set, id), 3);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(1));
	journal_expect(&r.journal, "");
	CHECK_EQ(ioasid_device_close(r.device[1]), 0);
	r.device[1] = NULL;
	CHECK_EQ(id_refs(r.set, id), 1);
	journal_expect(&r.journal, "kvm:UNBIND 9/4");
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

static void reset_bindings_leaves_the_device_usable(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	CHECK_EQ(drig_bind(&r, 0, id, 5, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(2));
	drig_close(&r);
}

/* S9.14: errors of a vanished device count as done; S9.8: closing ends quarantines. */
static void close_of_a_vanished_device_frees_what_it_had(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, IOASID_SPID_NONE, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, UINT64_MAX, IOASID_BE_ENODEV);
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	CHECK(!drig_free_id(&r, id));
	/* It comes back for the close: what could not be done before is done now. */
	drig_heal(&r);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.8: what the backend refuses to let go stays in quarantine, until a retry works. */
static void close_of_a_device_that_cannot_be_blocked_keeps_the_quarantine(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, IOASID_SPID_NONE, 1, 0), 0);
	CHECK_EQ(ioasid_free(ioasid_pool_root(r.pool), id), 0);
	drig_settle(&r, id);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, IOASID_SPID_NONE, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, UINT64_MAX, IOASID_BE_EIO);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_pool_destroy(r.pool), -EBUSY);
	CHECK_EQ(ioasid_quarantine_retry(ioasid_pool_root(r.pool), IOASID_INVALID), -EIO);
	drig_heal(&r);
	CHECK_EQ(ioasid_quarantine_retry(ioasid_pool_root(r.pool), IOASID_INVALID), 0);
	CHECK(drig_free_id(&r, id));
	CHECK_EQ(drig_live(&r).devices, 0);
	drig_close(&r);
}

/* S9.8: whatever the backend says to letting the device go again, nothing is lost. */
static void an_attach_that_fails_lets_the_device_go_as_a_close_does(void)
{
	struct ioasid_address_space *home;
	struct ioasid_device *device = NULL;
	struct ioasid_set *root;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	root = ioasid_pool_root(r.pool);
	REQUIRE_EQ(ioasid_pool_set_log(r.pool, journal_log, &r.journal), 0);
	home = drig_space(&r, r.on.context, IOASID_USE_PASID);
	drig_fail(&r, IOASID_MOCK_OP_ATTACH, 1, 2, IOASID_BE_EIO);
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, home, &device), -EIO);
	/* The RID may have been there all the same. */
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DETACH), 1);
	CHECK_EQ(drig_live(&r).devices, 0);
	CHECK_EQ(ioasid_quarantine_retry(root, IOASID_INVALID), -ENOENT);
	/* Refused: it is kept, and let go later. */
	drig_fail(&r, IOASID_MOCK_OP_DEVICE_DETACH, 1, 2, IOASID_BE_EBUSY);
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, home, &device), -EIO);
	CHECK(journal_has(&r.journal, "could not be blocked"));
	CHECK_EQ(drig_live(&r).devices, 1);
	CHECK_EQ(ioasid_address_space_destroy(home), -EBUSY);
	CHECK_EQ(ioasid_pool_destroy(r.pool), -EBUSY);
	CHECK_EQ(ioasid_quarantine_retry(root, IOASID_INVALID), -EIO);
	CHECK_EQ(ioasid_quarantine_retry(root, IOASID_INVALID), 0);
	CHECK_EQ(drig_live(&r).devices, 0);
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, home, &device), 0);
	CHECK_EQ(ioasid_device_close(device), 0);
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

/* S15.6: a worker that tears down what was freed ends a table of the device, and the device comes after it. */
static void close_waits_for_tables_that_are_being_ended(void)
{
	struct drig_call closing;
	struct drig_stop stop;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_TABLE_DESTROY, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	gate_await(&stop.gate, 1);
	drig_start(&closing, &r, drig_call_close, 0, IOASID_INVALID, IOASID_SPID_NONE);
	CHECK(task_blocked(&closing.task));
	CHECK_EQ(drig_live(&r).devices, 1);
	gate_open(&stop.gate);
	CHECK_EQ(drig_finish(&closing), 0);
	r.device[0] = NULL;
	CHECK_EQ(drig_live(&r).tables, 0);
	/* Nobody uses it any more. */
	CHECK_EQ(ioasid_address_space_destroy(r.parent), 0);
	r.parent = drig_space(&r, r.on.context, IOASID_USE_PARENT);
	drig_stop_end(&stop);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "close takes down all bindings of the device only (S9.14)",
		  close_takes_down_all_bindings_of_the_device_only },
		{ "reset_bindings leaves the device usable (S9.14)",
		  reset_bindings_leaves_the_device_usable },
		{ "close of a vanished device frees what it had (S9.8, S9.14)",
		  close_of_a_vanished_device_frees_what_it_had },
		{ "close of a device that cannot be blocked keeps the quarantine (S9.8)",
		  close_of_a_device_that_cannot_be_blocked_keeps_the_quarantine },
		{ "an attach that fails lets the device go as a close does (S9.8)",
		  an_attach_that_fails_lets_the_device_go_as_a_close_does },
		{ "close waits for tables that are being ended (S9.14, S15.6)", close_waits_for_tables_that_are_being_ended },
	};

	return TEST_MAIN("device_close", cases, argc, argv);
}
