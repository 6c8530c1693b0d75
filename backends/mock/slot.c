/* Slots of devices; see slot.h. */
#include "slot.h"

#include "structs.h"

bool slot_in_range(const struct device *device, uint32_t pasid)
{
	return !pasid || (device->setup->pasid_bits && pasid >> device->setup->pasid_bits == 0);
}

struct slot *slot_find(struct device *device, uint32_t pasid)
{
	struct slot *leaf;

	if (!pasid)
		return &device->rid;
	leaf = device->pasids[pasid >> SLOT_LEAF_BITS];
	return leaf ? &leaf[pasid & (SLOT_LEAF_SIZE - 1)] : NULL;
}

struct slot *slot_make(struct ioasid_mock *mock, struct device *device, uint32_t pasid)
{
	struct slot **leaf = &device->pasids[pasid >> SLOT_LEAF_BITS];

	if (pasid && !*leaf)
		*leaf = mock_mem_zalloc(&mock->mem, SLOT_LEAF_SIZE, sizeof(**leaf));
	return slot_find(device, pasid);
}

void slot_forget(struct ioasid_mock *mock, struct device *device)
{
	for (uint32_t i = 0; i < SLOT_LEAVES; i++) {
		mock_mem_free(&mock->mem, device->pasids[i]);
		device->pasids[i] = NULL;
	}
}

void slot_set(struct slot *slot, uint32_t state, const struct target *target)
{
	slot->state = state;
	slot->space = target->space;
	slot->as = target->as;
	slot->table = target->table;
	slot->flags = target->flags;
}

/* Slots that share the target's domain number. A table never leaves its IOMMU. */
static uint64_t *domain_of(const struct ioasid_mock *mock, const struct device *device,
			   const struct target *target)
{
	return target->table ? &target->table->slots : &target->space->domain[device->iommu - mock->iommus];
}

int32_t target_use(struct ioasid_mock *mock, const struct device *device, const struct target *target,
		   struct ioasid_be_text *why)
{
	uint64_t *domain = domain_of(mock, device, target);

	if (!*domain) {
		if (mock->setup->domains && device->iommu->domains >= mock->setup->domains)
			return wire_why(why, IOASID_BE_ENOSPC, "domain numbers of IOMMU %u",
					(unsigned int)(device->iommu - mock->iommus));
		device->iommu->domains++;
	}
	++*domain;
	if (target->as)
		target->as->slots++;
	target->space->attached[device->number]++;
	return 0;
}

void target_unuse(const struct ioasid_mock *mock, const struct device *device, const struct target *target)
{
	uint64_t *domain = domain_of(mock, device, target);

	if (!--*domain)
		device->iommu->domains--;
	if (target->as)
		target->as->slots--;
	target->space->attached[device->number]--;
}
