/* The VT-d plugin on a made-up kernel: page requests. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

enum { COOKIE = 0x77 };

/* A device of which PASID 3 is on a guest's table and PASID 4 on an address space, both with page requests. */
static void up(struct rig *rig)
{
	struct ioasid_be_device spec = {
		.struct_size = sizeof(spec), .kind = IOASID_BE_DEVICE_NAME, .name = "0000:00:03.0", .fd = -1, .iommufd = -1,
		.cookie = COOKIE,
	};

	rig_init(rig);
	REQUIRE_EQ(rig_open(rig, -1), 0);
	REQUIRE_EQ(rig->core->device_attach(rig->ctx, &spec, &rig->dev[0], &rig->text), 0);
	REQUIRE_EQ(rig_queue(rig), 0);
	REQUIRE_EQ(rig_space(rig, 0, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT), 0);
	REQUIRE_EQ(rig_space(rig, 1, IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT), 0);
	REQUIRE_EQ(rig_nest(rig, 0, 0, 0), 0);
	REQUIRE_EQ(rig_put_on_table(rig, rig->pasid->attach, 0, 3, 0), 0);
	REQUIRE_EQ(rig_put_on(rig, rig->pasid->attach, 0, 4, 1), 0);
}

static void ask(struct rig *rig, uint32_t pasid, uint32_t group, bool last, uint64_t address)
{
	const struct fake_ask request = {
		.pasid = pasid, .group = group, .last = last, .address = address, .permissions = UAPI_FAULT_READ,
	};

	REQUIRE_EQ(fake_ask(rig->kernel, &request), 0);
}

static uint32_t get(struct rig *rig, struct ioasid_be_page_request *requests, uint32_t room)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*requests), .count = room, .items = requests,
	};

	CHECK_EQ(rig->fault->read(rig->queue, &batch), 0);
	return batch.done;
}

static int32_t respond(struct rig *rig, const uint64_t *handles, uint32_t count, uint32_t code, uint32_t done)
{
	struct ioasid_be_page_response responses[80] = { { 0 } };
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(responses[0]), .count = count, .items = responses,
	};
	int32_t ret;

	REQUIRE(count <= 80);
	for (uint32_t i = 0; i < count; i++)
		responses[i] = (struct ioasid_be_page_response){ .handle = handles[i], .code = code };
	ret = rig->fault->respond(rig->queue, &batch);
	CHECK_EQ(batch.done, done);
	return ret;
}

static bool readable(const struct rig *rig)
{
	struct pollfd fd = { .fd = rig->queue_fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void requests_are_read_and_answered(void)
{
	struct ioasid_be_page_request r[8];
	struct rig rig;

	up(&rig);
	CHECK(!readable(&rig));
	CHECK_EQ(get(&rig, r, 8), 0);
	ask(&rig, 3, 9, false, 0x1000);
	CHECK(!readable(&rig));
	ask(&rig, 3, 9, true, 0x2000);
	ask(&rig, 4, 9, true, 0x3000);
	CHECK(readable(&rig));
	CHECK_EQ(get(&rig, r, 8), 3);
	CHECK(!readable(&rig));
	CHECK_EQ(r[0].handle, r[1].handle);
	CHECK(r[0].address == 0x1000 && r[1].address == 0x2000 && r[2].address == 0x3000);
	CHECK_EQ(r[0].flags, IOASID_BE_FAULT_PASID | IOASID_BE_FAULT_READ);
	CHECK_EQ(r[1].flags, IOASID_BE_FAULT_PASID | IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST);
	CHECK(r[0].device_cookie == COOKIE && r[0].pasid == 3 && r[2].pasid == 4 && r[2].group == 9);
	CHECK_EQ(respond(&rig, &r[0].handle, 1, IOASID_BE_RESPOND_SUCCESS, 1), 0);
	CHECK_EQ(fake_answer(rig.kernel, 0, 3, 9), (int)UAPI_RESPONSE_SUCCESS);
	CHECK_EQ(respond(&rig, &r[0].handle, 1, IOASID_BE_RESPOND_SUCCESS, 0), IOASID_BE_ENOENT);
	CHECK_EQ(respond(&rig, &r[2].handle, 1, 3, 0), IOASID_BE_EINVAL);
	CHECK_EQ(respond(&rig, &r[2].handle, 1, IOASID_BE_RESPOND_FAILURE, 1), 0);
	CHECK_EQ(fake_answer(rig.kernel, 0, 4, 9), (int)UAPI_RESPONSE_INVALID);
	CHECK(rig_down(&rig));
}

/* Ways in which the slot of PASID 3 leaves its table. */
static int32_t by_park(struct rig *rig)
{
	return rig_take_off(rig, rig->pasid->park, 0, 3);
}

static int32_t by_detach(struct rig *rig)
{
	return rig_take_off(rig, rig->pasid->detach, 0, 3);
}

static int32_t by_block(struct rig *rig)
{
	return rig->pasid->device_block(rig->dev[0], 0);
}

static int32_t by_replace(struct rig *rig)
{
	return rig_put_on(rig, rig->pasid->replace, 0, 3, 1);
}

/* R63: what was open is answered by the kernel, once; the late answer hits nothing, also where the kernel has
 * given its number to somebody else. */
static void leaving_answers(int32_t (*leave)(struct rig *rig), bool others)
{
	struct ioasid_be_page_request r[8], later;
	struct rig rig;

	up(&rig);
	ask(&rig, 3, 1, true, 0x1000);
	if (!others)
		ask(&rig, 4, 1, true, 0x2000);
	CHECK_EQ(get(&rig, r, 8), others ? 1 : 2);
	ask(&rig, 3, 2, true, 0x3000);
	CHECK_EQ(leave(&rig), 0);
	CHECK_EQ(fake_answer(rig.kernel, 0, 3, 1), (int)UAPI_RESPONSE_INVALID);
	CHECK_EQ(fake_answer(rig.kernel, 0, 3, 2), (int)UAPI_RESPONSE_INVALID);
	CHECK_EQ(get(&rig, r + 4, 1), 0);
	if (others) {
		/* Its cookie is free again, and goes to the next one. */
		ask(&rig, 4, 5, true, 0x4000);
		CHECK_EQ(get(&rig, &later, 1), 1);
		CHECK_EQ((uint32_t)later.handle, (uint32_t)r[0].handle);
		CHECK_EQ(respond(&rig, &r[0].handle, 1, IOASID_BE_RESPOND_SUCCESS, 0), IOASID_BE_ENOENT);
		CHECK_EQ(fake_answer(rig.kernel, 0, 4, 5), -1);
		CHECK_EQ(respond(&rig, &later.handle, 1, IOASID_BE_RESPOND_SUCCESS, 1), 0);
	} else {
		CHECK_EQ(respond(&rig, &r[0].handle, 1, IOASID_BE_RESPOND_SUCCESS, 0), IOASID_BE_ENOENT);
	}
	CHECK_EQ(fake_answer(rig.kernel, 0, 3, 1), -1);
	CHECK(rig_down(&rig));
}

static void every_way_out_answers(void)
{
	leaving_answers(by_park, true);
	leaving_answers(by_detach, true);
	leaving_answers(by_replace, true);
	leaving_answers(by_park, false);
	leaving_answers(by_block, false);
}

static void replaced_slots_go_on(void)
{
	struct ioasid_be_page_request r;
	struct rig rig;

	up(&rig);
	CHECK_EQ(by_replace(&rig), 0);
	ask(&rig, 3, 1, true, 0x1000);
	CHECK_EQ(get(&rig, &r, 1), 1);
	CHECK_EQ(respond(&rig, &r.handle, 1, IOASID_BE_RESPOND_SUCCESS, 1), 0);
	CHECK_EQ(fake_answer(rig.kernel, 0, 3, 1), (int)UAPI_RESPONSE_SUCCESS);
	CHECK(rig_down(&rig));
}

/* The kernel gives out a group as a whole or not at all. */
static void large_groups_come_in_parts(void)
{
	enum { LARGE = 700 };
	struct ioasid_be_page_request r[3];
	uint32_t got = 0;
	uint64_t handle = 0;
	struct rig rig;

	up(&rig);
	for (uint32_t i = 0; i < LARGE; i++)
		ask(&rig, 3, 1, i == LARGE - 1, i * UINT64_C(0x1000));
	ask(&rig, 4, 1, true, 0x9000);
	/* Larger than the buffer at first; who is told that there is something reads again. */
	for (unsigned int tries = 0; tries < 5 && got == 0; tries++)
		got = get(&rig, r, 3);
	REQUIRE_EQ(got, 3);
	for (uint32_t i = 0; got != 0; i += got, got = get(&rig, r, 3)) {
		for (uint32_t k = 0; k < got && i + k < LARGE; k++) {
			CHECK(r[k].address == (i + k) * UINT64_C(0x1000) && r[k].pasid == 3);
			CHECK_EQ((r[k].flags & IOASID_BE_FAULT_LAST) != 0, i + k == LARGE - 1);
			CHECK(!handle || handle == r[k].handle);
			handle = r[k].handle;
		}
	}
	CHECK_EQ(respond(&rig, &handle, 1, IOASID_BE_RESPOND_SUCCESS, 1), 0);
	CHECK_EQ(fake_answer(rig.kernel, 0, 3, 1), (int)UAPI_RESPONSE_SUCCESS);
	/* A part that was read by the plugin, not yet by its host, ends when the slot leaves its table. */
	for (unsigned int way = 0; way < 2; way++) {
		for (uint32_t i = 0; i < 5; i++)
			ask(&rig, 3, 2, i == 4, 0x1000);
		CHECK_EQ(get(&rig, r, 3), 3);
		CHECK_EQ(way ? by_park(&rig) : by_replace(&rig), 0);
		CHECK_EQ(get(&rig, r, 3), 0);
		CHECK_EQ(respond(&rig, &r[0].handle, 1, IOASID_BE_RESPOND_SUCCESS, 0), IOASID_BE_ENOENT);
	}
	CHECK(rig_down(&rig));
}

static void answers_go_in_batches(void)
{
	enum { MANY = 80 };
	struct ioasid_be_page_request r[MANY];
	uint64_t handles[MANY];
	struct rig rig;

	up(&rig);
	for (uint32_t i = 0; i < MANY; i++)
		ask(&rig, 3, i, true, i * UINT64_C(0x1000));
	CHECK_EQ(get(&rig, r, MANY), MANY);
	for (uint32_t i = 0; i < MANY; i++)
		handles[i] = r[i].handle;
	/* One that is there twice: up to its second place. */
	handles[70] = handles[69];
	CHECK_EQ(respond(&rig, handles, MANY, IOASID_BE_RESPOND_SUCCESS, 70), IOASID_BE_ENOENT);
	for (uint32_t i = 0; i < MANY; i++)
		CHECK_EQ(fake_answer(rig.kernel, 0, 3, i), i < 70 ? (int)UAPI_RESPONSE_SUCCESS : -1);
	/* A failed call changes nothing, and can be made again. */
	fake_fail(rig.kernel, 1, -EIO);
	CHECK_EQ(respond(&rig, &r[70].handle, 1, IOASID_BE_RESPOND_SUCCESS, 0), IOASID_BE_EIO);
	CHECK_EQ(respond(&rig, &r[70].handle, 1, IOASID_BE_RESPOND_SUCCESS, 1), 0);
	CHECK(rig_down(&rig));
}

static void queues_end_last(void)
{
	struct rig rig;

	up(&rig);
	CHECK_EQ(rig.fault->destroy(rig.queue), IOASID_BE_EBUSY);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 4), 0);
	CHECK_EQ(rig.nested->destroy(rig.table[0]), 0);
	rig.table[0] = NULL;
	CHECK_EQ(rig.fault->destroy(rig.queue), IOASID_BE_EBUSY);
	CHECK_EQ(rig.paging->destroy(rig.as[1]), 0);
	rig.as[1] = NULL;
	CHECK_EQ(rig.paging->destroy(rig.as[0]), 0);
	rig.as[0] = NULL;
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	CHECK_EQ(rig.core->close(rig.ctx), IOASID_BE_EBUSY);
	/* The kernel may mind, and the queue can be ended once more. */
	fake_fail(rig.kernel, 2, -EBUSY);
	CHECK_EQ(rig.fault->destroy(rig.queue), 0);
	rig.queue = NULL;
	fake_fail(rig.kernel, 0, 0);
	REQUIRE_EQ(rig_queue(&rig), 0);
	fake_fail(rig.kernel, 1, -EBUSY);
	CHECK_EQ(rig.fault->destroy(rig.queue), IOASID_BE_EBUSY);
	CHECK_EQ(rig.fault->destroy(rig.queue), 0);
	rig.queue = NULL;
	CHECK(rig_down(&rig));
}

/* S16.2: refused where it is attached, with the reason. */
static void devices_that_cannot_ask_are_refused(void)
{
	struct rig rig;

	up(&rig);
	REQUIRE_EQ(rig_attach(&rig, 1), 0);
	fake_device(rig.kernel, 1)->asks = false;
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 4, 1), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(rig.why, "ask"));
	CHECK(rig_down(&rig));
}

static const struct test_case cases[] = {
	{ "page requests of nested tables and address spaces are read in groups and answered once (R62, R63)",
		requests_are_read_and_answered },
	{ "park, detach, device_block and replace answer what is open, and a late answer hits nobody (R56, R63)",
		every_way_out_answers },
	{ "what a slot asks after a replace is answered as before (R63)", replaced_slots_go_on },
	{ "a group that is larger than any buffer blocks nobody and comes in parts (R63)", large_groups_come_in_parts },
	{ "answers go in batches that stop at the first which nobody waits for (R34, R63)", answers_go_in_batches },
	{ "a queue ends when nothing delivers to it, and before its context (R44, R60)", queues_end_last },
	{ "a device that cannot ask for pages is refused with the reason (R53)", devices_that_cannot_ask_are_refused },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_faults", cases, argc, argv);
}
