/* An emulated VT-d unit for tests: its guest's IOTLB and device TLB invalidations; see guest_viommu.h. */
#include "tests/guest_viommu.h"

/*
 * By DID and PASID, of no device: the SPID on all of them. But the PASID may be a device's RID_PASID, and
 * then it is the RID that has the entry, which no SPID and no number names: whoever passes that on as SPID 0
 * gets a success, and stale translations. A unit with several devices adds an item for each with that
 * RID_PASID.
 */
static unsigned int of_pasid(const struct viommu *v, const struct ioasid_guest_vtd_invalidation *from,
			     struct ioasid_invalidation items[VIOMMU_ITEMS])
{
	items[1] = items[0];
	items[0].scope = IOASID_INVALIDATE_SPID;
	items[0].spid = ioasid_spid_make(from->pasid);
	items[1].scope = IOASID_INVALIDATE_BINDING;
	items[1].id = IOASID_NO_PASID;
	return from->pasid == v->rid_pasid ? 2 : 1;
}

/* Caches in a device: of one PASID there, of requests without, or of all. */
static unsigned int of_device(const struct viommu *v, const struct ioasid_guest_vtd_invalidation *from,
			      struct ioasid_invalidation *item)
{
	bool rid = from->type == IOASID_GUEST_VTD_INV_DEVICE_TLB || from->pasid == v->rid_pasid;

	if (from->source != VIOMMU_SOURCE)
		return 0;
	item->flags |= IOASID_INVALIDATE_DEVTLB;
	item->scope = from->flags & IOASID_GUEST_VTD_INV_ALL_PASIDS ? IOASID_INVALIDATE_DEVICE : IOASID_INVALIDATE_BINDING;
	/* On a MEDIATED device the IOASID would be another: ioasid_find_by_spid(). */
	item->id = rid ? IOASID_NO_PASID : from->pasid;
	return 1;
}

unsigned int viommu_items(const struct viommu *v, const struct ioasid_guest_vtd_invalidation *from,
			  struct ioasid_invalidation items[VIOMMU_ITEMS])
{
	items[0] = (struct ioasid_invalidation){
		.struct_size = sizeof(items[0]), .device = v->device, .domain = from->domain,
		.flags = from->flags & IOASID_GUEST_VTD_INV_LEAF ? IOASID_INVALIDATE_LEAF : 0,
		/* Both libraries have the same number for everything. */
		.address = from->address, .length = from->length,
	};
	switch (from->type) {
	case IOASID_GUEST_VTD_INV_IOTLB:
		items[0].scope = from->scope == IOASID_GUEST_VTD_SCOPE_GLOBAL ? IOASID_INVALIDATE_SET :
										IOASID_INVALIDATE_DOMAIN;
		return 1;
	case IOASID_GUEST_VTD_INV_PASID_IOTLB:
		return of_pasid(v, from, items);
	default:
		return of_device(v, from, items);
	}
}
