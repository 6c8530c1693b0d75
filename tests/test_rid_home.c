/* RIDs whose way home is blocked, or has to wait for PASIDs (S9.8, S9.11). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE
#define RID IOASID_NO_PASID

/* In a home DRIG_IOVA is page 5. */
#define HOME DRIG_BYTE(5)

static struct ioasid_address_space *make_home(struct drig *r, uint32_t uses)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
		.address = r->memory + 5 * DRIG_PAGE,
	};
	struct ioasid_address_space *home;

	REQUIRE_EQ(ioasid_address_space_create(r->on.context, uses, &home, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(home, &map), 0);
	return home;
}

/* One device with a home, whose RID the set has bound to table 2. */
static struct ioasid_address_space *open_bound(struct drig *r, uint32_t uses)
{
	struct ioasid_address_space *home;

	drig_open(r, "devices=1", 0);
	home = make_home(r, uses);
	REQUIRE_EQ(drig_attach(r, "mock0", IOASID_DEVICE_MEDIATED, home, &r->device[0]), 0);
	r->devices = 1;
	CHECK_EQ(drig_read(r, 0, RID), HOME);
	CHECK_EQ(ioasid_device_assign(r->device[0], r->set), 0);
	CHECK_EQ(drig_bind(r, 0, RID, NONE, 2, 0), 0);
	CHECK_EQ(drig_read(r, 0, RID), DRIG_BYTE(2));
	return home;
}

static void close_both(struct drig *r, struct ioasid_address_space *home)
{
	if (r->device[0] != NULL)
		CHECK_EQ(ioasid_device_close(r->device[0]), 0);
	r->device[0] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(r);
}

static int send_home_by_unbind(struct drig *r)
{
	return drig_unbind(r, 0, RID, 0);
}

static int send_home_by_reset(struct drig *r)
{
	return ioasid_set_reset(r->set);
}

static int send_home_by_device(struct drig *r)
{
	return ioasid_device_reset_bindings(r->device[0]);
}

static int send_home_by_death(struct drig *r)
{
	int rc = ioasid_set_put(r->set);

	r->set = NULL;
	return rc;
}

/* S9.8: parked, and in quarantine until a retry brings it home. */
static void an_rid_whose_home_refuses_it_is_blocked(void)
{
	static int (*const ways[])(struct drig *r) = {
		send_home_by_unbind, send_home_by_reset, send_home_by_device, send_home_by_death,
	};

	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct ioasid_address_space *home;
		struct ioasid_set *root;
		struct drig r;

		home = open_bound(&r, IOASID_USE_PASID);
		root = ioasid_pool_root(r.pool);
		drig_fail(&r, IOASID_MOCK_OP_REPLACE, 1, 2, i % 2 != 0 ? IOASID_BE_EINVAL : IOASID_BE_EIO);
		CHECK_EQ(ways[i](&r), -EIO);
		CHECK_EQ(drig_slot(&r, 0, RID), IOASID_MOCK_SLOT_PARKED);
		CHECK_EQ(drig_read(&r, 0, RID), DRIG_BLOCKED);
		if (r.set != NULL)
			CHECK_EQ(drig_bind(&r, 0, RID, NONE, 2, 0), -EBUSY);
		CHECK_EQ(ioasid_quarantine_retry(root, RID), -EIO);
		CHECK_EQ(drig_read(&r, 0, RID), DRIG_BLOCKED);
		CHECK_EQ(ioasid_quarantine_retry(root, RID), 0);
		CHECK_EQ(drig_read(&r, 0, RID), HOME);
		CHECK_EQ(ioasid_quarantine_retry(root, RID), -ENOENT);
		close_both(&r, home);
	}
}

/* S9.8: what can be neither moved nor blocked is tried in the same order again. */
static void an_rid_that_cannot_be_blocked_either_is_quarantined(void)
{
	struct ioasid_address_space *home;
	struct drig r;

	home = open_bound(&r, IOASID_USE_PASID);
	drig_fail(&r, IOASID_MOCK_OP_REPLACE, 1, 2, IOASID_BE_ETIMEDOUT);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_unbind(&r, 0, RID, 0), -ETIMEDOUT);
	CHECK_EQ(drig_read(&r, 0, RID), DRIG_BYTE(2));
	CHECK_EQ(drig_bind(&r, 0, RID, NONE, 2, 0), -EBUSY);
	CHECK_EQ(ioasid_device_was_reset(r.device[0]), -ETIMEDOUT);
	CHECK_EQ(drig_read(&r, 0, RID), DRIG_BLOCKED);
	/* Quarantined at the close it is let go of from there. */
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(drig_live(&r).bindings, 0);
	close_both(&r, home);
}

/* A device that was away has its RID nowhere; a bind that fails then leaves nothing to be moved. */
static void an_rid_that_is_nowhere_goes_home(void)
{
	struct ioasid_address_space *home;
	struct drig r;

	home = open_bound(&r, IOASID_USE_PASID);
	drig_fail(&r, IOASID_MOCK_OP_REPLACE, 1, 1, IOASID_BE_ENODEV);
	CHECK_EQ(drig_unbind(&r, 0, RID, 0), 0);
	CHECK_EQ(drig_slot(&r, 0, RID), IOASID_MOCK_SLOT_FREE);
	drig_fail(&r, IOASID_MOCK_OP_ATTACH, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_bind(&r, 0, RID, NONE, 2, 0), -EIO);
	CHECK_EQ(drig_read(&r, 0, RID), HOME);
	CHECK_EQ(drig_bind(&r, 0, RID, NONE, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, RID), DRIG_BYTE(2));
	close_both(&r, home);
}

/* A home without the use PASID, as VT-d has them, takes the RID when no PASID is attached any more. */
static void a_device_reset_takes_the_rid_last(void)
{
	struct ioasid_address_space *home;
	ioasid_t id;
	struct drig r;

	home = open_bound(&r, 0);
	id = drig_bound(&r, 1);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(drig_read(&r, 0, RID), HOME);
	close_both(&r, home);
}

static void a_retry_takes_the_rid_last(void)
{
	struct ioasid_address_space *home;
	ioasid_t id;
	struct drig r;

	home = open_bound(&r, 0);
	id = drig_bound(&r, 1);
	CHECK_EQ(drig_unbind(&r, 0, RID, 0), -EIO);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -EIO);
	CHECK_EQ(drig_read(&r, 0, RID), DRIG_BLOCKED);
	CHECK_EQ(ioasid_device_was_reset(r.device[0]), 0);
	CHECK_EQ(drig_read(&r, 0, RID), HOME);
	close_both(&r, home);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "an RID whose home refuses it is blocked, and quarantined (S9.8, S9.11)",
		  an_rid_whose_home_refuses_it_is_blocked },
		{ "an RID that cannot be blocked either is quarantined (S9.8)",
		  an_rid_that_cannot_be_blocked_either_is_quarantined },
		{ "an RID that is nowhere goes home (S9.11)", an_rid_that_is_nowhere_goes_home },
		{ "a device's reset takes the RID last (S9.11, S9.14)", a_device_reset_takes_the_rid_last },
		{ "a retry takes the RID last (S9.8, S9.11)", a_retry_takes_the_rid_last },
	};

	return TEST_MAIN("rid_home", cases, argc, argv);
}
