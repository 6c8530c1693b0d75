/* Page requests of the mock's devices: groups, queues, answers. S18. */
#include "tests/harness.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/mock_faults.h"
#include "tests/mock_guest.h"

#define LAST  IOASID_BE_FAULT_LAST
#define READ  IOASID_BE_FAULT_READ
#define WRITE IOASID_BE_FAULT_WRITE

/* ---- Groups ---- */

static void a_request_is_read_and_answered_once(void)
{
	struct faults_scene s;
	struct ioasid_be_page_request record;
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	CHECK_EQ(faults_read(&s.rig, s.queue, &record, 1), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 5, FAULTS_IOVA, LAST | WRITE), 0);
	CHECK_EQ(s.rig.host.ready, 1);
	CHECK_EQ(s.rig.host.ready_cookie, FAULTS_COOKIE);
	CHECK_EQ(s.rig.control->page_response(s.rig.mock, 0, 1, 5, 0, &answer), IOASID_BE_EAGAIN);
	CHECK_EQ(s.rig.control->page_response(s.rig.mock, 0, 1, 5, rig_now() + RIG_MS, &answer),
		 IOASID_BE_ETIMEDOUT);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 5, FAULTS_IOVA, LAST), IOASID_BE_EBUSY);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &record, 1), 1);
	CHECK_EQ(record.address, FAULTS_IOVA);
	CHECK_EQ(record.pasid, 1);
	CHECK_EQ(record.group, 5);
	CHECK_EQ(record.flags, LAST | WRITE | IOASID_BE_FAULT_PASID);
	CHECK_EQ(faults_read(&s.rig, s.queue, &record, 1), 0);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, IOASID_BE_RESPOND_SUCCESS), 0);
	answer = faults_answer(&s.rig, 0, 1, 5);
	CHECK_EQ(answer.code, IOASID_BE_RESPOND_SUCCESS);
	CHECK_EQ(answer.by, IOASID_MOCK_BY_HOST);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, IOASID_BE_RESPOND_SUCCESS), IOASID_BE_ENOENT);
	CHECK_EQ(s.rig.control->page_response(s.rig.mock, 0, 1, 5, 0, &answer), IOASID_BE_ENOENT);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

/* What is not read cannot be answered, and a handle is of one queue. */
static void only_what_was_read_from_a_queue_can_be_answered_there(void)
{
	struct faults_scene s;
	struct ioasid_be_faultq *other;
	struct ioasid_be_page_request record;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	other = faults_queue(&s.rig, 0, NULL);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 5, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(faults_respond(&s.rig, s.queue, 1 << 8, 0), IOASID_BE_ENOENT);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &record, 1), 1);
	CHECK_EQ(record.handle, 1 << 8);
	CHECK_EQ(faults_respond(&s.rig, other, record.handle, 0), IOASID_BE_ENOENT);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle | 1, 0), IOASID_BE_ENOENT);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle + 256, 0), IOASID_BE_ENOENT);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, 3), IOASID_BE_EINVAL);
	CHECK_EQ(faults_pages(&s.rig, 0).read, 1);
	CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, IOASID_BE_RESPOND_FAILURE), 0);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 5).code, IOASID_BE_RESPOND_FAILURE);
	CHECK_EQ(s.rig.fault->destroy(other), 0);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

static void a_group_is_delivered_when_its_last_request_comes(void)
{
	struct faults_scene s;
	struct ioasid_be_page_request records[8];

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_EQ(faults_read(&s.rig, s.queue, records, 8), 0);
		CHECK_EQ(faults_ask(&s.rig, 0, 1, 9, FAULTS_IOVA + i * RIG_PAGE, i == 2 ? LAST | READ : READ),
			 0);
	}
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 10, FAULTS_IOVA, 0), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 10, FAULTS_IOVA, LAST), 0);
	/* Not all of the second group fits behind the first. */
	REQUIRE_EQ(faults_read(&s.rig, s.queue, records, 4), 3);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK_EQ(records[i].address, FAULTS_IOVA + i * RIG_PAGE);
		CHECK_EQ(records[i].handle, records[0].handle);
		CHECK_EQ(records[i].flags & LAST, i == 2 ? LAST : 0);
	}
	CHECK_EQ(faults_respond(&s.rig, s.queue, records[0].handle, 0), 0);
	CHECK_EQ(faults_read(&s.rig, s.queue, records, 4), 2);
	CHECK_EQ(records[0].group, 10);
	CHECK_EQ(faults_respond(&s.rig, s.queue, records[0].handle, 0), 0);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

static void a_group_has_a_limit_and_a_small_reader_gets_it_in_pieces(void)
{
	struct faults_scene s;
	struct ioasid_be_page_request records[IOASID_MOCK_GROUP_MAX];
	uint32_t got = 0;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	for (uint32_t i = 0; i < IOASID_MOCK_GROUP_MAX - 1; i++)
		CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, i, 0), 0);
	CHECK_EQ(faults_pages(&s.rig, 0).open, 1);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, 0, LAST), 0);
	while (got < IOASID_MOCK_GROUP_MAX)
		REQUIRE_EQ(faults_read(&s.rig, s.queue, &records[got++], 1), 1);
	CHECK_EQ(faults_read(&s.rig, s.queue, records, 1), 0);
	CHECK_EQ(records[1].address, 1);
	CHECK_EQ(records[got - 1].flags, LAST | IOASID_BE_FAULT_PASID);
	CHECK_EQ(faults_respond(&s.rig, s.queue, records[0].handle, 0), 0);
	for (uint32_t i = 0; i < IOASID_MOCK_GROUP_MAX; i++)
		CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, i, 0), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, 0, LAST), IOASID_BE_E2BIG);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 1).by, IOASID_MOCK_BY_TEARDOWN);
	faults_scene_close(&s);
}

/* ---- Answers of the IOMMU itself ---- */

static void what_nobody_takes_is_answered_by_the_iommu(void)
{
	struct faults_scene s;
	struct ioasid_be_as *quiet;
	struct ioasid_mock_page_answer answer;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	quiet = rig_space(&s.rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&s.rig, 0, 2, quiet, NULL), 0);
	CHECK_EQ(rig_park(&s.rig, 0, 1, 0), 0);
	for (uint32_t pasid = 0; pasid < 4; pasid++) {
		CHECK_EQ(faults_ask(&s.rig, 0, pasid, 1, FAULTS_IOVA, LAST), 0);
		answer = faults_answer(&s.rig, 0, pasid, 1);
		CHECK_EQ(answer.code, IOASID_BE_RESPOND_INVALID);
		CHECK_EQ(answer.by, IOASID_MOCK_BY_IOMMU);
	}
	CHECK_EQ(faults_pages(&s.rig, 0).by_iommu, 4);
	CHECK_EQ(s.rig.host.ready, 0);
	CHECK_EQ(rig_detach(&s.rig, 0, 2, 0), 0);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	CHECK_EQ(s.rig.paging->destroy(quiet), 0);
	faults_scene_close(&s);
}

static void a_full_queue_loses_nothing_that_is_in_it(void)
{
	struct faults_scene s;
	struct ioasid_be_page_request records[4];
	struct ioasid_mock_page_answer answer;

	faults_scene_open(&s, FAULTS_CONFIG, 2);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 2, FAULTS_IOVA, 0), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 2, FAULTS_IOVA, LAST), 0);
	answer = faults_answer(&s.rig, 0, 1, 2);
	CHECK_EQ(answer.code, IOASID_BE_RESPOND_INVALID);
	CHECK_EQ(answer.by, IOASID_MOCK_BY_FULL);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 3, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 4, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(faults_pages(&s.rig, 0).by_full, 2);
	CHECK_EQ(faults_pages(&s.rig, 0).unread, 2);
	CHECK_EQ(faults_read(&s.rig, s.queue, records, 4), 2);
	CHECK_EQ(records[0].group, 1);
	CHECK_EQ(records[1].group, 3);
	/* The device may ask again, and now there is room. */
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 4, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(faults_read(&s.rig, s.queue, records, 4), 1);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

/* ---- Who can have a queue ---- */

static void a_queue_goes_with_devices_that_have_pri(void)
{
	struct mock_guest g;
	struct ioasid_be_record record;
	struct ioasid_be_faultq *queue;
	struct ioasid_be_as *as;
	struct ioasid_be_as_args uses = { .struct_size = sizeof(uses), .uses = IOASID_BE_USE_FAULT };
	struct ioasid_be_table_args args = { .struct_size = sizeof(args) };
	struct ioasid_be_page_request got;

	mock_guest_open(&g, "devices=2 ats=on pri=on mock1.ats=off", 2);
	queue = faults_queue(&g.rig, 0, NULL);
	CHECK_EQ(g.rig.paging->create(g.rig.ctx, &uses, &as, NULL), IOASID_BE_EINVAL);
	uses = (struct ioasid_be_as_args){ .struct_size = sizeof(uses), .faultq = queue };
	CHECK_EQ(g.rig.paging->create(g.rig.ctx, &uses, &as, NULL), IOASID_BE_EINVAL);
	as = faults_space(&g.rig, queue);
	CHECK_EQ(rig_attach(&g.rig, 1, 1, as, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(g.rig.text, "page requests") != NULL);
	record = mock_guest_record(mock_guest_page(16));
	args.dev = g.rig.dev[1];
	args.parent = g.memory;
	args.faultq = queue;
	args.entry = &record;
	CHECK_EQ(g.rig.nested->destroy(g.table), 0);
	CHECK_EQ(g.rig.nested->create(g.rig.ctx, &args, &g.table, &g.rig.why), IOASID_BE_EOPNOTSUPP);
	args.dev = g.rig.dev[0];
	REQUIRE_EQ(g.rig.nested->create(g.rig.ctx, &args, &g.table, &g.rig.why), 0);
	CHECK_EQ(rig_attach(&g.rig, 1, 1, NULL, g.table), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_attach(&g.rig, 0, 0, NULL, g.table), 0);
	CHECK_EQ(faults_ask(&g.rig, 0, 0, 3, GUEST_ADDRESS, LAST), 0);
	REQUIRE_EQ(faults_read(&g.rig, queue, &got, 1), 1);
	CHECK_EQ(got.flags, LAST);
	CHECK_EQ(faults_respond(&g.rig, queue, got.handle, 0), 0);
	CHECK_EQ(g.rig.fault->destroy(queue), IOASID_BE_EBUSY);
	CHECK_EQ(g.rig.paging->destroy(as), 0);
	CHECK_EQ(g.rig.fault->destroy(queue), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&g.rig, 0, 0, 0), 0);
	CHECK_EQ(g.rig.nested->destroy(g.table), 0);
	CHECK_EQ(g.rig.core->close(g.rig.ctx), IOASID_BE_EBUSY);
	CHECK_EQ(g.rig.fault->destroy(queue), 0);
	args.faultq = NULL;
	REQUIRE_EQ(g.rig.nested->create(g.rig.ctx, &args, &g.table, &g.rig.why), 0);
	mock_guest_close(&g);
}

static void pri_wants_ats_and_the_report_says_what_is_missing(void)
{
	static const struct {
		const char *config;
		uint32_t pri;
		uint32_t fault;
	} tries[] = {
		{ "ats=on pri=on", IOASID_BE_WHY_NONE, IOASID_BE_WHY_NONE },
		{ "pri=on", IOASID_BE_WHY_HARDWARE, IOASID_BE_WHY_HARDWARE },
		{ "ats=on", IOASID_BE_WHY_HARDWARE, IOASID_BE_WHY_HARDWARE },
		{ "ats=on pri=on without=fault", IOASID_BE_WHY_NONE, IOASID_BE_WHY_MODE },
	};
	const uint64_t pri = UINT64_C(1) << IOASID_BE_CAP_PRI, fault = UINT64_C(1) << IOASID_BE_CAP_FAULT;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
		struct rig rig;

		rig_open(&rig, tries[i].config, 1);
		CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_PRI), tries[i].pri);
		CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_FAULT), tries[i].fault);
		CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
		CHECK_EQ(!(caps.flags & pri), tries[i].pri != IOASID_BE_WHY_NONE);
		CHECK_EQ(!(caps.flags & fault), tries[i].fault != IOASID_BE_WHY_NONE);
		CHECK_EQ(rig.fault == NULL, tries[i].fault == IOASID_BE_WHY_MODE);
		rig_close(&rig);
	}
}

/* ---- Descriptors ---- */

static bool readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) == 1;
}

/* R62: the first queue gets the descriptor that was lent, the second one does with ready. */
static void a_queue_has_a_lent_descriptor_or_calls_ready(void)
{
	struct rig rig;
	struct ioasid_be_faultq *queue, *other;
	struct ioasid_be_as *as, *beside;
	struct ioasid_be_page_request records[4];
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int32_t got;

	REQUIRE(fd >= 0);
	rig_core(&rig);
	rig.fds[0] = (struct ioasid_be_fd){ .key = "queue", .fd = fd };
	rig.fd_count = 1;
	rig_start(&rig, FAULTS_CONFIG, 1);
	queue = faults_queue(&rig, 0, &got);
	CHECK_EQ(got, fd);
	other = faults_queue(&rig, 0, &got);
	CHECK_EQ(got, -1);
	as = faults_space(&rig, queue);
	beside = faults_space(&rig, other);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 2, beside, NULL), 0);
	CHECK(!readable(fd));
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(faults_ask(&rig, 0, 1, i, FAULTS_IOVA, LAST), 0);
	CHECK(readable(fd));
	CHECK_EQ(faults_read(&rig, queue, records, 2), 2);
	CHECK(readable(fd));
	CHECK_EQ(faults_read(&rig, queue, records, 2), 1);
	CHECK(!readable(fd));
	CHECK_EQ(rig.host.ready, 0);
	CHECK_EQ(faults_ask(&rig, 0, 2, 1, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(rig.host.ready, 1);
	CHECK(!readable(fd));
	CHECK_EQ(faults_ask(&rig, 0, 1, 7, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 0, 2, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	CHECK_EQ(rig.paging->destroy(beside), 0);
	CHECK_EQ(rig.fault->destroy(queue), 0);
	/* Given back, it is quiet, and the next queue's. */
	CHECK(!readable(fd));
	queue = faults_queue(&rig, 0, &got);
	CHECK_EQ(got, fd);
	CHECK_EQ(rig.fault->destroy(queue), 0);
	CHECK_EQ(rig.fault->destroy(other), 0);
	rig_close(&rig);
	CHECK_EQ(close(fd), 0);
}

static const struct test_case cases[] = {
	{ "a request is read and answered once (S18.2)", a_request_is_read_and_answered_once },
	{ "only what was read from a queue can be answered there (S18.2)",
	  only_what_was_read_from_a_queue_can_be_answered_there },
	{ "a group is delivered when its last request comes (S18.1)",
	  a_group_is_delivered_when_its_last_request_comes },
	{ "a group has a limit and a small reader gets it in pieces",
	  a_group_has_a_limit_and_a_small_reader_gets_it_in_pieces },
	{ "what nobody takes is answered by the IOMMU", what_nobody_takes_is_answered_by_the_iommu },
	{ "a full queue loses nothing that is in it", a_full_queue_loses_nothing_that_is_in_it },
	{ "a queue goes with devices that have PRI (S16.2)", a_queue_goes_with_devices_that_have_pri },
	{ "PRI wants ATS and the report says what is missing",
	  pri_wants_ats_and_the_report_says_what_is_missing },
	{ "a queue has a lent descriptor or calls ready", a_queue_has_a_lent_descriptor_or_calls_ready },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_fault", cases, argc, argv);
}
