/*
 * The contract suite: one set of tests that any backend has to pass.
 *
 * A backend is described by a driver: how to open it, how its devices are called, and, where it can be known,
 * where DMA arrives. The suite is generic: it knows abi/ioasid_backend.h and the requirements of abi/SPEC.md
 * (R1 ...), which its cases cite, and nothing of any backend. Cases that need what a backend does not offer
 * are left out and listed; what it has to offer is a member of the driver, so that nothing is left out by
 * accident.
 *
 * To test a backend, fill in a driver and call contract_main(). Members that say so may be NULL.
 */
#ifndef IOASID_TESTS_CONTRACT_H
#define IOASID_TESTS_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

#include "abi/ioasid_backend.h"
#include "tests/harness.h"

enum { CONTRACT_DEVICES = 2, CONTRACT_PAGE = 4096, CONTRACT_DATA = 8, CONTRACT_TABLES = 2, CONTRACT_TEXT = 256 };
/* Data pages, page n filled with n + 1, and behind them eight for each guest table. */
enum { CONTRACT_PAGES = CONTRACT_DATA + 8 * CONTRACT_TABLES };
/* Where tests map things, above what hardware may keep to itself, and where the memory of a guest begins in
 * its parent address space. */
#define CONTRACT_IOVA  UINT64_C(0x2000000)
#define CONTRACT_GUEST UINT64_C(0x40000000)

/* What became of one byte of DMA. */
#define CONTRACT_BLOCKED (-1)

/* A device that asks for a page; what the IOMMU then told it. */
struct contract_ask {
	unsigned int device;
	uint32_t pasid;    /* 0: by RID */
	uint32_t group;
	bool last;         /* of its group */
	uint64_t address;
	bool write;
};
#define CONTRACT_NO_ANSWER (-1)

struct contract_driver {
	const char *name;
	uint64_t interfaces; /* IOASID_BE_IF_* that it has to offer */
	uint32_t iommus;     /* behind how many its two devices are: 1 or 2 */
	ioasid_be_entry_fn (*entry)(void);

	/* A machine; `args` has struct_size only and gets the host table and the configuration. */
	void *(*up)(struct ioasid_be_open *args);
	/* Checks that nothing is left of contexts, and ends the machine. */
	void (*down)(void *machine);
	/* The same machine for a context of the library; what the arguments point to is good as long as the
	 * machine. */
	void (*settings)(void *machine, struct ioasid_context_args *args);

	/* Device 0 or 1 by name; device number CONTRACT_DEVICES is one that is not there. */
	const char *(*device)(void *machine, unsigned int device);
	/* A descriptor of the device, for _FD, and closing it; `alive`: can it still be used? NULL: it has no
	 * such thing. */
	int32_t (*device_fd)(void *machine, unsigned int device);
	bool (*fd_alive)(void *machine, int32_t fd);
	void (*fd_close)(void *machine, int32_t fd);
	/* Plays the owner who was there before: makes the device bound elsewhere with its RID on a space of
	 * his that has data page `page` at CONTRACT_IOVA; fills in how to adopt both. `memory` as below.
	 * NULL: cannot be played. */
	void (*owner)(void *machine, unsigned int device, unsigned char *memory, unsigned int page,
		      struct ioasid_be_device *spec, struct ioasid_be_object *object);
	void (*owner_leaves)(void *machine, unsigned int device, const struct ioasid_be_device *spec,
			     const struct ioasid_be_object *object);

	/* One byte of DMA, read into or written from *byte. 0, or CONTRACT_BLOCKED. NULL: there is no DMA to
	 * be seen. */
	int (*dma)(void *machine, unsigned int device, uint32_t pasid, uint64_t iova, bool write, unsigned char *byte);
	/* DMA of one byte that is still under way, and its end: did the byte arrive? NULL: as above. */
	uint64_t (*dma_begin)(void *machine, unsigned int device, uint32_t pasid, uint64_t iova, unsigned char *byte);
	bool (*dma_arrives)(void *machine, uint64_t token);
	/* Is anything attached there, and not blocked? Only asked where there is no dma. */
	bool (*attached)(void *machine, unsigned int device, uint32_t pasid);

	/* Builds first-stage table `table` in its pages behind the data, so that CONTRACT_IOVA leads to data
	 * page `page`; a second time it changes the leaf only. The memory is at CONTRACT_GUEST in the parent.
	 * NULL: has no format. */
	void (*guest_table)(unsigned char *memory, unsigned int table, unsigned int page,
			    struct ioasid_be_record *entry);

	/* A device asks for a page: 0, or an errno. What it was told: IOASID_BE_RESPOND_*. NULL: no device
	 * asks. */
	int32_t (*ask)(void *machine, const struct contract_ask *ask);
	int (*answer)(void *machine, unsigned int device, uint32_t pasid, uint32_t group);
	/* How often the host's `ready` was called for this cookie. NULL: never, as queues have descriptors. */
	unsigned int (*ready)(void *machine, uint64_t cookie);
	/* Whether the descriptor of a queue is readable; NULL: poll() tells. */
	bool (*readable)(void *machine, int32_t fd);

	/* Lets every change of a slot take a while, as with hardware that is slow. NULL: it cannot. */
	void (*slow)(void *machine);
	/* The device goes away, as if it were pulled out. NULL: cannot be. */
	void (*unplug)(void *machine, unsigned int device);

	/* A virtual IOMMU: its type and data, the type of its events and of its raw commands. */
	uint32_t viommu_type, event_type, command_type, command_size;
	const struct ioasid_be_record *viommu_data;
	/* Lets the hardware report an event with this tag for a device. 0, or an errno. NULL: cannot be. */
	int32_t (*event)(void *machine, unsigned int device, uint8_t tag);
	/* Whether that is the event; `virtual_id` is the device's in its virtual IOMMU. */
	bool (*event_is)(const struct ioasid_be_record *data, uint64_t virtual_id, uint8_t tag);
	/* The raw entry of a device's whole PASID table, made of guest table 0. */
	void (*guest_entry)(unsigned char *memory, struct ioasid_be_record *entry);
};

/* What a case may need beside interfaces. */
#define CONTRACT_DMA    UINT32_C(1)   /* dma */
#define CONTRACT_FLIGHT UINT32_C(2)   /* dma_begin */
#define CONTRACT_FDS    UINT32_C(4)   /* device_fd */
#define CONTRACT_OWNER  UINT32_C(8)   /* owner */
#define CONTRACT_FORMAT UINT32_C(16)  /* guest_table */
#define CONTRACT_ASKS   UINT32_C(32)  /* ask */
#define CONTRACT_EVENTS UINT32_C(64)  /* event */
#define CONTRACT_UNPLUG UINT32_C(128) /* unplug */
#define CONTRACT_SEEN   UINT32_C(256) /* dma or attached */
struct contract_case {
	const char *name;
	void (*fn)(void);
	uint64_t interfaces;
	uint32_t needs;
};

struct contract_suite {
	const struct contract_case *cases;
	size_t count;
};

#define CONTRACT_SUITE(name, cases) \
	const struct contract_suite name = { cases, sizeof(cases) / sizeof((cases)[0]) }

extern const struct contract_suite contract_core, contract_sizes, contract_devices, contract_paging, contract_ranges,
	contract_slots, contract_batches, contract_nested, contract_invalidate, contract_dirty, contract_fault, contract_viommu,
	contract_id, contract_public;

/* contract_main() - run the suite. Return: as test_main(). */
int contract_main(const struct contract_driver *driver, int argc, char **argv);

/* ---- What cases use ---- */

struct contract_world {
	const struct contract_driver *driver;
	void *machine;
	const struct ioasid_be_core_ops *core;
	struct ioasid_be_open args;
	struct ioasid_be_ctx *ctx;
	struct ioasid_be_ctx_caps caps;
	const struct ioasid_be_paging_ops *paging;
	const struct ioasid_be_dirty_ops *dirty;
	const struct ioasid_be_pasid_ops *pasid;
	const struct ioasid_be_nested_ops *nested;
	const struct ioasid_be_viommu_ops *viommu;
	const struct ioasid_be_vdevice_ops *vdevice;
	const struct ioasid_be_table_ops *table;
	const struct ioasid_be_invalidate_ops *invalidate;
	const struct ioasid_be_fault_ops *fault;
	const struct ioasid_be_event_ops *event;
	const struct ioasid_be_id_ops *id;
	struct ioasid_be_dev *dev[CONTRACT_DEVICES];
	unsigned char *memory;
	char text[CONTRACT_TEXT];
	struct ioasid_be_text why;
};

/* The driver of this run. */
const struct contract_driver *contract_driver(void);
const char *contract_interface_name(unsigned int bit);

/* A machine and its core table, nothing opened; an open context with its first devices; the end of both. */
void contract_machine(struct contract_world *w);
void contract_machine_end(struct contract_world *w);
void contract_up(struct contract_world *w, unsigned int devices);
void contract_down(struct contract_world *w);

int32_t contract_take(struct contract_world *w, unsigned int device, struct ioasid_be_dev **dev);
struct ioasid_be_device contract_spec(struct contract_world *w, unsigned int device);
struct ioasid_be_device_caps contract_caps(struct contract_world *w, unsigned int device);
bool contract_has(struct contract_world *w, unsigned int device, uint32_t capability);

/* Address spaces. contract_map() maps data page @page at @iova. contract_parent() has the whole memory at
 * CONTRACT_GUEST. */
struct ioasid_be_as *contract_space(struct contract_world *w, uint32_t uses, struct ioasid_be_faultq *faultq);
struct ioasid_be_map contract_map_args(struct contract_world *w, uint64_t iova, unsigned int page, unsigned int pages);
int32_t contract_map(struct contract_world *w, struct ioasid_be_as *as, uint64_t iova, unsigned int page);
struct ioasid_be_as *contract_page_space(struct contract_world *w, unsigned int page);
struct ioasid_be_as *contract_parent(struct contract_world *w, uint32_t uses);
void contract_destroy(struct contract_world *w, struct ioasid_be_as *as);
int32_t contract_unmap(struct contract_world *w, struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *bytes);

/* Slots. Batches of one. contract_end() goes the whole way from attached to free that the context's flags ask
 * for; contract_quiet() the part of it after which nothing arrives any more, for a slot that is parked. */
struct ioasid_be_bind contract_bind(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as,
				    struct ioasid_be_table *table);
struct ioasid_be_batch contract_batch(void *items, size_t size, uint32_t count);
int32_t contract_attach(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as,
			struct ioasid_be_table *table);
int32_t contract_replace(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as,
			 struct ioasid_be_table *table, uint32_t flags);
int32_t contract_park(struct contract_world *w, unsigned int device, uint32_t pasid);
int32_t contract_detach(struct contract_world *w, unsigned int device, uint32_t pasid);
void contract_quiet(struct contract_world *w, unsigned int device, uint32_t pasid);
void contract_end(struct contract_world *w, unsigned int device, uint32_t pasid);

/* Where DMA of CONTRACT_IOVA goes: to data page @page; or nowhere. Checked as far as the driver can tell. */
bool contract_reaches(struct contract_world *w, unsigned int device, uint32_t pasid, unsigned int page);
bool contract_blocked(struct contract_world *w, unsigned int device, uint32_t pasid);

/* CLOCK_MONOTONIC in ns. */
uint64_t contract_now(void);

/* A backend around the driver's that watches how the host uses it; see contract_watch.c. */
struct contract_watch {
	unsigned int calls;    /* of slots */
	unsigned int crowded;  /* two for one slot at a time (R38) */
	unsigned int early;    /* the last call on an object while another was under way (R38) */
	unsigned int large;    /* batches beyond max_batch, and empty ones (R35) */
	unsigned int sizes;    /* structs of the wrong size, or with garbage in reserved words (R27) */
};

/* contract_watched() - its entry function; the counts begin at 0. */
ioasid_be_entry_fn contract_watched(void);
struct contract_watch contract_seen(void);

#endif
