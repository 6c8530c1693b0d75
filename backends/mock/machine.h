/*
 * The machine: what its parts are and who may touch them.
 *
 * - Machine: IOMMUs, devices, address spaces and DMA in flight; lives while a context is open on it.
 * - Context: an open of the plugin. Contexts with the same configured machine name share one machine.
 * - Space: an address space, mappings from IOVA to memory of this process.
 * - As: a context's handle of a space that it made or adopted.
 * - Table: a context's nested table, a record and a parent.
 * - Slot: what a device's PASID (or its RID) is attached to.
 * - TLB: cached translations, one per IOMMU and one more per device that has ATS. Nothing but an
 *   invalidation, a park, a detach, a replace, an unmap or a collision takes an entry out. It is asked before
 *   the slot is looked at, so that a park that forgot it would be seen. An IOMMU has a second one for the
 *   upper levels of nested tables.
 * - Flight: DMA whose translation is done and whose bytes have not moved yet.
 * - Entry: where a guest owns a device's PASID table, in the place of its slots (viommu.h).
 * - Group: page requests of a device that want one answer; queued for a host, or answered at once.
 *
 * Locks. `lock` protects every member that has no other comment; no operation keeps it over a hook, a sleep
 * or a call of the host. Waiting for flights lets it go: who waits looks again at what may have changed,
 * which is a slot's state (device_block is [any-thread]) and nothing else, as objects in use cannot end.
 * Order: registry (machine.c) before `lock` before `inject.lock`, which is a leaf.
 */
#ifndef MOCK_MACHINE_H
#define MOCK_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "blocks.h"
#include "inject.h"
#include "ioasid_backend.h"
#include "mock_control.h"
#include "setup.h"
#include "turnstile.h"

#define PAGE_SHIFT    12u
#define PAGE_BYTES    (UINT64_C(1) << PAGE_SHIFT)
#define PAGE_MASK_LOW (PAGE_BYTES - 1)

/* ---- Address spaces (space.c) ---- */

/* A file's memory, mapped by map_file and shared by copies. */
struct file {
	struct ioasid_be_ctx *ctx; /* through whose host it was mapped and will be unmapped */
	uint32_t refs;             /* mappings */
	struct file *next;         /* in a list of those that no mapping uses any more */
	void *address;
	uint64_t size;
};

struct mapping {
	uint64_t first;
	uint64_t last;     /* inclusive */
	char *memory;      /* what `first` maps */
	uint32_t access;   /* IOASID_BE_MAP_* */
	struct file *file; /* NULL: user memory */
	uint64_t *dirty;   /* a bit for each page; NULL: not tracked */
};

struct space {
	struct space *next; /* in the machine's list */
	uint64_t id;
	uint32_t type;                   /* IOASID_BE_OBJECT_* */
	uint32_t uses;                   /* IOASID_BE_USE_*; constant */
	struct ioasid_be_faultq *faultq; /* constant; NULL without USE_FAULT */
	bool world;                      /* somebody else's: lives without handles */
	bool tracked;                    /* every mapping has a bitmap of dirty pages */
	uint32_t handles;
	struct mapping *mappings; /* ascending, disjoint */
	uint64_t count;
	uint64_t room;
	struct setup_range *allowed;
	uint32_t allowed_count;
	uint64_t *attached; /* per device: slots, directly or by a nested table */
	uint64_t *domain;   /* per IOMMU: slots directly on it */
};

struct ioasid_be_as {
	struct ioasid_be_ctx *ctx;
	struct space *space;
	uint64_t slots;
	uint64_t tables;
};

struct ioasid_be_table {
	struct ioasid_be_ctx *ctx;
	struct ioasid_be_as *parent;
	struct device *device;           /* that it was made for */
	struct ioasid_be_faultq *faultq; /* constant; NULL: no page requests */
	uint64_t id;
	uint64_t root;
	uint64_t slots;
};

/* ---- Devices (device.c, slot.c) ---- */

struct slot {
	uint32_t state;  /* IOASID_MOCK_SLOT_* */
	uint32_t flags;  /* IOASID_BE_BIND_EXEC, _PRIV */
	uint64_t blocks; /* how often it was parked: tells who waited whether somebody parked it meanwhile */
	struct space *space; /* the table's parent's, if there is a table */
	struct ioasid_be_as *as;
	struct ioasid_be_table *table;
};

#define SLOT_LEAF_BITS 10u
#define SLOT_LEAF_SIZE (1u << SLOT_LEAF_BITS)
#define SLOT_LEAVES    (1u << (20u - SLOT_LEAF_BITS))

/* What became of a device's groups since the machine began. */
struct page_counts {
	uint64_t host;     /* answered by respond */
	uint64_t iommu;    /* by the IOMMU, because nothing takes them */
	uint64_t overflow; /* the same, because the queue was full */
	uint64_t teardown; /* by what took the table away */
};

/* A guest's entry for a device. */
struct guest_entry {
	struct ioasid_be_viommu *viommu; /* NULL: the device is on none */
	struct ioasid_be_faultq *faultq;
	uint64_t id;     /* as of a table */
	uint64_t table;  /* of PASIDs, in the parent */
	uint32_t config; /* IOASID_MOCK_ENTRY_* */
	uint32_t pasid_bits;
};

struct tlb {
	struct tlb_entry *entries; /* NULL: caches nothing */
	uint64_t mask;
	unsigned int shift; /* of what an entry spans */
};

struct iommu {
	struct tlb tlb;
	struct tlb walks;
	uint64_t domains; /* spaces and tables in use */
};

struct device {
	uint32_t number;
	const struct setup_device *setup;
	struct iommu *iommu;
	char name[SETUP_NAME_MAX + 1];
	struct ioasid_be_dev *user; /* NULL: no context has it */
	bool bound;                 /* by somebody else: can only be adopted */
	struct slot rid;
	struct slot *pasids[SLOT_LEAVES]; /* the PASID table: leaves made on demand, kept until the device is
					     let go */
	uint64_t bindings;                /* PASIDs attached or parked */
	uint64_t resets;
	uint64_t blocks; /* how often it was blocked as a whole */
	struct guest_entry guest;
	struct ioasid_be_vdevice *vdevice; /* NULL: has no virtual id */
	bool gone;                         /* unplugged */
	bool pri_off;                      /* it reset itself, and the host has not said that it knows */
	struct tlb tlb;
	struct page_group *groups; /* page.h; youngest first */
	uint32_t last_group;       /* number of a group that DMA made */
	struct page_counts pages;
};

struct ioasid_be_dev {
	struct ioasid_be_ctx *ctx;
	struct device *device;
	uint64_t cookie;
};

/* ---- IDs (ids.c) ---- */

#define IDS_STRAYS 16u

struct ids {
	struct ioasid_be_ctx **owners; /* by ID; NULL: free */
	uint64_t out;
	uint32_t lowest; /* no ID below is free */
	uint32_t forced; /* what the next forced_times allocs answer */
	uint64_t forced_times;
	uint32_t strays[IDS_STRAYS]; /* handed out, but no IDs */
	uint32_t stray_count;
};

/* ---- Machine and contexts (machine.c, core.c) ---- */

struct ioasid_mock {
	struct ioasid_mock *next; /* registry */
	uint32_t contexts;        /* registry */
	struct setup *setup;      /* constant */
	struct mock_mem mem;      /* its own atomics */
	struct inject inject;     /* its own lock */
	struct turnstile lock;    /* notifies when a flight ended */
	uint64_t last_id;         /* of spaces and tables */
	uint64_t last_flight;     /* token: flights begun up to now have this one or less */
	struct iommu *iommus;
	struct device *devices;
	struct space *spaces;
	struct flight *flights;
	struct ids ids;
	uint64_t devices_used;
	uint64_t handles; /* of spaces, in all contexts */
	uint64_t tables;
	uint64_t bindings; /* slots attached or parked by contexts, RIDs too */
	uint64_t files;
	uint64_t queues;
	uint64_t viommus;
	uint64_t vdevices;
	uint64_t entries;    /* devices on a guest's entry */
	uint64_t tracked;    /* spaces */
	uint64_t last_group; /* serial number: groups begun up to now have this one or less */
};

#define CTX_QUEUE_FDS 8u /* descriptors for queues; more queues than that do with host->ready */

struct ioasid_be_ctx {
	struct ioasid_mock *mock;
	struct ioasid_be_host host;
	struct ioasid_mock_control control;
	uint64_t devices;
	uint64_t handles;
	uint64_t tables;
	uint64_t bindings;
	uint64_t queues;
	int32_t queue_fds[CTX_QUEUE_FDS]; /* constant; -1: none */
	uint64_t ids;
	uint64_t viommus;
	uint32_t queue_fds_used; /* bit n: a queue has queue_fds[n] */
};

/*
 * machine_get() - the machine that @setup names, or a new one; takes @setup if it made one (*@taken).
 *
 * Return: 0; EINVAL: a machine of that name has a shape already; ENOMEM.
 */
int32_t machine_get(struct setup *setup, bool *taken, struct ioasid_mock **mock, struct ioasid_be_text *why);

/* machine_put() - the end of a context's use; the last one ends the machine. */
void machine_put(struct ioasid_mock *mock);

/* machine_interfaces() - IOASID_BE_IF_* that its contexts have. */
uint64_t machine_interfaces(const struct ioasid_mock *mock);

/* machine_contexts() - how many contexts are open on it. */
uint32_t machine_contexts(const struct ioasid_mock *mock);

/* A device by number or name; NULL: there is none. Constant, so nothing need be held. */
struct device *machine_device(struct ioasid_mock *mock, uint32_t number);
struct device *machine_device_by_name(struct ioasid_mock *mock, const char *name);

/* ---- Tables of operations ---- */

extern const struct ioasid_be_core_ops mock_core_ops;
extern const struct ioasid_be_paging_ops mock_paging_ops;
extern const struct ioasid_be_dirty_ops mock_dirty_ops;
extern const struct ioasid_be_pasid_ops mock_pasid_ops;
extern const struct ioasid_be_nested_ops mock_nested_ops;
extern const struct ioasid_be_invalidate_ops mock_invalidate_ops;
extern const struct ioasid_be_fault_ops mock_fault_ops;
extern const struct ioasid_be_id_ops mock_id_ops;
extern const struct ioasid_be_viommu_ops mock_viommu_ops;
extern const struct ioasid_be_vdevice_ops mock_vdevice_ops;
extern const struct ioasid_be_table_ops mock_table_ops;
extern const struct ioasid_be_event_ops mock_event_ops;

/* control_init() - fill a context's control table. */
void control_init(struct ioasid_mock_control *control, struct ioasid_mock *mock);

/* What core.c takes from device.c. */
int32_t device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
		      struct ioasid_be_dev **dev, struct ioasid_be_text *why);
int32_t device_detach(struct ioasid_be_dev *dev);
int32_t device_caps(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps);
int32_t device_registers(struct ioasid_be_dev *dev, struct ioasid_be_record *registers);
int32_t device_report(struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
		      struct ioasid_be_text *text);
int32_t device_reset(struct ioasid_be_dev *dev);

#endif
