/* The way from a device's address to memory, past all caches. */
#ifndef MOCK_WALK_H
#define MOCK_WALK_H

#include "tlb.h"

/*
 * walk() - translate a page by the slot and its tables as they are now.
 * @wanted: PERM_*, all of which the page must allow
 * @at: gets the address to tell with the fault
 *
 * Context: the machine's lock.
 * Return: IOASID_MOCK_FAULT_*; NONE fills @to.
 */
uint32_t walk(struct device *device, uint32_t pasid, uint64_t page, uint32_t wanted, struct translation *to,
	      uint64_t *at);

#endif
