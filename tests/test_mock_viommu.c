/* Virtual IOMMUs of the mock: a guest owns the PASID table of a device. S15. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_faults.h"
#include "tests/mock_viommu.h"

#define TRANSLATE IOASID_MOCK_ENTRY_TRANSLATE
#define P         IOASID_MOCK_PTE_P
#define W         IOASID_MOCK_PTE_W
#define U         IOASID_MOCK_PTE_U

static uint32_t fault(struct viommu_scene *s, uint32_t device, uint32_t pasid)
{
	return rig_read_fault(&s->g.rig, device, pasid, GUEST_ADDRESS);
}

/* ---- Entries ---- */

static void a_guests_own_table_translates_its_pasids_and_the_rid(void)
{
	struct viommu_scene s;

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(fault(&s, 0, 3), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), 0);
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK(rig_reads(&s.g.rig, 0, 0, GUEST_ADDRESS, 8));
	CHECK_EQ(fault(&s, 0, 2), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(fault(&s, 0, 1u << VIOMMU_BITS), IOASID_MOCK_FAULT_RANGE);
	viommu_pasid(&s, 2)->root = mock_guest_page(16) | P | 4;
	CHECK_EQ(fault(&s, 0, 2), IOASID_MOCK_FAULT_FORMAT);
	viommu_pasid(&s, 2)->root = mock_guest_page(GUEST_PAGES) | P;
	CHECK_EQ(fault(&s, 0, 2), IOASID_MOCK_FAULT_PARENT);
	/* The host cannot bind there, and the device cannot go. */
	CHECK_EQ(rig_attach(&s.g.rig, 0, 1, NULL, s.g.table), IOASID_BE_EBUSY);
	CHECK_EQ(s.g.rig.core->device_detach(s.g.rig.dev[0]), IOASID_BE_EBUSY);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	CHECK_EQ(viommu_detach(&s, 0), IOASID_BE_ENOENT);
	CHECK_EQ(fault(&s, 0, 3), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_slot(&s.g.rig, 0, 3).iotlb, 0);
	viommu_close(&s);
}

static void abort_lets_nothing_through_and_bypass_the_rid_only(void)
{
	struct viommu_scene s;

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), IOASID_BE_ENOENT);
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), 0);
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), 0);
	CHECK_EQ(fault(&s, 0, 3), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_BYPASS), 0);
	CHECK_EQ(fault(&s, 0, 3), IOASID_MOCK_FAULT_BLOCKED);
	CHECK(rig_reads(&s.g.rig, 0, 0, mock_guest_page(9), 10));
	CHECK_EQ(viommu_set(&s, 0, 2), IOASID_BE_EINVAL);
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), 0);
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(s.g.rig.pasid->device_block(s.g.rig.dev[0], 0), 0);
	CHECK_EQ(fault(&s, 0, 3), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	viommu_close(&s);
}

/* Bytes that are under way are waited for; if they do not end, the old entry stays (the contract's attach). */
static void an_entry_that_cannot_take_over_leaves_the_old_one(void)
{
	struct viommu_scene s;
	unsigned char byte = 0xdd;
	uint64_t token;

	viommu_open(&s, VIOMMU_CONFIG " drain=wait", 1);
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), 0);
	token = rig_begin(&s.g.rig, 0, 3, IOASID_MOCK_DMA_WRITE, GUEST_ADDRESS, &byte, 1);
	CHECK_EQ(viommu_attach(&s, 0, IOASID_MOCK_ENTRY_BYPASS), IOASID_BE_ETIMEDOUT);
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(rig_live(&s.g.rig).entries, 1);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(fault(&s, 0, 3), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_finish(&s.g.rig, token), IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), 0);
	CHECK_EQ(rig_page(&s.g.rig, 7)[0], 0xdd);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	viommu_close(&s);
}

static void page_requests_of_a_guests_table_go_to_its_queue(void)
{
	struct viommu_scene s;
	const struct ioasid_be_record record = viommu_record(TRANSLATE);
	struct ioasid_be_faultq *queue;
	struct ioasid_be_page_request got;

	viommu_open(&s, VIOMMU_CONFIG, 1);
	queue = faults_queue(&s.g.rig, 0, NULL);
	CHECK_EQ(s.g.rig.table->attach(s.g.rig.dev[0], s.viommu, &record, queue, 0, NULL), 0);
	CHECK_EQ(s.g.rig.fault->destroy(queue), IOASID_BE_EBUSY);
	CHECK_EQ(faults_ask(&s.g.rig, 0, 3, 1, GUEST_ADDRESS, IOASID_BE_FAULT_LAST), 0);
	REQUIRE_EQ(faults_read(&s.g.rig, queue, &got, 1), 1);
	CHECK_EQ(got.pasid, 3);
	CHECK_EQ(faults_respond(&s.g.rig, queue, got.handle, 0), 0);
	CHECK_EQ(faults_answer(&s.g.rig, 0, 3, 1).by, IOASID_MOCK_BY_HOST);
	CHECK_EQ(faults_ask(&s.g.rig, 0, 3, 2, GUEST_ADDRESS, IOASID_BE_FAULT_LAST), 0);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), 0);
	CHECK_EQ(faults_answer(&s.g.rig, 0, 3, 2).by, IOASID_MOCK_BY_TEARDOWN);
	CHECK_EQ(faults_ask(&s.g.rig, 0, 3, 3, GUEST_ADDRESS, IOASID_BE_FAULT_LAST), 0);
	CHECK_EQ(faults_answer(&s.g.rig, 0, 3, 3).by, IOASID_MOCK_BY_IOMMU);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	CHECK_EQ(s.g.rig.fault->destroy(queue), 0);
	viommu_close(&s);
}

/* ---- Raw commands ---- */

static int32_t run(struct viommu_scene *s, struct ioasid_mock_command *commands, uint32_t count,
		   uint32_t *done)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*commands), .count = count, .items = commands
	};
	int32_t rc = s->g.rig.invalidate->raw(s->viommu, IOASID_BE_INV_MOCK, &batch);

	*done = batch.done;
	return rc;
}

static void a_guests_commands_reach_the_device_that_it_names(void)
{
	struct viommu_scene s;
	struct ioasid_mock_command commands[3];
	uint32_t done;

	viommu_open(&s, "devices=2 " VIOMMU_CONFIG, 2);
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(viommu_attach(&s, device, TRANSLATE), 0);
		CHECK(rig_reads(&s.g.rig, device, 3, GUEST_ADDRESS, 8));
		CHECK(rig_reads(&s.g.rig, device, 0, GUEST_ADDRESS, 8));
	}
	*mock_guest_entry(&s.g, GUEST_ADDRESS, 1) = mock_guest_page(9) | P | W | U;
	commands[0] = (struct ioasid_mock_command){ .op = IOASID_MOCK_COMMAND_RANGE,
						    .flags = IOASID_BE_INV_LEAF,
						    .virtual_id = VIOMMU_ID + 1,
						    .pasid = 3,
						    .address = GUEST_ADDRESS,
						    .length = RIG_PAGE };
	CHECK_EQ(run(&s, commands, 1, &done), 0);
	CHECK(rig_reads(&s.g.rig, 1, 3, GUEST_ADDRESS, 10));
	CHECK(rig_reads(&s.g.rig, 1, 0, GUEST_ADDRESS, 8));
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 8));
	/* A command that names nothing stops the batch: the third is not run. */
	commands[1] = commands[2] =
		(struct ioasid_mock_command){ .op = IOASID_MOCK_COMMAND_DEVICE, .virtual_id = VIOMMU_ID };
	commands[1].virtual_id = VIOMMU_ID + 2;
	CHECK_EQ(run(&s, commands, 3, &done), IOASID_BE_EIO);
	CHECK_EQ(done, 1);
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(run(&s, &commands[2], 1, &done), 0);
	CHECK(rig_reads(&s.g.rig, 0, 3, GUEST_ADDRESS, 10) && rig_reads(&s.g.rig, 0, 0, GUEST_ADDRESS, 10));
	commands[0].op = 2;
	CHECK_EQ(run(&s, commands, 1, &done), IOASID_BE_EIO);
	commands[0] = (struct ioasid_mock_command){ .virtual_id = VIOMMU_ID };
	CHECK_EQ(run(&s, commands, 1, &done), IOASID_BE_EIO);
	CHECK_EQ(s.g.rig.invalidate->raw(s.viommu, IOASID_BE_INV_ARM_SMMUV3,
					 &(struct ioasid_be_batch){ .struct_size =
									    sizeof(struct ioasid_be_batch) }),
		 IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	CHECK_EQ(viommu_detach(&s, 1), 0);
	viommu_close(&s);
}

/* ---- Order ---- */

static void things_end_in_the_right_order_only(void)
{
	struct viommu_scene s;

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), 0);
	CHECK_EQ(s.g.rig.vdevice->destroy(s.vdevice[0]), IOASID_BE_EBUSY);
	CHECK_EQ(s.g.rig.viommu->destroy(s.viommu), IOASID_BE_EBUSY);
	CHECK_EQ(s.g.rig.paging->destroy(s.g.memory), IOASID_BE_EBUSY);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), 0);
	CHECK_EQ(s.g.rig.vdevice->destroy(s.vdevice[0]), 0);
	s.devices = 0;
	CHECK_EQ(s.g.rig.viommu->destroy(s.viommu), IOASID_BE_EBUSY);
	/* A translating entry wants a number; abort and bypass do not. */
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), IOASID_BE_ENOENT);
	CHECK_EQ(viommu_attach(&s, 0, IOASID_MOCK_ENTRY_BYPASS), 0);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	viommu_close(&s);
}

static void what_does_not_fit_is_refused(void)
{
	struct viommu_scene s;
	struct ioasid_be_viommu_args args;
	struct ioasid_be_viommu *other;
	struct ioasid_be_vdevice *vdevice;
	struct ioasid_be_record record = viommu_record(TRANSLATE);
	struct ioasid_be_dev *dev;

	viommu_open(
		&s,
		"devices=4 iommus=2 mock3.owner=host mock1.iommu=0 mock2.iommu=1 mock3.iommu=0 " VIOMMU_CONFIG,
		2);
	args = viommu_args(&s);
	args.type = IOASID_BE_VIOMMU_ARM_SMMUV3;
	CHECK_EQ(s.g.rig.viommu->create(s.g.rig.ctx, &args, &other, NULL, NULL), IOASID_BE_EOPNOTSUPP);
	args = viommu_args(&s);
	args.data = &record;
	CHECK_EQ(s.g.rig.viommu->create(s.g.rig.ctx, &args, &other, NULL, NULL), IOASID_BE_EINVAL);
	CHECK_EQ(s.g.rig.vdevice->create(s.viommu, s.g.rig.dev[0], 99, &vdevice, NULL), IOASID_BE_EEXIST);
	REQUIRE_EQ(rig_attach_device(&s.g.rig, "mock2", &dev), 0);
	CHECK_EQ(s.g.rig.vdevice->create(s.viommu, dev, 99, &vdevice, NULL), IOASID_BE_EINVAL);
	record.bytes[12] = IOASID_MOCK_ENTRY_ABORT;
	CHECK_EQ(s.g.rig.table->attach(dev, s.viommu, &record, NULL, 0, NULL), IOASID_BE_EINVAL);
	CHECK_EQ(s.g.rig.core->device_detach(dev), 0);
	REQUIRE_EQ(rig_attach_device(&s.g.rig, "mock3", &dev), 0);
	CHECK_EQ(s.g.rig.vdevice->create(s.viommu, dev, VIOMMU_ID, &vdevice, NULL), IOASID_BE_EEXIST);
	CHECK_EQ(s.g.rig.table->attach(dev, s.viommu, &record, NULL, 0, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(s.g.rig.core->device_detach(dev), 0);
	record.bytes[12] = 3;
	CHECK_EQ(s.g.rig.table->attach(s.g.rig.dev[0], s.viommu, &record, NULL, 0, NULL), IOASID_BE_EINVAL);
	record = mock_guest_record(mock_guest_page(16));
	CHECK_EQ(s.g.rig.table->attach(s.g.rig.dev[0], s.viommu, &record, NULL, 0, NULL),
		 IOASID_BE_EOPNOTSUPP);
	/* Slots and entries keep each other away. */
	CHECK_EQ(rig_attach(&s.g.rig, 0, 1, NULL, s.g.table), 0);
	CHECK_EQ(viommu_attach(&s, 0, TRANSLATE), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&s.g.rig, 0, 1, 0), 0);
	viommu_close(&s);
}

static void who_owns_the_pasid_table_is_told(void)
{
	static const struct {
		const char *config;
		uint32_t owner;
	} tries[] = {
		{ "", IOASID_BE_OWNER_HOST },
		{ "owner=either", IOASID_BE_OWNER_HOST },
		{ "guest_tables=on", IOASID_BE_OWNER_HOST },
		{ "guest_tables=on owner=guest", IOASID_BE_OWNER_GUEST },
		{ "guest_tables=on owner=either", IOASID_BE_OWNER_EITHER },
		{ "guest_tables=on owner=either nesting=off", IOASID_BE_OWNER_HOST },
		{ "guest_tables=on owner=either pasid_bits=0", IOASID_BE_OWNER_NONE },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
		struct ioasid_be_as *as;
		struct rig rig;

		rig_open(&rig, tries[i].config, 1);
		as = rig_space(&rig, IOASID_BE_USE_PASID);
		CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
		CHECK_EQ(caps.table_owner, tries[i].owner);
		/* Where it is always the guest's the host cannot put anything into it. */
		CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL),
			 tries[i].owner == IOASID_BE_OWNER_GUEST  ? IOASID_BE_EOPNOTSUPP
			 : tries[i].owner == IOASID_BE_OWNER_NONE ? IOASID_BE_ERANGE
								  : 0);
		if (rig_slot(&rig, 0, 0).state == IOASID_MOCK_SLOT_FREE && caps.pasid_bits &&
		    tries[i].owner != IOASID_BE_OWNER_GUEST)
			CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
		CHECK_EQ(rig.paging->destroy(as), 0);
		rig_close(&rig);
	}
}

static const struct test_case cases[] = {
	{ "a guest's own table translates its PASIDs and the RID (S15.1)",
	  a_guests_own_table_translates_its_pasids_and_the_rid },
	{ "abort lets nothing through and bypass the RID only (S15.1)",
	  abort_lets_nothing_through_and_bypass_the_rid_only },
	{ "an entry that cannot take over leaves the old one (S15.2)",
	  an_entry_that_cannot_take_over_leaves_the_old_one },
	{ "page requests of a guest's table go to its queue (S18.1)",
	  page_requests_of_a_guests_table_go_to_its_queue },
	{ "a guest's commands reach the device that it names (S17.1)",
	  a_guests_commands_reach_the_device_that_it_names },
	{ "things end in the right order only (S15.6)", things_end_in_the_right_order_only },
	{ "what does not fit is refused (S15.3)", what_does_not_fit_is_refused },
	{ "who owns the PASID table is told (S9.10)", who_owns_the_pasid_table_is_told },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_viommu", cases, argc, argv);
}
