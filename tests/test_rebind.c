/* Replacing the table of an IOASID (S9.3). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* S9.3 */
static void rebind_replaces_the_table_on_every_device(void)
{
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=3 iommus=2", 3);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	data = drig_data(&r, id, NONE, 2, 0);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -ENOENT);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(drig_bind(&r, i, id, 4, 1, 0), 0);
	data.flags = IOASID_BIND_HITLESS;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(2));
	CHECK_EQ(drig_live(&r).tables, 2);
	CHECK_EQ(id_refs(r.set, id), 4);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
	/* From here on the new one is the IOASID's table. */
	CHECK_EQ(drig_unbind(&r, 2, id, 0), 0);
	CHECK_EQ(drig_bind(&r, 2, id, 4, 1, 0), -EINVAL);
	CHECK_EQ(drig_bind(&r, 2, id, 4, 2, 0), 0);
	data.flags = IOASID_BIND_SPID;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EINVAL);
	drig_close(&r);
}

/* S9.3 */
static void a_rebind_that_fails_leaves_the_old_table_everywhere(void)
{
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=3 iommus=3 mock2.hitless=off", 3);
	id = id_make(r.set);
	data = drig_data(&r, id, NONE, 2, 0);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(drig_bind(&r, i, id, NONE, 1, 0), 0);
	for (uint64_t nth = 1; nth <= 3; nth++) {
		drig_fail(&r, IOASID_MOCK_OP_REPLACE, nth, 1, IOASID_BE_EIO);
		CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EIO);
		drig_heal(&r);
		drig_fail(&r, IOASID_MOCK_OP_TABLE_CREATE, nth, 1, IOASID_BE_ENOSPC);
		CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -ENOSPC);
		drig_heal(&r);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(1));
		CHECK_EQ(drig_live(&r).tables, 3);
	}
	data.flags = IOASID_BIND_HITLESS;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EOPNOTSUPP);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(1));
	data.flags = 0;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	CHECK_EQ(drig_read(&r, 2, id), DRIG_BYTE(2));
	drig_close(&r);
}

static void a_device_that_cannot_go_back_loses_its_binding(void)
{
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2 iommus=2", 2);
	id = id_make(r.set);
	data = drig_data(&r, id, NONE, 2, 0);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_bind(&r, i, id, NONE, 1, 0), 0);
	/* The first replace works, the second does not, nor does the way back. */
	drig_fail(&r, IOASID_MOCK_OP_REPLACE, 2, 2, IOASID_BE_EIO);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EIO);
	drig_heal(&r);
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ((drig_read(&r, 0, id) == DRIG_BLOCKED) + (drig_read(&r, 1, id) == DRIG_BLOCKED), 1);
	CHECK_EQ((drig_read(&r, 0, id) == DRIG_BYTE(1)) + (drig_read(&r, 1, id) == DRIG_BYTE(1)), 1);
	drig_close(&r);
}

/* S9.3, S9.11 */
static void an_rid_can_be_rebound(void)
{
	struct ioasid_bind_data data;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	data = drig_data(&r, IOASID_NO_PASID, NONE, 2, 0);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -ENOENT);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(2));
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "rebind replaces the table on every device (S9.3)",
		  rebind_replaces_the_table_on_every_device },
		{ "a rebind that fails leaves the old table everywhere (S9.3)",
		  a_rebind_that_fails_leaves_the_old_table_everywhere },
		{ "a device that cannot go back loses its binding (S9.3)",
		  a_device_that_cannot_go_back_loses_its_binding },
		{ "an RID can be rebound (S9.3, S9.11)", an_rid_can_be_rebound },
	};

	return TEST_MAIN("rebind", cases, argc, argv);
}
