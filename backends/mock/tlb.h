/*
 * Translations, what caches them, and scopes that say which ones are meant.
 *
 * A TLB is direct-mapped and tagged by (device, PASID, page). An entry holds the whole way to memory, so it
 * is as stale as its tables have become since it was filled. What is cached of the upper levels of a
 * nested table is an entry of the same kind, in a TLB of its own. Every function wants the machine's lock.
 */
#ifndef MOCK_TLB_H
#define MOCK_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

#define PERM_READ  1u
#define PERM_WRITE 2u
#define PERM_EXEC  4u
#define PERM_USER  8u  /* reached without privilege */
#define PERM_PRIV  16u /* reached with privilege */

/* Where a page leads, and over what. */
struct translation {
	const struct device *device; /* NULL: nothing is here */
	uint32_t pasid;
	uint32_t perm;  /* PERM_* */
	uint64_t page;  /* device's address, of a whole page */
	uint64_t cover; /* bytes - 1, of what invalidates it: of the page as it stands in a nested table */
	uint64_t below; /* the page's address in the space: the same unless there is a nested table */
	uint64_t space; /* id */
	uint64_t table; /* id; 0: none */
	char *memory;   /* the page; NULL: a walk down to the last level, whose table is at `below` */
};
#define TLB_WALK_SHIFT 21u /* what a table of the last level spans */

struct tlb_entry {
	struct translation to;
};

enum scope_kind { SCOPE_SLOT, SCOPE_DEVICE, SCOPE_SPACE, SCOPE_TABLE };

struct scope {
	enum scope_kind kind;
	const struct device *device; /* SLOT, DEVICE; else NULL */
	uint32_t pasid;              /* SLOT */
	bool but_rid;                /* DEVICE: its PASIDs only */
	uint64_t id;                 /* SPACE, TABLE */
	uint64_t first;              /* all but DEVICE: bytes, */
	uint64_t last;               /* inclusive */
};

/* A whole slot. */
static inline struct scope scope_slot(const struct device *device, uint32_t pasid)
{
	return (struct scope){ .kind = SCOPE_SLOT, .device = device, .pasid = pasid, .last = UINT64_MAX };
}

bool scope_hits(const struct scope *scope, const struct translation *to);

int32_t tlb_init(struct tlb *tlb, struct mock_mem *mem, uint64_t entries, unsigned int shift);
void tlb_destroy(struct tlb *tlb, struct mock_mem *mem);

/* tlb_find() - a cached translation that allows @perm. One that does not is as good as none. */
bool tlb_find(const struct tlb *tlb, const struct device *device, uint32_t pasid, uint64_t page,
	      uint32_t perm, struct translation *to);
void tlb_fill(struct tlb *tlb, const struct translation *to);

enum tlb_part {
	TLB_EVERY,
	TLB_LEAF,   /* translations, but not the upper levels */
	TLB_DEVICE, /* what devices cache */
};

/* tlb_flush() - drop a scope in every TLB of that part that may have it. */
void tlb_flush(struct ioasid_mock *mock, const struct scope *scope, enum tlb_part part);
uint32_t tlb_count(const struct tlb *tlb, const struct scope *scope);

#endif
