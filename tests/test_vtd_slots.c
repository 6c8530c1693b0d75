/* The VT-d plugin on a made-up kernel: slots of devices, and what stands beside each other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

static void up_with_device(struct rig *rig)
{
	rig_init(rig);
	REQUIRE(rig->core);
	REQUIRE_EQ(rig_open(rig, -1), 0);
	REQUIRE_EQ(rig_attach(rig, 0), 0);
}

static void rid_and_pasids_agree(void)
{
	struct rig rig;

	up_with_device(&rig);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	REQUIRE_EQ(rig_space(&rig, 1, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 1), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 1), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), IOASID_BE_EBUSY);
	CHECK(strstr(rig.why, "RID"));
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 0, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 0, 1), IOASID_BE_EBUSY);
	CHECK(fake_attached(rig.kernel, 0, 0));
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 3), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 0, 1), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 3, 0), IOASID_BE_EBUSY);
	CHECK_EQ(fake_attached(rig.kernel, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 3, 0), 0);
	CHECK(rig_down(&rig));
}

static void widths_are_checked_here(void)
{
	struct rig rig;

	rig_init(&rig);
	fake_device(rig.kernel, 0)->pasid_bits = 7;
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	REQUIRE_EQ(rig_attach(&rig, 1), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 127, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 128, 0), IOASID_BE_ERANGE);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 128), IOASID_BE_ERANGE);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 127), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, (1u << 20) - 1, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 1u << 20, 0), IOASID_BE_ERANGE);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, UINT32_MAX, 0), IOASID_BE_ERANGE);
	CHECK(rig_down(&rig));
}

static void batches_stop(void)
{
	struct ioasid_be_bind binds[4] = { { .pasid = 1 }, { .pasid = 2 }, { .pasid = 1 }, { .pasid = 3 } };
	struct ioasid_be_batch batch = { .struct_size = sizeof(batch), .stride = sizeof(binds[0]), .count = 4,
					 .items = binds };
	struct rig rig;

	up_with_device(&rig);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	for (int i = 0; i < 4; i++) {
		binds[i].dev = rig.dev[0];
		binds[i].as = rig.as[0];
	}
	batch.deadline = 1;
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.text), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(batch.done, 0);
	batch.deadline = 0;
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.text), IOASID_BE_EBUSY);
	CHECK_EQ(batch.done, 2);
	CHECK(fake_attached(rig.kernel, 0, 2) && !fake_attached(rig.kernel, 0, 3));
	binds[0].reserved[1] = 1;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), IOASID_BE_EINVAL);
	binds[0].reserved[1] = 0;
	binds[0].flags = 8;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), IOASID_BE_EINVAL);
	binds[0].flags = IOASID_BE_BIND_HITLESS;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), IOASID_BE_EOPNOTSUPP);
	binds[0].flags = IOASID_BE_BIND_EXEC;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), IOASID_BE_EOPNOTSUPP);
	binds[0].flags = 0;
	CHECK_EQ(rig.pasid->detach(rig.ctx, &batch), IOASID_BE_EINVAL);
	batch.count = 0;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), 0);
	/* Items of a later version of the contract, twice as long. */
	batch.stride = 2 * sizeof(binds[0]);
	batch.count = 1;
	memset(&binds[1], 0, sizeof(binds[1]));
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), 0);
	binds[1].flags = 1;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), IOASID_BE_E2BIG);
	batch.stride = 7;
	CHECK_EQ(rig.pasid->replace(rig.ctx, &batch, &rig.text), IOASID_BE_EINVAL);
	CHECK(rig_down(&rig));
}

static void device_block_blocks_all(void)
{
	struct rig rig;

	up_with_device(&rig);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, (1u << 20) - 1, 0), 0);
	fake_fail(rig.kernel, 1, -EIO);
	CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), IOASID_BE_EIO);
	CHECK(fake_attached(rig.kernel, 0, 0) && !fake_attached(rig.kernel, 0, 3));
	CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), 0);
	CHECK(!fake_attached(rig.kernel, 0, 0) && !fake_attached(rig.kernel, 0, (1u << 20) - 1));
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), IOASID_BE_EBUSY);
	CHECK(rig_down(&rig));
}

/* The kernel attaches and detaches groups: where two devices are on a slot, the first detach would block
 * neither. */
static void groups_share_their_slots(void)
{
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };
	struct rig rig;
	int32_t cdev;

	rig_init(&rig);
	fake_share_group(rig.kernel);
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	/* By descriptor, too. */
	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio1");
	REQUIRE_EQ(rig_take(&rig, 1, IOASID_BE_DEVICE_FD, cdev, -1, 0), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 3, 0), IOASID_BE_EBUSY);
	CHECK(strstr(rig.why, "group"));
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 4, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 0, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), IOASID_BE_EBUSY);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 3), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 3, 0), IOASID_BE_EBUSY);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 3), 0);
	fake_fail_request(rig.kernel, UAPI_VFIO_ATTACH_PT, -EIO);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 3, 0), IOASID_BE_EIO);
	fake_fail_request(rig.kernel, 0, 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig.core->device_report(rig.dev[0], IOASID_BE_CAP_BLOCK, &line, &rig.text), 0);
	CHECK(!line.usable && line.why == IOASID_BE_WHY_ACS);
	for (uint32_t pasid = 0; pasid < 5; pasid += 4)
		CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 1, pasid), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[1]), 0);
	rig.dev[1] = NULL;
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	CHECK(rig_down(&rig));
}

/* Return: whether it says that the group is not
 * known. */
static bool tells_doubt(struct rig *rig, uint32_t capability)
{
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };

	CHECK_EQ(rig->core->device_report(rig->dev[0], capability, &line, &rig->text), 0);
	CHECK(line.usable && line.why == IOASID_BE_WHY_NONE);
	return strstr(rig->why, "IOMMU group, which is not known") != NULL;
}

/* S9.10: a device that nothing is known about may have company. */
static void unknown_groups_are_told(void)
{
	static const char *const how[] = { "known", "an old kernel", "sealed" };

	for (int i = 0; i < 3; i++) {
		const char *line;
		struct rig rig;
		int32_t cdev;

		rig_init(&rig);
		REQUIRE_EQ(rig_open(&rig, -1), 0);
		cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
		if (i == 1)
			fake_age(rig.kernel, 617);
		else if (i == 2)
			fake_seal(rig.kernel);
		REQUIRE_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_FD, cdev, -1, 0), 0);
		if (!CHECK_EQ(tells_doubt(&rig, IOASID_BE_CAP_BLOCK), i > 0) ||
		    !CHECK_EQ(tells_doubt(&rig, IOASID_BE_CAP_PASID), i > 0) ||
		    !CHECK_EQ(fake_logged(rig.kernel, &line), i > 0))
			printf("# %s\n", how[i]);
		CHECK(!i || strstr(line, "IOMMU group"));
		CHECK(i != 2 || strstr(line, "(-1)"));
		CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
		rig.dev[0] = NULL;
		fake_host(rig.kernel)->close(rig.kernel, cdev);
		CHECK(rig_down(&rig));
	}
}

/* Each call of an attach by name fails once: if it is the one that asks for the group, that is told. */
static void groups_that_cannot_be_asked_for_are_told(void)
{
	unsigned int doubts = 0;
	bool reached = true;

	for (unsigned int n = 1; reached; n++) {
		const char *line;
		struct rig rig;

		rig_init(&rig);
		REQUIRE_EQ(rig_open(&rig, -1), 0);
		fake_fail(rig.kernel, n, -EIO);
		if (!rig_attach(&rig, 0)) {
			bool doubt = tells_doubt(&rig, IOASID_BE_CAP_BLOCK);

			CHECK_EQ(fake_logged(rig.kernel, &line), doubt);
			CHECK(!doubt || (strstr(line, "vfio0") && strstr(line, "(-5)")));
			doubts += doubt;
		}
		reached = fake_failed(rig.kernel);
		CHECK(rig_down(&rig));
	}
	CHECK_EQ(doubts, 1);
}

static const struct test_case cases[] = {
	{ "RID and PASIDs of a device stand beside each other or are refused", rid_and_pasids_agree },
	{ "a PASID is as wide as the device's", widths_are_checked_here },
	{ "a batch stops at the first item that fails", batches_stop },
	{ "a slot of an IOMMU group is one device's at a time, as the kernel cannot block one alone (R56)",
		groups_share_their_slots },
	{ "a group that is not known is told as that, in the report and the log (S9.10)", unknown_groups_are_told },
	{ "so is one that cannot be asked for", groups_that_cannot_be_asked_for_are_told },
	{ "device_block goes on after a failure and can be repeated", device_block_blocks_all },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_slots", cases, argc, argv);
}
