/* A guest with memory and a first-stage table; see mock_guest.h. */
#include "tests/mock_guest.h"

#include <string.h>

#include "tests/harness.h"

#define FIRST_TABLE 16u

uint64_t mock_guest_page(unsigned int page)
{
	return GUEST_BASE + (uint64_t)page * RIG_PAGE;
}

/* The word of a table page for an address at a level. */
static uint64_t *entry_at(struct mock_guest *g, uint64_t table, unsigned int level, uint64_t address)
{
	unsigned int page = (unsigned int)((table - GUEST_BASE) / RIG_PAGE);

	return (uint64_t *)(void *)rig_page(&g->rig, page) + (address >> (12 + 9 * (level - 1)) & 511);
}

static uint64_t new_table(struct mock_guest *g)
{
	unsigned int page = FIRST_TABLE + g->tables++;

	REQUIRE(page < GUEST_PAGES);
	memset(rig_page(&g->rig, page), 0, RIG_PAGE);
	return mock_guest_page(page);
}

/* The entry for @address at level @level, tables above it made as needed with everything allowed. */
uint64_t *mock_guest_entry(struct mock_guest *g, uint64_t address, unsigned int level)
{
	uint64_t table = mock_guest_page(FIRST_TABLE);

	for (unsigned int at = 4; at > level; at--) {
		uint64_t *entry = entry_at(g, table, at, address);

		if (!(*entry & IOASID_MOCK_PTE_P))
			*entry = new_table(g) | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;
		table = *entry & IOASID_MOCK_PTE_ADDRESS;
	}
	return entry_at(g, table, level, address);
}

struct ioasid_be_record mock_guest_record(uint64_t root)
{
	const struct ioasid_mock_table table = { .root = root, .width = IOASID_MOCK_TABLE_WIDTH };
	struct ioasid_be_record record = { .type = IOASID_BE_PT_MOCK, .length = sizeof(table) };

	memcpy(record.bytes, &table, sizeof(table));
	return record;
}

int32_t mock_guest_table(struct mock_guest *g, const struct ioasid_be_record *record, uint32_t device,
			 struct ioasid_be_table **table)
{
	const struct ioasid_be_table_args args = {
		.struct_size = sizeof(args), .dev = g->rig.dev[device], .parent = g->memory, .entry = record
	};

	return g->rig.nested->create(g->rig.ctx, &args, table, &g->rig.why);
}

void mock_guest_open(struct mock_guest *g, const char *config, uint32_t devices)
{
	struct ioasid_be_record record;
	struct ioasid_be_map map;

	memset(g, 0, sizeof(*g));
	rig_open(&g->rig, config, devices);
	g->memory = rig_space(&g->rig, IOASID_BE_USE_PARENT);
	map = rig_map_args(&g->rig, GUEST_BASE, 0, GUEST_PAGES);
	REQUIRE_EQ(g->rig.paging->map(g->memory, &map), 0);
	record = mock_guest_record(new_table(g));
	REQUIRE_EQ(mock_guest_table(g, &record, 0, &g->table), 0);
}

void mock_guest_close(struct mock_guest *g)
{
	CHECK_EQ(g->rig.nested->destroy(g->table), 0);
	CHECK_EQ(g->rig.paging->destroy(g->memory), 0);
	rig_close(&g->rig);
}
