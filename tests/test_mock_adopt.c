/* Devices and address spaces that come by name, by descriptor, or are somebody else's; and machines. S9.9,
 * S9.13. */
#include "tests/harness.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/mock_rig.h"

#define IOVA UINT64_C(0x10000)

/* ---- Devices ---- */

static int name_file(const char *name)
{
	int fd = memfd_create("name", MFD_CLOEXEC);

	REQUIRE(fd >= 0);
	REQUIRE_EQ(write(fd, name, strlen(name)), strlen(name));
	return fd;
}

static int32_t attach_spec(struct rig *rig, uint32_t kind, int fd, uint32_t id, struct ioasid_be_dev **dev)
{
	const struct ioasid_be_device spec = {
		.struct_size = sizeof(spec), .kind = kind, .fd = fd, .iommufd = -1, .device_id = id
	};

	return rig->core->device_attach(rig->ctx, &spec, dev, &rig->why);
}

static void a_device_is_in_one_context_at_a_time(void)
{
	struct rig rig;
	struct ioasid_be_dev *dev = NULL;

	rig_open(&rig, "", 1);
	CHECK_EQ(rig_attach_device(&rig, "mock0", &dev), IOASID_BE_EBUSY);
	CHECK_EQ(rig_attach_device(&rig, "mock1", &dev), IOASID_BE_ENODEV);
	CHECK(strstr(rig.text, "mock1"));
	CHECK_EQ(rig.core->close(rig.ctx), IOASID_BE_EBUSY);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	CHECK_EQ(rig_attach_device(&rig, "mock0", &rig.dev[0]), 0);
	CHECK(dev == NULL);
	rig_close(&rig);
}

static void a_device_comes_by_a_descriptor_that_is_borrowed(void)
{
	struct rig rig;
	struct ioasid_be_dev *dev = NULL;
	int fd = name_file("mock1\n"), bad = name_file("mock7");
	uint32_t number = 99;

	rig_open(&rig, "devices=2", 0);
	CHECK_EQ(attach_spec(&rig, IOASID_BE_DEVICE_FD, bad, 0, &dev), IOASID_BE_EINVAL);
	CHECK_EQ(attach_spec(&rig, IOASID_BE_DEVICE_FD, -1, 0, &dev), IOASID_BE_EINVAL);
	REQUIRE_EQ(attach_spec(&rig, IOASID_BE_DEVICE_FD, fd, 0, &dev), 0);
	CHECK_EQ(rig.control->device_find(rig.mock, "mock1", &number), 0);
	CHECK_EQ(number, 1);
	CHECK_EQ(rig.control->device_find(rig.mock, "mock2", &number), IOASID_BE_ENODEV);
	CHECK_EQ(rig_attach_device(&rig, "mock1", &dev), IOASID_BE_EBUSY);
	CHECK_EQ(rig.core->device_detach(dev), 0);
	rig_close(&rig);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(close(bad), 0);
}

/* ---- Adopted ---- */

static uint32_t world_space(struct rig *rig, uint32_t uses, unsigned int page)
{
	const struct ioasid_be_map map = rig_map_args(rig, IOVA, page, 1);
	uint32_t id = 0;

	REQUIRE_EQ(rig->control->world_space_create(rig->mock, IOASID_BE_OBJECT_IOAS, uses, &id), 0);
	REQUIRE_EQ(rig->control->world_space_map(rig->mock, id, &map), 0);
	return id;
}

static int32_t adopt(struct rig *rig, uint32_t type, uint32_t id, struct ioasid_be_as **as)
{
	const struct ioasid_be_object object = { .type = type, .id = id, .fd = -1 };

	return rig->paging->adopt(rig->ctx, &object, as, &rig->why);
}

static void an_adopted_space_is_used_and_never_destroyed(void)
{
	struct rig rig;
	struct ioasid_be_as *as = NULL;
	uint32_t id;
	uint64_t unmapped;

	rig_open(&rig, "", 1);
	id = world_space(&rig, IOASID_BE_USE_PASID, 5);
	CHECK_EQ(adopt(&rig, IOASID_BE_OBJECT_IOAS, id + 1, &as), IOASID_BE_ENOENT);
	CHECK_EQ(adopt(&rig, IOASID_BE_OBJECT_HWPT, id, &as), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(adopt(&rig, IOASID_BE_OBJECT_VIOMMU, id, &as), IOASID_BE_EOPNOTSUPP);
	REQUIRE_EQ(adopt(&rig, IOASID_BE_OBJECT_IOAS, id, &as), 0);
	CHECK_EQ(rig.control->world_space_destroy(rig.mock, id), IOASID_BE_EBUSY);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 6));
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	/* It and its mapping are still there. */
	CHECK_EQ(rig_live(&rig).mappings, 1);
	REQUIRE_EQ(adopt(&rig, IOASID_BE_OBJECT_IOAS, id, &as), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 6));
	/* Who adopted it may map and unmap there. */
	rig_map(&rig, as, 0, 7);
	CHECK(rig_reads(&rig, 0, 1, 0, 8));
	CHECK_EQ(rig.paging->unmap(as, IOVA, RIG_PAGE, &unmapped), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	CHECK_EQ(rig_live(&rig).mappings, 1);
	CHECK_EQ(rig.control->world_space_destroy(rig.mock, id), 0);
	CHECK_EQ(rig.control->world_space_destroy(rig.mock, id), IOASID_BE_ENOENT);
	rig_close(&rig);
}

static void a_file_mapped_into_an_adopted_space_goes_with_the_handle(void)
{
	struct rig rig;
	struct ioasid_be_as *as = NULL;
	struct ioasid_be_map map = { .struct_size = sizeof(map),
				     .access = IOASID_BE_MAP_READ,
				     .length = RIG_PAGE };
	uint32_t id;

	rig_open(&rig, "", 0);
	map.fd = memfd_create("file", MFD_CLOEXEC);
	REQUIRE_EQ(ftruncate(map.fd, RIG_PAGE), 0);
	id = world_space(&rig, 0, 0);
	REQUIRE_EQ(adopt(&rig, IOASID_BE_OBJECT_IOAS, id, &as), 0);
	CHECK_EQ(rig.paging->map_file(as, &map), 0);
	CHECK_EQ(rig_live(&rig).mappings, 2);
	CHECK_EQ(rig.paging->destroy(as), 0);
	CHECK_EQ(rig_live(&rig).mappings, 1);
	CHECK_EQ(rig.host.mapped, 0);
	CHECK_EQ(rig.control->world_space_destroy(rig.mock, id), 0);
	CHECK_EQ(close(map.fd), 0);
	rig_close(&rig);
}

/* S9.9, S9.13: a VMM has the device and its RID before; both are as they were, before, during and after. */
static void an_adopted_device_keeps_what_its_owner_attached(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_dev *dev = NULL;
	uint32_t id;
	int fd = name_file("mock0");

	rig_open(&rig, "devices=2", 0);
	CHECK_EQ(attach_spec(&rig, IOASID_BE_DEVICE_ADOPTED, fd, 0, &dev), IOASID_BE_EINVAL);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, 0), IOASID_BE_EINVAL);
	CHECK_EQ(rig.control->world_device_bind(rig.mock, 0, 1), 0);
	id = world_space(&rig, IOASID_BE_USE_PASID, 2);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, id + 1), IOASID_BE_ENOENT);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, id), 0);
	CHECK_EQ(rig_attach_device(&rig, "mock0", &dev), IOASID_BE_EBUSY);
	CHECK_EQ(attach_spec(&rig, IOASID_BE_DEVICE_ADOPTED, fd, 1, &dev), IOASID_BE_EINVAL);
	REQUIRE_EQ(attach_spec(&rig, IOASID_BE_DEVICE_ADOPTED, fd, 0, &dev), 0);
	rig.dev[0] = dev;
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 3);
	CHECK_EQ(rig_slot(&rig, 0, 0).state, IOASID_MOCK_SLOT_FOREIGN);
	CHECK_EQ(rig_attach(&rig, 0, 0, as, NULL), IOASID_BE_EBUSY);
	CHECK(strstr(rig.text, "somebody else"));
	CHECK_EQ(rig_replace(&rig, 0, 0, as, NULL, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_park(&rig, 0, 0, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 0, IOVA, 3) && rig_reads(&rig, 0, 1, IOVA, 4));
	CHECK_EQ(rig.pasid->device_block(dev, 0), 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK(rig_reads(&rig, 0, 0, IOVA, 3));
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.core->device_detach(dev), 0);
	CHECK(rig_reads(&rig, 0, 0, IOVA, 3));
	CHECK_EQ(rig_attach_device(&rig, "mock0", &dev), IOASID_BE_EBUSY);
	CHECK_EQ(rig.control->world_device_bind(rig.mock, 0, 0), IOASID_BE_EBUSY);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, 0), 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 0, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig.control->world_device_bind(rig.mock, 0, 0), 0);
	CHECK_EQ(rig.control->world_space_destroy(rig.mock, id), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
	CHECK_EQ(close(fd), 0);
}

/* S9.13, S9.10: a PASID that needs another RID attachment is refused, and the report says why. */
static void an_rid_of_another_owner_without_the_use_keeps_pasids_away(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	uint32_t id;

	rig_open(&rig, "", 0);
	CHECK_EQ(rig.control->world_device_bind(rig.mock, 0, 1), 0);
	id = world_space(&rig, 0, 2);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, id), 0);
	REQUIRE_EQ(attach_spec(&rig, IOASID_BE_DEVICE_ADOPTED, -1, 0, &rig.dev[0]), 0);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), IOASID_BE_EBUSY);
	CHECK(strstr(rig.text, "RID"));
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_PASID), IOASID_BE_WHY_RID);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, 0), 0);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_PASID), IOASID_BE_WHY_NONE);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig.control->world_rid(rig.mock, 0, id), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* ---- Machines ---- */

static void contexts_of_one_machine_share_its_devices(void)
{
	struct rig a, b;
	struct ioasid_be_dev *dev = NULL;

	rig_open(&a, "machine=shared devices=2", 1);
	rig_core(&b);
	CHECK_EQ(rig_try(&b, "machine=shared devices=2"), IOASID_BE_EINVAL);
	CHECK(strstr(b.text, "shared"));
	rig_open(&b, "machine=shared", 0);
	CHECK(a.mock == b.mock);
	CHECK_EQ(rig_live(&a).contexts, 2);
	CHECK_EQ(rig_attach_device(&b, "mock0", &dev), IOASID_BE_EBUSY);
	REQUIRE_EQ(rig_attach_device(&b, "mock1", &dev), 0);
	CHECK_EQ(b.core->device_detach(dev), 0);
	CHECK_EQ(a.core->device_detach(a.dev[0]), 0);
	a.devices = 0;
	rig_close(&a);
	CHECK_EQ(rig_live(&b).contexts, 1);
	rig_close(&b);
	/* The machine ended with its last context: the name is free for another one. */
	rig_open(&a, "machine=shared devices=3", 3);
	rig_close(&a);
}

static void a_machine_can_be_named_by_a_descriptor(void)
{
	struct rig a, b;
	struct ioasid_be_fd label = { .key = "machine", .fd = name_file("passed\n") };
	struct ioasid_be_open args = { .struct_size = sizeof(args), .fds = { &label, sizeof(label), 1 } };
	const void *table = NULL;

	rig_open(&a, "machine=passed", 0);
	rig_core(&b);
	args.host = &b.host.table;
	REQUIRE_EQ(b.core->open(&args, &b.ctx, &b.why), 0);
	CHECK_EQ(b.core->get_interface(b.ctx, IOASID_MOCK_CONTROL_ID, &table), 0);
	CHECK(((const struct ioasid_mock_control *)table)->mock == a.mock);
	CHECK_EQ(b.core->close(b.ctx), 0);
	label.key = "iommufd";
	CHECK_EQ(b.core->open(&args, &b.ctx, &b.why), IOASID_BE_EINVAL);
	CHECK_EQ(b.host.closed, 0);
	rig_close(&a);
	CHECK_EQ(close(label.fd), 0);
}

static void objects_to_adopt_have_to_be_there_at_open(void)
{
	struct rig a, b;
	struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .fd = -1 };
	struct ioasid_be_pair pair = { "machine", "objects" };
	struct ioasid_be_open args = { .struct_size = sizeof(args),
				       .config = { &pair, sizeof(pair), 1 },
				       .objects = { &object, sizeof(object), 1 } };

	rig_open(&a, "machine=objects", 0);
	rig_core(&b);
	args.host = &b.host.table;
	object.id = world_space(&a, 0, 0) + 1;
	CHECK_EQ(b.core->open(&args, &b.ctx, &b.why), IOASID_BE_ENOENT);
	object.id--;
	REQUIRE_EQ(b.core->open(&args, &b.ctx, &b.why), 0);
	CHECK_EQ(b.core->close(b.ctx), 0);
	rig_close(&a);
}

static const struct test_case cases[] = {
	{ "a device is in one context at a time", a_device_is_in_one_context_at_a_time },
	{ "a device comes by a descriptor that is borrowed (S9.9)",
	  a_device_comes_by_a_descriptor_that_is_borrowed },
	{ "an adopted space is used and never destroyed (S9.9)",
	  an_adopted_space_is_used_and_never_destroyed },
	{ "a file mapped into an adopted space goes with the handle",
	  a_file_mapped_into_an_adopted_space_goes_with_the_handle },
	{ "an adopted device keeps what its owner attached (S9.9, S9.13)",
	  an_adopted_device_keeps_what_its_owner_attached },
	{ "an RID of another owner without the use keeps PASIDs away (S9.13)",
	  an_rid_of_another_owner_without_the_use_keeps_pasids_away },
	{ "contexts of one machine share its devices", contexts_of_one_machine_share_its_devices },
	{ "a machine can be named by a descriptor (S9.9)", a_machine_can_be_named_by_a_descriptor },
	{ "objects to adopt have to be there at open", objects_to_adopt_have_to_be_there_at_open },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_adopt", cases, argc, argv);
}
