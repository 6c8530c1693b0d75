/*
 * An emulated VT-d unit with one DIRECT device, made of the two libraries: libioasid-guest reads what the
 * guest wrote, libioasid carries it out on the mock.
 *
 * Each PASID that the guest has ever used keeps its IOASID of the same number, which is bound while the
 * guest's entry says so (S3.5); the entry that is RID_PASID is on the device's RID. The guest is the test: it
 * writes its memory with image_word() and friends, and rings with viommu_submit().
 */
#ifndef IOASID_TESTS_GUEST_VIOMMU_H
#define IOASID_TESTS_GUEST_VIOMMU_H

#include "tests/device_rig.h"
#include "tests/guest_image.h"

enum { VIOMMU_PASIDS = 64, VIOMMU_ITEMS = 2 };

/* Where the guest has its structures. The device is 00:01.0. */
#define VIOMMU_ROOT   UINT64_C(0x100000)
#define VIOMMU_DIR    UINT64_C(0x102000)
#define VIOMMU_TABLE  UINT64_C(0x103000)
#define VIOMMU_QUEUE  UINT64_C(0x104000)
#define VIOMMU_PAGES  UINT64_C(0x105000)
#define VIOMMU_STATUS UINT64_C(0x106000)
#define VIOMMU_SOURCE UINT32_C(0x0008)
#define VIOMMU_WIDTH  UINT32_C(32) /* of a descriptor */
#define VIOMMU_QUEUE_BYTES UINT32_C(4096)

/* A PASID of the device, or its RID. */
struct viommu_slot {
	bool known; /* has an IOASID */
	bool bound;
	bool seen;  /* in the walk that is under way */
	struct ioasid_guest_vtd_entry entry;
};

struct viommu {
	struct drig *rig;
	unsigned int number; /* of the device, on the rig and the mock */
	struct ioasid_device *device;
	struct ioasid_set *set;
	struct image image;
	struct ioasid_guest_vtd_queue queue;
	struct ioasid_guest_vtd_page_queue pages;
	struct viommu_slot pasid[VIOMMU_PASIDS];
	struct viommu_slot rid;          /* requests without PASID */
	uint32_t rid_pasid;              /* the entry that they use */
	struct ioasid_guest_error error; /* what stopped the queue */
	unsigned int iotlb;              /* IOTLB and device TLB descriptors */
	unsigned int rebinds;
	unsigned int responses;
};

/* Device @number of the rig as a guest's own, with faults on if the mock has page requests. */
void viommu_open(struct viommu *v, struct drig *rig, unsigned int number, bool faults);
void viommu_close(struct viommu *v);

/* The guest: an entry of a PASID on the rig's table @t, or cleared. Nothing happens before an invalidation. */
void viommu_set(struct viommu *v, uint32_t pasid, uint32_t domain, unsigned int t);
void viommu_clear(struct viommu *v, uint32_t pasid);
/* The guest writes a descriptor; then a wait that stores @number, and the tail. Return: what became of them:
 * 0, or the error that stopped the queue. */
void viommu_write(struct viommu *v, uint64_t word0, uint64_t word1);
int viommu_submit(struct viommu *v, uint32_t number);
/* Goes on with a queue that an error has stopped. */
int viommu_ring(struct viommu *v);
uint32_t viommu_status(struct viommu *v);

/* The VMM: what an IOTLB or device TLB descriptor is to ioasid_invalidate(), as items. Return: how many; 0:
 * it is about another device. */
unsigned int viommu_items(const struct viommu *v, const struct ioasid_guest_vtd_invalidation *from,
			  struct ioasid_invalidation items[VIOMMU_ITEMS]);
/* The VMM: hands the faults of the context to the guest, and answers those that its queue has no room for.
 * Return: how many it was handed. */
unsigned int viommu_faults(struct viommu *v);

#endif
