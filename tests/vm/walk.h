/*
 * What the unit's tables in memory say, as the kernel's debugfs shows them: what DMA of a PASID would reach.
 * It walks what the hardware walks, from the PASID table entry on, and knows nothing of iommufd.
 */
#ifndef IOASID_TESTS_VM_WALK_H
#define IOASID_TESTS_VM_WALK_H

#include <stdbool.h>
#include <stdint.h>

/* What walk_page() and walk_count() answer where there is nothing, and where nothing can be found out. */
#define WALK_NOTHING UINT64_C(0)
#define WALK_ERROR UINT64_MAX

/* walk_page() - the physical address of the page that an IOVA is translated to, for (device, PASID); 0: the
 * RID. */
uint64_t walk_page(const char *address, uint32_t pasid, uint64_t iova);

/* walk_count() - how many pages (device, PASID) reaches. */
uint64_t walk_count(const char *address, uint32_t pasid);

#endif
