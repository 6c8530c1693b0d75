/*
 * Virtual IOMMUs: a guest owns the PASID table of a device, and numbers the device itself.
 *
 * A device that is attached to a guest's entry has no slots: its RID and PASIDs are looked up in the guest's
 * table, in the parent address space, at each walk. Every function wants the machine's lock.
 */
#ifndef MOCK_VIOMMU_H
#define MOCK_VIOMMU_H

#include "machine.h"
#include "slot.h"

struct ioasid_be_viommu {
	struct ioasid_be_ctx *ctx;
	struct ioasid_be_as *parent;
	struct iommu *iommu;
	uint64_t id;
	uint64_t entries; /* devices attached */
	uint64_t vdevices;
	struct ioasid_be_eventq *events; /* NULL: nobody wants any */
};

struct ioasid_be_vdevice {
	struct ioasid_be_viommu *viommu;
	struct device *device;
	uint64_t virtual_id;
};

/* viommu_device() - which device a virtual IOMMU calls this; NULL: none. */
struct device *viommu_device(struct ioasid_mock *mock, const struct ioasid_be_viommu *viommu,
			     uint64_t virtual_id);

/* viommu_translates() - is the device on a guest's table? */
static inline bool viommu_translates(const struct device *device)
{
	return device->guest.viommu && device->guest.config == IOASID_MOCK_ENTRY_TRANSLATE;
}

/* viommu_block() - what device_block does to such a device: the entry aborts. */
void viommu_block(struct device *device);

#endif
