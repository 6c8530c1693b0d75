/* Events of the mock's virtual IOMMUs: routing, order, overflow and loss. S15.4. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_viommu.h"

#define COOKIE 0xe7e27

static struct ioasid_be_eventq *queue_of(struct viommu_scene *s, uint32_t depth)
{
	const struct ioasid_be_queue_args args = {
		.struct_size = sizeof(args), .type = IOASID_BE_EVENT_MOCK, .depth = depth, .cookie = COOKIE
	};
	struct ioasid_be_eventq *queue = NULL;
	int32_t fd = -2;

	REQUIRE_EQ(s->g.rig.event->create(s->viommu, &args, &queue, &fd), 0);
	CHECK_EQ(fd, -1);
	return queue;
}

static uint32_t read_events(struct viommu_scene *s, struct ioasid_be_eventq *queue,
			    struct ioasid_be_event_record *records, uint32_t most)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*records), .count = most, .items = records
	};

	CHECK_EQ(s->g.rig.event->read(queue, &batch), 0);
	return batch.done;
}

static struct ioasid_mock_event event_of(const struct ioasid_be_event_record *record)
{
	struct ioasid_mock_event event;

	CHECK_EQ(record->data.type, IOASID_BE_EVENT_MOCK);
	CHECK_EQ(record->data.length, sizeof(event));
	memcpy(&event, record->data.bytes, sizeof(event));
	return event;
}

/* Injects events with these codes, the first after @lost that nobody saw. */
static void inject(struct viommu_scene *s, uint32_t device, uint32_t code, uint32_t lost, int32_t answer)
{
	const struct ioasid_mock_event event = { .struct_size = sizeof(event), .code = code };

	CHECK_EQ(s->g.rig.control->event(s->g.rig.mock, device, &event, lost), answer);
}

/* ---- Routing ---- */

static void a_guest_is_told_of_its_devices_faults_by_its_own_number(void)
{
	struct viommu_scene s;
	struct ioasid_be_eventq *queue;
	struct ioasid_be_event_record records[4];
	struct ioasid_mock_event event;

	viommu_open(&s, "devices=2 " VIOMMU_CONFIG, 2);
	queue = queue_of(&s, 0);
	CHECK_EQ(viommu_attach(&s, 1, IOASID_MOCK_ENTRY_TRANSLATE), 0);
	CHECK_EQ(rig_read_fault(&s.g.rig, 1, 3, GUEST_ADDRESS + RIG_PAGE), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(s.g.rig.host.ready, 1);
	CHECK_EQ(s.g.rig.host.ready_cookie, COOKIE);
	REQUIRE_EQ(read_events(&s, queue, records, 4), 1);
	CHECK_EQ(records[0].flags, 0);
	CHECK_EQ(records[0].sequence, 0);
	event = event_of(&records[0]);
	CHECK_EQ(event.code, IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(event.virtual_id, VIOMMU_ID + 1);
	CHECK_EQ(event.pasid, 3);
	CHECK_EQ(event.flags, IOASID_MOCK_DMA_READ);
	CHECK_EQ(event.address, GUEST_ADDRESS + RIG_PAGE);
	CHECK(rig_reads(&s.g.rig, 1, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(read_events(&s, queue, records, 4), 0);
	CHECK_EQ(viommu_detach(&s, 1), 0);
	CHECK_EQ(s.g.rig.event->destroy(queue), 0);
	viommu_close(&s);
}

/* S15.4: not from a device that is on no table, aborts or bypasses, and not without a queue. */
static void events_go_to_the_guest_only_while_its_table_is_attached(void)
{
	struct viommu_scene s;
	struct ioasid_be_eventq *queue;
	struct ioasid_be_event_record records[4];

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(viommu_attach(&s, 0, IOASID_MOCK_ENTRY_TRANSLATE), 0);
	inject(&s, 0, 99, 0, IOASID_BE_ENOENT);
	queue = queue_of(&s, 0);
	inject(&s, 0, 100, 0, 0);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_ABORT), 0);
	inject(&s, 0, 101, 0, IOASID_BE_ENOENT);
	CHECK_EQ(rig_read_fault(&s.g.rig, 0, 3, GUEST_ADDRESS), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(viommu_set(&s, 0, IOASID_BE_ENTRY_BYPASS), 0);
	inject(&s, 0, 102, 0, IOASID_BE_ENOENT);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	inject(&s, 0, 103, 0, IOASID_BE_ENOENT);
	inject(&s, 1, 104, 0, IOASID_BE_ENODEV);
	/* What was queued before stays. */
	REQUIRE_EQ(read_events(&s, queue, records, 4), 1);
	CHECK_EQ(event_of(&records[0]).code, 100);
	CHECK_EQ(s.g.rig.event->destroy(queue), 0);
	viommu_close(&s);
}

/* ---- Loss ---- */

static void check_event(const struct ioasid_be_event_record *record, uint32_t sequence, uint32_t code)
{
	CHECK_EQ(record->flags, code ? 0 : IOASID_BE_EVENT_LOST);
	CHECK_EQ(record->sequence, sequence);
	if (code)
		CHECK_EQ(event_of(record).code, code);
	else
		CHECK_EQ(record->data.length, 0);
}

static void an_overflow_is_marked_behind_what_is_queued(void)
{
	struct viommu_scene s;
	struct ioasid_be_eventq *queue;
	struct ioasid_be_event_record records[8];

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(viommu_attach(&s, 0, IOASID_MOCK_ENTRY_TRANSLATE), 0);
	queue = queue_of(&s, 2);
	for (uint32_t code = 10; code < 15; code++)
		inject(&s, 0, code, 0, 0);
	/* 12, 13 and 14 are lost, the last of them has number 4. */
	REQUIRE_EQ(read_events(&s, queue, records, 1), 1);
	check_event(&records[0], 0, 10);
	inject(&s, 0, 15, 0, 0);
	REQUIRE_EQ(read_events(&s, queue, records, 8), 3);
	check_event(&records[0], 1, 11);
	check_event(&records[1], 4, 0);
	check_event(&records[2], 5, 15);
	/* A mark that was not read moves behind what came after it. */
	for (uint32_t code = 20; code < 23; code++)
		inject(&s, 0, code, 0, 0);
	CHECK_EQ(read_events(&s, queue, records, 1), 1);
	check_event(&records[0], 6, 20);
	inject(&s, 0, 23, 0, 0);
	inject(&s, 0, 24, 0, 0);
	REQUIRE_EQ(read_events(&s, queue, records, 8), 3);
	check_event(&records[0], 7, 21);
	check_event(&records[1], 9, 23);
	check_event(&records[2], 10, 0);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	CHECK_EQ(s.g.rig.event->destroy(queue), 0);
	viommu_close(&s);
}

/* R64: a loss that leaves no mark is a gap; the numbers wrap from 2^31 - 1 to 0. */
static void a_loss_without_a_mark_is_a_gap_and_numbers_wrap(void)
{
	struct viommu_scene s;
	struct ioasid_be_eventq *queue;
	struct ioasid_be_event_record records[4];

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(viommu_attach(&s, 0, IOASID_MOCK_ENTRY_TRANSLATE), 0);
	queue = queue_of(&s, 0);
	inject(&s, 0, 1, 0, 0);
	inject(&s, 0, 2, 7, 0);
	inject(&s, 0, 3, INT32_MAX - 9u, 0);
	inject(&s, 0, 4, 0, 0);
	REQUIRE_EQ(read_events(&s, queue, records, 4), 4);
	check_event(&records[0], 0, 1);
	check_event(&records[1], 8, 2);
	check_event(&records[2], INT32_MAX, 3);
	check_event(&records[3], 0, 4);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	CHECK_EQ(s.g.rig.event->destroy(queue), 0);
	viommu_close(&s);
}

/* ---- Queues ---- */

static void a_virtual_iommu_has_one_queue_which_wakes_its_reader(void)
{
	struct viommu_scene s;
	struct ioasid_be_eventq *queue, *second;
	struct ioasid_be_event_record records[4];
	struct ioasid_be_queue_args args = { .struct_size = sizeof(args), .type = IOASID_BE_EVENT_MOCK };
	int32_t fd;

	viommu_open(&s, VIOMMU_CONFIG, 1);
	CHECK_EQ(viommu_attach(&s, 0, IOASID_MOCK_ENTRY_TRANSLATE), 0);
	queue = queue_of(&s, 4);
	CHECK_EQ(s.g.rig.event->create(s.viommu, &args, &second, &fd), IOASID_BE_EEXIST);
	args.type = IOASID_BE_EVENT_ARM_SMMUV3;
	CHECK_EQ(s.g.rig.event->create(s.viommu, &args, &second, &fd), IOASID_BE_EOPNOTSUPP);
	inject(&s, 0, 1, 0, 0);
	CHECK_EQ(s.g.rig.core->close(s.g.rig.ctx), IOASID_BE_EBUSY);
	CHECK_EQ(s.g.rig.viommu->destroy(s.viommu), IOASID_BE_EBUSY);
	/* Unread events go with it; a new one begins anew. */
	CHECK_EQ(s.g.rig.event->destroy(queue), 0);
	queue = queue_of(&s, 4);
	CHECK_EQ(read_events(&s, queue, records, 4), 0);
	inject(&s, 0, 2, 0, 0);
	CHECK_EQ(read_events(&s, queue, records, 4), 1);
	check_event(&records[0], 0, 2);
	CHECK_EQ(viommu_detach(&s, 0), 0);
	CHECK_EQ(s.g.rig.event->destroy(queue), 0);
	viommu_close(&s);
}

static const struct test_case cases[] = {
	{ "a guest is told of its device's faults by its own number (S15.4)",
	  a_guest_is_told_of_its_devices_faults_by_its_own_number },
	{ "events go to the guest only while its table is attached (S15.4)",
	  events_go_to_the_guest_only_while_its_table_is_attached },
	{ "an overflow is marked behind what is queued (S15.4)",
	  an_overflow_is_marked_behind_what_is_queued },
	{ "a loss without a mark is a gap and numbers wrap (S15.4)",
	  a_loss_without_a_mark_is_a_gap_and_numbers_wrap },
	{ "a virtual IOMMU has one queue which wakes its reader (S15.6)",
	  a_virtual_iommu_has_one_queue_which_wakes_its_reader },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_vevent", cases, argc, argv);
}
