/*
 * Target: root, context, directory and table entries, by PASID and by walks.
 *
 * Guest memory has sixteen pages of 256 bytes each, and every guest physical page is one of them, so that
 * small inputs have structures at whatever address they name.
 */
#include "tests/fuzz/fuzz.h"

enum { PAGES = 16, PAGE = 256 };

struct memory {
	struct fuzz_input input;
	uint64_t reads;
	/* The directory: where the next 8 byte read, if any, has to be. */
	uint64_t from;
	uint64_t to;
	/* What was read last. */
	uint8_t last[64];
	uint32_t length;
};

static int read_memory(void *context, uint64_t address, void *buffer, uint32_t length)
{
	struct memory *memory = context;
	size_t offset = (size_t)(address / 4096 % PAGES * PAGE + address % PAGE);

	memory->reads++;
	MUST(length == 8 || length == 32 || length == 64);
	MUST(!(address >> FUZZ_BITS));
	MUST(address % length == 0);
	if (length == 8 && memory->to)
		MUST(address >= memory->from && address < memory->to);
	if (offset + length > memory->input.size)
		return -EIO;
	memcpy(buffer, memory->input.data + offset, length);
	memcpy(memory->last, buffer, length);
	memory->length = length;
	return 0;
}

static uint64_t word(const struct memory *memory, unsigned int index)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value |= (uint64_t)memory->last[8 * index + i] << 8 * i;
	return value;
}

static void check_context(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_context *c,
			  const struct memory *memory)
{
	uint32_t pasids = ioasid_guest_vtd_unit_pasids(unit);

	MUST(memory->length == 32);
	MUST((word(memory, 0) & 1) && !(word(memory, 0) & 0x1e0) && !(word(memory, 1) >> 21));
	MUST(!word(memory, 2) && !word(memory, 3));
	MUST(c->entries >= 128 && c->entries <= 16384 && !(c->entries & (c->entries - 1)));
	MUST(c->pasids && c->pasids <= c->entries * 64 && (!pasids || c->pasids <= pasids));
	MUST(!(c->directory % 4096) && !(c->directory >> FUZZ_BITS));
	MUST(c->rid_pasid < 1 << 20 && c->flags < 32);
}

static void check_entry(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_entry *e)
{
	bool first = e->type == IOASID_GUEST_VTD_FIRST || e->type == IOASID_GUEST_VTD_NESTED;
	bool second = e->type == IOASID_GUEST_VTD_SECOND || e->type == IOASID_GUEST_VTD_NESTED;
	struct ioasid_record record;
	int rc;

	MUST(e->type >= IOASID_GUEST_VTD_FIRST && e->type <= IOASID_GUEST_VTD_PASS_THROUGH);
	MUST(e->domain < ioasid_guest_vtd_unit_domains(unit));
	MUST(first ? e->first_width == 48 || e->first_width == 57 : !e->first_width && !e->first_root);
	MUST(second || !e->second_root);
	MUST(e->type == IOASID_GUEST_VTD_FIRST ? !e->second_width
					       : e->second_width == 39 || e->second_width == 48 ||
							 e->second_width == 57);
	MUST(!(e->second_root >> FUZZ_BITS) && !(e->second_root % 4096) && !(e->first_root % 4096));
	MUST(e->type == IOASID_GUEST_VTD_NESTED ? !(e->first_root >> e->second_width)
						: !(e->first_root >> FUZZ_BITS));
	MUST(e->flags < 16384 && e->memory_type < 8 && !e->reserved);
	rc = ioasid_guest_vtd_entry_record(e, &record);
	MUST(rc == -EOPNOTSUPP || (!rc && e->type == IOASID_GUEST_VTD_FIRST && record.length == 24));
}

/* One that was just read: what the specification reserves is 0 in it. */
static void check_entry_bits(const struct memory *memory)
{
	MUST(memory->length == 64);
	MUST((word(memory, 0) & 1) && !(word(memory, 0) & 0xc20) && !(word(memory, 1) & 0x7f0000) &&
	     !(word(memory, 2) & 0xf00));
	for (unsigned int i = 3; i < 8; i++)
		MUST(!word(memory, i));
}

static void find(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_context *context,
		 struct memory *memory, uint32_t pasid)
{
	struct ioasid_guest_error error = { 0 };
	struct ioasid_guest_vtd_entry entry;
	int rc;

	memory->from = context->directory;
	memory->to = context->directory + 8 * context->entries;
	memory->reads = 0;
	rc = ioasid_guest_vtd_entry_find(unit, context, pasid, &entry, &error);
	fuzz_check_error(rc, &error);
	MUST(memory->reads <= 2);
	if (rc)
		return;
	MUST(pasid == IOASID_GUEST_VTD_NO_PASID ? context->rid_pasid < context->pasids : pasid < context->pasids);
	check_entry(unit, &entry);
	check_entry_bits(memory);
	memory->to = 0;
}

static void check_item(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_item *item,
		       const struct ioasid_guest_vtd_cursor *cursor)
{
	MUST(item->count >= 1 && item->count <= 512);
	MUST(item->pasid + item->count <= cursor->next && item->pasid + item->count <= 1 << 20);
	MUST(!item->status || item->status == -EFAULT || item->status == -EBADMSG);
	fuzz_check_error(item->status, &item->error);
	if (item->status)
		return;
	MUST(item->count == 1);
	MUST(cursor->domain == IOASID_GUEST_VTD_ANY_DOMAIN || cursor->domain == item->entry.domain);
	check_entry(unit, &item->entry);
}

static void walk(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_context *context,
		 struct memory *memory, struct ioasid_guest_vtd_cursor *cursor, uint32_t budget, uint32_t capacity)
{
	struct ioasid_guest_vtd_item items[8];
	uint32_t behind = cursor->next;
	uint32_t count;
	int rc = 1;

	memory->to = 0;
	for (unsigned int calls = 0; calls < 6 && rc == 1; calls++) {
		uint32_t stood = cursor->next;

		memory->reads = 0;
		rc = ioasid_guest_vtd_walk(unit, context, cursor, budget, items, capacity, &count);
		MUST(rc == 0 || rc == 1);
		MUST(memory->reads <= budget && count <= capacity);
		MUST(cursor->next > stood || rc == 0);
		MUST(cursor->next <= cursor->last + 1 && cursor->next <= (context->pasids > stood ? context->pasids : stood));
		for (uint32_t i = 0; i < count; i++) {
			MUST(items[i].pasid >= behind);
			check_item(unit, &items[i], cursor);
			behind = items[i].pasid + items[i].count;
		}
	}
}

void fuzz_tables(const uint8_t *data, size_t size)
{
	struct memory memory = { .input = { data, size } };
	struct ioasid_guest_vtd_unit unit = fuzz_unit(&memory.input);
	struct ioasid_guest_error error = { 0 };
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_cursor cursor;
	uint64_t rtaddr = fuzz_take(&memory.input, 8);
	uint32_t source = (uint32_t)fuzz_take(&memory.input, 2);
	uint32_t pasid = (uint32_t)fuzz_take(&memory.input, 3);
	uint32_t budget = (uint32_t)fuzz_take(&memory.input, 1) % 64 + IOASID_GUEST_VTD_BUDGET_MIN;
	uint32_t capacity = (uint32_t)fuzz_take(&memory.input, 1) % 8 + 1;
	uint32_t domain = (uint32_t)fuzz_take(&memory.input, 1);
	int rc;

	unit.memory = (struct ioasid_guest_memory){ &memory, read_memory };
	rc = ioasid_guest_vtd_context_find(&unit, rtaddr, source, &context, &error);
	fuzz_check_error(rc, &error);
	MUST(memory.reads <= 2);
	MUST((rc == -EINVAL) == (ioasid_guest_vtd_unit_check(&unit) != 0));
	if (rc)
		return;
	check_context(&unit, &context, &memory);
	find(&unit, &context, &memory, pasid % (1 << 20));
	find(&unit, &context, &memory, IOASID_GUEST_VTD_NO_PASID);
	/* From the PASID on, and all; of one domain, and of any. */
	MUST(!ioasid_guest_vtd_cursor_init(&cursor, pasid % (1 << 20), (1 << 20) - 1, domain));
	walk(&unit, &context, &memory, &cursor, budget, capacity);
	MUST(!ioasid_guest_vtd_cursor_init(&cursor, 0, pasid % (1 << 20), IOASID_GUEST_VTD_ANY_DOMAIN));
	walk(&unit, &context, &memory, &cursor, budget, capacity);
}

static void put(uint8_t *data, size_t offset, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		data[offset + i] = (uint8_t)(value >> 8 * i);
}

/* Registers take 32 bytes; then pages 0 ... 3: root, contexts, directory, table with an entry of each type. */
size_t fuzz_seed_tables(unsigned int index, uint8_t *data)
{
	const size_t memory = 32;
	const size_t size = memory + 4 * PAGE;

	if (index >= 5)
		return 0;
	memset(data, 0, size);
	put(data, 16, 0x400);                                   /* RTADDR_REG, scalable */
	data[26] = index == 1 ? 3 : 0;                          /* source 0, the PASID */
	data[29] = 20;                                          /* budget, room and domain */
	data[30] = 3;
	data[31] = 1;
	put(data, memory, 0x1001);                              /* root: contexts in page 1 */
	put(data, memory + PAGE, index == 2 ? 0x200d : 0x2e1d); /* context: directory in page 2 */
	if (index == 4) { /* a directory that goes on beyond the width of addresses */
		put(data, memory + PAGE, 0x3ffffffffe1d);
		data[27] = 0x80;
	}
	for (size_t i = 0; i < 32; i += index == 3 ? 1 : 5)
		put(data, memory + 2 * PAGE + 8 * i, 0x3001);   /* tables in page 3 */
	for (uint64_t i = 0; i < 4; i++) {
		put(data, memory + 3 * PAGE + 64 * i, 0x9009 | (i + 1) << 6);
		put(data, memory + 3 * PAGE + 64 * i + 8, i);
		put(data, memory + 3 * PAGE + 64 * i + 16, 0x5011);
	}
	return size;
}
