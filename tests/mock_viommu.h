/* A guest that owns the PASID table of a device: memory, table and virtual IOMMU. */
#ifndef IOASID_TESTS_MOCK_VIOMMU_H
#define IOASID_TESTS_MOCK_VIOMMU_H

#include "tests/mock_guest.h"

#define VIOMMU_CONFIG "ats=on pri=on guest_tables=on owner=either"
#define VIOMMU_ID     UINT64_C(0x50) /* virtual id of mock0; of mock1 it is one more */
#define VIOMMU_BITS   4u

struct viommu_scene {
	struct mock_guest g;
	struct ioasid_be_viommu *viommu;
	struct ioasid_be_vdevice *vdevice[2];
	uint32_t devices;
};

/* A virtual IOMMU with a virtual device for each device; GUEST_ADDRESS leads to page 7 of the guest's memory
 * by PASIDs 0 and 3 of the guest's table. Nothing is attached yet. */
void viommu_open(struct viommu_scene *s, const char *config, uint32_t devices);

/* Ends it; no device is attached. */
void viommu_close(struct viommu_scene *s);

/* The guest's entry of a PASID. */
struct ioasid_mock_pasid_entry *viommu_pasid(struct viommu_scene *s, uint32_t pasid);

struct ioasid_be_viommu_args viommu_args(struct viommu_scene *s);
struct ioasid_be_record viommu_record(uint32_t config);

/* Puts a device on an entry of that config, IOASID_MOCK_ENTRY_*. */
int32_t viommu_attach(struct viommu_scene *s, uint32_t device, uint32_t config);
int32_t viommu_set(struct viommu_scene *s, uint32_t device, uint32_t entry);
int32_t viommu_detach(struct viommu_scene *s, uint32_t device);

#endif
