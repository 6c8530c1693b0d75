/* Cached translations; see tlb.h. */
#include "tlb.h"

#include <string.h>

bool scope_hits(const struct scope *scope, const struct translation *to)
{
	const uint64_t first = to->page & ~to->cover, last = to->page | to->cover;

	switch (scope->kind) {
	case SCOPE_SLOT:
		if (to->device != scope->device || to->pasid != scope->pasid)
			return false;
		break;
	case SCOPE_DEVICE:
		return to->device == scope->device && (to->pasid || !scope->but_rid);
	case SCOPE_SPACE:
		if (to->space != scope->id)
			return false;
		/* Any page of the space may have been one of a walk's tables. */
		return !to->memory ||
		       (to->below <= scope->last && (to->below | PAGE_MASK_LOW) >= scope->first);
	case SCOPE_TABLE:
		if (to->table != scope->id)
			return false;
		break;
	}
	return first <= scope->last && last >= scope->first;
}

int32_t tlb_init(struct tlb *tlb, struct mock_mem *mem, uint64_t entries, unsigned int shift)
{
	tlb->shift = shift;
	if (!entries)
		return 0;
	tlb->entries = mock_mem_zalloc(mem, entries, sizeof(*tlb->entries));
	tlb->mask = entries - 1;
	return tlb->entries ? 0 : IOASID_BE_ENOMEM;
}

void tlb_destroy(struct tlb *tlb, struct mock_mem *mem)
{
	mock_mem_free(mem, tlb->entries);
	tlb->entries = NULL;
}

static struct translation *place_of(const struct tlb *tlb, const struct device *device, uint32_t pasid,
				    uint64_t page)
{
	/* Neighbouring pages of one slot never push each other out. */
	uint64_t hash =
		(page >> tlb->shift) + pasid * UINT64_C(0x9e3779b1) + device->number * UINT64_C(0x85ebca77);

	return &tlb->entries[hash & tlb->mask].to;
}

bool tlb_find(const struct tlb *tlb, const struct device *device, uint32_t pasid, uint64_t page,
	      uint32_t perm, struct translation *to)
{
	const struct translation *at;

	if (!tlb->entries)
		return false;
	at = place_of(tlb, device, pasid, page);
	if (at->device != device || at->pasid != pasid || at->page != page || (at->perm & perm) != perm)
		return false;
	*to = *at;
	return true;
}

void tlb_fill(struct tlb *tlb, const struct translation *to)
{
	if (tlb->entries)
		*place_of(tlb, to->device, to->pasid, to->page) = *to;
}

static void flush_one(struct tlb *tlb, const struct scope *scope)
{
	for (uint64_t i = 0; tlb->entries && i <= tlb->mask; i++) {
		struct translation *to = &tlb->entries[i].to;

		if (to->device && scope_hits(scope, to))
			memset(to, 0, sizeof(*to));
	}
}

void tlb_flush(struct ioasid_mock *mock, const struct scope *scope, enum tlb_part part)
{
	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		if (!scope->device || scope->device == &mock->devices[i])
			flush_one(&mock->devices[i].tlb, scope);
	}
	for (uint64_t i = 0; part != TLB_DEVICE && i < mock->setup->iommus; i++) {
		if (scope->device && scope->device->iommu != &mock->iommus[i])
			continue;
		flush_one(&mock->iommus[i].tlb, scope);
		if (part == TLB_EVERY)
			flush_one(&mock->iommus[i].walks, scope);
	}
}

uint32_t tlb_count(const struct tlb *tlb, const struct scope *scope)
{
	uint32_t count = 0;

	for (uint64_t i = 0; tlb->entries && i <= tlb->mask; i++) {
		const struct translation *to = &tlb->entries[i].to;

		count += to->device && scope_hits(scope, to);
	}
	return count;
}
