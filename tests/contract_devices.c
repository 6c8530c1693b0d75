/* The contract suite: devices, in each way that they come, and what is said of them. R43 - R47. */
#include "tests/contract.h"

#include <string.h>

static void capabilities_agree(void)
{
	struct contract_world w;

	contract_up(&w, CONTRACT_DEVICES);
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++) {
		struct ioasid_be_device_caps caps = contract_caps(&w, i);
		bool pasid = caps.flags >> IOASID_BE_CAP_PASID & 1;

		CHECK_EQ(pasid, caps.pasid_bits != 0);
		CHECK(caps.pasid_bits <= 20);
		CHECK_EQ(caps.flags >> IOASID_BE_CAP_COUNT, 0);
		CHECK_EQ(caps.flags >> IOASID_BE_CAP_MAPPING & 1, 0);
		CHECK(caps.table_owner <= IOASID_BE_OWNER_EITHER);
		CHECK_EQ(caps.table_owner == IOASID_BE_OWNER_NONE, !pasid);
		CHECK(caps.iova_bits >= 1 && caps.iova_bits <= 64);
		CHECK(caps.page_sizes != 0);
		for (int k = 0; k < 4; k++)
			CHECK_EQ(caps.reserved[k], 0);
		if (pasid && caps.table_owner & IOASID_BE_OWNER_HOST)
			CHECK(w.pasid != NULL);
		if (caps.flags >> IOASID_BE_CAP_NESTING & 1)
			CHECK(w.nested || w.viommu);
		if (caps.flags >> IOASID_BE_CAP_DIRTY & 1)
			CHECK(w.dirty != NULL);
		if (caps.flags >> IOASID_BE_CAP_FAULT & 1)
			CHECK(w.fault != NULL);
		if (caps.flags >> IOASID_BE_CAP_VIOMMU & 1)
			CHECK(w.viommu != NULL);
		if (caps.flags >> IOASID_BE_CAP_EVENT & 1)
			CHECK(w.event != NULL);
	}
	CHECK_EQ(contract_caps(&w, 0).iommu == contract_caps(&w, 1).iommu, w.driver->iommus == 1);
	contract_down(&w);
}

static void check_report(struct contract_world *w, unsigned int device)
{
	struct ioasid_be_device_caps caps = contract_caps(w, device);
	uint64_t told = 0;
	uint32_t index = 0;
	int32_t rc;

	for (;; index++) {
		struct ioasid_be_report_line line = { .struct_size = sizeof(line) };

		w->text[0] = '\0';
		w->why.length = 0;
		rc = w->core->device_report(w->dev[device], index, &line, &w->why);
		if (rc || index > 4 * IOASID_BE_CAP_COUNT)
			break;
		REQUIRE(line.capability < IOASID_BE_CAP_COUNT);
		told |= UINT64_C(1) << line.capability;
		CHECK(line.usable <= 1);
		CHECK_EQ(line.why == IOASID_BE_WHY_NONE, line.usable);
		CHECK(line.why <= IOASID_BE_WHY_OTHER);
		CHECK(!line.reserved[0] && !line.reserved[1]);
		CHECK_EQ(w->why.length, strlen(w->text));
		CHECK(line.usable || w->text[0]);
		if (line.capability != IOASID_BE_CAP_MAPPING)
			CHECK_EQ(line.usable, caps.flags >> line.capability & 1);
		CHECK_EQ(w->core->device_report(w->dev[device], index, &line, NULL), 0);
	}
	CHECK_EQ(rc, IOASID_BE_ENOENT);
	/* What the device has is in its report. */
	CHECK_EQ(caps.flags & ~told, 0);
}

static void the_report_agrees(void)
{
	struct contract_world w;

	contract_up(&w, CONTRACT_DEVICES);
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		check_report(&w, i);
	contract_down(&w);
}

static void a_device_is_taken_once(void)
{
	struct contract_world w;
	struct ioasid_be_dev *dev = NULL;

	contract_up(&w, 1);
	CHECK_EQ(contract_take(&w, 0, &dev), IOASID_BE_EBUSY);
	w.text[0] = '\0';
	CHECK_EQ(contract_take(&w, CONTRACT_DEVICES, &dev), IOASID_BE_ENODEV);
	CHECK(w.text[0] != '\0');
	CHECK(dev == NULL);
	CHECK_EQ(w.core->device_detach(w.dev[0]), 0);
	CHECK_EQ(contract_take(&w, 0, &w.dev[0]), 0);
	contract_down(&w);
}

static void a_descriptor_is_borrowed(void)
{
	struct contract_world w;
	struct ioasid_be_device spec;
	int32_t fd;

	contract_up(&w, 0);
	fd = w.driver->device_fd(w.machine, 1);
	spec = contract_spec(&w, 1);
	spec.kind = IOASID_BE_DEVICE_FD;
	REQUIRE_EQ(w.core->device_attach(w.ctx, &spec, &w.dev[1], &w.why), IOASID_BE_EINVAL);
	spec.fd = fd;
	REQUIRE_EQ(w.core->device_attach(w.ctx, &spec, &w.dev[1], &w.why), 0);
	check_report(&w, 1);
	CHECK_EQ(w.core->device_detach(w.dev[1]), 0);
	w.dev[1] = NULL;
	CHECK(w.driver->fd_alive(w.machine, fd));
	CHECK_EQ(w.core->close(w.ctx), 0);
	CHECK(w.driver->fd_alive(w.machine, fd));
	w.driver->fd_close(w.machine, fd);
	contract_machine_end(&w);
}

/* S9.9, S9.13: somebody else's device and space, before, during and after. Data page 5 is behind the RID. */
static void what_is_adopted_stays(void)
{
	struct contract_world w;
	struct ioasid_be_device spec = { .struct_size = sizeof(spec), .fd = -1, .iommufd = -1 };
	struct ioasid_be_object object = { .fd = -1 };
	struct ioasid_be_as *as = NULL, *mine;

	contract_up(&w, 0);
	w.driver->owner(w.machine, 0, w.memory, 5, &spec, &object);
	CHECK(contract_reaches(&w, 0, 0, 5));
	REQUIRE_EQ(w.core->device_attach(w.ctx, &spec, &w.dev[0], &w.why), 0);
	CHECK(contract_reaches(&w, 0, 0, 5));
	/* The RID is not ours to attach, change or end, nor does it end beside a PASID. */
	mine = contract_page_space(&w, 1);
	CHECK_EQ(contract_attach(&w, 0, 0, mine, NULL), IOASID_BE_EBUSY);
	CHECK(contract_replace(&w, 0, 0, mine, NULL, 0) != 0);
	CHECK(contract_park(&w, 0, 0) != 0);
	CHECK(contract_detach(&w, 0, 0) != 0);
	CHECK(contract_reaches(&w, 0, 0, 5));
	CHECK_EQ(contract_attach(&w, 0, 3, mine, NULL), 0);
	CHECK(contract_reaches(&w, 0, 3, 1));
	contract_end(&w, 0, 3);
	CHECK(contract_reaches(&w, 0, 0, 5));
	if (w.paging->adopt) {
		REQUIRE_EQ(w.paging->adopt(w.ctx, &object, &as, &w.why), 0);
		CHECK_EQ(contract_attach(&w, 0, 3, as, NULL), 0);
		CHECK(contract_reaches(&w, 0, 3, 5));
		CHECK_EQ(w.paging->destroy(as), IOASID_BE_EBUSY);
		contract_end(&w, 0, 3);
		contract_destroy(&w, as);
	}
	contract_destroy(&w, mine);
	CHECK_EQ(w.core->device_detach(w.dev[0]), 0);
	w.dev[0] = NULL;
	CHECK(contract_reaches(&w, 0, 0, 5));
	CHECK_EQ(w.core->close(w.ctx), 0);
	CHECK(contract_reaches(&w, 0, 0, 5));
	w.driver->owner_leaves(w.machine, 0, &spec, &object);
	contract_machine_end(&w);
}

/* S9.12: two that have one device would take each other's slots; the second is refused whatever way it comes. */
static void an_adopted_device_is_taken_once(void)
{
	struct contract_world w;
	struct ioasid_be_device spec = { .struct_size = sizeof(spec), .fd = -1, .iommufd = -1 };
	struct ioasid_be_object object = { .fd = -1 };
	struct ioasid_be_ctx *ctx = NULL;
	struct ioasid_be_dev *dev = NULL;

	contract_up(&w, 0);
	w.driver->owner(w.machine, 0, w.memory, 5, &spec, &object);
	REQUIRE_EQ(w.core->device_attach(w.ctx, &spec, &w.dev[0], &w.why), 0);
	w.text[0] = '\0';
	CHECK_EQ(w.core->device_attach(w.ctx, &spec, &dev, &w.why), IOASID_BE_EBUSY);
	CHECK(w.text[0] != '\0');
	REQUIRE_EQ(w.core->open(&w.args, &ctx, &w.why), 0);
	CHECK_EQ(w.core->device_attach(ctx, &spec, &dev, &w.why), IOASID_BE_EBUSY);
	CHECK_EQ(contract_take(&w, 0, &dev), IOASID_BE_EBUSY);
	CHECK(dev == NULL);
	CHECK_EQ(w.core->device_detach(w.dev[0]), 0);
	w.dev[0] = NULL;
	/* Then it can be had, by the other one as well. */
	REQUIRE_EQ(w.core->device_attach(ctx, &spec, &dev, &w.why), 0);
	CHECK_EQ(w.core->device_attach(w.ctx, &spec, &w.dev[0], &w.why), IOASID_BE_EBUSY);
	CHECK_EQ(w.core->device_detach(dev), 0);
	CHECK_EQ(w.core->close(ctx), 0);
	w.driver->owner_leaves(w.machine, 0, &spec, &object);
	contract_down(&w);
}

static void what_is_not_there_is_not_adopted(void)
{
	struct contract_world w;
	struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .id = 4711, .fd = -1 };
	struct ioasid_be_as *as = NULL;

	contract_up(&w, 0);
	if (w.paging->adopt) {
		CHECK_EQ(w.paging->adopt(w.ctx, &object, &as, &w.why), IOASID_BE_ENOENT);
		object.type = IOASID_BE_OBJECT_VIOMMU;
		CHECK(w.paging->adopt(w.ctx, &object, &as, &w.why) != 0);
		object.type = 99;
		CHECK(w.paging->adopt(w.ctx, &object, &as, &w.why) != 0);
	}
	CHECK(as == NULL);
	contract_down(&w);
}

static void a_device_that_is_in_use_stays(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, 1);
	as = contract_page_space(&w, 2);
	REQUIRE_EQ(contract_attach(&w, 0, 7, as, NULL), 0);
	CHECK_EQ(w.core->device_detach(w.dev[0]), IOASID_BE_EBUSY);
	CHECK(contract_reaches(&w, 0, 7, 2));
	CHECK_EQ(contract_park(&w, 0, 7), 0);
	CHECK_EQ(w.core->device_detach(w.dev[0]), IOASID_BE_EBUSY);
	contract_quiet(&w, 0, 7);
	CHECK_EQ(contract_detach(&w, 0, 7), 0);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void a_reset_leaves_slots(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, 1);
	as = contract_page_space(&w, 2);
	REQUIRE_EQ(contract_attach(&w, 0, 7, as, NULL), 0);
	if (w.core->device_reset)
		CHECK_EQ(w.core->device_reset(w.dev[0]), 0);
	CHECK(contract_reaches(&w, 0, 7, 2));
	CHECK_EQ(contract_attach(&w, 0, 7, as, NULL), IOASID_BE_EBUSY);
	check_report(&w, 0);
	contract_end(&w, 0, 7);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void an_unplugged_device_can_be_let_go(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	int32_t rc;

	contract_up(&w, CONTRACT_DEVICES);
	as = contract_page_space(&w, 2);
	REQUIRE_EQ(contract_attach(&w, 0, 7, as, NULL), 0);
	REQUIRE_EQ(contract_attach(&w, 1, 7, as, NULL), 0);
	w.driver->unplug(w.machine, 0);
	CHECK(contract_blocked(&w, 0, 7));
	CHECK_EQ(contract_attach(&w, 0, 8, as, NULL), IOASID_BE_ENODEV);
	rc = contract_detach(&w, 0, 7);
	CHECK(rc == 0 || rc == IOASID_BE_ENODEV);
	CHECK_EQ(w.core->device_detach(w.dev[0]), 0);
	w.dev[0] = NULL;
	CHECK(contract_reaches(&w, 1, 7, 2));
	contract_end(&w, 1, 7);
	contract_destroy(&w, as);
	contract_down(&w);
}

static const struct contract_case cases[] = {
	{ "capabilities of a device agree with each other and with the interfaces (R45)", capabilities_agree, 0, 0 },
	{ "the report agrees with itself and with the capabilities (R46)", the_report_agrees, 0, 0 },
	{ "a device is taken once, and one that is not there is not (R32)", a_device_is_taken_once, 0, 0 },
	{ "a descriptor that was passed in is borrowed (R43)", a_descriptor_is_borrowed, 0, CONTRACT_FDS },
	{ "what another owner has attached and made stays as it is, before, during and after (R43, R47)", what_is_adopted_stays,
	  IOASID_BE_IF_PASID, CONTRACT_OWNER | CONTRACT_SEEN },
	{ "an adopted device is taken once, by whichever context (R32, S9.12)", an_adopted_device_is_taken_once,
	  IOASID_BE_IF_PASID, CONTRACT_OWNER },
	{ "what is not there is not adopted (R32)", what_is_not_there_is_not_adopted, IOASID_BE_IF_PAGING, 0 },
	{ "a device with a slot in use stays, and so does the slot (R60)", a_device_that_is_in_use_stays, IOASID_BE_IF_PASID,
	  CONTRACT_SEEN },
	{ "a reset of a device leaves its slots as they are", a_reset_leaves_slots, IOASID_BE_IF_PASID, CONTRACT_SEEN },
	{ "a device that was unplugged can be let go, and others work on", an_unplugged_device_can_be_let_go, IOASID_BE_IF_PASID,
	  CONTRACT_UNPLUG | CONTRACT_SEEN },
};

CONTRACT_SUITE(contract_devices, cases);
