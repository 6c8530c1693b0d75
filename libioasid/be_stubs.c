/*
 * Answers for operations that a backend does not have; see be_stubs.h.
 */
#include "libioasid/be_stubs.h"

#define STUB1(name, t0) \
	static int32_t name(t0 a0) \
	{ \
		(void)a0; \
		return IOASID_BE_EOPNOTSUPP; \
	}
#define STUB2(name, t0, t1) \
	static int32_t name(t0 a0, t1 a1) \
	{ \
		(void)a0; \
		(void)a1; \
		return IOASID_BE_EOPNOTSUPP; \
	}
#define STUB3(name, t0, t1, t2) \
	static int32_t name(t0 a0, t1 a1, t2 a2) \
	{ \
		(void)a0; \
		(void)a1; \
		(void)a2; \
		return IOASID_BE_EOPNOTSUPP; \
	}
#define STUB4(name, t0, t1, t2, t3) \
	static int32_t name(t0 a0, t1 a1, t2 a2, t3 a3) \
	{ \
		(void)a0; \
		(void)a1; \
		(void)a2; \
		(void)a3; \
		return IOASID_BE_EOPNOTSUPP; \
	}
#define STUB5(name, t0, t1, t2, t3, t4) \
	static int32_t name(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4) \
	{ \
		(void)a0; \
		(void)a1; \
		(void)a2; \
		(void)a3; \
		(void)a4; \
		return IOASID_BE_EOPNOTSUPP; \
	}
#define STUB6(name, t0, t1, t2, t3, t4, t5) \
	static int32_t name(t0 a0, t1 a1, t2 a2, t3 a3, t4 a4, t5 a5) \
	{ \
		(void)a0; \
		(void)a1; \
		(void)a2; \
		(void)a3; \
		(void)a4; \
		(void)a5; \
		return IOASID_BE_EOPNOTSUPP; \
	}

STUB3(core_open, const struct ioasid_be_open *, struct ioasid_be_ctx **, struct ioasid_be_text *)
STUB1(core_close, struct ioasid_be_ctx *)
STUB2(core_caps, struct ioasid_be_ctx *, struct ioasid_be_ctx_caps *)
STUB3(core_get_interface, struct ioasid_be_ctx *, const char *, const void **)
STUB4(core_device_attach, struct ioasid_be_ctx *, const struct ioasid_be_device *, struct ioasid_be_dev **,
      struct ioasid_be_text *)
STUB1(core_device_detach, struct ioasid_be_dev *)
STUB2(core_device_caps, struct ioasid_be_dev *, struct ioasid_be_device_caps *)
STUB2(core_device_registers, struct ioasid_be_dev *, struct ioasid_be_record *)
STUB4(core_device_report, struct ioasid_be_dev *, uint32_t, struct ioasid_be_report_line *,
      struct ioasid_be_text *)
STUB1(core_device_reset, struct ioasid_be_dev *)
STUB4(paging_create, struct ioasid_be_ctx *, const struct ioasid_be_as_args *, struct ioasid_be_as **,
      struct ioasid_be_text *)
STUB4(paging_adopt, struct ioasid_be_ctx *, const struct ioasid_be_object *, struct ioasid_be_as **,
      struct ioasid_be_text *)
STUB1(paging_destroy, struct ioasid_be_as *)
STUB2(paging_map, struct ioasid_be_as *, const struct ioasid_be_map *)
STUB2(paging_map_file, struct ioasid_be_as *, const struct ioasid_be_map *)
STUB2(paging_copy, struct ioasid_be_as *, const struct ioasid_be_map *)
STUB4(paging_unmap, struct ioasid_be_as *, uint64_t, uint64_t, uint64_t *)
STUB3(paging_ranges, struct ioasid_be_as *, struct ioasid_be_batch *, uint32_t *)
STUB2(paging_allow, struct ioasid_be_as *, const struct ioasid_be_array *)
STUB1(dirty_start, struct ioasid_be_as *)
STUB1(dirty_stop, struct ioasid_be_as *)
STUB2(dirty_read, struct ioasid_be_as *, const struct ioasid_be_dirty_args *)
STUB2(dirty_read_clear, struct ioasid_be_as *, const struct ioasid_be_dirty_args *)
STUB3(pasid_attach, struct ioasid_be_ctx *, struct ioasid_be_batch *, struct ioasid_be_text *)
STUB3(pasid_replace, struct ioasid_be_ctx *, struct ioasid_be_batch *, struct ioasid_be_text *)
STUB2(pasid_detach, struct ioasid_be_ctx *, struct ioasid_be_batch *)
STUB2(pasid_park, struct ioasid_be_ctx *, struct ioasid_be_batch *)
STUB2(pasid_device_block, struct ioasid_be_dev *, uint64_t)
STUB2(pasid_drain, struct ioasid_be_ctx *, struct ioasid_be_batch *)
STUB4(nested_create, struct ioasid_be_ctx *, const struct ioasid_be_table_args *, struct ioasid_be_table **,
      struct ioasid_be_text *)
STUB1(nested_destroy, struct ioasid_be_table *)
STUB5(viommu_create, struct ioasid_be_ctx *, const struct ioasid_be_viommu_args *,
      struct ioasid_be_viommu **, struct ioasid_be_record *, struct ioasid_be_text *)
STUB1(viommu_destroy, struct ioasid_be_viommu *)
STUB3(viommu_region, struct ioasid_be_viommu *, uint32_t, struct ioasid_be_region *)
STUB5(vdevice_create, struct ioasid_be_viommu *, struct ioasid_be_dev *, uint64_t,
      struct ioasid_be_vdevice **, struct ioasid_be_text *)
STUB1(vdevice_destroy, struct ioasid_be_vdevice *)
STUB6(table_attach, struct ioasid_be_dev *, struct ioasid_be_viommu *, const struct ioasid_be_record *,
      struct ioasid_be_faultq *, uint64_t, struct ioasid_be_text *)
STUB3(table_set, struct ioasid_be_dev *, uint32_t, uint64_t)
STUB2(table_detach, struct ioasid_be_dev *, uint64_t)
STUB4(hwqueue_create, struct ioasid_be_viommu *, const struct ioasid_be_hwqueue_args *,
      struct ioasid_be_hwqueue **, struct ioasid_be_text *)
STUB1(hwqueue_destroy, struct ioasid_be_hwqueue *)
STUB2(invalidate_scopes, struct ioasid_be_ctx *, struct ioasid_be_batch *)
STUB3(invalidate_raw, struct ioasid_be_viommu *, uint32_t, struct ioasid_be_batch *)
STUB4(fault_create, struct ioasid_be_ctx *, const struct ioasid_be_queue_args *, struct ioasid_be_faultq **,
      int32_t *)
STUB1(fault_destroy, struct ioasid_be_faultq *)
STUB2(fault_read, struct ioasid_be_faultq *, struct ioasid_be_batch *)
STUB2(fault_respond, struct ioasid_be_faultq *, struct ioasid_be_batch *)
STUB4(event_create, struct ioasid_be_viommu *, const struct ioasid_be_queue_args *,
      struct ioasid_be_eventq **, int32_t *)
STUB1(event_destroy, struct ioasid_be_eventq *)
STUB2(event_read, struct ioasid_be_eventq *, struct ioasid_be_batch *)
STUB4(id_alloc, struct ioasid_be_ctx *, uint32_t, uint32_t, uint32_t *)
STUB2(id_free, struct ioasid_be_ctx *, uint32_t)

const struct be_ops ioasid__be_stubs = {
	.core = {
		.struct_size = sizeof(struct ioasid_be_core_ops),
		.open = core_open,
		.close = core_close,
		.caps = core_caps,
		.get_interface = core_get_interface,
		.device_attach = core_device_attach,
		.device_detach = core_device_detach,
		.device_caps = core_device_caps,
		.device_registers = core_device_registers,
		.device_report = core_device_report,
		.device_reset = core_device_reset,
	},
	.paging = {
		.struct_size = sizeof(struct ioasid_be_paging_ops),
		.create = paging_create,
		.adopt = paging_adopt,
		.destroy = paging_destroy,
		.map = paging_map,
		.map_file = paging_map_file,
		.copy = paging_copy,
		.unmap = paging_unmap,
		.ranges = paging_ranges,
		.allow = paging_allow,
	},
	.dirty = {
		.struct_size = sizeof(struct ioasid_be_dirty_ops),
		.start = dirty_start,
		.stop = dirty_stop,
		.read = dirty_read,
		.read_clear = dirty_read_clear,
	},
	.pasid = {
		.struct_size = sizeof(struct ioasid_be_pasid_ops),
		.attach = pasid_attach,
		.replace = pasid_replace,
		.detach = pasid_detach,
		.park = pasid_park,
		.device_block = pasid_device_block,
		.drain = pasid_drain,
	},
	.nested = {
		.struct_size = sizeof(struct ioasid_be_nested_ops),
		.create = nested_create,
		.destroy = nested_destroy,
	},
	.viommu = {
		.struct_size = sizeof(struct ioasid_be_viommu_ops),
		.create = viommu_create,
		.destroy = viommu_destroy,
		.region = viommu_region,
	},
	.vdevice = {
		.struct_size = sizeof(struct ioasid_be_vdevice_ops),
		.create = vdevice_create,
		.destroy = vdevice_destroy,
	},
	.table = {
		.struct_size = sizeof(struct ioasid_be_table_ops),
		.attach = table_attach,
		.set = table_set,
		.detach = table_detach,
	},
	.hwqueue = {
		.struct_size = sizeof(struct ioasid_be_hwqueue_ops),
		.create = hwqueue_create,
		.destroy = hwqueue_destroy,
	},
	.invalidate = {
		.struct_size = sizeof(struct ioasid_be_invalidate_ops),
		.scopes = invalidate_scopes,
		.raw = invalidate_raw,
	},
	.fault = {
		.struct_size = sizeof(struct ioasid_be_fault_ops),
		.create = fault_create,
		.destroy = fault_destroy,
		.read = fault_read,
		.respond = fault_respond,
	},
	.event = {
		.struct_size = sizeof(struct ioasid_be_event_ops),
		.create = event_create,
		.destroy = event_destroy,
		.read = event_read,
	},
	.id = {
		.struct_size = sizeof(struct ioasid_be_id_ops),
		.alloc = id_alloc,
		.free = id_free,
	},
};
