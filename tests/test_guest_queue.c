/* The invalidation queue: what is taken, how far, and what happens to a guest that writes nonsense. */
#include "guest_image.h"
#include "tests/support.h"

#define QUEUE UINT64_C(0x200000)
#define WIDE UINT64_C(0x800) /* IQA_REG.DW */

static struct ioasid_guest_vtd_queue queue_at(uint64_t iqa, uint64_t head, uint64_t tail)
{
	return (struct ioasid_guest_vtd_queue){ .rtaddr = iqa & WIDE ? IMAGE_RTADDR : 0x1000, .iqa = iqa,
						.iqh = head, .iqt = tail };
}

/* A wait descriptor that tells its number. */
static void put_wait(struct image *image, uint64_t address, uint32_t number)
{
	image_word(image, address, (uint64_t)number << 32 | 0x25);
	image_word(image, address + 8, 0x1000);
}

static int take(struct image *image, struct ioasid_guest_vtd_queue *queue, uint32_t capacity, uint32_t *count,
		struct ioasid_guest_vtd_invalidation *out, struct ioasid_guest_error *error)
{
	return ioasid_guest_vtd_queue_read(&image->unit, queue, out, capacity, count, error);
}

/* All of a queue in steps: each has its number, none is left out, none comes twice. */
static void check_steps(uint64_t iqa, uint32_t width, uint32_t entries, uint32_t head, uint32_t pending,
			uint32_t step)
{
	struct ioasid_guest_vtd_invalidation out[8];
	struct ioasid_guest_vtd_queue queue = queue_at(iqa, head * width, (head + pending) % entries * width);
	struct image image;
	uint32_t count, next = 0;

	image_open(&image);
	for (uint32_t i = 0; i < entries; i++)
		put_wait(&image, QUEUE + (head + i) % entries * width, i);
	do {
		uint64_t before = image.reads;

		REQUIRE_EQ(take(&image, &queue, step, &count, out, NULL), 0);
		CHECK_EQ(image.reads - before, count);
		for (uint32_t i = 0; i < count; i++)
			CHECK_EQ(out[i].status_data, next++);
	} while (queue.iqh != queue.iqt && count == step);
	CHECK_EQ(next, pending);
	CHECK_EQ(queue.iqh, queue.iqt);
	/* And nothing more. */
	CHECK_EQ(take(&image, &queue, 8, &count, out, NULL), 0);
	CHECK_EQ(count, 0);
	image_close(&image);
}

static void everything_up_to_the_tail_is_taken_in_order(void)
{
	for (uint32_t step = 1; step <= 8; step++) {
		check_steps(QUEUE, 16, 256, 0, 10, step);
		check_steps(QUEUE | WIDE, 32, 128, 0, 10, step);
	}
}

static void the_queue_wraps(void)
{
	for (uint32_t step = 1; step <= 8; step++) {
		check_steps(QUEUE, 16, 256, 250, 255, step);
		check_steps(QUEUE | WIDE, 32, 128, 127, 127, step);
		check_steps(QUEUE | WIDE | 2, 32, 512, 511, 3, step);
	}
	/* The largest of both widths: 128 pages. */
	check_steps(QUEUE | 7, 16, 32768, 32767, 2, 8);
	check_steps(QUEUE | WIDE | 7, 32, 16384, 16383, 2, 8);
}

static void a_malformed_descriptor_stops_the_queue_in_front_of_it(void)
{
	struct ioasid_guest_vtd_queue queue = queue_at(QUEUE | WIDE, 0, 5 * 32);
	struct ioasid_guest_vtd_invalidation out[8];
	struct ioasid_guest_error error = { 0 };
	struct image image;
	uint32_t count;

	image_open(&image);
	for (uint32_t i = 0; i < 5; i++)
		put_wait(&image, QUEUE + 32 * i, i);
	image_word(&image, QUEUE + 2 * 32 + 24, 1);
	CHECK_EQ(take(&image, &queue, 8, &count, out, &error), -EBADMSG);
	CHECK_EQ(count, 2);
	CHECK_EQ(out[1].status_data, 1);
	CHECK_EQ(queue.iqh, 2 * 32);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_RESERVED);
	CHECK_EQ(error.address, QUEUE + 2 * 32);
	CHECK_EQ(error.word, 3);
	CHECK_EQ(error.reason, 4);
	/* It stays there until the guest has mended it. */
	CHECK_EQ(take(&image, &queue, 8, &count, out, &error), -EBADMSG);
	CHECK_EQ(count, 0);
	CHECK_EQ(queue.iqh, 2 * 32);
	image_word(&image, QUEUE + 2 * 32 + 24, 0);
	CHECK_EQ(take(&image, &queue, 8, &count, out, &error), 0);
	CHECK_EQ(count, 3);
	/* One that is not asked for is not looked at. */
	queue.iqh = 0;
	image_word(&image, QUEUE + 2 * 32, 0);
	CHECK_EQ(take(&image, &queue, 2, &count, out, &error), 0);
	CHECK_EQ(count, 2);
	image_close(&image);
}

static void a_queue_that_is_not_there_is_told(void)
{
	struct ioasid_guest_vtd_queue queue = queue_at(IMAGE_BYTES | WIDE, 64, 128);
	struct ioasid_guest_vtd_invalidation out;
	struct ioasid_guest_error error = { 0 };
	struct image image;
	uint32_t count;

	image_open(&image);
	CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), -EFAULT);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_READ);
	CHECK_EQ(error.where, IOASID_GUEST_IN_DESCRIPTOR);
	CHECK_EQ(error.reason, 2);
	CHECK_EQ(error.address, IMAGE_BYTES + 64);
	CHECK_EQ(error.answer, -ENXIO);
	CHECK_EQ(queue.iqh, 64);
	image_close(&image);
}

static void a_queue_at_the_end_of_the_width_is_not_read_beyond(void)
{
	/* The last page below 2^46, and a queue of two pages. */
	struct ioasid_guest_vtd_queue queue = queue_at(((UINT64_C(1) << 46) - 0x1000) | WIDE | 1, 0x1000, 0x1020);
	struct ioasid_guest_vtd_invalidation out;
	struct ioasid_guest_error error = { 0 };
	struct image image;
	uint32_t count;

	image_open(&image);
	CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), -EFAULT);
	CHECK_EQ(error.bits, UINT64_C(1) << 46);
	CHECK_EQ(image.reads, 0);
	image_close(&image);
}

static void registers_that_cannot_be_are_told(void)
{
	static const struct {
		struct ioasid_guest_vtd_queue queue;
		uint32_t code;
		uint32_t reason;
	} wrong[] = {
		{ { 0x1400, QUEUE | 0x808, 0, 0 }, IOASID_GUEST_WRONG_RESERVED, 4 },
		{ { 0x1400, QUEUE | 0xc00, 0, 0 }, IOASID_GUEST_WRONG_RESERVED, 4 },
		{ { 0x1400, UINT64_C(1) << 46 | 0x800, 0, 0 }, IOASID_GUEST_WRONG_ADDRESS, 2 },
		/* Scalable mode wants wide descriptors. */
		{ { 0x1400, QUEUE, 0, 0 }, IOASID_GUEST_WRONG_MODE, 5 },
		{ { 0x1400, QUEUE | 0x800, 0x1000, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x801, 0x2000, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, UINT64_C(1) << 32, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, 1, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, 2, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, 4, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, 8, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, 16, 0 }, IOASID_GUEST_WRONG_POINTER, 6 },
		/* The guest made the queue smaller, or wider, under the head. */
		{ { 0x1400, QUEUE | 0x800, 0, 0x1000 }, IOASID_GUEST_WRONG_POINTER, 1 },
		{ { 0x1400, QUEUE | 0x800, 0, 16 }, IOASID_GUEST_WRONG_POINTER, 1 },
	};
	struct ioasid_guest_vtd_invalidation out;
	struct image image;
	uint32_t count;

	image_open(&image);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ioasid_guest_vtd_queue queue = wrong[i].queue;
		struct ioasid_guest_error error = { 0 };

		CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), -EBADMSG);
		CHECK_EQ(error.code, wrong[i].code);
		CHECK_EQ(error.reason, wrong[i].reason);
		CHECK_EQ(error.where, IOASID_GUEST_IN_QUEUE);
		CHECK_EQ(queue.iqh, wrong[i].queue.iqh);
	}
	CHECK_EQ(image.reads, 0);
	image_close(&image);
}

static void wide_descriptors_need_scalable_mode_in_the_unit(void)
{
	struct ioasid_guest_vtd_queue queue = { .rtaddr = 0x1000, .iqa = QUEUE | WIDE };
	struct ioasid_guest_vtd_invalidation out;
	struct ioasid_guest_error error = { 0 };
	struct image image;
	uint32_t count;

	image_open(&image);
	/* In legacy mode a unit that has scalable mode takes both. In a mode that blocks everything narrow
	 * ones do no harm. */
	CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), 0);
	queue = (struct ioasid_guest_vtd_queue){ .rtaddr = 0x1c00, .iqa = QUEUE };
	CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), 0);
	queue.iqa |= WIDE;
	CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), 0);
	image.unit.ecap &= ~(UINT64_C(1) << 43);
	CHECK_EQ(take(&image, &queue, 1, &count, &out, &error), -EBADMSG);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_MODE);
	image_close(&image);
}

static void wrong_calls_are_refused(void)
{
	struct ioasid_guest_vtd_queue queue = queue_at(QUEUE | WIDE, 0, 32);
	struct ioasid_guest_vtd_invalidation out;
	struct image image;
	uint32_t count = 7;

	image_open(&image);
	CHECK_EQ(take(&image, &queue, 0, &count, &out, NULL), -EINVAL);
	CHECK_EQ(count, 0);
	CHECK_EQ(take(&image, NULL, 1, &count, &out, NULL), -EINVAL);
	CHECK_EQ(take(&image, &queue, 1, NULL, &out, NULL), -EINVAL);
	CHECK_EQ(take(&image, &queue, 1, &count, NULL, NULL), -EINVAL);
	image.unit.memory.read = NULL;
	CHECK_EQ(take(&image, &queue, 1, &count, &out, NULL), -EINVAL);
	image_close(&image);
}

/* Whatever is in the queue: as many reads as descriptors, one more where it stops, and the head stays in it. */
static void random_queues_are_bounded(void)
{
	struct ioasid_guest_vtd_invalidation out[16];
	struct image image;
	uint64_t seed = 0xbeef;

	image_open(&image);
	for (unsigned int round = 0; round < rounds(20000); round++) {
		struct ioasid_guest_vtd_queue queue = queue_at(QUEUE | WIDE, rnd(&seed) % 128 * 32,
							       rnd(&seed) % 128 * 32);
		uint32_t pending = (uint32_t)((queue.iqt - queue.iqh) % 4096 / 32);
		uint32_t capacity = 1 + rnd(&seed) % 16, count;
		uint64_t head = queue.iqh;
		int rc;

		/* Type, scope and few other bits: most are nearly right. */
		image_word(&image, QUEUE + rnd(&seed) % 512 * 8,
			   (rnd(&seed) & 0x3f) | (rnd(&seed) % 4 ? 0 : (uint64_t)rnd(&seed) << rnd(&seed) % 33));
		image.reads = 0;
		rc = take(&image, &queue, capacity, &count, out, NULL);
		REQUIRE(count <= capacity && count <= pending);
		CHECK_EQ(image.reads, count + (rc != 0));
		CHECK_EQ(queue.iqh, (head + 32 * count) % 4096);
		if (!rc)
			CHECK_EQ(count, capacity < pending ? capacity : pending);
		else
			CHECK_EQ(rc, -EBADMSG);
	}
	image_close(&image);
}

static const struct test_case cases[] = {
	{ "everything up to the tail is taken in order, of both widths", everything_up_to_the_tail_is_taken_in_order },
	{ "the queue wraps, whatever its size", the_queue_wraps },
	{ "a malformed descriptor stops the queue in front of it",
	  a_malformed_descriptor_stops_the_queue_in_front_of_it },
	{ "a queue that is not there is told", a_queue_that_is_not_there_is_told },
	{ "a queue at the end of the width is not read beyond it", a_queue_at_the_end_of_the_width_is_not_read_beyond },
	{ "registers that cannot be are told, and nothing is read", registers_that_cannot_be_are_told },
	{ "wide descriptors need scalable mode in the unit", wide_descriptors_need_scalable_mode_in_the_unit },
	{ "wrong calls are refused", wrong_calls_are_refused },
	{ "random queues are read within their bounds", random_queues_are_bounded },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest queue", cases, argc, argv);
}
