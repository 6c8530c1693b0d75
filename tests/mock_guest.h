/* A guest: memory, and a first-stage table in it that a test writes as a guest's kernel would. */
#ifndef IOASID_TESTS_MOCK_GUEST_H
#define IOASID_TESTS_MOCK_GUEST_H

#include "tests/mock_rig.h"

/* Guest memory: pages 0 … 31 of the rig at guest address GUEST_BASE. Tables grow from page 16 on. */
#define GUEST_BASE    UINT64_C(0x40000000)
#define GUEST_PAGES   32u
/* An address with four different indices: 1, 2, 3, 4. */
#define GUEST_ADDRESS ((UINT64_C(1) << 39) | (UINT64_C(2) << 30) | (UINT64_C(3) << 21) | (UINT64_C(4) << 12))

struct mock_guest {
	struct rig rig;
	struct ioasid_be_as *memory;
	struct ioasid_be_table *table;
	unsigned int tables; /* used */
};

/* Opens a machine with devices, the guest's memory and its table, which is made for mock0. */
void mock_guest_open(struct mock_guest *g, const char *config, uint32_t devices);
void mock_guest_close(struct mock_guest *g);

/* The guest address of a page of its memory. */
uint64_t mock_guest_page(unsigned int page);

/* The entry for @address at level @level; tables above it are made as needed, with everything allowed. */
uint64_t *mock_guest_entry(struct mock_guest *g, uint64_t address, unsigned int level);

/* The record of a table with this root, and a table of it. */
struct ioasid_be_record mock_guest_record(uint64_t root);
int32_t mock_guest_table(struct mock_guest *g, const struct ioasid_be_record *record, uint32_t device,
			 struct ioasid_be_table **table);

#endif
