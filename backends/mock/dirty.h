/* Dirty pages: which pages of an address space DMA has written since somebody looked. */
#ifndef MOCK_DIRTY_H
#define MOCK_DIRTY_H

#include "space.h"
#include "tlb.h"

/* dirty_cover() - give mappings that have none a clean bitmap, all of them or none. ENOMEM. Context: the
 * machine's lock. */
int32_t dirty_cover(struct ioasid_mock *mock, struct mapping *mappings, uint64_t count);

/* dirty_uncover() - take the bitmaps away. Context: the machine's lock. */
void dirty_uncover(struct ioasid_mock *mock, struct mapping *mappings, uint64_t count);

/* dirty_mark() - DMA writes through a translation. Context: the machine's lock. */
void dirty_mark(struct ioasid_mock *mock, const struct translation *to);

#endif
