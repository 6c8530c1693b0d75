/* Page requests as a VT-d guest reads them, and its queue of them. */
#include "guest_image.h"

#define QUEUE UINT64_C(0x300000)

static const struct ioasid_guest_vtd_page_request request = {
	.address = 0x7f1234567890, .source = 0x311, .pasid = 0xabcde, .group = 0x123,
	.flags = IOASID_GUEST_VTD_PAGE_READ | IOASID_GUEST_VTD_PAGE_WRITE | IOASID_GUEST_VTD_PAGE_PRIV |
		 IOASID_GUEST_VTD_PAGE_LAST };

static void expect_words(const uint8_t *bytes, uint64_t word0, uint64_t word1)
{
	const uint64_t words[4] = { word0, word1 };
	uint8_t want[32];

	put_words(want, words, 4);
	CHECK(!memcmp(bytes, want, sizeof(want)));
}

static void a_request_is_written_as_the_specification_draws_it(void)
{
	struct ioasid_guest_vtd_page_request r = request;
	uint8_t bytes[32];

	memset(bytes, 0xa5, sizeof(bytes));
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(&r, bytes), 0);
	/* Type 1, PASID present, source at 16, PASID at 32, PRIV 53; RD, WR, LPIG, group at 3, the page. */
	expect_words(bytes, 0x002abcde03110101, 0x7f123456791f);
	r.pasid = IOASID_GUEST_VTD_NO_PASID;
	r.flags = IOASID_GUEST_VTD_PAGE_WRITE;
	r.group = 511;
	r.source = 0xffff;
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(&r, bytes), 0);
	expect_words(bytes, 0x00000000ffff0001, 0x7f1234567ffa);
	r.pasid = 0xfffff;
	r.flags = IOASID_GUEST_VTD_PAGE_READ;
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(&r, bytes), 0);
	expect_words(bytes, 0x000fffffffff0101, 0x7f1234567ff9);
	r.pasid = 0;
	r.flags = IOASID_GUEST_VTD_PAGE_EXEC;
	r.address = UINT64_MAX;
	r.group = 0;
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(&r, bytes), 0);
	expect_words(bytes, 0x00100000ffff0101, 0xfffffffffffff000);
}

static void requests_that_cannot_be_are_refused(void)
{
	static const struct ioasid_guest_vtd_page_request wrong[] = {
		{ .source = 0x10000, .flags = 1 },
		{ .pasid = 0x100000, .flags = 1 },
		{ .group = 512, .flags = 1 },
		{ .flags = 32 | 1 },
		{ .flags = IOASID_GUEST_VTD_PAGE_LAST },
		{ .flags = IOASID_GUEST_VTD_PAGE_PRIV },
		{ .flags = IOASID_GUEST_VTD_PAGE_READ | IOASID_GUEST_VTD_PAGE_PRIV, .pasid = IOASID_GUEST_VTD_NO_PASID },
		{ .flags = IOASID_GUEST_VTD_PAGE_EXEC, .pasid = IOASID_GUEST_VTD_NO_PASID },
	};
	struct ioasid_guest_vtd_page_queue queue = { .pqa = QUEUE };
	struct ioasid_guest_vtd_page_slot slot;
	struct image image;
	uint8_t bytes[32];

	image_open(&image);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_EQ(ioasid_guest_vtd_page_request_encode(&wrong[i], bytes), -EINVAL);
		CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &wrong[i], &slot, NULL), -EINVAL);
	}
	CHECK_EQ(queue.pqt, 0);
	CHECK_EQ(queue.prs, 0);
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(NULL, bytes), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(&request, NULL), -EINVAL);
	image_close(&image);
}

static void requests_fill_the_queue_until_one_slot_is_left(void)
{
	struct ioasid_guest_vtd_page_queue queue = { .pqa = QUEUE | 1, .pqh = 64, .pqt = 64 };
	struct ioasid_guest_vtd_page_slot slot;
	struct ioasid_guest_error error = { 0 };
	struct image image;

	image_open(&image);
	/* Two pages: 256 slots. */
	for (uint64_t i = 0; i < 255; i++) {
		REQUIRE_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, &slot, NULL), 0);
		CHECK_EQ(slot.address, QUEUE + (64 + 32 * i) % 8192);
		CHECK_EQ(queue.pqt, (64 + 32 * (i + 1)) % 8192);
		CHECK_EQ(queue.prs, IOASID_GUEST_VTD_PRS_PENDING);
		expect_words(slot.bytes, 0x002abcde03110101, 0x7f123456791f);
	}
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, &slot, &error), -ENOSPC);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_FULL);
	CHECK_EQ(queue.pqt, 32);
	CHECK_EQ(queue.prs, IOASID_GUEST_VTD_PRS_PENDING | IOASID_GUEST_VTD_PRS_OVERFLOW);
	/* Room alone does not help: the guest has to clear PRO. */
	queue.pqh = 96;
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, &slot, &error), -ENOSPC);
	CHECK_EQ(queue.pqt, 32);
	queue.prs = 0;
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, &slot, &error), 0);
	CHECK_EQ(slot.address, QUEUE + 32);
	CHECK_EQ(queue.pqt, 64);
	image_close(&image);
}

static void registers_that_cannot_be_are_told(void)
{
	static const struct {
		struct ioasid_guest_vtd_page_queue queue;
		uint32_t code;
		uint64_t bits;
	} wrong[] = {
		{ { QUEUE | 8, 0, 0, 0 }, IOASID_GUEST_WRONG_RESERVED, 8 },
		{ { QUEUE | 0x800, 0, 0, 0 }, IOASID_GUEST_WRONG_RESERVED, 0x800 },
		{ { QUEUE | UINT64_C(1) << 46, 0, 0, 0 }, IOASID_GUEST_WRONG_ADDRESS, UINT64_C(1) << 46 },
		{ { QUEUE, 4096, 0, 0 }, IOASID_GUEST_WRONG_POINTER, 4096 },
		{ { QUEUE, 16, 0, 0 }, IOASID_GUEST_WRONG_POINTER, 16 },
		{ { QUEUE, UINT64_C(1) << 40, 0, 0 }, IOASID_GUEST_WRONG_POINTER, UINT64_C(1) << 40 },
		{ { QUEUE, 0, 4096, 0 }, IOASID_GUEST_WRONG_POINTER, 4096 },
		{ { QUEUE, 0, 1, 0 }, IOASID_GUEST_WRONG_POINTER, 1 },
	};
	struct ioasid_guest_vtd_page_slot slot;
	struct image image;

	image_open(&image);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ioasid_guest_vtd_page_queue queue = wrong[i].queue;
		struct ioasid_guest_error error = { 0 };

		CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, &slot, &error), -EBADMSG);
		CHECK_EQ(error.code, wrong[i].code);
		CHECK_EQ(error.bits, wrong[i].bits);
		CHECK_EQ(error.where, IOASID_GUEST_IN_PAGE_QUEUE);
		CHECK(!memcmp(&queue, &wrong[i].queue, sizeof(queue)));
	}
	image_close(&image);
}

static void wrong_calls_are_refused(void)
{
	struct ioasid_guest_vtd_page_queue queue = { .pqa = QUEUE };
	struct ioasid_guest_vtd_page_slot slot;
	struct image image;

	image_open(&image);
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(NULL, &queue, &request, &slot, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, NULL, &request, &slot, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, NULL, &slot, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, NULL, NULL), -EINVAL);
	image.unit.ecap &= ~(UINT64_C(1) << 29);
	CHECK_EQ(ioasid_guest_vtd_page_queue_put(&image.unit, &queue, &request, &slot, NULL), -EINVAL);
	image_close(&image);
}

/* What the guest answers comes back with the same names that the request had. */
static void an_answer_names_what_the_request_named(void)
{
	struct ioasid_guest_vtd_invalidation answer;
	uint8_t bytes[32], response[32];
	struct image image;

	image_open(&image);
	CHECK_EQ(ioasid_guest_vtd_page_request_encode(&request, bytes), 0);
	/* The guest copies source, PASID and its presence, group and LPIG out of the request. */
	const uint64_t words[4] = { 9 | 0x10 | UINT64_C(0x311) << 16 | UINT64_C(0xabcde) << 32, 0x123 << 3 | 4 };

	CHECK(!memcmp(bytes + 2, (uint8_t[]){ 0x11, 0x03 }, 2));
	put_words(response, words, 4);
	CHECK_EQ(ioasid_guest_vtd_invalidation_decode(&image.unit, response, 32, &answer, NULL), 0);
	CHECK_EQ(answer.source, request.source);
	CHECK_EQ(answer.pasid, request.pasid);
	CHECK_EQ(answer.group, request.group);
	CHECK_EQ(answer.flags, IOASID_GUEST_VTD_RESPONSE_LAST);
	image_close(&image);
}

static const struct test_case cases[] = {
	{ "a request is written as the specification draws it", a_request_is_written_as_the_specification_draws_it },
	{ "requests that cannot be are refused", requests_that_cannot_be_are_refused },
	{ "requests fill the queue until one slot is left, then it overflows",
	  requests_fill_the_queue_until_one_slot_is_left },
	{ "registers that cannot be are told, and stay", registers_that_cannot_be_are_told },
	{ "wrong calls are refused", wrong_calls_are_refused },
	{ "an answer names what the request named", an_answer_names_what_the_request_named },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest pages", cases, argc, argv);
}
