/* Target: the invalidation queue. Guest memory has 1024 bytes, at every address modulo that. */
#include "tests/fuzz/fuzz.h"

enum { BYTES = 1024 };

struct memory {
	struct fuzz_input input;
	uint64_t reads;
	uint64_t next; /* the only address that may be read, and how much */
	uint32_t width;
	uint64_t tail; /* where nothing is read */
	uint64_t base;
	uint64_t size;
};

static int read_memory(void *context, uint64_t address, void *buffer, uint32_t length)
{
	struct memory *memory = context;
	size_t offset = (size_t)(address % BYTES);

	memory->reads++;
	MUST(!(address >> FUZZ_BITS));
	MUST(length == memory->width && address % length == 0);
	MUST(address == memory->base + memory->next && memory->next != memory->tail);
	memory->next = (memory->next + length) % memory->size;
	if (offset + length > memory->input.size)
		return -EIO;
	memcpy(buffer, memory->input.data + offset, length);
	return 0;
}

static void check_range(const struct ioasid_guest_vtd_invalidation *i)
{
	if (i->length == IOASID_GUEST_VTD_LENGTH_ALL) {
		MUST(!i->address);
		return;
	}
	MUST(i->scope == IOASID_GUEST_VTD_SCOPE_PAGES || !i->length);
	MUST(!i->length || (i->length >= 4096 && !(i->length & (i->length - 1))));
	MUST(i->length ? !(i->address & (i->length - 1)) : !i->address);
}

static void check_invalidation(const struct ioasid_guest_vtd_unit *unit,
			       const struct ioasid_guest_vtd_invalidation *i, uint32_t width)
{
	bool tlb = i->type == IOASID_GUEST_VTD_INV_DEVICE_TLB || i->type == IOASID_GUEST_VTD_INV_PASID_TLB;

	MUST(i->type >= IOASID_GUEST_VTD_INV_CONTEXT && i->type <= IOASID_GUEST_VTD_INV_RESPONSE);
	MUST(width == 32 || i->type <= IOASID_GUEST_VTD_INV_WAIT);
	MUST(i->scope <= IOASID_GUEST_VTD_SCOPE_INDEX && i->flags < 512);
	MUST((i->scope == IOASID_GUEST_VTD_SCOPE_NONE) ==
	     (i->type == IOASID_GUEST_VTD_INV_WAIT || i->type == IOASID_GUEST_VTD_INV_RESPONSE));
	MUST(i->domain < ioasid_guest_vtd_unit_domains(unit));
	MUST(i->pasid == IOASID_GUEST_VTD_NO_PASID || i->pasid < ioasid_guest_vtd_unit_pasids(unit));
	MUST(i->scope != IOASID_GUEST_VTD_SCOPE_PASID || i->pasid != IOASID_GUEST_VTD_NO_PASID);
	MUST(i->source <= 0xffff && i->source_mask <= 7 && i->physical <= 0xffff && i->throttle < 32);
	MUST(tlb || (!i->physical && !i->throttle));
	MUST(i->group < 512 && (i->response < 2 || i->response == 15));
	MUST(i->index + i->count <= 65536 && !(i->count & (i->count - 1)) && (!i->count || !(i->index % i->count)));
	MUST(!(i->status_address >> FUZZ_BITS) && !(i->status_address % 4));
	check_range(i);
}

void fuzz_queue(const uint8_t *data, size_t size)
{
	struct memory memory = { .input = { data, size } };
	struct ioasid_guest_vtd_unit unit = fuzz_unit(&memory.input);
	struct ioasid_guest_vtd_queue queue = { .rtaddr = fuzz_take(&memory.input, 2) };
	uint32_t capacity = (uint32_t)fuzz_take(&memory.input, 1) % 8 + 1;
	struct ioasid_guest_vtd_invalidation out[8];
	int rc = 0;

	queue.iqa = fuzz_take(&memory.input, 8);
	queue.iqh = fuzz_take(&memory.input, 3);
	queue.iqt = fuzz_take(&memory.input, 3);
	unit.memory = (struct ioasid_guest_memory){ &memory, read_memory };
	memory.base = queue.iqa & ~UINT64_C(0xfff);
	memory.size = UINT64_C(4096) << (queue.iqa & 7);
	memory.width = queue.iqa & 0x800 ? 32 : 16;
	memory.tail = queue.iqt;
	for (unsigned int calls = 0; calls < 16 && !rc; calls++) {
		struct ioasid_guest_error error = { 0 };
		uint64_t head = queue.iqh;
		uint32_t count;

		memory.next = head;
		memory.reads = 0;
		rc = ioasid_guest_vtd_queue_read(&unit, &queue, out, capacity, &count, &error);
		fuzz_check_error(rc, &error);
		MUST((rc == -EINVAL) == (ioasid_guest_vtd_unit_check(&unit) != 0));
		MUST(count <= capacity && memory.reads >= count && memory.reads <= count + 1);
		MUST(rc ? queue.iqh == head || count : queue.iqh == (head + count * memory.width) % memory.size);
		MUST(rc || count == capacity || queue.iqh == queue.iqt);
		MUST(rc || (queue.iqt < memory.size && queue.iqt % memory.width == 0));
		for (uint32_t i = 0; i < count; i++)
			check_invalidation(&unit, &out[i], memory.width);
		if (!rc && !count)
			return;
	}
}

static void put(uint8_t *data, size_t offset, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		data[offset + i] = (uint8_t)(value >> 8 * i);
}

/* Registers take 33 bytes; then descriptors: of 32 bytes with seed 0, of 16 with seed 1, wrapping with seed
 * 2. */
size_t fuzz_seed_queue(unsigned int index, uint8_t *data)
{
	static const uint64_t words[][2] = {
		{ 0x11 }, { 0x12340021 }, { 0x0003031112340031 }, { 0xd2 }, { 0x50032, 0x12345042 },
		{ 0x0000031100005003, 0xab7001 }, { 0x0000012320000014 }, { 0xdeadbeef00000025, 0x1234564 },
		{ 0x1000000d5 }, { 0x000abcde00090026 }, { 0x000abcde00090036, 0x7f0000234049 }, { 0x0000000100070017 },
		{ 0x37 }, { 0x0000000203110108, 0x55551800 }, { 0x0000000503110019, 0x918 },
		{ 0x0000000003111009, 4 },
	};
	const size_t memory = 33, width = index == 1 ? 16 : 32;
	size_t size = memory + 16 * width;

	if (index >= 3)
		return 0;
	memset(data, 0, size);
	data[17] = index == 1 ? 0 : 4;
	data[18] = 3;
	put(data, 19, 0x40000 | (index == 1 ? 0 : 0x800));
	/* Tail and head; what this writes too far the descriptors cover. */
	if (index == 2)
		put(data, 27, UINT64_C(0xa0) << 24 | 0xfe0);
	else
		put(data, 27, (uint64_t)(index == 1 ? 9 : 16) * width << 24);
	for (size_t i = 0; i < 16; i++) {
		put(data, memory + i * width, words[i][0]);
		put(data, memory + i * width + 8, words[i][1]);
	}
	return size;
}
