/* The way from a device's address to memory; see walk.h. */
#include "walk.h"

#include "slot.h"
#include "space.h"
#include "viommu.h"

#define LEVELS     4u
#define INDEX_BITS 9u

/* Bytes that an entry of a level spans, as a shift. */
static unsigned int shift_of(unsigned int level)
{
	return PAGE_SHIFT + (level - 1) * INDEX_BITS;
}

static uint32_t perm_of(uint32_t access)
{
	return (access & IOASID_BE_MAP_READ ? PERM_READ : 0) |
	       (access & IOASID_BE_MAP_WRITE ? PERM_WRITE : 0);
}

/* What the slot adds to what its table says. */
static uint32_t slot_perm(const struct slot *slot)
{
	return (slot->flags & IOASID_BE_BIND_EXEC ? PERM_EXEC : 0) |
	       (slot->flags & IOASID_BE_BIND_PRIV ? PERM_PRIV : 0);
}

static uint32_t walk_space(const struct slot *slot, uint32_t wanted, struct translation *to)
{
	const struct mapping *mapping = space_at(slot->space, to->page);

	if (!mapping)
		return IOASID_MOCK_FAULT_NOT_PRESENT;
	to->perm = perm_of(mapping->access) | PERM_USER | slot_perm(slot);
	to->below = to->page;
	to->memory = mapping->memory + (to->page - mapping->first);
	return (to->perm & wanted) == wanted ? IOASID_MOCK_FAULT_NONE : IOASID_MOCK_FAULT_PERMISSION;
}

/* Reads an entry of a guest's table in memory that the guest may be writing. */
static uint32_t read_entry(const struct space *parent, uint64_t address, uint64_t *entry)
{
	const struct mapping *mapping = space_at(parent, address);

	if (!mapping || !(mapping->access & IOASID_BE_MAP_READ))
		return IOASID_MOCK_FAULT_PARENT;
	*entry = __atomic_load_n((const uint64_t *)(const void *)(mapping->memory +
								  (address - mapping->first)),
				 __ATOMIC_ACQUIRE);
	return IOASID_MOCK_FAULT_NONE;
}

/* Where a walk begins: at the root, or behind the upper levels if they are cached. */
static unsigned int walk_begin(const struct ioasid_be_table *table, const struct translation *to,
			       struct translation *walk)
{
	const uint64_t inside = (UINT64_C(1) << TLB_WALK_SHIFT) - 1;

	if (tlb_find(&to->device->iommu->walks, to->device, to->pasid, to->page & ~inside, 0, walk))
		return 1;
	*walk = *to;
	walk->page = to->page & ~inside;
	walk->cover = inside;
	walk->table = table->id;
	walk->below = table->root;
	walk->perm = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
	return LEVELS;
}

/* What an entry leaves of what the levels above it allow. */
static uint32_t less(uint32_t perm, uint64_t entry)
{
	if (!(entry & IOASID_MOCK_PTE_W))
		perm &= ~PERM_WRITE;
	if (!(entry & IOASID_MOCK_PTE_U))
		perm &= ~PERM_USER;
	if (entry & IOASID_MOCK_PTE_NX)
		perm &= ~PERM_EXEC;
	return perm;
}

/* Goes down to the entry of a page, gathers W, U and NX on the way, and gives the page's address in the
 * parent. */
static uint32_t walk_levels(const struct ioasid_be_table *table, struct translation *to, uint64_t *at)
{
	const uint64_t page = to->page;
	struct translation walk;

	for (unsigned int level = walk_begin(table, to, &walk);; level--) {
		const uint64_t inside = (UINT64_C(1) << shift_of(level)) - 1;
		uint64_t entry;

		*at = walk.below + (page >> shift_of(level) & ((1u << INDEX_BITS) - 1)) * sizeof(entry);
		if (read_entry(table->parent->space, *at, &entry))
			return IOASID_MOCK_FAULT_PARENT;
		*at = page;
		if (!(entry & IOASID_MOCK_PTE_P))
			return IOASID_MOCK_FAULT_NOT_PRESENT;
		walk.perm = less(walk.perm, entry);
		walk.below = entry & IOASID_MOCK_PTE_ADDRESS;
		if (level > 1 && !(entry & IOASID_MOCK_PTE_PS)) {
			if (level == 2)
				tlb_fill(&to->device->iommu->walks, &walk);
			continue;
		}
		if (level == LEVELS || (level > 1 && walk.below & inside))
			return IOASID_MOCK_FAULT_FORMAT;
		to->perm = walk.perm;
		to->cover = inside;
		to->below = walk.below | (page & inside);
		return IOASID_MOCK_FAULT_NONE;
	}
}

static uint32_t walk_table(const struct slot *slot, uint32_t wanted, struct translation *to, uint64_t *at)
{
	const struct mapping *mapping;
	uint32_t perm, fault, access;

	if (to->page >> IOASID_MOCK_TABLE_WIDTH)
		return IOASID_MOCK_FAULT_RANGE;
	fault = walk_levels(slot->table, to, at);
	if (fault)
		return fault;
	perm = (to->perm & (~PERM_EXEC | slot_perm(slot))) | (slot_perm(slot) & PERM_PRIV);
	if ((perm & wanted) != wanted)
		return IOASID_MOCK_FAULT_PERMISSION;
	mapping = space_at(slot->space, to->below);
	access = mapping ? perm_of(mapping->access) : 0;
	to->perm = perm & (~(PERM_READ | PERM_WRITE) | access);
	if ((to->perm & wanted) != wanted || !mapping) {
		*at = to->below;
		return IOASID_MOCK_FAULT_PARENT;
	}
	to->table = slot->table->id;
	to->memory = mapping->memory + (to->below - mapping->first);
	return IOASID_MOCK_FAULT_NONE;
}

/* Finds a PASID's table, or the RID's as that of PASID 0, in the guest's own. */
static uint32_t read_pasid(const struct guest_entry *guest, uint32_t pasid, uint64_t *root, uint64_t *at)
{
	struct ioasid_mock_pasid_entry entry;
	const uint64_t address = guest->table + (uint64_t)pasid * sizeof(entry);
	const struct space *parent = guest->viommu->parent->space;

	if (pasid >> guest->pasid_bits)
		return IOASID_MOCK_FAULT_RANGE;
	if (read_entry(parent, address, &entry.root) ||
	    read_entry(parent, address + sizeof(entry.root), &entry.reserved)) {
		*at = address;
		return IOASID_MOCK_FAULT_PARENT;
	}
	if (!(entry.root & IOASID_MOCK_PTE_P))
		return IOASID_MOCK_FAULT_BLOCKED;
	if (entry.root & ~(IOASID_MOCK_PTE_ADDRESS | IOASID_MOCK_PTE_P) || entry.reserved)
		return IOASID_MOCK_FAULT_FORMAT;
	*root = entry.root & IOASID_MOCK_PTE_ADDRESS;
	return IOASID_MOCK_FAULT_NONE;
}

/* A device on a guest's entry: the entry stands for a slot. */
static uint32_t walk_guest(struct device *device, uint32_t pasid, uint32_t wanted, struct translation *to,
			   uint64_t *at)
{
	const struct guest_entry *guest = &device->guest;
	struct ioasid_be_table table = { .parent = guest->viommu->parent, .id = guest->id };
	const struct slot slot = {
		.flags = (device->setup->exec ? IOASID_BE_BIND_EXEC : 0) |
			 (device->setup->priv ? IOASID_BE_BIND_PRIV : 0),
		.space = guest->viommu->parent->space,
		.table = &table,
	};
	uint32_t fault;

	*to = (struct translation){ .device = device,
				    .pasid = pasid,
				    .page = to->page,
				    .cover = PAGE_MASK_LOW,
				    .space = slot.space->id };
	if (guest->config == IOASID_MOCK_ENTRY_ABORT || (guest->config == IOASID_MOCK_ENTRY_BYPASS && pasid))
		return IOASID_MOCK_FAULT_BLOCKED;
	if (guest->config == IOASID_MOCK_ENTRY_BYPASS)
		return walk_space(&slot, wanted, to);
	fault = read_pasid(guest, pasid, &table.root, at);
	return fault ? fault : walk_table(&slot, wanted, to, at);
}

uint32_t walk(struct device *device, uint32_t pasid, uint64_t page, uint32_t wanted, struct translation *to,
	      uint64_t *at)
{
	const uint64_t bits = device->setup->iova_bits;
	const struct slot *slot;

	*at = page;
	if (!slot_in_range(device, pasid))
		return IOASID_MOCK_FAULT_RANGE;
	if (device->guest.viommu) {
		to->page = page;
		return walk_guest(device, pasid, wanted, to, at);
	}
	slot = slot_find(device, pasid);
	if (!slot || slot->state == IOASID_MOCK_SLOT_FREE || slot->state == IOASID_MOCK_SLOT_PARKED)
		return IOASID_MOCK_FAULT_BLOCKED;
	*to = (struct translation){ .device = device,
				    .pasid = pasid,
				    .page = page,
				    .cover = PAGE_MASK_LOW,
				    .space = slot->space->id };
	if (slot->table)
		return walk_table(slot, wanted, to, at);
	if (bits < 64 && page >> bits)
		return IOASID_MOCK_FAULT_RANGE;
	return walk_space(slot, wanted, to);
}
