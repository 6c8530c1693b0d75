/* Page tables as debugfs shows them; see walk.h. */
#include "tests/vm/walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT 12
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

/* One folder for each attached PASID, in hexadecimal digits; the device's own file is the RID's. */
static FILE *tables_of(const char *address, uint32_t pasid)
{
	char path[256];

	if (pasid == 0)
		snprintf(path, sizeof(path), "/sys/kernel/debug/iommu/intel/%s/domain_translation_struct", address);
	else
		snprintf(path, sizeof(path), "/sys/kernel/debug/iommu/intel/%s/%x/domain_translation_struct", address,
			 pasid);
	return fopen(path, "re");
}

/* The last entry of a line, which begins with the number of the page: that is what maps it. */
static uint64_t leaf(const char *line)
{
	const char *last = strrchr(line, '\t');

	return last == NULL ? 0 : strtoull(last + 1, NULL, 16) & ENTRY_ADDRESS;
}

/* Goes through all lines: how many pages there are, and where one of them is. */
static uint64_t walk(const char *address, uint32_t pasid, uint64_t wanted, uint64_t *page)
{
	FILE *file = tables_of(address, pasid);
	uint64_t count = 0;
	char line[512];

	*page = WALK_NOTHING;
	if (file == NULL)
		return errno == ENOENT ? WALK_NOTHING : WALK_ERROR;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *end;
		uint64_t number = strtoull(line, &end, 16);

		/* Headings have no number, and pages are not mapped at 0 here. */
		if (end == line || strncmp(line, "0x", 2) != 0)
			continue;
		count++;
		if (number == wanted >> PAGE_SHIFT)
			*page = leaf(line);
	}
	if (ferror(file))
		count = *page = WALK_ERROR;
	fclose(file);
	return count;
}

uint64_t walk_page(const char *address, uint32_t pasid, uint64_t iova)
{
	uint64_t page;

	return walk(address, pasid, iova, &page) == WALK_ERROR ? WALK_ERROR : page;
}

uint64_t walk_count(const char *address, uint32_t pasid)
{
	uint64_t page;

	return walk(address, pasid, UINT64_MAX, &page);
}
