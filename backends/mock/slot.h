/*
 * Slots: what a PASID of a device, or its RID, is attached to, and the counts of what is in use by that.
 *
 * Every function wants the machine's lock.
 */
#ifndef MOCK_SLOT_H
#define MOCK_SLOT_H

#include "machine.h"

/* slot_find() - the slot of @pasid (0: the RID), which is in range; NULL: its leaf was never needed, so it is
 * free. */
struct slot *slot_find(struct device *device, uint32_t pasid);

/* slot_make() - the same, making the leaf. NULL: no memory. */
struct slot *slot_make(struct ioasid_mock *mock, struct device *device, uint32_t pasid);

/* slot_forget() - give the leaves back; all their slots are free. */
void slot_forget(struct ioasid_mock *mock, struct device *device);

/* slot_in_range() - can the device have this PASID? The RID always. */
bool slot_in_range(const struct device *device, uint32_t pasid);

/* slot_taken() - did a context attach it? */
static inline bool slot_taken(const struct slot *slot)
{
	return slot && (slot->state == IOASID_MOCK_SLOT_ATTACHED || slot->state == IOASID_MOCK_SLOT_PARKED);
}

/* What a slot leads to; the members mean the same as those of a slot. */
struct target {
	struct space *space;
	struct ioasid_be_as *as;
	struct ioasid_be_table *table;
	uint32_t flags;
};

static inline struct target slot_target(const struct slot *slot)
{
	return (struct target){ slot->space, slot->as, slot->table, slot->flags };
}

/* target_faultq() - who takes page requests; NULL: nobody. */
static inline struct ioasid_be_faultq *target_faultq(const struct target *target)
{
	return target->table ? target->table->faultq : target->space ? target->space->faultq : NULL;
}

/* slot_set() - write a slot; counts are the caller's business. */
void slot_set(struct slot *slot, uint32_t state, const struct target *target);

/* target_use() - count one slot of @device more on a target. ENOSPC: the IOMMU's domain numbers are used up.
 */
int32_t target_use(struct ioasid_mock *mock, const struct device *device, const struct target *target,
		   struct ioasid_be_text *why);

/* target_unuse() - undo it. */
void target_unuse(const struct ioasid_mock *mock, const struct device *device, const struct target *target);

#endif
