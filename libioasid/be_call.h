/*
 * Calls into a backend, one function an operation: the only way from the core to a plugin.
 *
 * Each passes its arguments on, splits batches that are larger than the backend takes, and looks at what
 * comes back before the core believes it: an answer that is not an errno of the contract, a success without
 * an object, a count beyond the batch is a violation, which is counted, logged and answered -EIO. Operations
 * that the backend does not have answer -EOPNOTSUPP. What the operations do, and their errors, is written in
 * ioasid_backend.h; sizes (struct_size, stride) of arguments are filled in here.
 *
 * Context of all: as the tags of the operation say; no library lock held but the turn of the (device,
 * IOASID). `why` may be NULL; it is emptied first, and after a failure has the backend's words, cleaned.
 */
#ifndef IOASID_BE_CALL_H
#define IOASID_BE_CALL_H

#include <stdint.h>

#include "libioasid/loader.h"

/* ioasid__be_answer() - make an answer of a backend 0 or an errno of the contract. @what: "pasid.park". */
int ioasid__be_answer(struct be_context *be, const char *what, int32_t answer);

/* ioasid__be_violation() - count and log a breach of the contract. Return: -EIO. */
int ioasid__be_violation(struct be_context *be, const char *what, const char *how);

/* core */
int ioasid__be_device_attach(struct be_context *be, const struct ioasid_be_device *spec,
			     struct ioasid_be_dev **dev, struct ioasid_reason *why);
int ioasid__be_device_detach(struct be_context *be, struct ioasid_be_dev *dev);
/* -EIO also if the capabilities contradict each other or the context's interfaces. */
int ioasid__be_device_caps(struct be_context *be, struct ioasid_be_dev *dev,
			   struct ioasid_be_device_caps *caps);
int ioasid__be_device_registers(struct be_context *be, struct ioasid_be_dev *dev,
				struct ioasid_be_record *registers);
int ioasid__be_device_report(struct be_context *be, struct ioasid_be_dev *dev, uint32_t index,
			     struct ioasid_be_report_line *line, struct ioasid_reason *text);
int ioasid__be_device_reset(struct be_context *be, struct ioasid_be_dev *dev);

/* paging */
int ioasid__be_as_create(struct be_context *be, const struct ioasid_be_as_args *args,
			 struct ioasid_be_as **as, struct ioasid_reason *why);
int ioasid__be_as_adopt(struct be_context *be, const struct ioasid_be_object *object,
			struct ioasid_be_as **as, struct ioasid_reason *why);
int ioasid__be_as_destroy(struct be_context *be, struct ioasid_be_as *as);
int ioasid__be_map(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_map *map);
int ioasid__be_map_file(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_map *map);
int ioasid__be_copy(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_map *map);
int ioasid__be_unmap(struct be_context *be, struct ioasid_be_as *as, uint64_t iova, uint64_t length,
		     uint64_t *unmapped);
/* @count: in, the room in @ranges; out, how many there are, also with -EOVERFLOW, when some were not
 * written. */
int ioasid__be_ranges(struct be_context *be, struct ioasid_be_as *as, struct ioasid_be_range *ranges,
		      uint32_t *count);
int ioasid__be_allow(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_range *ranges,
		     uint32_t count);

/* dirty */
int ioasid__be_dirty_start(struct be_context *be, struct ioasid_be_as *as);
int ioasid__be_dirty_stop(struct be_context *be, struct ioasid_be_as *as);
int ioasid__be_dirty_read(struct be_context *be, struct ioasid_be_as *as,
			  const struct ioasid_be_dirty_args *args);
int ioasid__be_dirty_read_clear(struct be_context *be, struct ioasid_be_as *as,
				const struct ioasid_be_dirty_args *args);

/* pasid: @done, never NULL, gets how many of the first items surely took effect, on success all */
int ioasid__be_attach(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		      uint32_t *done, struct ioasid_reason *why);
int ioasid__be_replace(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		       uint32_t *done, struct ioasid_reason *why);
int ioasid__be_detach(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		      uint32_t *done);
int ioasid__be_park(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		    uint32_t *done);
int ioasid__be_device_block(struct be_context *be, struct ioasid_be_dev *dev, uint64_t deadline);
int ioasid__be_drain(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		     uint32_t *done);

/* nested */
int ioasid__be_table_create(struct be_context *be, const struct ioasid_be_table_args *args,
			    struct ioasid_be_table **table, struct ioasid_reason *why);
int ioasid__be_table_destroy(struct be_context *be, struct ioasid_be_table *table);

/* invalidate */
int ioasid__be_invalidate(struct be_context *be, struct ioasid_be_inv *scopes, uint32_t count,
			  uint64_t deadline, uint32_t *done);
int ioasid__be_invalidate_raw(struct be_context *be, struct ioasid_be_viommu *viommu, uint32_t type,
			      struct ioasid_be_batch *commands);

/* viommu, vdevice, table, hwqueue */
int ioasid__be_viommu_create(struct be_context *be, const struct ioasid_be_viommu_args *args,
			     struct ioasid_be_viommu **viommu, struct ioasid_be_record *out,
			     struct ioasid_reason *why);
int ioasid__be_viommu_destroy(struct be_context *be, struct ioasid_be_viommu *viommu);
int ioasid__be_viommu_region(struct be_context *be, struct ioasid_be_viommu *viommu, uint32_t index,
			     struct ioasid_be_region *region);
int ioasid__be_vdevice_create(struct be_context *be, struct ioasid_be_viommu *viommu,
			      struct ioasid_be_dev *dev, uint64_t virtual_id,
			      struct ioasid_be_vdevice **vdevice, struct ioasid_reason *why);
int ioasid__be_vdevice_destroy(struct be_context *be, struct ioasid_be_vdevice *vdevice);
int ioasid__be_entry_attach(struct be_context *be, struct ioasid_be_dev *dev, struct ioasid_be_viommu *viommu,
			    const struct ioasid_be_record *entry, struct ioasid_be_faultq *faultq,
			    uint64_t deadline, struct ioasid_reason *why);
int ioasid__be_entry_set(struct be_context *be, struct ioasid_be_dev *dev, uint32_t entry, uint64_t deadline);
int ioasid__be_entry_detach(struct be_context *be, struct ioasid_be_dev *dev, uint64_t deadline);
int ioasid__be_hwqueue_create(struct be_context *be, struct ioasid_be_viommu *viommu,
			      const struct ioasid_be_hwqueue_args *args, struct ioasid_be_hwqueue **queue,
			      struct ioasid_reason *why);
int ioasid__be_hwqueue_destroy(struct be_context *be, struct ioasid_be_hwqueue *queue);

/* fault, event: @done of a read is how many there were; @fd may be -1, then `ready` of the context is
 * called */
int ioasid__be_faultq_create(struct be_context *be, const struct ioasid_be_queue_args *args,
			     struct ioasid_be_faultq **queue, int32_t *fd);
int ioasid__be_faultq_destroy(struct be_context *be, struct ioasid_be_faultq *queue);
int ioasid__be_fault_read(struct be_context *be, struct ioasid_be_faultq *queue,
			  struct ioasid_be_page_request *requests, uint32_t count, uint32_t *done);
int ioasid__be_fault_respond(struct be_context *be, struct ioasid_be_faultq *queue,
			     struct ioasid_be_page_response *responses, uint32_t count, uint32_t *done);
int ioasid__be_eventq_create(struct be_context *be, struct ioasid_be_viommu *viommu,
			     const struct ioasid_be_queue_args *args, struct ioasid_be_eventq **queue,
			     int32_t *fd);
int ioasid__be_eventq_destroy(struct be_context *be, struct ioasid_be_eventq *queue);
int ioasid__be_event_read(struct be_context *be, struct ioasid_be_eventq *queue,
			  struct ioasid_be_event_record *events, uint32_t count, uint32_t *done);

/* id: an ID outside the window is a violation, but handed on: whether it may be given back is known where it
 * is known which are out (S8.4) */
int ioasid__be_id_alloc(struct be_context *be, uint32_t min, uint32_t max, uint32_t *id);
int ioasid__be_id_free(struct be_context *be, uint32_t id);

#endif
