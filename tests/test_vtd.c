/* The VT-d plugin on a made-up kernel: what it takes, refuses and promises. Failures of calls are in
 * test_vtd_failures.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

static void up(struct rig *rig)
{
	rig_init(rig);
	REQUIRE(rig->core);
	REQUIRE_EQ(rig_open(rig, -1), 0);
}

static void up_with_device(struct rig *rig)
{
	up(rig);
	REQUIRE_EQ(rig_attach(rig, 0), 0);
}

static void entry_negotiates(void)
{
	struct ioasid_be_query query = { .struct_size = sizeof(query), .major = 1, .minor_min = 0,
		.minor_max = 9 };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };
	char why[128] = "";
	struct ioasid_be_text text = { .struct_size = sizeof(text), .capacity = sizeof(why), .buffer = why };

	CHECK_EQ(ioasid_backend_entry_v1(&query, &reply), 0);
	CHECK_EQ(reply.minor, IOASID_BE_MINOR);
	CHECK_EQ(reply.flags, 0);
	CHECK(!strcmp(reply.name, "vtd"));
	query.minor_min = IOASID_BE_MINOR + 1;
	reply = (struct ioasid_be_reply){ .struct_size = sizeof(reply), .reason = &text };
	CHECK_EQ(ioasid_backend_entry_v1(&query, &reply), IOASID_BE_EPROTONOSUPPORT);
	CHECK(why[0] && !reply.core);
	query.minor_min = 0;
	query.major = 2;
	CHECK_EQ(ioasid_backend_entry_v1(&query, &reply), IOASID_BE_EPROTONOSUPPORT);
}

static void open_refuses(void)
{
	struct ioasid_be_pair pair = { .key = "colour", .value = "red" };
	struct ioasid_be_open args;
	struct rig rig;
	int32_t fd;

	rig_init(&rig);
	args = (struct ioasid_be_open){ .struct_size = sizeof(args), .host = fake_host(rig.kernel) };
	args.config = (struct ioasid_be_array){ .items = &pair, .stride = sizeof(pair), .count = 1 };
	CHECK_EQ(rig.core->open(&args, &rig.ctx, &rig.text), IOASID_BE_EINVAL);
	CHECK(strstr(rig.why, "colour"));
	args.config.stride = 12;
	CHECK_EQ(rig.core->open(&args, &rig.ctx, &rig.text), IOASID_BE_EINVAL);
	args.config = (struct ioasid_be_array){ .stride = sizeof(pair), .count = 1 };
	CHECK_EQ(rig.core->open(&args, &rig.ctx, &rig.text), IOASID_BE_EINVAL);
	fd = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	CHECK_EQ(rig_open(&rig, fd), IOASID_BE_ENODEV);
	CHECK_EQ(rig_open(&rig, 12345), IOASID_BE_EBADF);
	fake_host(rig.kernel)->close(rig.kernel, fd);
	fake_no_iommufd(rig.kernel);
	CHECK_EQ(rig_open(&rig, -1), IOASID_BE_ENODEV);
	CHECK(strstr(rig.why, "iommufd"));
	CHECK(!rig.ctx);
	CHECK(rig_down(&rig));

	rig_init(&rig);
	fake_no_unit(rig.kernel);
	CHECK_EQ(rig_open(&rig, -1), IOASID_BE_ENODEV);
	CHECK(strstr(rig.why, "VT-d"));
	CHECK(rig_down(&rig));
}

static void devices_come_in_every_way(void)
{
	struct rig rig;
	int32_t iommufd, cdev, twin;
	struct uapi_vfio_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };

	rig_init(&rig);
	iommufd = fake_open(rig.kernel, "/dev/iommu");
	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	REQUIRE_EQ(rig_open(&rig, iommufd), 0);
	CHECK_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_FD, cdev, iommufd, 0), IOASID_BE_EINVAL);
	CHECK_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_FD, cdev, -1, 0), 0);
	CHECK_EQ(rig_attach(&rig, 1), 0);
	CHECK_EQ(rig_take(&rig, 1, IOASID_BE_DEVICE_FD, cdev, -1, 0), IOASID_BE_EBUSY);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	/* Only its owner unbinds it. */
	CHECK_EQ(rig_attach(&rig, 0), IOASID_BE_EBUSY);
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	CHECK_EQ(rig_attach(&rig, 0), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;

	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	bind.iommufd = iommufd;
	REQUIRE_EQ(fake_ioctl(rig.kernel, cdev, UAPI_VFIO_BIND_IOMMUFD, &bind), 0);
	/* Another iommufd, in which the numbers that are free in the first one are taken. */
	twin = fake_open(rig.kernel, "/dev/iommu");
	for (int i = 0; i < 8; i++)
		REQUIRE_EQ(fake_ioctl(rig.kernel, twin, UAPI_IOAS_ALLOC, &alloc), 0);
	CHECK_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_ADOPTED, cdev, twin, bind.out_devid), IOASID_BE_EINVAL);
	fake_host(rig.kernel)->close(rig.kernel, twin);
	CHECK_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_ADOPTED, cdev, -1, bind.out_devid + 100),
		 IOASID_BE_ENODEV);
	twin = fake_dup(rig.kernel, iommufd);
	CHECK_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_ADOPTED, cdev, twin, bind.out_devid), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	fake_host(rig.kernel)->close(rig.kernel, twin);
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	CHECK_EQ(fake_fds(rig.kernel), 2);
	CHECK_EQ(rig.core->device_detach(rig.dev[1]), 0);
	CHECK_EQ(rig.core->close(rig.ctx), 0);
	rig.dev[1] = NULL;
	rig.ctx = NULL;
	CHECK_EQ(fake_fds(rig.kernel), 1);
	fake_host(rig.kernel)->close(rig.kernel, iommufd);
	CHECK(rig_down(&rig));
}

/* Numbers are an iommufd's: the same one in another is another device; a device that is passed in or named
 * cannot be adopted beside that. */
static void a_device_is_adopted_once(void)
{
	struct uapi_vfio_bind_iommufd bind = { .argsz = sizeof(bind) };
	int32_t iommufd[2], cdev[2];
	uint32_t id[2];
	struct rig rig, other;

	rig_init(&rig);
	for (int i = 0; i < 2; i++) {
		char path[] = "/dev/vfio/devices/vfio0";

		path[sizeof(path) - 2] = (char)('0' + i);
		iommufd[i] = fake_open(rig.kernel, "/dev/iommu");
		cdev[i] = fake_open(rig.kernel, path);
		bind.iommufd = iommufd[i];
		REQUIRE_EQ(fake_ioctl(rig.kernel, cdev[i], UAPI_VFIO_BIND_IOMMUFD, &bind), 0);
		id[i] = bind.out_devid;
	}
	REQUIRE_EQ(id[0], id[1]);
	other = rig;
	other.text.buffer = other.why;
	REQUIRE_EQ(rig_open(&rig, iommufd[0]), 0);
	REQUIRE_EQ(rig_open(&other, iommufd[1]), 0);
	REQUIRE_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_ADOPTED, cdev[0], iommufd[0], id[0]), 0);
	CHECK_EQ(rig_take(&rig, 1, IOASID_BE_DEVICE_ADOPTED, cdev[0], -1, id[0]), IOASID_BE_EBUSY);
	CHECK(strstr(rig.why, "already"));
	CHECK(!rig.dev[1]);
	REQUIRE_EQ(rig_take(&other, 1, IOASID_BE_DEVICE_ADOPTED, cdev[1], iommufd[1], id[1]), 0);
	/* Where it cannot be found out, nobody is let in: each call of finding out. */
	CHECK_EQ(other.core->device_detach(other.dev[1]), 0);
	for (unsigned int n = 1; n <= 2; n++) {
		fake_fail_request(rig.kernel, n == 1 ? UAPI_IOAS_ALLOC : UAPI_IOAS_MAP, -ENOMEM);
		CHECK_EQ(rig_take(&other, 1, IOASID_BE_DEVICE_ADOPTED, cdev[1], -1, id[1]), IOASID_BE_ENOMEM);
		fake_fail_request(rig.kernel, 0, 0);
	}
	CHECK_EQ(fake_objects(rig.kernel), 0);
	CHECK_EQ(other.core->close(other.ctx), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	CHECK_EQ(rig.core->close(rig.ctx), 0);
	rig.ctx = NULL;
	for (int i = 0; i < 2; i++) {
		fake_host(rig.kernel)->close(rig.kernel, cdev[i]);
		fake_host(rig.kernel)->close(rig.kernel, iommufd[i]);
	}
	/* What the plugin has bound itself cannot be adopted from it. */
	iommufd[0] = fake_open(rig.kernel, "/dev/iommu");
	REQUIRE_EQ(rig_open(&rig, iommufd[0]), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	cdev[0] = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	CHECK_EQ(rig_take(&rig, 1, IOASID_BE_DEVICE_ADOPTED, cdev[0], -1, id[0]), IOASID_BE_EBUSY);
	fake_host(rig.kernel)->close(rig.kernel, cdev[0]);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	CHECK_EQ(rig.core->close(rig.ctx), 0);
	rig.ctx = NULL;
	fake_host(rig.kernel)->close(rig.kernel, iommufd[0]);
	CHECK(rig_down(&rig));
}

/* The first line of the report that is about a capability, as its cause. */
static uint32_t why_not(struct rig *rig, uint32_t capability)
{
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };

	for (uint32_t i = 0; !rig->core->device_report(rig->dev[0], i, &line, &rig->text); i++)
		if (line.capability == capability)
			return line.why;
	return UINT32_MAX;
}

static void capability_of_pasid_has_its_cause(uint64_t without, uint32_t bits, unsigned int version,
					      uint32_t why)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct rig rig;

	rig_init(&rig);
	fake_device(rig.kernel, 0)->ecap &= ~without;
	/* Without what it takes in the unit the kernel reports no width. */
	fake_device(rig.kernel, 0)->pasid_bits = without ? 0 : bits;
	fake_age(rig.kernel, version);
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
	CHECK_EQ(caps.pasid_bits, why ? 0 : bits);
	CHECK_EQ(caps.flags >> IOASID_BE_CAP_PASID & 1, !why);
	CHECK_EQ(caps.table_owner, why ? IOASID_BE_OWNER_NONE : IOASID_BE_OWNER_HOST);
	CHECK_EQ(why_not(&rig, IOASID_BE_CAP_PASID), why);
	CHECK(rig_down(&rig));
}

static void no_pasid_has_its_cause(void)
{
	capability_of_pasid_has_its_cause(0, 20, 702, IOASID_BE_WHY_NONE);
	capability_of_pasid_has_its_cause(0, 7, 702, IOASID_BE_WHY_NONE);
	capability_of_pasid_has_its_cause(0, 0, 702, IOASID_BE_WHY_HARDWARE);
	capability_of_pasid_has_its_cause(0, 20, 613, IOASID_BE_WHY_KERNEL);
	capability_of_pasid_has_its_cause(UINT64_C(1) << 43, 20, 702, IOASID_BE_WHY_MODE);
	capability_of_pasid_has_its_cause(UINT64_C(1) << 40, 20, 702, IOASID_BE_WHY_HARDWARE);
}

static void registers_are_read(void)
{
	static const struct {
		uint64_t cap, ecap;
		uint32_t bits;
		uint64_t sizes;
	} units[] = {
		{ UINT64_C(0x0100000c002f0406), UINT64_C(1) << 43 | UINT64_C(1) << 47, 47, 0x40201000 },
		{ UINT64_C(0x0000000c002f0406), UINT64_C(1) << 43 | UINT64_C(1) << 47, 47, 0x00201000 },
		{ UINT64_C(0x1100000c00380c06), UINT64_C(1) << 43 | UINT64_C(1) << 47, 56, 0x40201000 },
		{ UINT64_C(0x0000000c00260206), 0, 39, 0x40201000 },
		{ UINT64_C(0x00000004002f0606), UINT64_C(1) << 43 | UINT64_C(1) << 46, 48, 0x00201000 },
		{ UINT64_C(0x00000000002f0206), 0, 39, 0x00001000 },
		{ UINT64_C(0x0000000c00380c06), UINT64_C(1) << 46, 57, 0x40201000 },
	};
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_be_record registers;
	uint64_t raw[3];

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct rig rig;

		rig_init(&rig);
		fake_device(rig.kernel, 0)->cap = units[i].cap;
		fake_device(rig.kernel, 0)->ecap = units[i].ecap;
		REQUIRE_EQ(rig_open(&rig, -1), 0);
		REQUIRE_EQ(rig_attach(&rig, 0), 0);
		CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
		CHECK_EQ(caps.iova_bits, units[i].bits);
		CHECK_EQ(caps.page_sizes, units[i].sizes);
		CHECK_EQ(caps.iommu, 0xfed90000);
		CHECK_EQ(rig.core->device_registers(rig.dev[0], &registers), 0);
		memcpy(raw, registers.bytes, sizeof(raw));
		CHECK(raw[0] == 1 && raw[1] == units[i].cap && raw[2] == units[i].ecap);
		CHECK(rig_down(&rig));
	}
}

static void other_iommus_are_refused(void)
{
	struct rig rig;

	up(&rig);
	fake_device(rig.kernel, 0)->type = 2;
	CHECK_EQ(rig_attach(&rig, 0), IOASID_BE_ENODEV);
	CHECK(strstr(rig.why, "VT-d"));
	CHECK(rig_down(&rig));
}

static void tables_are_made_on_demand(void)
{
	struct rig rig;

	up_with_device(&rig);
	REQUIRE_EQ(rig_attach(&rig, 1), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	CHECK_EQ(fake_tables(rig.kernel), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 4, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), 0);
	CHECK_EQ(fake_tables(rig.kernel), 1);
	CHECK_EQ(fake_attached(rig.kernel, 0, 3), fake_attached(rig.kernel, 0, 0));
	CHECK_EQ(fake_table_flags(rig.kernel, fake_attached(rig.kernel, 0, 0)), UAPI_HWPT_PASID);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 3, 0), 0);
	CHECK_EQ(fake_tables(rig.kernel), 2);
	CHECK_EQ(rig.paging->destroy(rig.as[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 1, 3), 0);
	CHECK_EQ(fake_tables(rig.kernel), 1);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 4), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 0), 0);
	CHECK_EQ(fake_tables(rig.kernel), 0);
	CHECK_EQ(rig.paging->destroy(rig.as[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig.core->close(rig.ctx), IOASID_BE_EBUSY);
	CHECK(rig_down(&rig));
}

static const struct test_case cases[] = {
	{ "the entry picks a version that both sides speak, or says why not", entry_negotiates },
	{ "open names what it does not know, and tells why there is nothing to open", open_refuses },
	{ "a device comes in by name, as a descriptor, or adopted, and goes as it came",
		devices_come_in_every_way },
	{ "a device is adopted once, of one iommufd (S9.12)", a_device_is_adopted_once },
	{ "a device without PASIDs says what is missing", no_pasid_has_its_cause },
	{ "the unit's registers are read as the specification has them", registers_are_read },
	{ "a device behind another make of IOMMU is refused", other_iommus_are_refused },
	{ "a table is made for the first slot that needs it and goes with the last",
		tables_are_made_on_demand },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd", cases, argc, argv);
}
