/* The RID of a device: whose it is, and its home (S9.11, S9.13). */
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

/* S9.11: without a home the RID is blocked, also after an unbind. */
static void an_rid_without_home_is_blocked_unless_it_is_bound(void)
{
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BLOCKED);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, IOASID_SPID_NONE, 3, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(3));
	CHECK_EQ(drig_unbind(&r, 0, IOASID_NO_PASID, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BLOCKED);
	CHECK_EQ(drig_unbind(&r, 0, IOASID_NO_PASID, 0), -ENOENT);
	drig_close(&r);
}

/* A home in which DRIG_IOVA is page 5. */
static struct ioasid_address_space *make_home(struct drig *r)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
		.address = r->memory + 5 * DRIG_PAGE,
	};
	struct ioasid_address_space *home;

	REQUIRE_EQ(ioasid_address_space_create(r->on.context, IOASID_USE_PASID, &home, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(home, &map), 0);
	return home;
}

/* S9.11 */
static void unbind_returns_an_rid_to_its_home(void)
{
	struct ioasid_address_space *home;
	uint64_t replaced;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	home = make_home(&r);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_MEDIATED, home, &r.device[0]), 0);
	r.devices = 1;
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(5));
	CHECK_EQ(ioasid_address_space_destroy(home), -EBUSY);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, IOASID_SPID_NONE, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(2));
	CHECK_EQ(drig_unbind(&r, 0, IOASID_NO_PASID, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(5));
	/* Closed while it is bound: it does not go home first, and is let go of once. */
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, IOASID_SPID_NONE, 2, 0), 0);
	replaced = drig_calls(&r, IOASID_MOCK_OP_REPLACE);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_REPLACE), replaced);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_DETACH), 1);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

/* S9.11: the RID belongs to the set that the device is assigned to. */
static void only_the_set_that_a_device_is_assigned_to_binds_its_rid(void)
{
	struct ioasid_set *other;
	struct ioasid_bind_data data;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	other = set_make(r.pool, 5);
	data = drig_data(&r, IOASID_NO_PASID, IOASID_SPID_NONE, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EACCES);
	CHECK_EQ(ioasid_unbind(r.device[0], r.set, IOASID_NO_PASID, 0), -EACCES);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), -EACCES);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EBUSY);
	CHECK_EQ(ioasid_unbind(r.device[0], other, IOASID_NO_PASID, 0), -EACCES);
	CHECK_EQ(ioasid_device_assign(r.device[0], other), -EBUSY);
	CHECK_EQ(ioasid_device_unassign(r.device[0]), -EBUSY);
	CHECK_EQ(ioasid_unbind(r.device[0], ioasid_pool_root(r.pool), IOASID_NO_PASID, 0), 0);
	CHECK_EQ(ioasid_device_assign(r.device[0], other), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EACCES);
	CHECK_EQ(ioasid_device_unassign(r.device[0]), 0);
	CHECK_EQ(ioasid_device_assign(r.device[0], NULL), -EINVAL);
	CHECK_EQ(ioasid_device_assign(r.device[0], ioasid_pool_root(r.pool)), -EINVAL);
	/* An RID has no SPID (S9.11). */
	data = drig_data(&r, IOASID_NO_PASID, 4, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	set_end(other);
	drig_close(&r);
}

/* S2.7, S9.11 */
static void a_reset_set_sends_rids_home_and_keeps_its_devices(void)
{
	struct drig r;

	drig_open(&r, "devices=2", 2);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(ioasid_device_assign(r.device[i], r.set), 0);
		CHECK_EQ(drig_bind(&r, i, IOASID_NO_PASID, IOASID_SPID_NONE, i, 0), 0);
	}
	CHECK_EQ(ioasid_set_reset(r.set), 0);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(drig_read(&r, i, 0), DRIG_BLOCKED);
		CHECK_EQ(drig_unbind(&r, i, IOASID_NO_PASID, 0), -ENOENT);
		CHECK_EQ(drig_bind(&r, i, IOASID_NO_PASID, IOASID_SPID_NONE, i, 0), 0);
		CHECK_EQ(drig_read(&r, i, 0), DRIG_BYTE(i));
	}
	drig_close(&r);
}

static void a_dead_set_loses_its_devices_and_their_rids_go_home(void)
{
	struct ioasid_set *other;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	other = set_make(r.pool, 5);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, IOASID_SPID_NONE, 1, 0), 0);
	set_end(r.set);
	r.set = other;
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BLOCKED);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, IOASID_SPID_NONE, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(2));
	drig_close(&r);
}

/* S9.13 */
static void an_rid_that_somebody_else_attached_is_never_changed(void)
{
	struct ioasid_device_spec spec = drig_spec("mock0");
	struct ioasid_device *device = NULL;
	struct ioasid_reason why = { "" };
	uint32_t space;
	struct drig r;

	drig_open(&r, "devices=2", 0);
	spec.kind = IOASID_DEVICE_ADOPTED;
	spec.fd = spec.iommufd = drig_device_fd("mock0");
	CHECK_EQ(r.on.control->world_device_bind(r.on.mock, 0, 1), 0);
	CHECK_EQ(r.on.control->world_space_create(r.on.mock, IOASID_BE_OBJECT_IOAS, IOASID_BE_USE_PASID, &space), 0);
	CHECK_EQ(r.on.control->world_rid(r.on.mock, 0, space), 0);
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, r.parent, &device, &why), -EBUSY);
	CHECK(why.text[0] != '\0');
	REQUIRE_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &device, &why), 0);
	r.device[0] = device;
	r.devices = 1;
	CHECK_EQ(ioasid_device_assign(device, r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, IOASID_SPID_NONE, 1, 0), -EBUSY);
	CHECK_EQ(drig_slot(&r, 0, 0), IOASID_MOCK_SLOT_FOREIGN);
	/* PASIDs beside it work, and closing leaves device and RID as they were (S9.9). */
	CHECK_EQ(drig_bind(&r, 0, id_make(r.set), IOASID_SPID_NONE, 1, 0), 0);
	CHECK_EQ(ioasid_device_close(device), 0);
	r.device[0] = NULL;
	CHECK_EQ(drig_slot(&r, 0, 0), IOASID_MOCK_SLOT_FOREIGN);
	CHECK_EQ(r.on.control->world_rid(r.on.mock, 0, 0), 0);
	CHECK_EQ(r.on.control->world_device_bind(r.on.mock, 0, 0), 0);
	CHECK_EQ(r.on.control->world_space_destroy(r.on.mock, space), 0);
	CHECK_EQ(close(spec.fd), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "an RID without home is blocked unless it is bound (S9.11)",
		  an_rid_without_home_is_blocked_unless_it_is_bound },
		{ "unbind returns an RID to its home (S9.11)", unbind_returns_an_rid_to_its_home },
		{ "only the set that a device is assigned to binds its RID (S9.11)",
		  only_the_set_that_a_device_is_assigned_to_binds_its_rid },
		{ "a reset set sends RIDs home and keeps its devices (S2.7, S9.11)",
		  a_reset_set_sends_rids_home_and_keeps_its_devices },
		{ "a dead set loses its devices and their RIDs go home (S2.3, S9.11)",
		  a_dead_set_loses_its_devices_and_their_rids_go_home },
		{ "an RID that somebody else attached is never changed (S9.13)",
		  an_rid_that_somebody_else_attached_is_never_changed },
	};

	return TEST_MAIN("rid", cases, argc, argv);
}
