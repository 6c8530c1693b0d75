/*
 * Our own declarations of iommufd and VFIO against the kernel's: every structure's size, every member's place
 * and size, and every number. Built by tests/vm/uapi.sh with the newest headers there are, which the machine
 * itself need not have.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "backends/iommufd/uapi.h"

static unsigned int passed, failed;

static void same(const char *what, uint64_t ours, uint64_t theirs)
{
	if (ours == theirs) {
		passed++;
		return;
	}
	failed++;
	printf("not ok - %s: ours is 0x%llx, the kernel's 0x%llx\n", what, (unsigned long long)ours,
	       (unsigned long long)theirs);
}

#define NUMBER(ours, theirs) same(#ours, (uint64_t)(ours), (uint64_t)(theirs))
#define SIZE(ours, theirs) same("size of " #ours, sizeof(struct ours), sizeof(struct theirs))
#define MEMBER(ours, theirs, our_member, member) \
	do { \
		same("place of " #ours "." #our_member, offsetof(struct ours, our_member), \
		     offsetof(struct theirs, member)); \
		same("size of " #ours "." #our_member, sizeof(((struct ours *)0)->our_member), \
		     sizeof(((struct theirs *)0)->member)); \
	} while (0)

static void check_numbers(void)
{
	NUMBER(UAPI_DESTROY, IOMMU_DESTROY);
	NUMBER(UAPI_IOAS_ALLOC, IOMMU_IOAS_ALLOC);
	NUMBER(UAPI_IOAS_ALLOW_IOVAS, IOMMU_IOAS_ALLOW_IOVAS);
	NUMBER(UAPI_IOAS_COPY, IOMMU_IOAS_COPY);
	NUMBER(UAPI_IOAS_IOVA_RANGES, IOMMU_IOAS_IOVA_RANGES);
	NUMBER(UAPI_IOAS_MAP, IOMMU_IOAS_MAP);
	NUMBER(UAPI_IOAS_UNMAP, IOMMU_IOAS_UNMAP);
	NUMBER(UAPI_HWPT_ALLOC, IOMMU_HWPT_ALLOC);
	NUMBER(UAPI_GET_HW_INFO, IOMMU_GET_HW_INFO);
	NUMBER(UAPI_HWPT_SET_DIRTY, IOMMU_HWPT_SET_DIRTY_TRACKING);
	NUMBER(UAPI_HWPT_GET_DIRTY, IOMMU_HWPT_GET_DIRTY_BITMAP);
	NUMBER(UAPI_HWPT_INVALIDATE, IOMMU_HWPT_INVALIDATE);
	NUMBER(UAPI_FAULT_QUEUE_ALLOC, IOMMU_FAULT_QUEUE_ALLOC);
	NUMBER(UAPI_IOAS_MAP_FILE, IOMMU_IOAS_MAP_FILE);
	NUMBER(UAPI_VIOMMU_ALLOC, IOMMU_VIOMMU_ALLOC);
	NUMBER(UAPI_VDEVICE_ALLOC, IOMMU_VDEVICE_ALLOC);
	NUMBER(UAPI_VEVENTQ_ALLOC, IOMMU_VEVENTQ_ALLOC);
	NUMBER(UAPI_VEVENT_LOST, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	NUMBER(UAPI_VFIO_REGION_INFO, VFIO_DEVICE_GET_REGION_INFO);
	NUMBER(UAPI_VFIO_REGION_CONFIG, VFIO_PCI_CONFIG_REGION_INDEX);
	NUMBER(UAPI_VFIO_BIND_IOMMUFD, VFIO_DEVICE_BIND_IOMMUFD);
	NUMBER(UAPI_VFIO_ATTACH_PT, VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	NUMBER(UAPI_VFIO_DETACH_PT, VFIO_DEVICE_DETACH_IOMMUFD_PT);
	NUMBER(UAPI_MAP_FIXED_IOVA, IOMMU_IOAS_MAP_FIXED_IOVA);
	NUMBER(UAPI_MAP_WRITEABLE, IOMMU_IOAS_MAP_WRITEABLE);
	NUMBER(UAPI_MAP_READABLE, IOMMU_IOAS_MAP_READABLE);
	NUMBER(UAPI_HWPT_NEST_PARENT, IOMMU_HWPT_ALLOC_NEST_PARENT);
	NUMBER(UAPI_HWPT_DIRTY, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	NUMBER(UAPI_HWPT_FAULT, IOMMU_HWPT_FAULT_ID_VALID);
	NUMBER(UAPI_HWPT_PASID, IOMMU_HWPT_ALLOC_PASID);
	NUMBER(UAPI_HWPT_DATA_VTD_S1, IOMMU_HWPT_DATA_VTD_S1);
	NUMBER(UAPI_SET_DIRTY_ENABLE, IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	NUMBER(UAPI_INVALIDATE_VTD_S1, IOMMU_HWPT_INVALIDATE_DATA_VTD_S1);
	NUMBER(UAPI_VTD_INVALIDATE_LEAF, IOMMU_VTD_INV_FLAGS_LEAF);
	NUMBER(UAPI_FAULT_PASID_VALID, IOMMU_PGFAULT_FLAGS_PASID_VALID);
	NUMBER(UAPI_FAULT_LAST_PAGE, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	NUMBER(UAPI_FAULT_READ, IOMMU_PGFAULT_PERM_READ);
	NUMBER(UAPI_FAULT_WRITE, IOMMU_PGFAULT_PERM_WRITE);
	NUMBER(UAPI_FAULT_EXEC, IOMMU_PGFAULT_PERM_EXEC);
	NUMBER(UAPI_FAULT_PRIV, IOMMU_PGFAULT_PERM_PRIV);
	NUMBER(UAPI_RESPONSE_SUCCESS, IOMMUFD_PAGE_RESP_SUCCESS);
	NUMBER(UAPI_RESPONSE_INVALID, IOMMUFD_PAGE_RESP_INVALID);
	NUMBER(UAPI_HW_CAP_DIRTY_TRACKING, IOMMU_HW_CAP_DIRTY_TRACKING);
	NUMBER(UAPI_GET_DIRTY_NO_CLEAR, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
	NUMBER(UAPI_HW_INFO_INTEL_VTD, IOMMU_HW_INFO_TYPE_INTEL_VTD);
	NUMBER(UAPI_HW_CAP_PASID_EXEC, IOMMU_HW_CAP_PCI_PASID_EXEC);
	NUMBER(UAPI_HW_CAP_PASID_PRIV, IOMMU_HW_CAP_PCI_PASID_PRIV);
	NUMBER(UAPI_HW_CAP_ATS_NOT_SUPPORTED, IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED);
	NUMBER(UAPI_HW_INFO_VTD_ERRATA_772415_SPR17, IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17);
	NUMBER(UAPI_VFIO_ATTACH_PASID, VFIO_DEVICE_ATTACH_PASID);
	NUMBER(UAPI_VFIO_DETACH_PASID, VFIO_DEVICE_DETACH_PASID);
}

static void check_address_spaces(void)
{
	SIZE(uapi_destroy, iommu_destroy);
	MEMBER(uapi_destroy, iommu_destroy, size, size);
	MEMBER(uapi_destroy, iommu_destroy, id, id);
	SIZE(uapi_ioas_alloc, iommu_ioas_alloc);
	MEMBER(uapi_ioas_alloc, iommu_ioas_alloc, flags, flags);
	MEMBER(uapi_ioas_alloc, iommu_ioas_alloc, out_ioas_id, out_ioas_id);
	SIZE(uapi_iova_range, iommu_iova_range);
	MEMBER(uapi_iova_range, iommu_iova_range, start, start);
	MEMBER(uapi_iova_range, iommu_iova_range, last, last);
	SIZE(uapi_ioas_iova_ranges, iommu_ioas_iova_ranges);
	MEMBER(uapi_ioas_iova_ranges, iommu_ioas_iova_ranges, ioas_id, ioas_id);
	MEMBER(uapi_ioas_iova_ranges, iommu_ioas_iova_ranges, num_iovas, num_iovas);
	MEMBER(uapi_ioas_iova_ranges, iommu_ioas_iova_ranges, reserved, __reserved);
	MEMBER(uapi_ioas_iova_ranges, iommu_ioas_iova_ranges, allowed_iovas, allowed_iovas);
	MEMBER(uapi_ioas_iova_ranges, iommu_ioas_iova_ranges, out_iova_alignment, out_iova_alignment);
	SIZE(uapi_ioas_allow_iovas, iommu_ioas_allow_iovas);
	MEMBER(uapi_ioas_allow_iovas, iommu_ioas_allow_iovas, ioas_id, ioas_id);
	MEMBER(uapi_ioas_allow_iovas, iommu_ioas_allow_iovas, num_iovas, num_iovas);
	MEMBER(uapi_ioas_allow_iovas, iommu_ioas_allow_iovas, allowed_iovas, allowed_iovas);
}

static void check_mappings(void)
{
	SIZE(uapi_ioas_map, iommu_ioas_map);
	MEMBER(uapi_ioas_map, iommu_ioas_map, flags, flags);
	MEMBER(uapi_ioas_map, iommu_ioas_map, ioas_id, ioas_id);
	MEMBER(uapi_ioas_map, iommu_ioas_map, user_va, user_va);
	MEMBER(uapi_ioas_map, iommu_ioas_map, length, length);
	MEMBER(uapi_ioas_map, iommu_ioas_map, iova, iova);
	SIZE(uapi_ioas_map_file, iommu_ioas_map_file);
	MEMBER(uapi_ioas_map_file, iommu_ioas_map_file, flags, flags);
	MEMBER(uapi_ioas_map_file, iommu_ioas_map_file, ioas_id, ioas_id);
	MEMBER(uapi_ioas_map_file, iommu_ioas_map_file, fd, fd);
	MEMBER(uapi_ioas_map_file, iommu_ioas_map_file, start, start);
	MEMBER(uapi_ioas_map_file, iommu_ioas_map_file, length, length);
	MEMBER(uapi_ioas_map_file, iommu_ioas_map_file, iova, iova);
	SIZE(uapi_ioas_copy, iommu_ioas_copy);
	MEMBER(uapi_ioas_copy, iommu_ioas_copy, flags, flags);
	MEMBER(uapi_ioas_copy, iommu_ioas_copy, dst_ioas_id, dst_ioas_id);
	MEMBER(uapi_ioas_copy, iommu_ioas_copy, src_ioas_id, src_ioas_id);
	MEMBER(uapi_ioas_copy, iommu_ioas_copy, length, length);
	MEMBER(uapi_ioas_copy, iommu_ioas_copy, dst_iova, dst_iova);
	MEMBER(uapi_ioas_copy, iommu_ioas_copy, src_iova, src_iova);
	SIZE(uapi_ioas_unmap, iommu_ioas_unmap);
	MEMBER(uapi_ioas_unmap, iommu_ioas_unmap, ioas_id, ioas_id);
	MEMBER(uapi_ioas_unmap, iommu_ioas_unmap, iova, iova);
	MEMBER(uapi_ioas_unmap, iommu_ioas_unmap, length, length);
}

static void check_tables(void)
{
	SIZE(uapi_hwpt_alloc, iommu_hwpt_alloc);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, flags, flags);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, dev_id, dev_id);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, pt_id, pt_id);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, out_hwpt_id, out_hwpt_id);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, data_type, data_type);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, data_len, data_len);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, data_uptr, data_uptr);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, fault_id, fault_id);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, reserved, __reserved);
	MEMBER(uapi_hwpt_alloc, iommu_hwpt_alloc, reserved2, __reserved2);
	SIZE(uapi_hwpt_vtd_s1, iommu_hwpt_vtd_s1);
	MEMBER(uapi_hwpt_vtd_s1, iommu_hwpt_vtd_s1, flags, flags);
	MEMBER(uapi_hwpt_vtd_s1, iommu_hwpt_vtd_s1, pgtbl_addr, pgtbl_addr);
	MEMBER(uapi_hwpt_vtd_s1, iommu_hwpt_vtd_s1, addr_width, addr_width);
	MEMBER(uapi_hwpt_vtd_s1, iommu_hwpt_vtd_s1, reserved, __reserved);
	SIZE(uapi_hwpt_set_dirty, iommu_hwpt_set_dirty_tracking);
	MEMBER(uapi_hwpt_set_dirty, iommu_hwpt_set_dirty_tracking, flags, flags);
	MEMBER(uapi_hwpt_set_dirty, iommu_hwpt_set_dirty_tracking, hwpt_id, hwpt_id);
	MEMBER(uapi_hwpt_set_dirty, iommu_hwpt_set_dirty_tracking, reserved, __reserved);
	SIZE(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap);
	MEMBER(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap, hwpt_id, hwpt_id);
	MEMBER(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap, flags, flags);
	MEMBER(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap, iova, iova);
	MEMBER(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap, length, length);
	MEMBER(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap, page_size, page_size);
	MEMBER(uapi_hwpt_get_dirty, iommu_hwpt_get_dirty_bitmap, data, data);
	SIZE(uapi_hw_info, iommu_hw_info);
	MEMBER(uapi_hw_info, iommu_hw_info, flags, flags);
	MEMBER(uapi_hw_info, iommu_hw_info, dev_id, dev_id);
	MEMBER(uapi_hw_info, iommu_hw_info, data_len, data_len);
	MEMBER(uapi_hw_info, iommu_hw_info, data_uptr, data_uptr);
	MEMBER(uapi_hw_info, iommu_hw_info, out_data_type, out_data_type);
	MEMBER(uapi_hw_info, iommu_hw_info, out_max_pasid_log2, out_max_pasid_log2);
	MEMBER(uapi_hw_info, iommu_hw_info, out_capabilities, out_capabilities);
	SIZE(uapi_hw_info_vtd, iommu_hw_info_vtd);
	MEMBER(uapi_hw_info_vtd, iommu_hw_info_vtd, flags, flags);
	MEMBER(uapi_hw_info_vtd, iommu_hw_info_vtd, cap_reg, cap_reg);
	MEMBER(uapi_hw_info_vtd, iommu_hw_info_vtd, ecap_reg, ecap_reg);
}

static void check_guest_tables(void)
{
	SIZE(uapi_hwpt_invalidate, iommu_hwpt_invalidate);
	MEMBER(uapi_hwpt_invalidate, iommu_hwpt_invalidate, hwpt_id, hwpt_id);
	MEMBER(uapi_hwpt_invalidate, iommu_hwpt_invalidate, data_uptr, data_uptr);
	MEMBER(uapi_hwpt_invalidate, iommu_hwpt_invalidate, data_type, data_type);
	MEMBER(uapi_hwpt_invalidate, iommu_hwpt_invalidate, entry_len, entry_len);
	MEMBER(uapi_hwpt_invalidate, iommu_hwpt_invalidate, entry_num, entry_num);
	MEMBER(uapi_hwpt_invalidate, iommu_hwpt_invalidate, reserved, __reserved);
	SIZE(uapi_vtd_s1_invalidate, iommu_hwpt_vtd_s1_invalidate);
	MEMBER(uapi_vtd_s1_invalidate, iommu_hwpt_vtd_s1_invalidate, addr, addr);
	MEMBER(uapi_vtd_s1_invalidate, iommu_hwpt_vtd_s1_invalidate, npages, npages);
	MEMBER(uapi_vtd_s1_invalidate, iommu_hwpt_vtd_s1_invalidate, flags, flags);
	MEMBER(uapi_vtd_s1_invalidate, iommu_hwpt_vtd_s1_invalidate, reserved, __reserved);
	SIZE(uapi_fault_alloc, iommu_fault_alloc);
	MEMBER(uapi_fault_alloc, iommu_fault_alloc, flags, flags);
	MEMBER(uapi_fault_alloc, iommu_fault_alloc, out_fault_id, out_fault_id);
	MEMBER(uapi_fault_alloc, iommu_fault_alloc, out_fault_fd, out_fault_fd);
	SIZE(uapi_page_fault, iommu_hwpt_pgfault);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, flags, flags);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, dev_id, dev_id);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, pasid, pasid);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, grpid, grpid);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, perm, perm);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, addr, addr);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, length, length);
	MEMBER(uapi_page_fault, iommu_hwpt_pgfault, cookie, cookie);
	SIZE(uapi_page_response, iommu_hwpt_page_response);
	MEMBER(uapi_page_response, iommu_hwpt_page_response, cookie, cookie);
	MEMBER(uapi_page_response, iommu_hwpt_page_response, code, code);
	SIZE(uapi_viommu_alloc, iommu_viommu_alloc);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, flags, flags);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, type, type);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, dev_id, dev_id);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, hwpt_id, hwpt_id);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, out_viommu_id, out_viommu_id);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, data_len, data_len);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, reserved, __reserved);
	MEMBER(uapi_viommu_alloc, iommu_viommu_alloc, data_uptr, data_uptr);
	SIZE(uapi_vdevice_alloc, iommu_vdevice_alloc);
	MEMBER(uapi_vdevice_alloc, iommu_vdevice_alloc, viommu_id, viommu_id);
	MEMBER(uapi_vdevice_alloc, iommu_vdevice_alloc, dev_id, dev_id);
	MEMBER(uapi_vdevice_alloc, iommu_vdevice_alloc, out_vdevice_id, out_vdevice_id);
	MEMBER(uapi_vdevice_alloc, iommu_vdevice_alloc, virt_id, virt_id);
	SIZE(uapi_veventq_alloc, iommu_veventq_alloc);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, flags, flags);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, viommu_id, viommu_id);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, type, type);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, veventq_depth, veventq_depth);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, out_veventq_id, out_veventq_id);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, out_veventq_fd, out_veventq_fd);
	MEMBER(uapi_veventq_alloc, iommu_veventq_alloc, reserved, __reserved);
	SIZE(uapi_vevent_header, iommufd_vevent_header);
	MEMBER(uapi_vevent_header, iommufd_vevent_header, flags, flags);
	MEMBER(uapi_vevent_header, iommufd_vevent_header, sequence, sequence);
	SIZE(uapi_vfio_region_info, vfio_region_info);
	MEMBER(uapi_vfio_region_info, vfio_region_info, index, index);
	MEMBER(uapi_vfio_region_info, vfio_region_info, region_size, size);
	MEMBER(uapi_vfio_region_info, vfio_region_info, offset, offset);
}

/* The kernel's bind structure has grown by a token since; ours ends before it, as old kernels want it. */
static void check_devices(void)
{
	same("size of uapi_vfio_bind_iommufd", sizeof(struct uapi_vfio_bind_iommufd),
	     offsetof(struct vfio_device_bind_iommufd, token_uuid_ptr));
	MEMBER(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, argsz, argsz);
	MEMBER(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, flags, flags);
	MEMBER(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, iommufd, iommufd);
	MEMBER(uapi_vfio_bind_iommufd, vfio_device_bind_iommufd, out_devid, out_devid);
	SIZE(uapi_vfio_attach_pt, vfio_device_attach_iommufd_pt);
	MEMBER(uapi_vfio_attach_pt, vfio_device_attach_iommufd_pt, flags, flags);
	MEMBER(uapi_vfio_attach_pt, vfio_device_attach_iommufd_pt, pt_id, pt_id);
	MEMBER(uapi_vfio_attach_pt, vfio_device_attach_iommufd_pt, pasid, pasid);
	SIZE(uapi_vfio_detach_pt, vfio_device_detach_iommufd_pt);
	MEMBER(uapi_vfio_detach_pt, vfio_device_detach_iommufd_pt, flags, flags);
	MEMBER(uapi_vfio_detach_pt, vfio_device_detach_iommufd_pt, pasid, pasid);
}

int main(void)
{
	check_numbers();
	check_address_spaces();
	check_mappings();
	check_tables();
	check_guest_tables();
	check_devices();
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
