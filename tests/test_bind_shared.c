/* One IOASID on several devices, behind several IOMMUs, and for several users of a device (S9.1, S9.2). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* S9.1: first BIND, last UNBIND. */
static void several_devices_make_one_bind_and_one_unbind_event(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=3 iommus=2", 3);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(drig_bind(&r, i, id, 4, 1, 0), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
	CHECK_EQ(id_refs(r.set, id), 4);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(1));
	CHECK_EQ(drig_unbind(&r, 1, id, 0), 0);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BLOCKED);
	CHECK_EQ(drig_read(&r, 2, id), DRIG_BYTE(1));
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	journal_expect(&r.journal, "");
	CHECK_EQ(drig_unbind(&r, 2, id, 0), 0);
	journal_expect(&r.journal, "kvm:UNBIND 9/4");
	CHECK_EQ(id_refs(r.set, id), 1);
	drig_close(&r);
}

/* S9.2, S16.1: one backend table for the devices behind one IOMMU, where the backend can share. */
static void devices_behind_one_iommu_share_the_table(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=4 iommus=2", 4);
	id = id_make(r.set);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(drig_bind(&r, i, id, NONE, 1, 0), 0);
	CHECK_EQ(drig_live(&r).tables, 2);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(drig_unbind(&r, i, id, 0), 0);
	CHECK_EQ(drig_live(&r).tables, 0);
	drig_close(&r);

	drig_open(&r, "devices=2 shares_tables=off", 2);
	id = id_make(r.set);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_bind(&r, i, id, NONE, 1, 0), 0);
	CHECK_EQ(drig_live(&r).tables, 2);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(1));
	drig_close(&r);
}

/* S9.2 */
static void an_ioasid_has_one_table_on_all_devices(void)
{
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, NONE, 2, 0), -EINVAL);
	CHECK_EQ(ioasid_bind_ioas(r.device[1], r.set, id, r.parent, 0), -EINVAL);
	data = drig_data(&r, id, NONE, 1, 0);
	data.flags |= IOASID_BIND_EXEC;
	CHECK_EQ(ioasid_bind_gpasid(r.device[1], r.set, &data), -EINVAL);
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BLOCKED);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, NONE, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(2));
	drig_close(&r);
}

/* S9.2 */
static void cookies_tell_users_of_one_device_apart(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 71), 0);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 71), -EBUSY);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, IOASID_COOKIE_NONE), -EBUSY);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 2, 72), -EINVAL);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 72), 0);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ATTACH), 1);
	CHECK_EQ(id_refs(r.set, id), 3);
	CHECK_EQ(drig_unbind(&r, 0, id, 73), -ENOENT);
	CHECK_EQ(drig_unbind(&r, 0, id, IOASID_COOKIE_NONE), -ENOENT);
	/* The SPID goes with the last that named it, the hardware with the last user. */
	CHECK_EQ(drig_unbind(&r, 0, id, 71), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(drig_unbind(&r, 0, id, 71), -ENOENT);
	CHECK_EQ(drig_unbind(&r, 0, id, 72), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 2, IOASID_COOKIE_NONE), 0);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 2, 74), -EBUSY);
	drig_close(&r);
}

/* S9.2: several contexts, each with a parent of its own. */
static void contexts_bind_one_ioasid_with_parents_of_their_own(void)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "mock0",
		.mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_address_space *parent;
	struct ioasid_device *device;
	struct ioasid_bind_data data;
	struct drig_context other;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_context_open(&other, "devices=1", 0);
	parent = drig_space(&r, other.context, IOASID_USE_PARENT | IOASID_USE_PASID);
	REQUIRE_EQ(ioasid_device_attach(other.context, r.pool, &spec, NULL, &device, NULL), 0);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	data = drig_data(&r, id, 4, 2, 0);
	data.parent = parent;
	CHECK_EQ(ioasid_bind_gpasid(device, r.set, &data), -EINVAL);
	data = drig_data(&r, id, 4, 1, 0);
	data.parent = parent;
	CHECK_EQ(ioasid_bind_gpasid(device, r.set, &data), 0);
	CHECK_EQ(id_refs(r.set, id), 3);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_settle(&r, id);
	CHECK_EQ(ioasid_device_close(device), 0);
	CHECK_EQ(ioasid_address_space_destroy(parent), 0);
	drig_context_close(&other);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "several devices make one BIND and one UNBIND (S9.1)",
		  several_devices_make_one_bind_and_one_unbind_event },
		{ "devices behind one IOMMU share the table (S9.2, S16.1)",
		  devices_behind_one_iommu_share_the_table },
		{ "an IOASID has one table on all devices (S9.2)", an_ioasid_has_one_table_on_all_devices },
		{ "cookies tell users of one device apart (S9.2)", cookies_tell_users_of_one_device_apart },
		{ "contexts bind one IOASID with parents of their own (S9.2)",
		  contexts_bind_one_ioasid_with_parents_of_their_own },
	};

	return TEST_MAIN("bind_shared", cases, argc, argv);
}
