/*
 * mock_control.h - how a test or a demo drives the software IOMMU, revision 1.
 *
 * The mock is a machine: IOMMUs, devices behind them, and the memory of this process. A context reaches it
 * through the plugin contract. This interface is everything else that a machine does: devices that do DMA,
 * hardware that fails, is slow or does not answer, and other owners of devices and address spaces on the same
 * host.
 *
 * core->get_interface(ctx, IOASID_MOCK_CONTROL_ID, &table) answers a struct ioasid_mock_control. The first
 * argument of each function is its member `mock`. It is good until the last context of the machine is closed;
 * contexts share a machine if they were opened with the same configuration key "machine".
 *
 * Every function is [any-thread]; those that do not say so neither block nor run a hook. Answers are those of
 * the contract: 0 or IOASID_BE_E*. Structs begin with their size, as in the contract.
 */
#ifndef IOASID_MOCK_CONTROL_H
#define IOASID_MOCK_CONTROL_H

#include <stdint.h>

#include "ioasid_backend.h"
#include "mock_formats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IOASID_MOCK_CONTROL_ID "org.libioasid.mock/1"

struct ioasid_mock; /* a machine */

/* ---- DMA ---- */

#define IOASID_MOCK_DMA_READ  UINT32_C(1) /* memory to buffer */
#define IOASID_MOCK_DMA_WRITE UINT32_C(2) /* buffer to memory */
#define IOASID_MOCK_DMA_EXEC  UINT32_C(4) /* with READ: asks for execute permission */
#define IOASID_MOCK_DMA_PRIV  UINT32_C(8) /* privileged */
/* `dma` only: the device asks for a page that is not present or not permitted, waits for the answer, and goes
 * on after SUCCESS; at most IOASID_MOCK_ASK_MAX times for one page. */
#define IOASID_MOCK_DMA_ASK UINT32_C(16)
#define IOASID_MOCK_ASK_MAX UINT32_C(8)

#define IOASID_MOCK_FAULT_NONE        UINT32_C(0)
#define IOASID_MOCK_FAULT_BLOCKED     UINT32_C(1) /* nothing attached to (device, PASID), or parked */
#define IOASID_MOCK_FAULT_NOT_PRESENT UINT32_C(2) /* no mapping, or an entry without P */
#define IOASID_MOCK_FAULT_PERMISSION  UINT32_C(3) /* the mapping or binding does not allow this access */
#define IOASID_MOCK_FAULT_PARENT      UINT32_C(4) /* the parent address space does not map or allow it */
#define IOASID_MOCK_FAULT_FORMAT      UINT32_C(5) /* a reserved bit in a table */
#define IOASID_MOCK_FAULT_RANGE       UINT32_C(6) /* PASID or address wider than device or table */
#define IOASID_MOCK_FAULT_CUT         UINT32_C(7) /* was in flight, and the IOMMU ended it */

struct ioasid_mock_dma {
	uint32_t struct_size; /* of this struct: no other size is taken */
	uint32_t device;      /* number */
	uint32_t pasid;       /* 0: by RID */
	uint32_t flags;       /* IOASID_MOCK_DMA_*, one of READ and WRITE */
	uint64_t iova;
	uint64_t length;        /* bytes, not 0 */
	void *buffer;           /* `length` bytes of the device's own */
	uint64_t done;          /* out: bytes moved, from the first on */
	uint32_t fault;         /* out: IOASID_MOCK_FAULT_* that ended it */
	uint32_t cached;        /* out: pages whose translation came from a TLB */
	uint64_t fault_address; /* out: of FAULT_PARENT in the parent address space, else in the device's */
	uint32_t asked;         /* out: page requests answered */
	uint32_t answer;        /* out: IOASID_BE_RESPOND_* to the last of them */
};

/* ---- Page requests ---- */

/* A device that has PRI asks for a page. The request with IOASID_BE_FAULT_LAST completes its group. */
struct ioasid_mock_page_request {
	uint32_t struct_size;
	uint32_t device; /* number */
	uint32_t pasid;  /* 0: by RID */
	uint32_t group;  /* below IOASID_MOCK_GROUP_DMA, a number space of each (device, PASID) */
	uint64_t address;
	uint32_t flags; /* IOASID_BE_FAULT_*, but FAULT_PASID */
	uint32_t reserved;
};
#define IOASID_MOCK_GROUP_DMA UINT32_C(0x80000000) /* groups from here on are those of DMA that asks */
#define IOASID_MOCK_GROUP_MAX UINT32_C(32)         /* requests of a group */

#define IOASID_MOCK_BY_HOST     UINT32_C(1) /* by respond */
#define IOASID_MOCK_BY_IOMMU    UINT32_C(2) /* nothing attached, parked, or no queue: INVALID */
#define IOASID_MOCK_BY_FULL     UINT32_C(3) /* the queue was full: INVALID */
#define IOASID_MOCK_BY_TEARDOWN UINT32_C(4) /* park, detach, replace, block, reset: FAILURE */
struct ioasid_mock_page_answer {
	uint32_t struct_size;
	uint32_t code; /* IOASID_BE_RESPOND_* */
	uint32_t by;   /* IOASID_MOCK_BY_* */
	uint32_t reserved;
};

/* Groups of one device: those that wait, and how all others were answered, each once. */
struct ioasid_mock_pages {
	uint32_t struct_size;
	uint32_t open;   /* LAST has not come */
	uint32_t unread; /* in a queue */
	uint32_t read;   /* the host has them */
	uint64_t by_host;
	uint64_t by_iommu;
	uint64_t by_full;
	uint64_t by_teardown;
};

/* ---- Operations of the contract: for rules, hooks and counters ---- */

#define IOASID_MOCK_OP_OPEN             UINT32_C(0)
#define IOASID_MOCK_OP_CLOSE            UINT32_C(1)
#define IOASID_MOCK_OP_CAPS             UINT32_C(2)
#define IOASID_MOCK_OP_GET_INTERFACE    UINT32_C(3) /* not for this interface */
#define IOASID_MOCK_OP_DEVICE_ATTACH    UINT32_C(4)
#define IOASID_MOCK_OP_DEVICE_DETACH    UINT32_C(5)
#define IOASID_MOCK_OP_DEVICE_CAPS      UINT32_C(6)
#define IOASID_MOCK_OP_DEVICE_REGISTERS UINT32_C(7)
#define IOASID_MOCK_OP_DEVICE_REPORT    UINT32_C(8)
#define IOASID_MOCK_OP_DEVICE_RESET     UINT32_C(9)
#define IOASID_MOCK_OP_AS_CREATE        UINT32_C(10)
#define IOASID_MOCK_OP_AS_ADOPT         UINT32_C(11)
#define IOASID_MOCK_OP_AS_DESTROY       UINT32_C(12)
#define IOASID_MOCK_OP_MAP              UINT32_C(13)
#define IOASID_MOCK_OP_MAP_FILE         UINT32_C(14)
#define IOASID_MOCK_OP_COPY             UINT32_C(15)
#define IOASID_MOCK_OP_UNMAP            UINT32_C(16)
#define IOASID_MOCK_OP_RANGES           UINT32_C(17)
#define IOASID_MOCK_OP_ALLOW            UINT32_C(18)
#define IOASID_MOCK_OP_ATTACH           UINT32_C(19) /* batches from here on: each item is one */
#define IOASID_MOCK_OP_REPLACE          UINT32_C(20)
#define IOASID_MOCK_OP_DETACH           UINT32_C(21)
#define IOASID_MOCK_OP_PARK             UINT32_C(22)
#define IOASID_MOCK_OP_DRAIN            UINT32_C(23)
#define IOASID_MOCK_OP_INVALIDATE       UINT32_C(24)
#define IOASID_MOCK_OP_DEVICE_BLOCK     UINT32_C(25) /* no batches from here on */
#define IOASID_MOCK_OP_TABLE_CREATE     UINT32_C(26)
#define IOASID_MOCK_OP_TABLE_DESTROY    UINT32_C(27)
#define IOASID_MOCK_OP_FAULTQ_CREATE    UINT32_C(28)
#define IOASID_MOCK_OP_FAULTQ_DESTROY   UINT32_C(29)
#define IOASID_MOCK_OP_FAULT_READ       UINT32_C(30) /* counted as a call, whatever it reads */
#define IOASID_MOCK_OP_FAULT_RESPOND    UINT32_C(31) /* a batch */
#define IOASID_MOCK_OP_DIRTY_START      UINT32_C(32)
#define IOASID_MOCK_OP_DIRTY_STOP       UINT32_C(33)
#define IOASID_MOCK_OP_DIRTY_READ       UINT32_C(34)
#define IOASID_MOCK_OP_DIRTY_READ_CLEAR UINT32_C(35)
#define IOASID_MOCK_OP_ID_ALLOC         UINT32_C(36)
#define IOASID_MOCK_OP_ID_FREE          UINT32_C(37)
#define IOASID_MOCK_OP_VIOMMU_CREATE    UINT32_C(38)
#define IOASID_MOCK_OP_VIOMMU_DESTROY   UINT32_C(39)
#define IOASID_MOCK_OP_VDEVICE_CREATE   UINT32_C(40)
#define IOASID_MOCK_OP_VDEVICE_DESTROY  UINT32_C(41)
#define IOASID_MOCK_OP_ENTRY_ATTACH     UINT32_C(42) /* of the interface table */
#define IOASID_MOCK_OP_ENTRY_SET        UINT32_C(43)
#define IOASID_MOCK_OP_ENTRY_DETACH     UINT32_C(44)
#define IOASID_MOCK_OP_EVENTQ_CREATE    UINT32_C(45)
#define IOASID_MOCK_OP_EVENTQ_DESTROY   UINT32_C(46)
#define IOASID_MOCK_OP_EVENT_READ       UINT32_C(47) /* counted as a call, whatever it reads */
#define IOASID_MOCK_OP_INVALIDATE_RAW   UINT32_C(48) /* a batch */
#define IOASID_MOCK_OP_COUNT            UINT32_C(49)

/* What an operation does instead of its work, which then has no effect. Close ends the context all the same,
 * unless the error is EBUSY. */
#define IOASID_MOCK_RULE_TIMEOUT UINT32_C(1) /* waits for the deadline, answers ETIMEDOUT; error is 0 */
struct ioasid_mock_rule {
	uint32_t struct_size;
	uint32_t op;    /* IOASID_MOCK_OP_* */
	uint32_t flags; /* IOASID_MOCK_RULE_* */
	int32_t error;  /* what to answer, negative; 0: only the delay, then the work */
	uint64_t nth;   /* first call (item of a batch) that it is for, counted from now, 1 is the next */
	uint64_t times; /* how many in a row; 0: no rule any more; UINT64_MAX: for ever */
	uint64_t delay; /* ns; a deadline that comes first is ETIMEDOUT */
	uint64_t reserved;
};

#define IOASID_MOCK_PHASE_BEGIN   UINT32_C(0) /* nothing is done yet */
#define IOASID_MOCK_PHASE_BLOCKED UINT32_C(1) /* replace, detach, park: no new DMA by the old table */
#define IOASID_MOCK_PHASE_END     UINT32_C(2)
#define IOASID_MOCK_NO_DEVICE     UINT32_MAX
struct ioasid_mock_call {
	uint32_t struct_size;
	uint32_t op;     /* IOASID_MOCK_OP_* */
	uint32_t phase;  /* IOASID_MOCK_PHASE_* */
	uint32_t device; /* number, or IOASID_MOCK_NO_DEVICE */
	uint32_t pasid;  /* of a binding; else 0 */
	int32_t result;  /* END: the answer */
};

/*
 * Called by each call (item of a batch) of an operation in each of its phases, in the caller's thread, with
 * nothing held: it may wait, and call operations and the control interface, but hook(). In BEGIN a negative
 * answer is the operation's answer, and it does nothing; in the other phases the answer is ignored.
 */
typedef int32_t (*ioasid_mock_hook)(void *cookie, const struct ioasid_mock_call *call);

/* ---- Inspection ---- */

#define IOASID_MOCK_SLOT_FREE     UINT32_C(0)
#define IOASID_MOCK_SLOT_ATTACHED UINT32_C(1)
#define IOASID_MOCK_SLOT_PARKED   UINT32_C(2)
#define IOASID_MOCK_SLOT_FOREIGN  UINT32_C(3) /* an RID that somebody else attached */
struct ioasid_mock_slot {
	uint32_t struct_size;
	uint32_t state;          /* IOASID_MOCK_SLOT_* */
	uint32_t flags;          /* IOASID_BE_BIND_* */
	uint32_t in_flight;      /* DMA begun, neither finished nor cut */
	struct ioasid_be_as *as; /* what the slot is on; both NULL if free or foreign */
	struct ioasid_be_table *table;
	uint32_t iotlb;      /* translations cached in the IOMMU */
	uint32_t device_tlb; /* translations cached in the device */
	uint32_t walks;      /* upper levels of a nested table cached in the IOMMU, by 2 MiB */
	uint32_t reserved;
};

/* What exists now in the machine, over all its contexts. */
struct ioasid_mock_live {
	uint32_t struct_size;
	uint32_t contexts;
	uint64_t devices; /* attached to a context */
	uint64_t spaces;  /* address spaces made or adopted by contexts */
	uint64_t tables;
	uint64_t bindings;  /* slots attached or parked, RIDs included */
	uint64_t mappings;  /* in all address spaces, other owners' too */
	uint64_t files;     /* mapped by map_file */
	uint64_t in_flight; /* DMA begun, neither finished nor cut */
	uint64_t blocks;    /* of memory that the machine has taken */
	uint64_t queues;    /* of page requests and of events */
	uint64_t requests;  /* groups of page requests without an answer */
	uint64_t ids;       /* that the IOMMU handed out */
	uint64_t viommus;
	uint64_t vdevices;
	uint64_t entries; /* devices on an entry of a guest's */
	uint64_t strays;  /* numbers that it was made to hand out, and that are no IDs of its */
	uint64_t reserved;
};

/* ---- The interface ---- */

struct ioasid_mock_control {
	uint32_t struct_size;
	uint32_t reserved;
	struct ioasid_mock *mock;

	/* Tells a device's number. ENODEV: no device of that name. */
	int32_t (*device_find)(struct ioasid_mock *mock, const char *name, uint32_t *device);

	/* Does DMA, page by page, until all is moved or a page faults, which is a success too: see `fault`.
	 * ENODEV: no such device; EINVAL. */
	int32_t (*dma)(struct ioasid_mock *mock, struct ioasid_mock_dma *dma);
	/* Translates all pages, moves nothing yet and leaves the DMA in flight. A fault ends it at once:
	 * *token is 0 then, `dma` tells. ENODEV, ENOMEM. */
	int32_t (*dma_begin)(struct ioasid_mock *mock, struct ioasid_mock_dma *dma, uint64_t *token);
	/* Moves the bytes through the translations of dma_begin, or tells FAULT_CUT. ENOENT: no such token.
	 */
	int32_t (*dma_finish)(struct ioasid_mock *mock, uint64_t token, struct ioasid_mock_dma *dma);

	/* Sets the rule of an operation, in the place of its last one. */
	int32_t (*inject)(struct ioasid_mock *mock, const struct ioasid_mock_rule *rule);
	/* Lets the nth taking of memory from now fail (ENOMEM), 1 is the next; 0: none. */
	int32_t (*fail_memory)(struct ioasid_mock *mock, uint64_t nth);
	/* Sets the hook of an operation, NULL for none. Returns when the old one runs nowhere any more.
	 * Blocks. */
	int32_t (*hook)(struct ioasid_mock *mock, uint32_t op, ioasid_mock_hook fn, void *cookie);
	/* Tells how often an operation was called, and for how many items of batches (the same for others).
	 */
	int32_t (*count)(struct ioasid_mock *mock, uint32_t op, uint64_t *calls, uint64_t *items);

	/* Tells what is at (device, PASID). ENODEV; ERANGE: wider than the device's PASIDs. */
	int32_t (*slot)(struct ioasid_mock *mock, uint32_t device, uint32_t pasid,
			struct ioasid_mock_slot *slot);
	int32_t (*live)(struct ioasid_mock *mock, struct ioasid_mock_live *live);

	/* The other owners on the host (a VMM before its vIOMMU). */
	/* Makes an address space of type IOASID_BE_OBJECT_IOAS or _HWPT, to be adopted by its id. EOPNOTSUPP,
	 * ENOMEM. */
	int32_t (*world_space_create)(struct ioasid_mock *mock, uint32_t type, uint32_t uses, uint32_t *id);
	/* Maps memory of this process there. ENOENT: no such id; else as paging map. */
	int32_t (*world_space_map)(struct ioasid_mock *mock, uint32_t id, const struct ioasid_be_map *map);
	/* Ends it. EBUSY: adopted, or a device is on it; ENOENT. */
	int32_t (*world_space_destroy)(struct ioasid_mock *mock, uint32_t id);
	/* Binds a device (bound 1): it can then only be adopted; or lets it go (0). EBUSY: a context has it.
	 */
	int32_t (*world_device_bind)(struct ioasid_mock *mock, uint32_t device, uint32_t bound);
	/* Puts the RID of a bound device on an address space, 0: on none. EBUSY: PASIDs or a context's RID in
	 * the way; EINVAL: not bound, or the space does not fit the device; ENOENT: no such space. */
	int32_t (*world_rid)(struct ioasid_mock *mock, uint32_t device, uint32_t id);

	/* Sends a page request. ENODEV; EOPNOTSUPP: the device has no PRI; EBUSY: the group of that number
	 * is not answered yet; E2BIG: it is full; ENOMEM. Calls host->ready, or write, of a queue's context. */
	int32_t (*page_request)(struct ioasid_mock *mock, const struct ioasid_mock_page_request *request);
	/* Takes the answer to a group, waiting for it up to `deadline` (CLOCK_MONOTONIC in ns, 0: not at
	 * all). ENODEV; ENOENT: no such group, or its answer was taken; EAGAIN, ETIMEDOUT: not answered yet.
	 * Blocks. */
	int32_t (*page_response)(struct ioasid_mock *mock, uint32_t device, uint32_t pasid, uint32_t group,
				 uint64_t deadline, struct ioasid_mock_page_answer *answer);
	/* Tells about all groups of a device. ENODEV. */
	int32_t (*pages)(struct ioasid_mock *mock, uint32_t device, struct ioasid_mock_pages *pages);

	/* Pulls a device out (gone 1): operations on it answer ENODEV, but that its slots and it itself can
	 * be detached; its DMA is cut, its page requests are answered with FAILURE. Puts one in (0). EBUSY: a
	 * context still has the one that is gone; EINVAL; ENODEV: no such device at all. */
	int32_t (*unplug)(struct ioasid_mock *mock, uint32_t device, uint32_t gone);
	/* Lets a device reset itself: its DMA is cut, its TLB is empty, it waits for no answer any more, and
	 * makes no page requests (EOPNOTSUPP) until the host knows (core device_reset). What was queued stays
	 * for the host. ENODEV. */
	int32_t (*flr)(struct ioasid_mock *mock, uint32_t device);

	/* Lets the next `times` allocs of the interface id answer this number, whatever window they ask for:
	 * one that is free, one that is out already, or one that is no ID. EOPNOTSUPP: the machine hands out
	 * no IDs. */
	int32_t (*id_force)(struct ioasid_mock *mock, uint32_t id, uint64_t times);

	/* Tells the guest of a device that something happened to it, after `lost` events that leave a gap in
	 * the sequence. ENODEV; ENOENT: the device is on no guest's table, or nobody has a queue there. */
	int32_t (*event)(struct ioasid_mock *mock, uint32_t device, const struct ioasid_mock_event *event,
			 uint32_t lost);
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct ioasid_mock_dma) == 72, "size of ioasid_mock_dma");
_Static_assert(sizeof(struct ioasid_mock_rule) == 48, "size of ioasid_mock_rule");
_Static_assert(sizeof(struct ioasid_mock_call) == 24, "size of ioasid_mock_call");
_Static_assert(sizeof(struct ioasid_mock_slot) == 48, "size of ioasid_mock_slot");
_Static_assert(sizeof(struct ioasid_mock_live) == 136, "size of ioasid_mock_live");
_Static_assert(sizeof(struct ioasid_mock_page_request) == 32, "size of ioasid_mock_page_request");
_Static_assert(sizeof(struct ioasid_mock_page_answer) == 16, "size of ioasid_mock_page_answer");
_Static_assert(sizeof(struct ioasid_mock_pages) == 48, "size of ioasid_mock_pages");
_Static_assert(sizeof(struct ioasid_mock_control) == 192, "size of ioasid_mock_control");
#endif

#ifdef __cplusplus
}
#endif

#endif /* IOASID_MOCK_CONTROL_H */
