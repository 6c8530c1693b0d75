/* Devices of the mock that vanish, come back, and reset themselves. */
#include "tests/harness.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tests/mock_faults.h"
#include "tests/mock_guest.h"

#define LAST IOASID_BE_FAULT_LAST

static void unplug(struct rig *rig, uint32_t device)
{
	CHECK_EQ(rig->control->unplug(rig->mock, device, 1), 0);
}

/* ---- Hot unplug ---- */

static void check_core_knows(struct rig *rig)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };
	struct ioasid_be_record record;
	struct ioasid_be_dev *again;

	CHECK_EQ(rig->core->device_caps(rig->dev[0], &caps), IOASID_BE_ENODEV);
	CHECK_EQ(rig->core->device_report(rig->dev[0], 0, &line, NULL), IOASID_BE_ENODEV);
	CHECK_EQ(rig->core->device_registers(rig->dev[0], &record), IOASID_BE_ENODEV);
	CHECK_EQ(rig->core->device_reset(rig->dev[0]), IOASID_BE_ENODEV);
	CHECK_EQ(rig_attach_device(rig, "mock0", &again), IOASID_BE_ENODEV);
}

static void a_device_that_is_gone_answers_enodev_and_can_be_let_go(void)
{
	struct mock_guest g;
	struct ioasid_be_record record = mock_guest_record(mock_guest_page(16));
	struct ioasid_be_table *table;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_PASID, .pasid = 3, .length = UINT64_MAX };
	unsigned char byte = 0;
	struct ioasid_mock_dma dma = rig_dma_args(0, 3, IOASID_MOCK_DMA_READ, GUEST_ADDRESS, &byte, 1);
	uint64_t token;

	mock_guest_open(&g, "devices=2 ats=on pri=on", 2);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) =
		mock_guest_page(7) | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;
	CHECK_EQ(rig_attach(&g.rig, 0, 0, NULL, g.table), 0);
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK_EQ(rig_attach(&g.rig, 1, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	unplug(&g.rig, 0);
	check_core_knows(&g.rig);
	CHECK_EQ(rig_attach(&g.rig, 0, 4, NULL, g.table), IOASID_BE_ENODEV);
	CHECK_EQ(rig_replace(&g.rig, 0, 3, NULL, g.table, 0), IOASID_BE_ENODEV);
	CHECK_EQ(rig_park(&g.rig, 0, 3, 0), IOASID_BE_ENODEV);
	CHECK_EQ(rig_drain(&g.rig, 0, 3, 0), IOASID_BE_ENODEV);
	CHECK_EQ(g.rig.pasid->device_block(g.rig.dev[0], 0), IOASID_BE_ENODEV);
	CHECK_EQ(mock_guest_table(&g, &record, 0, &table), IOASID_BE_ENODEV);
	inv.dev = g.rig.dev[0];
	CHECK_EQ(rig_invalidate(&g.rig, &inv), IOASID_BE_ENODEV);
	CHECK_EQ(g.rig.control->dma(g.rig.mock, &dma), IOASID_BE_ENODEV);
	CHECK_EQ(g.rig.control->dma_begin(g.rig.mock, &dma, &token), IOASID_BE_ENODEV);
	CHECK_EQ(faults_ask(&g.rig, 0, 3, 1, GUEST_ADDRESS, LAST), IOASID_BE_ENODEV);
	/* What it shares with others works for them. */
	inv = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_TABLE,
				      .table = g.table,
				      .length = UINT64_MAX };
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	CHECK(rig_reads(&g.rig, 1, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(g.rig.control->unplug(g.rig.mock, 0, 0), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(rig_detach(&g.rig, 0, 0, 0), 0);
	CHECK_EQ(g.rig.core->device_detach(g.rig.dev[0]), 0);
	CHECK_EQ(rig_attach_device(&g.rig, "mock0", &g.rig.dev[0]), IOASID_BE_ENODEV);
	CHECK_EQ(g.rig.control->unplug(g.rig.mock, 0, 0), 0);
	REQUIRE_EQ(rig_attach_device(&g.rig, "mock0", &g.rig.dev[0]), 0);
	CHECK_EQ(rig_slot(&g.rig, 0, 3).device_tlb, 0);
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(rig_detach(&g.rig, 1, 3, 0), 0);
	CHECK_EQ(g.rig.control->unplug(g.rig.mock, 2, 1), IOASID_BE_ENODEV);
	CHECK_EQ(g.rig.control->unplug(g.rig.mock, 0, 2), IOASID_BE_EINVAL);
	mock_guest_close(&g);
}

static void a_device_that_goes_takes_its_requests_along(void)
{
	struct faults_scene s;
	struct ioasid_be_page_request record;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &record, 1), 1);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 2, FAULTS_IOVA, LAST), 0);
	unplug(&s.rig, 0);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 1).code, IOASID_BE_RESPOND_FAILURE);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 2).by, IOASID_MOCK_BY_TEARDOWN);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, 0), IOASID_BE_ENOENT);
	CHECK_EQ(faults_read(&s.rig, s.queue, &record, 1), 0);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

static int32_t pulls_it_out(void *cookie, const struct ioasid_mock_call *call)
{
	if (call->phase == IOASID_MOCK_PHASE_BLOCKED)
		unplug(cookie, call->device);
	return 0;
}

/* Nothing waits for DMA that will not end any more: each of these would wait for the machine's patience. */
static void whoever_waits_for_a_device_that_goes_comes_back(void)
{
	static const uint32_t ops[] = { IOASID_MOCK_OP_PARK, IOASID_MOCK_OP_DETACH, IOASID_MOCK_OP_REPLACE };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct faults_scene s;
		unsigned char byte = 0;
		uint64_t token;

		faults_scene_open(&s, FAULTS_CONFIG " drain=wait patience=60000000000", 0);
		rig_map(&s.rig, s.as, FAULTS_IOVA, 0);
		token = rig_begin(&s.rig, 0, 1, IOASID_MOCK_DMA_WRITE, FAULTS_IOVA, &byte, 1);
		CHECK_EQ(s.rig.control->hook(s.rig.mock, ops[i], pulls_it_out, &s.rig), 0);
		if (ops[i] == IOASID_MOCK_OP_PARK)
			CHECK_EQ(rig_park(&s.rig, 0, 1, 0), 0);
		else if (ops[i] == IOASID_MOCK_OP_REPLACE)
			CHECK_EQ(rig_replace(&s.rig, 0, 1, s.as, NULL, 0), 0);
		else
			CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
		CHECK_EQ(rig_finish(&s.rig, token), IOASID_MOCK_FAULT_CUT);
		CHECK_EQ(rig_page(&s.rig, 0)[0], 1);
		if (ops[i] != IOASID_MOCK_OP_DETACH)
			CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
		rig_unmap(&s.rig, s.as, 0, UINT64_MAX);
		faults_scene_close(&s);
	}
}

/* ---- FLR ---- */

struct asking {
	struct rig *rig;
	struct ioasid_mock_dma dma;
	unsigned char byte;
};

static void *asks(void *arg)
{
	struct asking *a = arg;

	CHECK_EQ(a->rig->control->dma(a->rig->mock, &a->dma), 0);
	return NULL;
}

/* What the host has of a device that reset itself can still be answered; it reaches nobody. */
static void a_device_that_resets_itself_forgets_and_its_host_does_not(void)
{
	struct faults_scene s;
	struct asking a = { .rig = &s.rig };
	struct ioasid_be_page_request record, record2;
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
	pthread_t thread;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	a.dma = rig_dma_args(0, 1, IOASID_MOCK_DMA_READ | IOASID_MOCK_DMA_ASK, FAULTS_IOVA, &a.byte, 1);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &record, 1), 1);
	REQUIRE_EQ(pthread_create(&thread, NULL, asks, &a), 0);
	while (!faults_pages(&s.rig, 0).unread)
		usleep(100);
	CHECK_EQ(s.rig.control->flr(s.rig.mock, 0), 0);
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_CUT);
	CHECK_EQ(s.rig.control->page_response(s.rig.mock, 0, 1, 1, 0, &answer), IOASID_BE_ENOENT);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, 0), 0);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, 0), IOASID_BE_ENOENT);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &record2, 1), 1);
	CHECK_EQ(rig_live(&s.rig).requests, 1);
	/* The host says that it knows: what is open is answered, and the device asks again. */
	CHECK_EQ(s.rig.core->device_reset(s.rig.dev[0]), 0);
	CHECK_EQ(rig_live(&s.rig).requests, 0);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record2.handle, 0), IOASID_BE_ENOENT);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &record2, 1), 1);
	CHECK(record2.handle != record.handle);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

static void a_reset_ends_dma_and_empties_the_devices_tlb_only(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	unsigned char byte = 0;
	uint64_t token, other;

	rig_open(&rig, "devices=2 ats=on drain=wait", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, FAULTS_IOVA, 0);
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(rig_attach(&rig, device, 1, as, NULL), 0);
		CHECK(rig_reads(&rig, device, 1, FAULTS_IOVA, 1));
	}
	token = rig_begin(&rig, 0, 1, IOASID_MOCK_DMA_WRITE, FAULTS_IOVA, &byte, 1);
	other = rig_begin(&rig, 1, 1, IOASID_MOCK_DMA_READ, FAULTS_IOVA, &byte, 1);
	CHECK_EQ(rig.control->flr(rig.mock, 0), 0);
	CHECK_EQ(rig_finish(&rig, token), IOASID_MOCK_FAULT_CUT);
	CHECK_EQ(rig_finish(&rig, other), IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(byte, 1);
	CHECK_EQ(rig_slot(&rig, 0, 1).device_tlb, 0);
	CHECK_EQ(rig_slot(&rig, 0, 1).iotlb, 1);
	CHECK_EQ(rig_slot(&rig, 1, 1).device_tlb, 1);
	CHECK_EQ(rig_slot(&rig, 0, 1).state, IOASID_MOCK_SLOT_ATTACHED);
	unplug(&rig, 0);
	CHECK_EQ(rig.control->flr(rig.mock, 0), IOASID_BE_ENODEV);
	CHECK_EQ(rig.control->flr(rig.mock, 2), IOASID_BE_ENODEV);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	rig_unmap(&rig, as, 0, UINT64_MAX);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "a device that is gone answers ENODEV and can be let go (S9.14)",
	  a_device_that_is_gone_answers_enodev_and_can_be_let_go },
	{ "a device that goes takes its requests along (S18.3)",
	  a_device_that_goes_takes_its_requests_along },
	{ "whoever waits for a device that goes comes back (S9.14)",
	  whoever_waits_for_a_device_that_goes_comes_back },
	{ "a device that resets itself forgets and its host does not",
	  a_device_that_resets_itself_forgets_and_its_host_does_not },
	{ "a reset ends DMA and empties the device's TLB only",
	  a_reset_ends_dma_and_empties_the_devices_tlb_only },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_plug", cases, argc, argv);
}
