/* SPDX-License-Identifier: MIT */
/*
 * The backend for Intel VT-d, on iommufd and VFIO device files: what its files share.
 *
 * Words. Table: a kernel HWPT made of an address space for the IOMMU of some device. Nested table: an HWPT of
 * a guest's first stage that stands on a table. Slot: the RID or a PASID of a device; free, attached, or
 * parked (taken, and detached in the kernel, which blocks it). Foreign RID: the slot 0 of an adopted device,
 * which belongs to who adopted it; nobody can ask the kernel whether it is attached, so it is never touched
 * (S9.13).
 *
 * Park. The kernel's detach of a slot takes its PASID table entry away, flushes IOTLB and device TLB, drains
 * what is in flight and the page requests, and answers those of the slot that are in a fault queue, read or
 * not, before the ioctl returns. So that detach is what park promises (S10.1).
 *
 * Page requests. The kernel names a group by a cookie, which it gives to another one as soon as the group is
 * answered. So each queue notes what it has read: a handle is a cookie and the number of its reading, and
 * what park, detach or replace of the slot have answered is forgotten with the slot.
 *
 * Locks. A device's lock is held over the system calls for its slots, a queue's over those for its requests,
 * an address space's over those for its tables, and another one of it, which comes before that, over those
 * that unmap and that ask for dirty pages; the context's only guards lists and counts. Order: device,
 * queue, address space, context; before all of them that of the process's devices, held while one comes or
 * goes. The first three are waited for with the caller's deadline. What the ABI
 * marks [no-block] takes none of them, but for reading a queue: the kernel's own read waits for its answers,
 * too.
 */
#ifndef IOASID_VTD_H
#define IOASID_VTD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "iommufd/client.h"
#include "iommufd/vfio.h"
#include "iommufd/wire.h"

#define VTD_PAGE UINT64_C(4096)
#define VTD_LEAF 1024u	/* slots in one leaf, and leaves in one device */

struct ioasid_be_ctx {
	struct iommufd iommu;
	uint64_t interfaces;		/* IOASID_BE_IF_*: what the kernel has; fixed */
	pthread_mutex_t lock;
	struct ioasid_be_dev *devices;	/* lock */
	uint64_t spaces;		/* lock: how many there are */
	uint64_t queues;		/* lock: the same */
	struct vtd_claim *claims;	/* lock: slots that are taken of devices which share a group */
	uint64_t unnamed;		/* lock: devices so far whose IOMMU has no known number */
};

/* A slot that is taken of a device which is not alone in its IOMMU group. */
struct vtd_claim {
	struct vtd_claim *next;
	struct ioasid_be_dev *dev;
	uint32_t pasid;
};

/* One kernel table of an address space. */
struct vtd_table {
	struct vtd_table *next;	/* the space's lock */
	uint32_t id;
	uint32_t users;		/* the space's lock: slots and nested tables that are on it */
	uint64_t iommu;		/* of the device that it was made for */
	uint32_t flags;		/* UAPI_HWPT_*, of what was made here */
};

/* A guest's first-stage table. */
struct ioasid_be_table {
	struct ioasid_be_as *parent;
	struct vtd_table *below;	/* the parent's table that it stands on */
	struct ioasid_be_faultq *queue;	/* or NULL */
	uint32_t id;
	bool pasid;			/* can be attached to PASIDs, and to an RID beside them */
	uint32_t users;			/* the parent's lock: slots that are on it */
	_Atomic uint64_t round;		/* the last invalidation of a whole device that came by */
};

/* A device of which slots are taken for an address space. */
struct vtd_user {
	struct vtd_user *next;
	struct ioasid_be_dev *dev;
	uint64_t slots;
};

struct ioasid_be_as {
	struct ioasid_be_ctx *ctx;
	pthread_mutex_t unmaps;		/* held while the kernel unmaps, or is asked for dirty pages */
	pthread_mutex_t lock;
	struct vtd_table *tables;	/* lock */
	struct vtd_user *users;		/* lock: who has slots taken for it, parked ones too */
	uint32_t nested;		/* lock: nested tables that stand on it */
	struct vtd_mapping *cover;	/* lock: what is mapped, but for an adopted one; see cover.c */
	struct uapi_iova_range going;	/* lock: the window that is being unmapped; none: last before start */
	bool tracking;			/* lock: dirty pages are tracked in every table */
	struct ioasid_be_faultq *queue;	/* of USE_FAULT; fixed */
	uint32_t ioas;			/* unused if it is an adopted table */
	uint32_t uses;			/* IOASID_BE_USE_*; fixed */
	bool adopted;			/* as an IOAS or a table: never destroyed here */
	bool adopted_table;		/* its one table is given and fixed, its IOAS unknown */
};

enum vtd_state { VTD_FREE, VTD_ATTACHED, VTD_PARKED };

struct vtd_slot {
	struct ioasid_be_as *as;	/* of an attached or parked slot; the parent of a nested table */
	struct vtd_table *table;	/* of an attached slot, one of these two */
	struct ioasid_be_table *nested;
	enum vtd_state state;
	bool stuck;			/* of an attached slot: the kernel failed to detach it */
};

struct ioasid_be_dev {
	struct ioasid_be_ctx *ctx;
	struct ioasid_be_dev *next;	/* the context's lock */
	struct ioasid_be_dev *next_known;	/* that of known.c */
	pthread_mutex_t lock;
	struct vtd_slot *leaves[VTD_LEAF];	/* lock; leaf 0 from the start, others on demand */
	uint32_t taken;				/* lock: slots that are not free */
	int32_t fd;				/* -1: was ours and is closed, as slots could not be detached */
	/* The rest is fixed at attach. */
	bool fd_owned;
	bool foreign_rid;
	bool knows_pasid;	/* the kernel can attach PASIDs */
	bool asks_for_pages;	/* its configuration space has a page request capability */
	uint32_t id;
	uint64_t cookie;
	uint64_t iommu;
	uint64_t group;		/* of devices that share one, else 0 */
	bool group_known;	/* else 0 says nothing */
	uint32_t pasid_bits;
	struct uapi_hw_info info;
	struct uapi_hw_info_vtd registers;
	struct ioasid_be_range reserved[VFIO_RESERVED_MAX];
	uint32_t reserved_count;
};

/* vtd_lock() - lock by a moment of CLOCK_MONOTONIC in ns, 0 for no limit. Return: -ETIMEDOUT too late. */
int32_t vtd_lock(pthread_mutex_t *lock, uint64_t deadline);

/* What a slot is put on: one of table and nested. */
struct vtd_place {
	struct vtd_table *table;
	struct ioasid_be_table *nested;
};

/* table_attach() - put a slot of @dev on a table of @as, making one if none fits; the device is locked. */
int32_t table_attach(struct ioasid_be_as *as, struct ioasid_be_dev *dev, uint32_t pasid, uint64_t deadline,
		     struct vtd_place *place, struct ioasid_be_text *why);

/* table_parent() - find or make the table of @as that nested tables of @dev's IOMMU stand on, and use it; the
 * space is locked. */
int32_t table_parent(struct ioasid_be_as *as, struct ioasid_be_dev *dev, struct vtd_table **table,
		     struct ioasid_be_text *why);

/* table_put() - a slot has left @table; table_put_locked() - the same, or a nested table that stood on it,
 * with the space locked. The last one destroys it. */
void table_put(struct ioasid_be_as *as, struct vtd_table *table);
void table_put_locked(struct ioasid_be_as *as, struct vtd_table *table);

/* table_purge() - destroy what tables are left of a space that is locked and that no slot is on. */
void table_purge(struct ioasid_be_as *as);

/* table_explain() - say why the kernel does not attach one. @queue: it delivers page requests there, or NULL. */
int32_t table_explain(int32_t error, const struct ioasid_be_faultq *queue, struct ioasid_be_text *why);

/* nested_attach() - put a slot of @dev on a nested table; the device is locked. */
int32_t nested_attach(struct ioasid_be_table *table, struct ioasid_be_dev *dev, uint32_t pasid, uint64_t deadline,
		      struct vtd_place *place, struct ioasid_be_text *why);

/* nested_put() - a slot has left it. */
void nested_put(struct ioasid_be_table *table);

/* group_take() - make a slot this device's alone in its IOMMU group, until group_drop(). Return: -EBUSY
 * another device of the group has it; -ENOMEM. */
int32_t group_take(struct ioasid_be_dev *dev, uint32_t pasid, struct ioasid_be_text *why);
void group_drop(struct ioasid_be_dev *dev, uint32_t pasid);

/* same_iommufd() - tell whether two descriptors are of one iommufd. Return: 0, or -errno: it could not be
 * found out. */
int32_t same_iommufd(const struct iommufd *a, const struct iommufd *b, bool *same);

/* known_add() - note that this process has taken a device in, until known_remove(). @adopted: it may be in
 * use by another owner here. Return: -EBUSY it is; others: it could not be found out. */
int32_t known_add(struct ioasid_be_dev *dev, bool adopted, struct ioasid_be_text *why);
void known_remove(struct ioasid_be_dev *dev);

/* slot_find() - the slot of a PASID within the device's width, or NULL: it never was taken. The device is
 * locked. */
struct vtd_slot *slot_find(struct ioasid_be_dev *dev, uint32_t pasid);

/* slots_end() - for the last call on a device: end slots that could not be detached, by closing its
 * descriptor if that is ours. Return: -EBUSY some are in use, or may be attached still; then they stay. */
int32_t slots_end(struct ioasid_be_dev *dev);

/* queue_use(), queue_drop() - something delivers page requests to @queue, or does no longer; NULL is no
 * queue. */
void queue_use(struct ioasid_be_faultq *queue);
void queue_drop(struct ioasid_be_faultq *queue);

/* queue_lock(), queue_unlock() - keep readers and answers out; NULL is no queue. Return: -ETIMEDOUT too late. */
int32_t queue_lock(struct ioasid_be_faultq *queue, uint64_t deadline);
void queue_unlock(struct ioasid_be_faultq *queue);

/* queue_forget() - the kernel has answered what was open of a slot. @queue is locked, or NULL. */
void queue_forget(struct ioasid_be_faultq *queue, const struct ioasid_be_dev *dev, uint32_t pasid);

/* queue_ctx(), queue_id() - whose it is, and the kernel's number of it. */
const struct ioasid_be_ctx *queue_ctx(const struct ioasid_be_faultq *queue);
uint32_t queue_id(const struct ioasid_be_faultq *queue);

/* space_take(), space_drop() - count a slot of @dev that is taken for an address space. Return: -ENOMEM. */
int32_t space_take(struct ioasid_be_as *as, struct ioasid_be_dev *dev);
void space_drop(struct ioasid_be_as *as, struct ioasid_be_dev *dev);

/* cover_map() - note a mapping that the kernel is to be asked for; cover_mapped() - it has answered. Of an
 * adopted space nothing is noted, and *mapping is NULL. Return: -EEXIST it overlaps another, or
 * a window that is just being unmapped; -ENOMEM. */
struct vtd_mapping;
int32_t cover_map(struct ioasid_be_as *as, uint64_t first, uint64_t last, struct vtd_mapping **mapping);
void cover_mapped(struct ioasid_be_as *as, struct vtd_mapping *mapping, bool mapped);

/* cover_unmap() - the kernel is to be asked to unmap a window; cover_unmapped() - it has answered, and what
 * is in the window has gone, or may have. @any: receives whether there may be something. The space's unmaps
 * is held. Return: -ENOENT the window cuts a mapping; -EBUSY one of it is just being mapped. */
int32_t cover_unmap(struct ioasid_be_as *as, uint64_t first, uint64_t last, bool *any);
void cover_unmapped(struct ioasid_be_as *as, uint64_t first, uint64_t last, bool unmapped);

/* cover_free() - forget all of it, as the space ends. */
void cover_free(struct ioasid_be_as *as);

/* cover_next() - the first part of a window that is wholly mapped; of an adopted space all of it. The space
 * is locked, and unmaps is held. Return: whether there is one. */
bool cover_next(const struct ioasid_be_as *as, uint64_t from, uint64_t last, struct uapi_iova_range *window);

/* space_probe() - check that an object which is to be adopted is there, and of which kind. */
int32_t space_probe(const struct iommufd *iommu, const struct ioasid_be_object *object);

/* ranges_list() - list the ranges of an IOAS into memory that the caller frees. Return: 0 or -errno of the
 * kernel. */
int32_t ranges_list(const struct iommufd *iommu, uint32_t ioas, struct uapi_iova_range **ranges,
		    uint32_t *count);

/* ranges_usable() - whether all of a window can be mapped now; true also if that cannot be found out. */
bool ranges_usable(const struct ioasid_be_as *as, uint64_t first, uint64_t last);

/* ranges_read(), ranges_allow() - the operations of the interface. */
int32_t ranges_read(struct ioasid_be_as *as, struct ioasid_be_batch *batch, uint32_t *total);
int32_t ranges_allow(struct ioasid_be_as *as, const struct ioasid_be_array *ranges);

/* decode_*() - what the unit's registers and the kernel say, in the terms of the ABI. */
void decode_caps(const struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps);
int32_t decode_line(const struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
		    struct ioasid_be_text *text);

int32_t device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
		      struct ioasid_be_dev **dev, struct ioasid_be_text *why);
int32_t device_detach(struct ioasid_be_dev *dev);

extern const struct ioasid_be_dirty_ops vtd_dirty_ops;
extern const struct ioasid_be_fault_ops vtd_fault_ops;
extern const struct ioasid_be_invalidate_ops vtd_invalidate_ops;
extern const struct ioasid_be_nested_ops vtd_nested_ops;
extern const struct ioasid_be_paging_ops vtd_paging_ops;
extern const struct ioasid_be_pasid_ops vtd_pasid_ops;

#endif
