/*
 * The VT-d plugin where things fail: every call to the kernel and every allocation of one long scenario fails
 * once, with every errno that a kernel might give. Whatever happens, the answer is one of the contract, what
 * was there before an operation that failed is there after it, and in the end the kernel has no object and no
 * descriptor of ours left.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

/* Linked with --wrap=calloc: the plugin's allocations come here. */
static unsigned int alloc_fail_in;
static bool alloc_failed;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (alloc_fail_in && !--alloc_fail_in) {
		alloc_failed = true;
		return NULL;
	}
	return __real_calloc(count, size);
}

/* The slots that the scenario believes to be attached are, in the kernel, and no others. */
static bool slots_are(const struct rig *rig, unsigned int rid, unsigned int first, unsigned int other)
{
	return (fake_attached(rig->kernel, 0, 0) != 0) == (rid != 0) &&
	       (fake_attached(rig->kernel, 0, 7) != 0) == (first != 0) &&
	       (fake_attached(rig->kernel, 1, 7) != 0) == (other != 0);
}

/* An operation that fails ends the scenario; the slots are then what they were before it. */
#define STEP(operation, rid, first, other) \
	do { \
		int32_t ret_ = (operation); \
		if (ret_) { \
			CHECK(slots_are(rig, slots[0], slots[1], slots[2])); \
			return ret_; \
		} \
		slots[0] = (rid); \
		slots[1] = (first); \
		slots[2] = (other); \
		CHECK(slots_are(rig, slots[0], slots[1], slots[2])); \
	} while (0)

static int32_t read_ranges(struct rig *rig, unsigned int space)
{
	struct ioasid_be_range ranges[16];
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(ranges[0]), .count = 16, .items = ranges,
	};

	return rig->paging->ranges(rig->as[space], &batch, NULL);
}

static int32_t unmap_nothing(struct rig *rig)
{
	uint64_t bytes = 1;
	int32_t ret = rig->paging->unmap(rig->as[0], 0x8000, 0x1000, &bytes);

	CHECK_EQ(bytes, ret ? 1 : 0);
	return ret;
}

/* A guest's table, a page request that comes and is answered, an invalidation, and the table's end. */
static int32_t guest_scenario(struct rig *rig, unsigned int slots[3])
{
	const struct fake_ask ask = { .pasid = 7, .group = 1, .last = true };
	struct ioasid_be_page_request request = { 0 };
	struct ioasid_be_page_response response = { 0 };
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_DEVICE };
	struct ioasid_be_batch batch = { .struct_size = sizeof(batch), .count = 1 };
	int32_t ret;

	STEP(rig_queue(rig), 1, 1, 0);
	STEP(rig_space(rig, 2, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT), 1, 1, 0);
	STEP(rig_nest(rig, 0, 0, 2), 1, 1, 0);
	STEP(rig_put_on_table(rig, rig->pasid->replace, 0, 7, 0), 1, 1, 0);
	STEP(fake_ask(rig->kernel, &ask), 1, 1, 0);
	batch.items = &request;
	batch.stride = sizeof(request);
	STEP(rig->fault->read(rig->queue, &batch), 1, 1, 0);
	CHECK_EQ(batch.done, 1);
	response.handle = request.handle;
	batch.items = &response;
	batch.stride = sizeof(response);
	STEP(rig->fault->respond(rig->queue, &batch), 1, 1, 0);
	CHECK_EQ(fake_answer(rig->kernel, 0, 7, 1), 0);
	inv.dev = rig->dev[0];
	batch.items = &inv;
	batch.stride = sizeof(inv);
	STEP(rig->invalidate->scopes(rig->ctx, &batch), 1, 1, 0);
	STEP(rig_put_on(rig, rig->pasid->replace, 0, 7, 0), 1, 1, 0);
	ret = rig->nested->destroy(rig->table[0]);
	rig->table[0] = ret ? rig->table[0] : NULL;
	STEP(ret, 1, 1, 0);
	ret = rig->fault->destroy(rig->queue);
	rig->queue = ret ? rig->queue : NULL;
	STEP(ret, 1, 1, 0);
	return 0;
}

static int32_t dirty_scenario(struct rig *rig, unsigned int slots[3])
{
	uint64_t bitmap = 0;
	const struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .length = 0x8000, .page_size = 0x1000, .bitmap = &bitmap,
	};

	STEP(rig_map(rig, 1, 0x1000, 0x1000), 1, 1, 1);
	STEP(rig->dirty->start(rig->as[1]), 1, 1, 1);
	CHECK(fake_write(rig->kernel, 0, 7, 0x1000));
	STEP(rig->dirty->read(rig->as[1], &args), 1, 1, 1);
	CHECK_EQ(bitmap, 2);
	STEP(rig->dirty->read_clear(rig->as[1], &args), 1, 1, 1);
	STEP(rig->paging->unmap(rig->as[1], 0x1000, 0x1000, NULL), 1, 1, 1);
	STEP(rig->dirty->stop(rig->as[1]), 1, 1, 1);
	return 0;
}

static int32_t scenario(struct rig *rig)
{
	unsigned int slots[3] = { 0, 0, 0 };
	uint64_t bytes;
	int32_t ret;

	STEP(rig_open(rig, -1), 0, 0, 0);
	/* What could not be asked of the kernel is not offered. */
	if (!rig->fault || !rig->nested || !rig->dirty)
		return IOASID_BE_EOPNOTSUPP;
	STEP(rig_attach(rig, 0), 0, 0, 0);
	STEP(rig_attach(rig, 1), 0, 0, 0);
	STEP(rig_space(rig, 0, IOASID_BE_USE_PASID), 0, 0, 0);
	STEP(rig_space(rig, 1, IOASID_BE_USE_PASID | IOASID_BE_USE_DIRTY), 0, 0, 0);
	STEP(rig_map(rig, 0, 0x4000, 0x2000), 0, 0, 0);
	STEP(rig_put_on(rig, rig->pasid->attach, 0, 0, 0), 1, 0, 0);
	STEP(rig_put_on(rig, rig->pasid->attach, 0, 7, 0), 1, 1, 0);
	STEP(rig_put_on(rig, rig->pasid->attach, 1, 7, 0), 1, 1, 1);
	STEP(read_ranges(rig, 0), 1, 1, 1);
	STEP(rig_put_on(rig, rig->pasid->replace, 0, 7, 1), 1, 1, 1);
	ret = dirty_scenario(rig, slots);
	if (ret)
		return ret;
	STEP(rig_take_off(rig, rig->pasid->park, 0, 7), 1, 0, 1);
	STEP(rig_put_on(rig, rig->pasid->replace, 0, 7, 0), 1, 1, 1);
	STEP(rig->core->device_detach(rig->dev[1]) == IOASID_BE_EBUSY ? 0 : -1, 1, 1, 1);
	STEP(rig_take_off(rig, rig->pasid->detach, 1, 7), 1, 1, 0);
	STEP(unmap_nothing(rig), 1, 1, 0);
	STEP(rig->paging->unmap(rig->as[0], 0, UINT64_MAX, &bytes), 1, 1, 0);
	ret = guest_scenario(rig, slots);
	if (ret)
		return ret;
	STEP(rig_take_off(rig, rig->pasid->detach, 0, 0), 0, 1, 0);
	STEP(rig->pasid->device_block(rig->dev[0], 0), 0, 0, 0);
	STEP(rig_take_off(rig, rig->pasid->detach, 0, 7), 0, 0, 0);
	return 0;
}

static bool is_of_the_contract(int32_t answer)
{
	static const int32_t known[] = {
		IOASID_BE_EPERM, IOASID_BE_ENOENT, IOASID_BE_EIO, IOASID_BE_E2BIG, IOASID_BE_EBADF,
			IOASID_BE_EAGAIN,
		IOASID_BE_ENOMEM, IOASID_BE_EACCES, IOASID_BE_EFAULT, IOASID_BE_EBUSY, IOASID_BE_EEXIST,
		IOASID_BE_ENODEV, IOASID_BE_EINVAL, IOASID_BE_ENOSPC, IOASID_BE_ERANGE, IOASID_BE_EDEADLK,
		IOASID_BE_EOVERFLOW, IOASID_BE_EOPNOTSUPP, IOASID_BE_ETIMEDOUT,
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (answer == known[i])
			return true;
	return !answer;
}

static void nothing_fails(void)
{
	struct rig rig;

	rig_init(&rig);
	CHECK_EQ(scenario(&rig), 0);
	CHECK(rig_down(&rig));
}

static void each_call_fails(void)
{
	static const int32_t errors[] = { -EINVAL, -ENOENT, -ENOMEM, -EBUSY, -EPERM, -EIO, -ENOTTY,
		-EOPNOTSUPP, -EFAULT,
					  -ENOSPC, -EADDRINUSE, -EMSGSIZE, -ENODEV, -ENXIO, -E2BIG, -EXDEV,
						-EPROTO };
	unsigned int calls = 0, failures = 0;

	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
		for (unsigned int n = 1;; n++) {
			struct rig rig;
			bool reached, known, clean;
			int32_t ret;

			rig_init(&rig);
			fake_fail(rig.kernel, n, errors[e]);
			ret = scenario(&rig);
			reached = fake_failed(rig.kernel);
			known = CHECK(is_of_the_contract(ret));
			clean = CHECK(rig_down(&rig));
			if (!known || !clean)
				printf("# call %u failing with %d was answered %d\n", n, errors[e], ret);
			failures += ret != 0;
			if (!reached) {
				CHECK_EQ(ret, 0);
				calls = n - 1;
				break;
			}
		}
	}
	/* What may fail without harm is asking sysfs; most calls must be noticed. */
	printf("# %u calls\n", calls);
	CHECK(calls > 70);
	CHECK(failures > calls * 8);
}

static void each_allocation_fails(void)
{
	unsigned int n;

	for (n = 1;; n++) {
		struct rig rig;
		bool reached;
		int32_t ret;

		rig_init(&rig);
		alloc_fail_in = n;
		alloc_failed = false;
		ret = scenario(&rig);
		reached = alloc_failed;
		alloc_fail_in = 0;
		CHECK(rig_down(&rig));
		CHECK_EQ(ret, reached ? IOASID_BE_ENOMEM : 0);
		if (!reached)
			break;
	}
	printf("# %u allocations\n", n - 1);
	CHECK(n > 15);
}

/* A device that was pulled out: the kernel answers ENODEV to everything, and it must still be possible to let
 * it go. */
static void a_gone_device_can_be_let_go(void)
{
	struct rig rig;

	rig_init(&rig);
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	REQUIRE_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 7, 0), 0);
	fake_fail(rig.kernel, 1, -ENODEV);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 7), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 7), IOASID_BE_ENOENT);
	/* Closing its file ends what the kernel still thought attached. */
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	CHECK(rig_down(&rig));
}

static void up_with_slot(struct rig *rig, int32_t cdev)
{
	REQUIRE_EQ(rig_open(rig, -1), 0);
	if (cdev < 0)
		REQUIRE_EQ(rig_attach(rig, 0), 0);
	else
		REQUIRE_EQ(rig_take(rig, 0, IOASID_BE_DEVICE_FD, cdev, -1, 0), 0);
	REQUIRE_EQ(rig_space(rig, 0, IOASID_BE_USE_PASID), 0);
	REQUIRE_EQ(rig_put_on(rig, rig->pasid->attach, 0, 7, 0), 0);
	REQUIRE_EQ(rig_put_on(rig, rig->pasid->attach, 0, 1025, 0), 0);
}

static void device_is_let_go(struct rig *rig)
{
	CHECK(!fake_attached(rig->kernel, 0, 7));
	CHECK(!fake_attached(rig->kernel, 0, 1025));
	rig->dev[0] = NULL;
	CHECK_EQ(rig->paging->destroy(rig->as[0]), 0);
	rig->as[0] = NULL;
	CHECK_EQ(fake_tables(rig->kernel), 0);
}

/* A descriptor that was passed in has to stay open, but its owner may be gone all the same. The last one that
 * is closed blocks the device; one that is left somewhere does not. */
static void a_closed_descriptor_can_be_let_go(void)
{
	struct rig rig;
	int32_t cdev, copy;

	rig_init(&rig);
	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	up_with_slot(&rig, cdev);
	copy = fake_dup(rig.kernel, cdev);
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	CHECK(fake_attached(rig.kernel, 0, 7));
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 7), IOASID_BE_EBADF);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 7), IOASID_BE_EBADF);
	CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), IOASID_BE_EBADF);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), IOASID_BE_EBUSY);
	CHECK(fake_attached(rig.kernel, 0, 7));
	CHECK_EQ(rig.paging->destroy(rig.as[0]), IOASID_BE_EBUSY);
	fake_host(rig.kernel)->close(rig.kernel, copy);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 7), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 7), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 7, 0), IOASID_BE_EBADF);
	/* The other slot was not tried again: nothing has to be. */
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	device_is_let_go(&rig);
	CHECK(rig_down(&rig));
}

/* The kernel gives the number to the next device that is bound. */
static void a_number_in_use_anew_keeps_nobody(void)
{
	struct rig rig;
	int32_t cdev, again;

	rig_init(&rig);
	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	up_with_slot(&rig, cdev);
	again = fake_open(rig.kernel, "/dev/vfio/devices/vfio1");
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	REQUIRE_EQ(rig_take(&rig, 1, IOASID_BE_DEVICE_FD, again, -1, 0), 0);
	REQUIRE_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 7, 0), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 7), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 1025), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	/* That says nothing of the new one. */
	fake_fail_request(rig.kernel, UAPI_VFIO_DETACH_PT, -EIO);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 1, 7), IOASID_BE_EIO);
	fake_fail_request(rig.kernel, 0, 0);
	CHECK(fake_attached(rig.kernel, 1, 7));
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 1, 7), 0);
	CHECK_EQ(rig.core->device_detach(rig.dev[1]), 0);
	rig.dev[1] = NULL;
	fake_host(rig.kernel)->close(rig.kernel, again);
	CHECK(rig_down(&rig));
}

/* S9.8: what cannot be detached ends with the device, if closing it is up to the plugin; and if nobody has a
 * copy of the descriptor. */
static void closing_ends_what_is_stuck(void)
{
	struct rig rig;
	int32_t copy;

	for (int copied = 0; copied < 2; copied++) {
		rig_init(&rig);
		up_with_slot(&rig, -1);
		copy = copied ? fake_dup(rig.kernel, fake_cdev(rig.kernel, 0)) : -1;
		fake_fail_request(rig.kernel, UAPI_VFIO_DETACH_PT, -EIO);
		CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 7), IOASID_BE_EIO);
		/* The other one is in use and was not tried. */
		CHECK_EQ(rig.core->device_detach(rig.dev[0]), IOASID_BE_EBUSY);
		CHECK(fake_attached(rig.kernel, 0, 7) && fake_attached(rig.kernel, 0, 1025));
		CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 1025), IOASID_BE_EIO);
		if (copied) {
			CHECK_EQ(rig.core->device_detach(rig.dev[0]), IOASID_BE_EBUSY);
			CHECK(fake_attached(rig.kernel, 0, 7));
			fake_host(rig.kernel)->close(rig.kernel, copy);
		}
		CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
		device_is_let_go(&rig);
		CHECK_EQ(fake_fds(rig.kernel), 1);
		CHECK(rig_down(&rig));
	}
}

static const struct test_case cases[] = {
	{ "the scenario passes where nothing fails, and leaves nothing", nothing_fails },
	{ "each call of it may fail with any errno, and nothing leaks or changes", each_call_fails },
	{ "each allocation of it may fail, and nothing leaks or changes", each_allocation_fails },
	{ "a device that is gone can be detached and let go", a_gone_device_can_be_let_go },
	{ "so can one whose owner has closed it, but not while a copy keeps it (S9.8, S9.14)",
		a_closed_descriptor_can_be_let_go },
	{ "so can one whose number another one has by now", a_number_in_use_anew_keeps_nobody },
	{ "slots that cannot be detached end with the plugin's own descriptor (S9.8)", closing_ends_what_is_stuck },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_failures", cases, argc, argv);
}
