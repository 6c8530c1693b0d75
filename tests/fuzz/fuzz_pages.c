/* Target: the page request queue, by turns of the unit and its guest. */
#include "tests/fuzz/fuzz.h"

static uint64_t word(const uint8_t *bytes, unsigned int index)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value |= (uint64_t)bytes[8 * index + i] << 8 * i;
	return value;
}

/* What a guest makes of the bytes. */
static void check_bytes(const uint8_t *bytes, const struct ioasid_guest_vtd_page_request *request)
{
	uint64_t w0 = word(bytes, 0), w1 = word(bytes, 1);
	bool pasid = request->pasid != IOASID_GUEST_VTD_NO_PASID;

	MUST((w0 & 0xff) == 1 && (w0 >> 8 & 1) == pasid && !(w0 & 0xfe00) && !(w0 >> 54));
	MUST((w0 >> 16 & 0xffff) == request->source && (w0 >> 32 & 0xfffff) == (pasid ? request->pasid : 0));
	MUST((w0 >> 52 & 1) == !!(request->flags & IOASID_GUEST_VTD_PAGE_EXEC));
	MUST((w0 >> 53 & 1) == !!(request->flags & IOASID_GUEST_VTD_PAGE_PRIV));
	MUST((w1 & 1) == !!(request->flags & IOASID_GUEST_VTD_PAGE_READ));
	MUST((w1 >> 1 & 1) == !!(request->flags & IOASID_GUEST_VTD_PAGE_WRITE));
	MUST((w1 >> 2 & 1) == !!(request->flags & IOASID_GUEST_VTD_PAGE_LAST));
	MUST((w1 >> 3 & 0x1ff) == request->group && w1 >> 12 == request->address >> 12);
	MUST(!word(bytes, 2) && !word(bytes, 3));
}

static void put_one(const struct ioasid_guest_vtd_unit *unit, struct ioasid_guest_vtd_page_queue *queue,
		    const struct ioasid_guest_vtd_page_request *request)
{
	const struct ioasid_guest_vtd_page_queue before = *queue;
	uint64_t size = UINT64_C(4096) << (before.pqa & 7);
	struct ioasid_guest_vtd_page_slot slot;
	struct ioasid_guest_error error = { 0 };
	int rc = ioasid_guest_vtd_page_queue_put(unit, queue, request, &slot, &error);

	fuzz_check_error(rc, &error);
	MUST(queue->pqa == before.pqa && queue->pqh == before.pqh);
	if (rc) {
		MUST(queue->pqt == before.pqt);
		MUST(queue->prs == (rc == -ENOSPC ? before.prs | 2 : before.prs));
		return;
	}
	MUST(slot.address == (before.pqa & ~UINT64_C(0xfff)) + before.pqt && !(slot.address >> FUZZ_BITS));
	MUST(before.pqt < size && queue->pqt == (before.pqt + 32) % size && queue->pqt != queue->pqh);
	MUST(!(before.prs & 2) && queue->prs == (before.prs | 1));
	check_bytes(slot.bytes, request);
}

void fuzz_pages(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	const struct ioasid_guest_vtd_unit unit = fuzz_unit(&input);
	struct ioasid_guest_vtd_page_queue queue = { .pqa = fuzz_take(&input, 8) };

	queue.pqh = fuzz_take(&input, 3);
	queue.pqt = fuzz_take(&input, 3);
	queue.prs = fuzz_take(&input, 1) & 3;
	for (unsigned int turns = 0; turns < 512 && input.size; turns++) {
		uint64_t act = fuzz_take(&input, 1);
		struct ioasid_guest_vtd_page_request request = { .flags = (uint32_t)act >> 2 };

		if ((act & 3) == 3) { /* the guest takes some, or writes what it likes */
			queue.pqh = act & 4 ? fuzz_take(&input, 3) : (queue.pqh + 32 * (act >> 3)) % 4096;
			queue.prs &= act & 8 ? 0 : 3;
			continue;
		}
		request.source = (uint32_t)fuzz_take(&input, 2) | (uint32_t)(act & 3) / 2 << 16;
		request.pasid = (uint32_t)fuzz_take(&input, 3);
		if (request.pasid == 0xffffff)
			request.pasid = IOASID_GUEST_VTD_NO_PASID;
		request.group = (uint32_t)fuzz_take(&input, 2);
		request.address = fuzz_take(&input, 8);
		put_one(&unit, &queue, &request);
	}
}

/* Registers take 31 bytes; then requests of 16 bytes, with the guest taking some between them in seed 1. */
size_t fuzz_seed_pages(unsigned int index, uint8_t *data)
{
	size_t size = 31;

	if (index >= 2)
		return 0;
	memset(data, 0, FUZZ_SEED_MAX);
	data[18] = 4;                  /* PQA_REG 0x40000 */
	data[24] = index ? 0 : 0x01;   /* head 0x100 */
	for (uint8_t i = 0; i < 140; i++) {
		static const uint8_t request[16] = { 19 << 2, 0x11, 3, 0xde, 0xbc, 0xa, 0x23, 1, 0, 0x70, 0x56, 0x34 };

		memcpy(data + size, request, sizeof(request));
		data[size + 3] = i;
		size += sizeof(request);
		if (index && i % 8 == 7)
			data[size++] = 3 | 8 << 3; /* takes eight */
	}
	return size;
}
