/* SPDX-License-Identifier: MIT */
/*
 * The part of the kernel's iommufd and VFIO interface that the plugins use, declared anew: the headers of the
 * oldest system that we build on know neither. Numbers and layouts are the kernel's and are checked against
 * its newest headers by tests/test_uapi.c. No ioctl of these encodes a size: each structure carries its own
 * in its first word.
 */
#ifndef IOASID_IOMMUFD_UAPI_H
#define IOASID_IOMMUFD_UAPI_H

#include <stdint.h>

#define UAPI_IOCTL(number) (UINT64_C(0x3b00) | UINT64_C(number))

#define UAPI_DESTROY            UAPI_IOCTL(0x80)
#define UAPI_IOAS_ALLOC         UAPI_IOCTL(0x81)
#define UAPI_IOAS_ALLOW_IOVAS   UAPI_IOCTL(0x82)
#define UAPI_IOAS_COPY          UAPI_IOCTL(0x83)
#define UAPI_IOAS_IOVA_RANGES   UAPI_IOCTL(0x84)
#define UAPI_IOAS_MAP           UAPI_IOCTL(0x85)
#define UAPI_IOAS_UNMAP         UAPI_IOCTL(0x86)
#define UAPI_HWPT_ALLOC         UAPI_IOCTL(0x89)
#define UAPI_GET_HW_INFO        UAPI_IOCTL(0x8a)
#define UAPI_HWPT_SET_DIRTY     UAPI_IOCTL(0x8b)
#define UAPI_HWPT_GET_DIRTY     UAPI_IOCTL(0x8c)
#define UAPI_HWPT_INVALIDATE    UAPI_IOCTL(0x8d)
#define UAPI_FAULT_QUEUE_ALLOC  UAPI_IOCTL(0x8e)
#define UAPI_IOAS_MAP_FILE      UAPI_IOCTL(0x8f)

#define UAPI_VIOMMU_ALLOC       UAPI_IOCTL(0x90)
#define UAPI_VDEVICE_ALLOC      UAPI_IOCTL(0x91)
#define UAPI_VEVENTQ_ALLOC      UAPI_IOCTL(0x93)

#define UAPI_VFIO_REGION_INFO   UAPI_IOCTL(108)
#define UAPI_VFIO_BIND_IOMMUFD  UAPI_IOCTL(118)
#define UAPI_VFIO_ATTACH_PT     UAPI_IOCTL(119)
#define UAPI_VFIO_DETACH_PT     UAPI_IOCTL(120)

struct uapi_destroy {
	uint32_t size;
	uint32_t id;
};

struct uapi_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

struct uapi_iova_range {
	uint64_t start;
	uint64_t last;
};

struct uapi_ioas_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas;
	uint64_t out_iova_alignment;
};

struct uapi_ioas_allow_iovas {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas;
};

#define UAPI_MAP_FIXED_IOVA  UINT32_C(1)
#define UAPI_MAP_WRITEABLE   UINT32_C(2)
#define UAPI_MAP_READABLE    UINT32_C(4)

struct uapi_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};

struct uapi_ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

struct uapi_ioas_copy {
	uint32_t size;
	uint32_t flags;
	uint32_t dst_ioas_id;
	uint32_t src_ioas_id;
	uint64_t length;
	uint64_t dst_iova;
	uint64_t src_iova;
};

struct uapi_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};

#define UAPI_HWPT_NEST_PARENT  UINT32_C(1)
#define UAPI_HWPT_DIRTY        UINT32_C(2)
#define UAPI_HWPT_FAULT        UINT32_C(4)	/* fault_id is meant */
#define UAPI_HWPT_PASID        UINT32_C(8)
#define UAPI_HWPT_DATA_VTD_S1  UINT32_C(1)

struct uapi_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pt_id;
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t fault_id;
	uint32_t reserved2;
};

/* The data of a first-stage table of VT-d. */
struct uapi_hwpt_vtd_s1 {
	uint64_t flags;
	uint64_t pgtbl_addr;
	uint32_t addr_width;
	uint32_t reserved;
};

#define UAPI_SET_DIRTY_ENABLE  UINT32_C(1)

struct uapi_hwpt_set_dirty {
	uint32_t size;
	uint32_t flags;
	uint32_t hwpt_id;
	uint32_t reserved;
};

#define UAPI_GET_DIRTY_NO_CLEAR  UINT32_C(1)

struct uapi_hwpt_get_dirty {
	uint32_t size;
	uint32_t hwpt_id;
	uint32_t flags;
	uint32_t reserved;
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint64_t data;
};

#define UAPI_INVALIDATE_VTD_S1  UINT32_C(0)

struct uapi_hwpt_invalidate {
	uint32_t size;
	uint32_t hwpt_id;
	uint64_t data_uptr;
	uint32_t data_type;
	uint32_t entry_len;
	uint32_t entry_num;	/* out: how many were handled, also on failure */
	uint32_t reserved;
};

#define UAPI_VTD_INVALIDATE_LEAF  UINT32_C(1)

struct uapi_vtd_s1_invalidate {
	uint64_t addr;
	uint64_t npages;	/* all ones, and an address of 0: everything */
	uint32_t flags;
	uint32_t reserved;
};

struct uapi_fault_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_fault_id;
	uint32_t out_fault_fd;
};

#define UAPI_FAULT_PASID_VALID  UINT32_C(1)
#define UAPI_FAULT_LAST_PAGE    UINT32_C(2)
#define UAPI_FAULT_READ         UINT32_C(1)
#define UAPI_FAULT_WRITE        UINT32_C(2)
#define UAPI_FAULT_EXEC         UINT32_C(4)
#define UAPI_FAULT_PRIV         UINT32_C(8)

/* What is read from a fault queue's file: whole groups, each of whose records carries the group's cookie. */
struct uapi_page_fault {
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pasid;
	uint32_t grpid;
	uint32_t perm;
	uint32_t reserved;
	uint64_t addr;
	uint32_t length;
	uint32_t cookie;
};

#define UAPI_RESPONSE_SUCCESS  UINT32_C(0)
#define UAPI_RESPONSE_INVALID  UINT32_C(1)

/* What is written to it. */
struct uapi_page_response {
	uint32_t cookie;
	uint32_t code;
};

struct uapi_viommu_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t type;
	uint32_t dev_id;
	uint32_t hwpt_id;
	uint32_t out_viommu_id;
	uint32_t data_len;
	uint32_t reserved;
	uint64_t data_uptr;
};

struct uapi_vdevice_alloc {
	uint32_t size;
	uint32_t viommu_id;
	uint32_t dev_id;
	uint32_t out_vdevice_id;
	uint64_t virt_id;
};

struct uapi_veventq_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t veventq_depth;
	uint32_t out_veventq_id;
	uint32_t out_veventq_fd;
	uint32_t reserved;
};

#define UAPI_VEVENT_LOST  UINT32_C(1)	/* events are missing here; no data follows */

/* What is read from an event queue's file: this, and the event in the format of the queue's type. */
struct uapi_vevent_header {
	uint32_t flags;
	uint32_t sequence;
};

#define UAPI_HW_INFO_INTEL_VTD  UINT32_C(1)

#define UAPI_HW_CAP_DIRTY_TRACKING     UINT64_C(1)
#define UAPI_HW_CAP_PASID_EXEC         UINT64_C(2)
#define UAPI_HW_CAP_PASID_PRIV         UINT64_C(4)
#define UAPI_HW_CAP_ATS_NOT_SUPPORTED  UINT64_C(8)

struct uapi_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t out_data_type;
	uint8_t out_max_pasid_log2;
	uint8_t reserved[3];
	uint64_t out_capabilities;
};

#define UAPI_HW_INFO_VTD_ERRATA_772415_SPR17  UINT32_C(1)

struct uapi_hw_info_vtd {
	uint32_t flags;
	uint32_t reserved;
	uint64_t cap_reg;
	uint64_t ecap_reg;
};

#define UAPI_VFIO_REGION_CONFIG  UINT32_C(7)	/* of a PCI device: its configuration space */

struct uapi_vfio_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t region_size;
	uint64_t offset;	/* of the region in the device file */
};

struct uapi_vfio_bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};

#define UAPI_VFIO_ATTACH_PASID  UINT32_C(1)
#define UAPI_VFIO_DETACH_PASID  UINT32_C(1)

/* The last word of these two is read only with the flag; kernels before 6.15 do not know it. */
struct uapi_vfio_attach_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
	uint32_t pasid;
};

struct uapi_vfio_detach_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};

#endif
