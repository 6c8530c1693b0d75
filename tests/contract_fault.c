/* The contract suite: page requests (S18). R53, R60, R62, R63. */
#include "tests/contract.h"

#include <poll.h>
#include <string.h>

#define COOKIE UINT64_C(0xfa01)

struct queue {
	struct contract_world w;
	struct ioasid_be_faultq *queue;
	struct ioasid_be_as *as;
	int32_t fd;
};

/* PASID 1 of every device on an address space whose page requests go to a queue. */
static void queue_up(struct queue *q)
{
	const struct ioasid_be_queue_args args = { .struct_size = sizeof(args), .cookie = COOKIE };

	contract_up(&q->w, CONTRACT_DEVICES);
	q->queue = NULL;
	q->fd = -2;
	REQUIRE_EQ(q->w.fault->create(q->w.ctx, &args, &q->queue, &q->fd), 0);
	REQUIRE(q->queue != NULL && q->fd >= -1);
	q->as = contract_space(&q->w, IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT, q->queue);
	REQUIRE_EQ(contract_map(&q->w, q->as, CONTRACT_IOVA, 0), 0);
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		REQUIRE_EQ(contract_attach(&q->w, i, 1, q->as, NULL), 0);
}

static void queue_down(struct queue *q)
{
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		if (contract_park(&q->w, i, 1) == 0)
			contract_end(&q->w, i, 1);
	contract_destroy(&q->w, q->as);
	CHECK_EQ(q->w.fault->destroy(q->queue), 0);
	contract_down(&q->w);
}

/* Whether the queue says that there is something: by its descriptor, or by a call since the last time. */
static bool has_something(struct queue *q, unsigned int before)
{
	struct pollfd fd = { .fd = q->fd, .events = POLLIN };

	if (q->fd >= 0 && q->w.driver->readable)
		return q->w.driver->readable(q->w.machine, q->fd);
	if (q->fd >= 0)
		return poll(&fd, 1, 0) == 1 && fd.revents & POLLIN;
	return q->w.driver->ready(q->w.machine, COOKIE) > before;
}

static void ask(struct queue *q, unsigned int device, uint32_t group, bool last, uint64_t address)
{
	const struct contract_ask request = {
		.device = device, .pasid = 1, .group = group, .last = last, .address = address, .write = true,
	};

	REQUIRE_EQ(q->w.driver->ask(q->w.machine, &request), 0);
}

static uint32_t read_some(struct queue *q, struct ioasid_be_page_request *requests, uint32_t room)
{
	struct ioasid_be_batch batch = contract_batch(requests, sizeof(*requests), room);

	batch.done = 99;
	CHECK_EQ(q->w.fault->read(q->queue, &batch), 0);
	REQUIRE(batch.done <= room);
	return batch.done;
}

static int32_t respond(struct queue *q, uint64_t handle, uint32_t code)
{
	struct ioasid_be_page_response response = { .handle = handle, .code = code };
	struct ioasid_be_batch batch = contract_batch(&response, sizeof(response), 1);
	int32_t rc = q->w.fault->respond(q->queue, &batch);

	CHECK_EQ(batch.done, rc ? 0 : 1);
	return rc;
}

static int answer(struct queue *q, unsigned int device, uint32_t group)
{
	return q->w.driver->answer(q->w.machine, device, 1, group);
}

static void requests_are_read_and_answered(void)
{
	struct queue q;
	struct ioasid_be_page_request r[4];
	unsigned int calls;

	queue_up(&q);
	calls = q.w.driver->ready ? q.w.driver->ready(q.w.machine, COOKIE) : 0;
	CHECK_EQ(read_some(&q, r, 4), 0);
	CHECK(!has_something(&q, calls));
	ask(&q, 0, 5, false, 0x7000);
	ask(&q, 0, 5, true, 0x8000);
	ask(&q, 1, 5, true, 0x9000);
	/* Level-triggered: it says so until all is read. */
	CHECK(has_something(&q, calls));
	CHECK(has_something(&q, calls));
	/* In whatever pieces; but a descriptor need not tell of the rest of a group for which there was no
	 * room. */
	CHECK_EQ(read_some(&q, r, 1), 1);
	CHECK_EQ(read_some(&q, r + 1, 3), 2);
	if (q.fd >= 0)
		CHECK(!has_something(&q, calls));
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(r[i].device_cookie, i < 2 ? 1 : 2);
		CHECK_EQ(r[i].group, 5);
		CHECK_EQ(r[i].pasid, 1);
		CHECK_EQ(r[i].address, 0x7000 + 0x1000 * (uint64_t)i);
		CHECK_EQ(r[i].flags & IOASID_BE_FAULT_LAST, i > 0 ? IOASID_BE_FAULT_LAST : 0);
		CHECK(r[i].flags & IOASID_BE_FAULT_PASID && r[i].flags & IOASID_BE_FAULT_WRITE);
		CHECK_EQ(r[i].reserved, 0);
	}
	CHECK_EQ(answer(&q, 0, 5), CONTRACT_NO_ANSWER);
	CHECK_EQ(respond(&q, r[1].handle, IOASID_BE_RESPOND_SUCCESS), 0);
	CHECK_EQ(answer(&q, 0, 5), IOASID_BE_RESPOND_SUCCESS);
	CHECK_EQ(answer(&q, 1, 5), CONTRACT_NO_ANSWER);
	/* Once. */
	CHECK_EQ(respond(&q, r[1].handle, IOASID_BE_RESPOND_FAILURE), IOASID_BE_ENOENT);
	CHECK_EQ(answer(&q, 0, 5), IOASID_BE_RESPOND_SUCCESS);
	CHECK_EQ(respond(&q, r[2].handle, 3), IOASID_BE_EINVAL);
	CHECK_EQ(respond(&q, r[2].handle, IOASID_BE_RESPOND_INVALID), 0);
	CHECK_EQ(answer(&q, 1, 5), IOASID_BE_RESPOND_INVALID);
	CHECK_EQ(respond(&q, UINT64_C(0xdeadbeefdead), IOASID_BE_RESPOND_SUCCESS), IOASID_BE_ENOENT);
	queue_down(&q);
}

/* Each way in which a slot leaves its table answers what is open, and what nobody has read yet. */
static void what_is_open_is_answered_with_its_slot(void)
{
	for (int way = 0; way < 4; way++) {
		struct queue q;
		struct ioasid_be_page_request r[4];
		struct ioasid_be_as *other;

		queue_up(&q);
		other = contract_page_space(&q.w, 3);
		ask(&q, 0, 1, true, 0x7000);
		ask(&q, 1, 1, true, 0x7000);
		REQUIRE_EQ(read_some(&q, r, 4), 2);
		ask(&q, 0, 2, true, 0x8000);
		if (way == 0)
			CHECK_EQ(contract_park(&q.w, 0, 1), 0);
		else if (way == 1)
			CHECK_EQ(contract_detach(&q.w, 0, 1), 0);
		else if (way == 2)
			CHECK_EQ(contract_replace(&q.w, 0, 1, other, NULL, 0), 0);
		else
			CHECK_EQ(q.w.pasid->device_block(q.w.dev[0], 0), 0);
		CHECK(answer(&q, 0, 1) != CONTRACT_NO_ANSWER && answer(&q, 0, 1) != IOASID_BE_RESPOND_SUCCESS);
		CHECK(answer(&q, 0, 2) != CONTRACT_NO_ANSWER && answer(&q, 0, 2) != IOASID_BE_RESPOND_SUCCESS);
		CHECK_EQ(respond(&q, r[0].handle, IOASID_BE_RESPOND_SUCCESS), IOASID_BE_ENOENT);
		CHECK(answer(&q, 0, 1) != IOASID_BE_RESPOND_SUCCESS);
		/* The other device's is still open. */
		CHECK_EQ(answer(&q, 1, 1), CONTRACT_NO_ANSWER);
		CHECK_EQ(respond(&q, r[1].handle, IOASID_BE_RESPOND_SUCCESS), 0);
		CHECK_EQ(answer(&q, 1, 1), IOASID_BE_RESPOND_SUCCESS);
		if (way == 2)
			contract_end(&q.w, 0, 1);
		contract_destroy(&q.w, other);
		queue_down(&q);
	}
}

static void a_queue_that_is_used_stays(void)
{
	struct queue q;
	struct ioasid_be_page_request r;

	queue_up(&q);
	CHECK_EQ(q.w.fault->destroy(q.queue), IOASID_BE_EBUSY);
	ask(&q, 0, 9, true, 0x7000);
	CHECK_EQ(read_some(&q, &r, 1), 1);
	CHECK_EQ(respond(&q, r.handle, IOASID_BE_RESPOND_SUCCESS), 0);
	queue_down(&q);
}

static void answers_end_at_their_first_failure(void)
{
	struct queue q;
	struct ioasid_be_page_request r[3];
	struct ioasid_be_page_response responses[3];
	struct ioasid_be_batch batch = contract_batch(responses, sizeof(responses[0]), 3);

	queue_up(&q);
	for (uint32_t i = 0; i < 3; i++)
		ask(&q, 0, i + 1, true, 0x7000);
	REQUIRE_EQ(read_some(&q, r, 3), 3);
	for (int i = 0; i < 3; i++)
		responses[i] = (struct ioasid_be_page_response){ .handle = r[i].handle, .code = IOASID_BE_RESPOND_SUCCESS };
	responses[1].handle = UINT64_C(0xdeadbeefdead);
	CHECK_EQ(q.w.fault->respond(q.queue, &batch), IOASID_BE_ENOENT);
	CHECK_EQ(batch.done, 1);
	CHECK_EQ(answer(&q, 0, 1), IOASID_BE_RESPOND_SUCCESS);
	CHECK_EQ(answer(&q, 0, 3), CONTRACT_NO_ANSWER);
	queue_down(&q);
}

static void page_requests_need_a_queue(void)
{
	struct contract_world w;
	const struct ioasid_be_as_args args = {
		.struct_size = sizeof(args), .uses = IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT,
	};
	struct ioasid_be_queue_args queue_args = { .struct_size = sizeof(queue_args), .flags = 1 };
	struct ioasid_be_as *as = NULL;
	struct ioasid_be_faultq *queue = NULL;
	int32_t fd = -2;

	contract_up(&w, 1);
	CHECK_EQ(w.paging->create(w.ctx, &args, &as, &w.why), IOASID_BE_EINVAL);
	CHECK(as == NULL);
	CHECK_EQ(w.fault->create(w.ctx, &queue_args, &queue, &fd), IOASID_BE_EINVAL);
	CHECK(queue == NULL && fd == -2);
	contract_down(&w);
}

#define FAULT (IOASID_BE_IF_FAULT | IOASID_BE_IF_PASID)

static const struct contract_case cases[] = {
	{ "page requests are read as they were asked and answered once (R62, R63)", requests_are_read_and_answered, FAULT,
	  CONTRACT_ASKS },
	{ "park, detach, replace and device_block answer what is open, and a late answer finds nothing (R56, R63)",
	  what_is_open_is_answered_with_its_slot, FAULT, CONTRACT_ASKS },
	{ "a queue that an address space uses stays (R60)", a_queue_that_is_used_stays, FAULT, CONTRACT_ASKS },
	{ "a batch of answers ends at its first failure (R34)", answers_end_at_their_first_failure, FAULT, CONTRACT_ASKS },
	{ "page requests need a queue, and a queue arguments that make sense (R32)", page_requests_need_a_queue,
	  IOASID_BE_IF_FAULT, 0 },
};

CONTRACT_SUITE(contract_fault, cases);
