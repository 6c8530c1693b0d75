/*
 * ioasid_backend.h - the contract between the host library and a backend plugin, major 1, minor 0.
 *
 * One long file on purpose: a plugin is built with this header and nothing else. SPEC.md beside it numbers
 * every requirement and has the life cycle. Minor 0 is a draft: it may still change in any way.
 *
 * Words. Host: the library. Plugin: who implements the tables. RID: DMA without a PASID, written as pasid 0.
 * Whole interface: a table in which every operation that is not marked [optional] is set.
 *
 * Sizes.   A struct that begins with struct_size is used up to min(both sizes). In: bytes that the
 *          callee does not know must be zero, else E2BIG; reserved not zero or an unknown flag: EINVAL.
 *          Out: the caller sets struct_size, which stays, the callee writes min(size) and zeroes the rest.
 * Arrays.  Pointer, stride, count: the stride is the size of an item as its writer knows it, a multiple of 8.
 * Answers. 0 is success, else one of IOASID_BE_E*; any other number is read as EIO; errno is not used.
 *          Out arguments are left alone on failure, except `done` and the items of a batch, and `why`.
 *          Each operation may answer EINVAL, E2BIG, ENOMEM, EIO, ENODEV (hardware gone); others are named.
 * Memory.  Who allocates frees. Descriptors handed over are borrowed until the object that got them ends.
 *          Pointers in arguments are good until the call returns, unless a comment says otherwise.
 *          `why` may be NULL, else it has room for why a call failed; for ENOSPC it names what ran out.
 * Strings. UTF-8 with a final NUL. Nothing throws, panics, longjmps or cancels across the boundary.
 *
 * Tags of operations
 *   [any-thread]    from any thread, beside any other call
 *   [turn]          calls for one (device, pasid) are made one at a time, others run beside it
 *   [last]          no other call on that object is running or will be made
 *   [no-block]      ends by itself, without waiting for hardware or a lock that is held around a system call
 *   [may-block]     may make system calls that end by themselves
 *   [deadline]      may wait for hardware, not beyond the given moment: then ETIMEDOUT
 *   [optional]      may be NULL, the host puts in an answer of EOPNOTSUPP
 */
#ifndef IOASID_ABI_BACKEND_H
#define IOASID_ABI_BACKEND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOASID_BE_MAJOR UINT32_C(1)
#define IOASID_BE_MINOR UINT32_C(0)
#define IOASID_BE_ENTRY_NAME "ioasid_backend_entry_v1"

/* Errors: Linux' numbers, negated; a plugin on another system uses these all the same. */
#define IOASID_BE_EPERM            INT32_C(-1)
#define IOASID_BE_ENOENT           INT32_C(-2)
#define IOASID_BE_EIO              INT32_C(-5)
#define IOASID_BE_E2BIG            INT32_C(-7)
#define IOASID_BE_EBADF            INT32_C(-9)
#define IOASID_BE_EAGAIN           INT32_C(-11)
#define IOASID_BE_ENOMEM           INT32_C(-12)
#define IOASID_BE_EACCES           INT32_C(-13)
#define IOASID_BE_EFAULT           INT32_C(-14)
#define IOASID_BE_EBUSY            INT32_C(-16)
#define IOASID_BE_EEXIST           INT32_C(-17)
#define IOASID_BE_ENODEV           INT32_C(-19)
#define IOASID_BE_EINVAL           INT32_C(-22)
#define IOASID_BE_ENOTTY           INT32_C(-25)
#define IOASID_BE_ENOSPC           INT32_C(-28)
#define IOASID_BE_ERANGE           INT32_C(-34)
#define IOASID_BE_EDEADLK          INT32_C(-35)
#define IOASID_BE_EOVERFLOW        INT32_C(-75)
#define IOASID_BE_EPROTONOSUPPORT  INT32_C(-93)
#define IOASID_BE_EOPNOTSUPP       INT32_C(-95)
#define IOASID_BE_ETIMEDOUT        INT32_C(-110)

/* Objects of the plugin, opaque to the host. Never NULL where an operation hands one out. */
struct ioasid_be_ctx;      /* an open IOMMU context */
struct ioasid_be_dev;      /* a device attached to a context */
struct ioasid_be_as;       /* an address space */
struct ioasid_be_table;    /* a nested (first stage) page table */
struct ioasid_be_viommu;   /* a virtual IOMMU */
struct ioasid_be_vdevice;  /* a device as a virtual IOMMU numbers it */
struct ioasid_be_hwqueue;  /* a hardware queue that a guest drives */
struct ioasid_be_faultq;   /* a queue of page requests */
struct ioasid_be_eventq;   /* a queue of hardware events for a guest */

/* ---- Shared pieces ---- */

/* Room for a text: the host gives buffer and capacity, the plugin writes the text, its NUL and the length. */
struct ioasid_be_text {
	uint32_t struct_size;
	uint32_t capacity;  /* bytes of buffer, the NUL included */
	uint32_t length;    /* out: bytes, without the NUL */
	uint32_t reserved;
	char *buffer;
};

/* A read-only array. */
struct ioasid_be_array {
	const void *items;  /* NULL if count is 0 */
	uint32_t stride;    /* bytes from item to item */
	uint32_t count;
};

/* Work of many items, done from the first on, ending at the first failure; `done` is valid on error too. */
struct ioasid_be_batch {
	uint32_t struct_size;
	uint32_t stride;    /* bytes from item to item */
	uint32_t count;     /* 0 is a success without effect */
	uint32_t done;      /* out: the items from the first on that surely took effect */
	void *items;
	uint64_t deadline;  /* CLOCK_MONOTONIC in ns, absolute; 0: none */
	uint64_t reserved[2];
};

/* Opaque data of a hardware format: the host compares, keeps and saves it and never looks inside. */
#define IOASID_BE_RECORD_MAX UINT32_C(256)
struct ioasid_be_record {
	uint32_t type;
	uint32_t length;  /* 0 .. 256 */
	uint8_t bytes[256];  /* zero from length on */
};

/* Types below VENDOR are the kernel's iommufd numbers, each kind of record has a number space of its own. */
#define IOASID_BE_TYPE_VENDOR          UINT32_C(0x80000000)
#define IOASID_BE_TYPE_MOCK_FIRST      UINT32_C(0x8a510000)  /* the mock's range: 64k numbers */
#define IOASID_BE_TYPE_MOCK_LAST       UINT32_C(0x8a51ffff)
#define IOASID_BE_PT_NONE              UINT32_C(0)           /* page tables, table entries */
#define IOASID_BE_PT_VTD_S1            UINT32_C(1)           /* u64 flags, u64 root, u32 width, u32 0 */
#define IOASID_BE_PT_ARM_SMMUV3        UINT32_C(2)           /* u64 ste[2], little endian */
#define IOASID_BE_PT_MOCK              UINT32_C(0x8a510001)  /* u64 root, u32 width, u32 flags */
#define IOASID_BE_REGS_NONE            UINT32_C(0)           /* raw registers */
#define IOASID_BE_REGS_VTD             UINT32_C(1)           /* u32 flags, u32 0, u64 CAP, u64 ECAP */
#define IOASID_BE_REGS_ARM_SMMUV3      UINT32_C(2)           /* u32 flags, 0, IDR[6], IIDR, AIDR */
#define IOASID_BE_REGS_MOCK            UINT32_C(0x8a510002)
#define IOASID_BE_VIOMMU_ARM_SMMUV3    UINT32_C(1)           /* virtual IOMMUs */
#define IOASID_BE_VIOMMU_TEGRA241      UINT32_C(2)
#define IOASID_BE_VIOMMU_MOCK          UINT32_C(0x8a510003)
#define IOASID_BE_INV_VTD_S1           UINT32_C(0)           /* raw invalidation commands */
#define IOASID_BE_INV_ARM_SMMUV3       UINT32_C(1)
#define IOASID_BE_INV_MOCK             UINT32_C(0x8a510004)
#define IOASID_BE_EVENT_ARM_SMMUV3     UINT32_C(1)           /* events */
#define IOASID_BE_EVENT_TEGRA241       UINT32_C(2)
#define IOASID_BE_EVENT_MOCK           UINT32_C(0x8a510005)

/* ---- The host table: a plugin's only way to the system ---- */

#define IOASID_BE_LOG_ERROR    UINT32_C(0)
#define IOASID_BE_LOG_WARNING  UINT32_C(1)
#define IOASID_BE_LOG_INFO     UINT32_C(2)
#define IOASID_BE_LOG_DEBUG    UINT32_C(3)

#define IOASID_BE_OPEN_READ    UINT32_C(1)
#define IOASID_BE_OPEN_WRITE   UINT32_C(2)
#define IOASID_BE_MAP_READ     UINT32_C(1)
#define IOASID_BE_MAP_WRITE    UINT32_C(2)
#define IOASID_BE_OFFSET_NONE  UINT64_MAX  /* where the descriptor stands */

/*
 * Good from open to the return of close. Every call is [any-thread] [may-block], takes no library lock,
 * answers 0 or more, or -errno, and has dealt with EINTR. `host` is the first argument of each. All are set.
 */
struct ioasid_be_host {
	uint32_t struct_size;
	uint32_t reserved;
	void *host;
	/* Writes one line without newline, level IOASID_BE_LOG_*. */
	void (*log)(void *host, uint32_t level, const char *text);
	/* Says that the queue created with this cookie has something to read; for queues without a
	 * descriptor. */
	void (*ready)(void *host, uint64_t cookie);
	/* Opens a path, flags IOASID_BE_OPEN_*, close-on-exec; answers a descriptor that is the plugin's to
	 * close. */
	int32_t (*open_by_name)(void *host, const char *path, uint32_t flags);
	int32_t (*close)(void *host, int32_t fd);
	/* Answers what the request answers. */
	int32_t (*ioctl)(void *host, int32_t fd, uint64_t request, void *argument);
	/* Transfer up to `size` bytes at `offset`, or where fd stands with OFFSET_NONE; answer the bytes. */
	int64_t (*read)(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset);
	int64_t (*write)(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset);
	/* Shared mapping of fd, access IOASID_BE_MAP_*. */
	int32_t (*mmap)(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access,
			void **address);
	int32_t (*munmap)(void *host, void *address, uint64_t size);
	/* Names in a directory, each with its NUL, into buffer; answers the bytes, ERANGE if they do not
	 * fit. */
	int64_t (*list)(void *host, const char *path, char *buffer, uint64_t size);
};

/* ---- Core table (mandatory) ---- */

struct ioasid_be_pair {
	const char *key;
	const char *value;
};

struct ioasid_be_fd {
	const char *key;  /* for example "iommufd" */
	int32_t fd;
	uint32_t reserved;
};

/* Something that exists already and that the plugin uses, but never destroys, reconfigures or closes. */
#define IOASID_BE_OBJECT_IOAS    UINT32_C(1)
#define IOASID_BE_OBJECT_HWPT    UINT32_C(2)
#define IOASID_BE_OBJECT_VIOMMU  UINT32_C(3)
#define IOASID_BE_OBJECT_FAULTQ  UINT32_C(4)
struct ioasid_be_object {
	const char *key;   /* a label, may be NULL */
	uint32_t type;     /* IOASID_BE_OBJECT_* */
	uint32_t id;       /* the kernel's number of it */
	int32_t fd;        /* the descriptor that goes with it, or -1 */
	uint32_t reserved0;
	uint64_t reserved1;
};

struct ioasid_be_open {
	uint32_t struct_size;
	uint32_t flags;                     /* 0 */
	const struct ioasid_be_host *host;  /* until close has returned */
	struct ioasid_be_array config;      /* struct ioasid_be_pair; unknown key: EINVAL, naming it in why */
	struct ioasid_be_array fds;         /* struct ioasid_be_fd */
	struct ioasid_be_array objects;     /* struct ioasid_be_object */
	uint64_t reserved[2];
};

/* Interfaces: bit n of caps.interfaces is set if and only if get_interface answers that id. */
#define IOASID_BE_ID_PAGING      "ioasid.be.paging/1"
#define IOASID_BE_ID_DIRTY       "ioasid.be.dirty/1"
#define IOASID_BE_ID_PASID       "ioasid.be.pasid/1"
#define IOASID_BE_ID_NESTED      "ioasid.be.nested/1"
#define IOASID_BE_ID_VIOMMU      "ioasid.be.viommu/1"
#define IOASID_BE_ID_VDEVICE     "ioasid.be.vdevice/1"
#define IOASID_BE_ID_TABLE       "ioasid.be.table/1"
#define IOASID_BE_ID_HWQUEUE     "ioasid.be.hwqueue/1"
#define IOASID_BE_ID_INVALIDATE  "ioasid.be.invalidate/1"
#define IOASID_BE_ID_FAULT       "ioasid.be.fault/1"
#define IOASID_BE_ID_EVENT       "ioasid.be.event/1"
#define IOASID_BE_ID_ID          "ioasid.be.id/1"
#define IOASID_BE_IF_PAGING      (UINT64_C(1) << 0)
#define IOASID_BE_IF_DIRTY       (UINT64_C(1) << 1)
#define IOASID_BE_IF_PASID       (UINT64_C(1) << 2)
#define IOASID_BE_IF_NESTED      (UINT64_C(1) << 3)
#define IOASID_BE_IF_VIOMMU      (UINT64_C(1) << 4)
#define IOASID_BE_IF_VDEVICE     (UINT64_C(1) << 5)
#define IOASID_BE_IF_TABLE       (UINT64_C(1) << 6)
#define IOASID_BE_IF_HWQUEUE     (UINT64_C(1) << 7)
#define IOASID_BE_IF_INVALIDATE  (UINT64_C(1) << 8)
#define IOASID_BE_IF_FAULT       (UINT64_C(1) << 9)
#define IOASID_BE_IF_EVENT       (UINT64_C(1) << 10)
#define IOASID_BE_IF_ID          (UINT64_C(1) << 11)

#define IOASID_BE_CTX_SEPARATE_DRAIN       (UINT64_C(1) << 0)  /* teardown is park, drain, detach */
#define IOASID_BE_CTX_SEPARATE_INVALIDATE  (UINT64_C(1) << 1)  /* the same, and invalidate before detach */
#define IOASID_BE_CTX_SHARES_TABLES        (UINT64_C(1) << 2)  /* one table serves all devices of one IOMMU */
struct ioasid_be_ctx_caps {
	uint32_t struct_size;
	uint32_t max_batch;           /* items of one batch; 0: any number. The host splits. */
	uint64_t interfaces;          /* IOASID_BE_IF_* */
	uint64_t flags;               /* IOASID_BE_CTX_* */
	uint64_t max_devices;         /* these four: 0 means that only memory limits it */
	uint64_t max_address_spaces;
	uint64_t max_tables;
	uint64_t max_bindings;
	uint64_t reserved[4];
};

#define IOASID_BE_DEVICE_NAME     UINT32_C(1)  /* name only */
#define IOASID_BE_DEVICE_FD       UINT32_C(2)  /* fd: an open device that is not bound yet; name is a label */
#define IOASID_BE_DEVICE_ADOPTED  UINT32_C(3)  /* iommufd, fd, device_id: bound already, and after detach */
struct ioasid_be_device {
	uint32_t struct_size;
	uint32_t kind;       /* IOASID_BE_DEVICE_* */
	const char *name;    /* the backend's own naming, for example a PCI address; NULL if there is none */
	int32_t fd;          /* -1 if unused */
	int32_t iommufd;     /* -1 if unused */
	uint32_t device_id;
	uint32_t flags;      /* 0 */
	uint64_t cookie;     /* given back in faults and events */
	uint64_t reserved[2];
};

/* Capabilities of a device: bit number in caps.flags, and what a line of the report is about. */
#define IOASID_BE_CAP_PASID      UINT32_C(0)
#define IOASID_BE_CAP_EXEC       UINT32_C(1)
#define IOASID_BE_CAP_PRIV       UINT32_C(2)
#define IOASID_BE_CAP_ATS        UINT32_C(3)
#define IOASID_BE_CAP_PRI        UINT32_C(4)
#define IOASID_BE_CAP_NESTING    UINT32_C(5)
#define IOASID_BE_CAP_HITLESS    UINT32_C(6)   /* replace lets no DMA fault in between */
#define IOASID_BE_CAP_DIRTY      UINT32_C(7)
#define IOASID_BE_CAP_FAULT      UINT32_C(8)
#define IOASID_BE_CAP_VIOMMU     UINT32_C(9)
#define IOASID_BE_CAP_EVENT      UINT32_C(10)
#define IOASID_BE_CAP_HWQUEUE    UINT32_C(11)
#define IOASID_BE_CAP_BLOCK      UINT32_C(12)  /* device_block stops all of it at once */
#define IOASID_BE_CAP_MAPPING    UINT32_C(13)  /* report only: errata that restrict mappings */
#define IOASID_BE_CAP_RID        UINT32_C(14)  /* the RID slot can be attached and detached */
#define IOASID_BE_CAP_COUNT      UINT32_C(15)

#define IOASID_BE_OWNER_NONE    UINT32_C(0)  /* no PASID table */
#define IOASID_BE_OWNER_HOST    UINT32_C(1)  /* one nested table a PASID: pasid, nested */
#define IOASID_BE_OWNER_GUEST   UINT32_C(2)  /* the guest's table as a whole: table */
#define IOASID_BE_OWNER_EITHER  UINT32_C(3)
struct ioasid_be_device_caps {
	uint32_t struct_size;
	uint32_t pasid_bits;    /* width of a PASID: 0 (none) .. 20 */
	uint64_t flags;         /* 1 << IOASID_BE_CAP_*; bit PASID if and only if pasid_bits is not 0 */
	uint32_t table_owner;   /* IOASID_BE_OWNER_* */
	uint32_t iova_bits;     /* width of addresses that can be mapped: 1 .. 64 */
	uint64_t iommu;         /* devices behind the same IOMMU have the same number */
	uint64_t max_bindings;  /* PASIDs attached at a time; 0: as many as there are PASIDs */
	uint64_t page_sizes;    /* bit n: pages of 1 << n bytes */
	uint64_t reserved[4];
};

/* Why a capability is not usable. */
#define IOASID_BE_WHY_NONE        UINT32_C(0)
#define IOASID_BE_WHY_KERNEL      UINT32_C(1)  /* kernel too old or built without it */
#define IOASID_BE_WHY_MODE        UINT32_C(2)  /* the IOMMU's mode lacks it, e.g. not scalable */
#define IOASID_BE_WHY_HARDWARE    UINT32_C(3)  /* IOMMU or device does not have the capability */
#define IOASID_BE_WHY_ACS         UINT32_C(4)  /* no ACS route from device to IOMMU */
#define IOASID_BE_WHY_RID         UINT32_C(5)  /* the RID is on a table without the PASID flag */
#define IOASID_BE_WHY_PERMISSION  UINT32_C(6)
#define IOASID_BE_WHY_BACKEND     UINT32_C(7)  /* this plugin does not do it */
#define IOASID_BE_WHY_OTHER       UINT32_C(8)
struct ioasid_be_report_line {
	uint32_t struct_size;
	uint32_t capability;  /* IOASID_BE_CAP_* */
	uint32_t usable;      /* 0 or 1 */
	uint32_t why;         /* IOASID_BE_WHY_*, NONE if usable */
	uint64_t reserved[2];
};

struct ioasid_be_core_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Opens a context. ENODEV: no such hardware here; EACCES, EPERM: no right to it. [any-thread]
	 * [may-block] */
	int32_t (*open)(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
			struct ioasid_be_text *why);
	/* Ends a context. EBUSY while it has devices, address spaces or queues. [last] [may-block] */
	int32_t (*close)(struct ioasid_be_ctx *ctx);
	/* Tells what the context can do; the same from open to close. [any-thread] [no-block] */
	int32_t (*caps)(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *caps);
	/* Finds an interface, good until close. ENOENT: not here. [any-thread] [no-block] */
	int32_t (*get_interface)(struct ioasid_be_ctx *ctx, const char *id, const void **table);
	/* Takes a device in, leaving its RID as found. EBUSY: in use, adopted ones by any context of this
	 * process; ENOSPC: see why. [any-thread] [may-block] */
	int32_t (*device_attach)(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
				 struct ioasid_be_dev **dev, struct ioasid_be_text *why);
	/* Lets a device go. EBUSY while a slot or entry that the host attached is attached; what could not be
	 * detached may end by this, as far as it is certain to. [last] [may-block] */
	int32_t (*device_detach)(struct ioasid_be_dev *dev);
	/* Tells what the device can do; the same until device_reset. [any-thread] [may-block] */
	int32_t (*device_caps)(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps);
	/* Gives the vendor's raw registers. EOPNOTSUPP: there are none. [any-thread] [may-block]
	 * [optional] */
	int32_t (*device_registers)(struct ioasid_be_dev *dev, struct ioasid_be_record *registers);
	/* Gives line 0, 1 and so on of the report. ENOENT: behind the last. [any-thread] [may-block] */
	int32_t (*device_report)(struct ioasid_be_dev *dev, uint32_t index,
				 struct ioasid_be_report_line *line, struct ioasid_be_text *text);
	/* Says that the device was reset: nothing of it is in flight any more. [any-thread] [may-block]
	 * [optional] */
	int32_t (*device_reset)(struct ioasid_be_dev *dev);
};

/* ---- ioasid.be.paging/1: address spaces ---- */

#define IOASID_BE_USE_PASID   UINT32_C(1)  /* can be attached to PASIDs, and to an RID beside them */
#define IOASID_BE_USE_PARENT  UINT32_C(2)  /* nested tables can stand on it */
#define IOASID_BE_USE_DIRTY   UINT32_C(4)
#define IOASID_BE_USE_FAULT   UINT32_C(8)
struct ioasid_be_as_args {
	uint32_t struct_size;
	uint32_t uses;                    /* IOASID_BE_USE_* */
	struct ioasid_be_faultq *faultq;  /* with USE_FAULT, else NULL */
	uint64_t reserved[2];
};

struct ioasid_be_map {
	uint32_t struct_size;
	uint32_t access;   /* IOASID_BE_MAP_* */
	uint64_t iova;     /* iova, length, source: multiples of the smallest page size */
	uint64_t length;   /* bytes, not 0 */
	uint64_t source;   /* map: the user address; map_file: the offset; copy: the iova in `from` */
	struct ioasid_be_as *from;  /* copy, else NULL */
	int32_t fd;        /* map_file, borrowed for the call; else -1 */
	uint32_t flags;    /* 0 */
	uint64_t reserved[2];
};

#define IOASID_BE_RANGE_USABLE    UINT32_C(1)
#define IOASID_BE_RANGE_RESERVED  UINT32_C(2)  /* never DMA through a mapping: MSI, peer-to-peer, firmware */
#define IOASID_BE_RANGE_DIRECT    UINT32_C(3)  /* firmware wants it mapped one to one */
struct ioasid_be_range {
	uint64_t first;
	uint64_t last;     /* inclusive */
	uint32_t kind;     /* IOASID_BE_RANGE_* */
	uint32_t reserved;
};

/* S16. A table made for one device that does not fit another is the plugin's to double (EINVAL at attach). */
struct ioasid_be_paging_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Makes an address space. EOPNOTSUPP: a use is impossible; ENOSPC: see why. [any-thread]
	 * [may-block] */
	int32_t (*create)(struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *args,
			  struct ioasid_be_as **as, struct ioasid_be_text *why);
	/* Uses one that exists. ENOENT: no such id; EOPNOTSUPP: wrong type. [any-thread] [may-block]
	 * [optional] */
	int32_t (*adopt)(struct ioasid_be_ctx *ctx, const struct ioasid_be_object *object,
			 struct ioasid_be_as **as, struct ioasid_be_text *why);
	/* Ends it; what was adopted lives on. EBUSY: attached, or a parent in use. [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_as *as);
	/* Maps user memory. EEXIST: overlaps; ERANGE: outside the ranges; EFAULT: no memory there.
	 * [any-thread] [may-block] */
	int32_t (*map)(struct ioasid_be_as *as, const struct ioasid_be_map *map);
	/* The same with a file's memory. EBADF: not such a file. [any-thread] [may-block] [optional] */
	int32_t (*map_file)(struct ioasid_be_as *as, const struct ioasid_be_map *map);
	/* Maps what `from` maps. ENOENT: it maps nothing there. [any-thread] [may-block] [optional] */
	int32_t (*copy)(struct ioasid_be_as *as, const struct ioasid_be_map *map);
	/* Unmaps what lies wholly in the window, IOTLB included; 0 also if nothing does. ENOENT: cuts a
	 * mapping. All: iova 0, length UINT64_MAX. [any-thread] [may-block] */
	int32_t (*unmap)(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped);
	/* Lists ascending what can be mapped now, and reserved windows if known: struct ioasid_be_range in
	 * a batch, done: written. EOVERFLOW: count is too small, *total says how many. [any-thread]
	 * [may-block] */
	int32_t (*ranges)(struct ioasid_be_as *as, struct ioasid_be_batch *ranges, uint32_t *total);
	/* Keeps these windows usable for whatever is attached later. EBUSY: one is not. [any-thread]
	 * [may-block] [optional] */
	int32_t (*allow)(struct ioasid_be_as *as, const struct ioasid_be_array *ranges);
};

/* ---- ioasid.be.dirty/1 ---- */

struct ioasid_be_dirty_args {
	uint32_t struct_size;
	uint32_t flags;       /* 0 */
	uint64_t iova;
	uint64_t length;      /* bytes */
	uint64_t page_size;   /* bytes of one bit, a power of two */
	uint64_t *bitmap;     /* bits are added, none is cleared */
	uint64_t reserved[2];
};

/* S16.4. All of them EINVAL on an address space without USE_DIRTY. */
struct ioasid_be_dirty_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Begins tracking, for later attaches and maps too. Idempotent. [any-thread] [may-block] */
	int32_t (*start)(struct ioasid_be_as *as);
	/* Ends tracking. Idempotent. [any-thread] [may-block] */
	int32_t (*stop)(struct ioasid_be_as *as);
	/* Sets the bits of pages that are dirty. ENOENT: not started. [any-thread] [may-block] */
	int32_t (*read)(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *args);
	/* The same, and makes them clean. [any-thread] [may-block] */
	int32_t (*read_clear)(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *args);
};

/* ---- ioasid.be.pasid/1 ---- */

#define IOASID_BE_BIND_EXEC     UINT32_C(1)  /* requests may ask for execute permission */
#define IOASID_BE_BIND_PRIV     UINT32_C(2)  /* requests may be privileged */
#define IOASID_BE_BIND_HITLESS  UINT32_C(4)  /* replace only: EOPNOTSUPP if DMA could fault in between */
struct ioasid_be_bind {
	struct ioasid_be_dev *dev;
	uint32_t pasid;                 /* 0: the RID; below 1 << pasid_bits, else ERANGE */
	uint32_t flags;                 /* IOASID_BE_BIND_*; 0 where nothing is attached */
	struct ioasid_be_as *as;        /* attach, replace: one of the two; detach, park, drain: both NULL */
	struct ioasid_be_table *table;
	uint64_t reserved[2];
};

/*
 * Batches of struct ioasid_be_bind. Park answering 0 means: no access through the old table, be it new, in
 * flight or cached in an IOTLB or device TLB, reaches memory, and queued page requests are answered (S10.1).
 * An RID attachment that the host did not make is never changed (S9.13).
 */
struct ioasid_be_pasid_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Puts free slots on a table. EBUSY: attached, parked, or the RID is in the way (see why);
	 * ENOSPC: see why; EOPNOTSUPP: lacks a use. [turn] [deadline] */
	int32_t (*attach)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			  struct ioasid_be_text *why);
	/* Changes the table of attached or parked slots; on failure the old one stays. ENOENT: neither; else
	 * as attach. [turn] [deadline] */
	int32_t (*replace)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			   struct ioasid_be_text *why);
	/* Frees slots, the RID is blocked then; implies park. ENOENT: not attached. [turn] [deadline] */
	int32_t (*detach)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds);
	/* Blocks slots, which stay taken. Idempotent. ENOENT: not attached; ETIMEDOUT: call again. [turn]
	 * [deadline] */
	int32_t (*park)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds);
	/* Blocks the RID and every PASID of a device, like park; slots stay taken. [any-thread] [deadline] */
	int32_t (*device_block)(struct ioasid_be_dev *dev, uint64_t deadline);
	/* Waits for requests in flight. Mandatory with CTX_SEPARATE_DRAIN. [turn] [deadline] [optional] */
	int32_t (*drain)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds);
};

/* ---- ioasid.be.nested/1: one first stage table per PASID ---- */

struct ioasid_be_table_args {
	uint32_t struct_size;
	uint32_t flags;                        /* 0 */
	struct ioasid_be_dev *dev;             /* the first device that it is for */
	struct ioasid_be_as *parent;           /* made with USE_PARENT */
	struct ioasid_be_faultq *faultq;       /* NULL: no page requests */
	const struct ioasid_be_record *entry;  /* IOASID_BE_PT_*, copied */
	uint64_t reserved[2];
};

struct ioasid_be_nested_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Makes a table. EOPNOTSUPP: unknown type; ENOSPC: see why. [any-thread] [may-block] */
	int32_t (*create)(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *args,
			  struct ioasid_be_table **table, struct ioasid_be_text *why);
	/* Ends a table. EBUSY: attached. [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_table *table);
};

/* ---- ioasid.be.viommu/1, vdevice/1, table/1, hwqueue/1: the guest owns the PASID table (S15) ---- */

struct ioasid_be_viommu_args {
	uint32_t struct_size;
	uint32_t type;                        /* IOASID_BE_VIOMMU_* */
	struct ioasid_be_dev *dev;            /* tells which IOMMU */
	struct ioasid_be_as *parent;          /* made with USE_PARENT */
	const struct ioasid_be_record *data;  /* may be NULL */
	uint64_t flags;                       /* 0 */
	uint64_t reserved[2];
};

struct ioasid_be_region {
	uint32_t struct_size;
	int32_t fd;        /* the plugin's, to be mapped by the host */
	uint64_t offset;
	uint64_t length;   /* bytes */
	uint64_t guest;    /* where in the virtual IOMMU's registers it goes */
	uint64_t reserved[2];
};

struct ioasid_be_viommu_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Makes a virtual IOMMU; `out` is what its type gives back. EOPNOTSUPP: unknown type. [any-thread]
	 * [may-block] */
	int32_t (*create)(struct ioasid_be_ctx *ctx, const struct ioasid_be_viommu_args *args,
			  struct ioasid_be_viommu **viommu, struct ioasid_be_record *out,
			  struct ioasid_be_text *why);
	/* Ends it. EBUSY: entries, virtual devices or queues are left. [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_viommu *viommu);
	/* Gives region 0, 1 and so on. ENOENT: behind the last. [any-thread] [may-block] [optional] */
	int32_t (*region)(struct ioasid_be_viommu *viommu, uint32_t index, struct ioasid_be_region *region);
};

struct ioasid_be_vdevice_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Gives dev a virtual id. EEXIST: has one, or it is taken; EINVAL: other IOMMU. [any-thread]
	 * [may-block] */
	int32_t (*create)(struct ioasid_be_viommu *viommu, struct ioasid_be_dev *dev, uint64_t virtual_id,
			  struct ioasid_be_vdevice **vdevice, struct ioasid_be_text *why);
	/* Takes it away. EBUSY: a translating entry is attached (S15.6). [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_vdevice *vdevice);
};

#define IOASID_BE_ENTRY_ABORT   UINT32_C(0)
#define IOASID_BE_ENTRY_BYPASS  UINT32_C(1)
struct ioasid_be_table_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Puts a device on a guest's raw entry (IOASID_BE_PT_*), or replaces it, and makes abort and bypass
	 * ready. ENOENT: a translating entry without virtual device. On failure the old one stays. [turn]
	 * [deadline] */
	int32_t (*attach)(struct ioasid_be_dev *dev, struct ioasid_be_viommu *viommu,
			  const struct ioasid_be_record *entry, struct ioasid_be_faultq *faultq,
			  uint64_t deadline, struct ioasid_be_text *why);
	/* Goes to IOASID_BE_ENTRY_*; takes no memory. Abort promises what park does. [turn] [deadline] */
	int32_t (*set)(struct ioasid_be_dev *dev, uint32_t entry, uint64_t deadline);
	/* Leaves the virtual IOMMU, blocked. ENOENT: not attached. [turn] [deadline] */
	int32_t (*detach)(struct ioasid_be_dev *dev, uint64_t deadline);
};

struct ioasid_be_hwqueue_args {
	uint32_t struct_size;
	uint32_t type;        /* the kernel's number, or a vendor's */
	uint32_t index;       /* which of the virtual IOMMU's queues */
	uint32_t flags;       /* 0 */
	uint64_t address;     /* in the parent address space */
	uint64_t length;      /* bytes */
	uint64_t reserved[2];
};

struct ioasid_be_hwqueue_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Makes a queue. EEXIST: index in use; ENOENT: address not mapped. [any-thread] [may-block] */
	int32_t (*create)(struct ioasid_be_viommu *viommu, const struct ioasid_be_hwqueue_args *args,
			  struct ioasid_be_hwqueue **queue, struct ioasid_be_text *why);
	/* Ends a queue. [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_hwqueue *queue);
};

/* ---- ioasid.be.invalidate/1 (S17) ---- */

#define IOASID_BE_SCOPE_PASID   UINT32_C(1)  /* dev, pasid: a range, or all of it with length UINT64_MAX */
#define IOASID_BE_SCOPE_DEVICE  UINT32_C(2)  /* dev: RID and all PASIDs */
#define IOASID_BE_SCOPE_TABLE   UINT32_C(3)  /* table: a range or all of it, on every device that uses it */
#define IOASID_BE_SCOPE_AS      UINT32_C(4)  /* as: the same */
#define IOASID_BE_INV_LEAF      UINT32_C(1)  /* only last-level entries changed */
#define IOASID_BE_INV_DEVTLB    UINT32_C(2)  /* only device TLBs; else they are included */
struct ioasid_be_inv {
	uint32_t scope;    /* IOASID_BE_SCOPE_* */
	uint32_t flags;    /* IOASID_BE_INV_LEAF, _DEVTLB */
	struct ioasid_be_dev *dev;
	struct ioasid_be_as *as;
	struct ioasid_be_table *table;
	uint32_t pasid;
	uint32_t reserved0;
	uint64_t address;
	uint64_t length;   /* bytes */
	uint64_t reserved1;
};

struct ioasid_be_invalidate_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Invalidates a batch of struct ioasid_be_inv, done in hardware at return; a slot that is not
	 * attached is success. Takes no memory. [any-thread] [deadline] */
	int32_t (*scopes)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *scopes);
	/* Runs a guest's raw commands of a type IOASID_BE_INV_*, items of its size. EIO: stopped at command
	 * `done`. Mandatory with IF_VIOMMU. [any-thread] [deadline] [optional] */
	int32_t (*raw)(struct ioasid_be_viommu *viommu, uint32_t type, struct ioasid_be_batch *commands);
};

/* ---- ioasid.be.fault/1: page requests (S18) ---- */

#define IOASID_BE_FAULT_LAST    UINT32_C(1)   /* last of its group: the group wants one answer */
#define IOASID_BE_FAULT_PASID   UINT32_C(2)   /* pasid is meant; else the RID */
#define IOASID_BE_FAULT_READ    UINT32_C(4)
#define IOASID_BE_FAULT_WRITE   UINT32_C(8)
#define IOASID_BE_FAULT_EXEC    UINT32_C(16)
#define IOASID_BE_FAULT_PRIV    UINT32_C(32)
struct ioasid_be_page_request {
	uint64_t device_cookie;
	uint64_t handle;   /* for the answer; names no other group while the queue lives */
	uint64_t address;
	uint32_t pasid;
	uint32_t group;
	uint32_t flags;    /* IOASID_BE_FAULT_* */
	uint32_t reserved;
};

#define IOASID_BE_RESPOND_SUCCESS  UINT32_C(0)
#define IOASID_BE_RESPOND_INVALID  UINT32_C(1)  /* no such page; the device may ask again */
#define IOASID_BE_RESPOND_FAILURE  UINT32_C(2)  /* the device is to stop asking */
struct ioasid_be_page_response {
	uint64_t handle;
	uint32_t code;     /* IOASID_BE_RESPOND_* */
	uint32_t reserved;
};

struct ioasid_be_queue_args {
	uint32_t struct_size;
	uint32_t type;     /* events: IOASID_BE_EVENT_*; faults: 0 */
	uint32_t depth;    /* records; 0: the plugin's choice */
	uint32_t flags;    /* 0 */
	uint64_t cookie;   /* for host->ready */
	uint64_t reserved[2];
};

struct ioasid_be_fault_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Makes a queue. *fd: level-triggered for poll, the plugin's; or -1, then ready() is called: never
	 * both. [any-thread] [may-block] */
	int32_t (*create)(struct ioasid_be_ctx *ctx, const struct ioasid_be_queue_args *args,
			  struct ioasid_be_faultq **queue, int32_t *fd);
	/* Ends a queue. EBUSY: a table or address space was made with it. [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_faultq *queue);
	/* Reads struct ioasid_be_page_request; done 0: empty. One reader at a time. [any-thread]
	 * [no-block] */
	int32_t (*read)(struct ioasid_be_faultq *queue, struct ioasid_be_batch *requests);
	/* Answers struct ioasid_be_page_response. ENOENT: was answered, e.g. by park. [any-thread]
	 * [may-block] */
	int32_t (*respond)(struct ioasid_be_faultq *queue, struct ioasid_be_batch *responses);
};

/* ---- ioasid.be.event/1: hardware events for a guest (S15.4) ---- */

#define IOASID_BE_EVENT_LOST  UINT32_C(1)  /* events were lost before this place; no data */
struct ioasid_be_event_record {
	uint32_t flags;     /* IOASID_BE_EVENT_LOST */
	uint32_t sequence;  /* counts events, lost ones too; wraps from 2^31 - 1 to 0 */
	struct ioasid_be_record data;
};

struct ioasid_be_event_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Makes a queue, one of a type per virtual IOMMU: else EEXIST. fd as with faults. [any-thread]
	 * [may-block] */
	int32_t (*create)(struct ioasid_be_viommu *viommu, const struct ioasid_be_queue_args *args,
			  struct ioasid_be_eventq **queue, int32_t *fd);
	/* Ends a queue; unread events are dropped. [last] [may-block] */
	int32_t (*destroy)(struct ioasid_be_eventq *queue);
	/* Reads struct ioasid_be_event_record; done 0: empty. One reader at a time. [any-thread]
	 * [no-block] */
	int32_t (*read)(struct ioasid_be_eventq *queue, struct ioasid_be_batch *events);
};

/* ---- ioasid.be.id/1: the IOMMU hands out the IDs (virtual command interface) ---- */

struct ioasid_be_id_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Takes an ID out of [min, max]. ENOSPC: none is free. [any-thread] [may-block] */
	int32_t (*alloc)(struct ioasid_be_ctx *ctx, uint32_t min, uint32_t max, uint32_t *id);
	/* Gives it back. ENOENT: is not out. [any-thread] [may-block] */
	int32_t (*free)(struct ioasid_be_ctx *ctx, uint32_t id);
};

/* ---- Entry ---- */

struct ioasid_be_query {
	uint32_t struct_size;
	uint32_t major;      /* IOASID_BE_MAJOR */
	uint32_t minor_min;  /* the host speaks minor_min .. minor_max */
	uint32_t minor_max;
	const char *host;    /* name and version of the host, for messages only */
	uint64_t reserved[2];
};

#define IOASID_BE_REPLY_SOFTWARE UINT32_C(1)  /* no hardware: used only when asked for by name (S9.16) */
struct ioasid_be_reply {
	uint32_t struct_size;               /* in; all else but reason is out, good for ever */
	uint32_t minor;
	uint32_t flags;                     /* IOASID_BE_REPLY_* */
	uint32_t reserved0;
	const struct ioasid_be_core_ops *core;
	const char *name;                   /* a-z 0-9 _ -, 1 to 31 of them, the first a letter */
	const char *vendor;                 /* who made it, version; may be NULL */
	struct ioasid_be_text *reason;      /* in: room for why it refuses */
	uint64_t reserved1[2];
};

/*
 * Negotiates: picks a minor that both sides speak and hands out the core table. Stateless, repeatable, opens
 * nothing. EPROTONOSUPPORT with a reason: no common version. [any-thread] [no-block]
 */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *query, struct ioasid_be_reply *reply);

typedef int32_t (*ioasid_be_entry_fn)(const struct ioasid_be_query *query, struct ioasid_be_reply *reply);

/* ---- Layout: little endian, LP64, no hidden padding ---- */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the ABI is little endian"
#endif
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(void *) == 8 && sizeof(long) == 8, "the ABI is LP64");
#define IOASID_BE_ASSERT_SIZE(name, size) \
	_Static_assert(sizeof(struct ioasid_be_##name) == (size), "size of ioasid_be_" #name)
IOASID_BE_ASSERT_SIZE(text, 24);
IOASID_BE_ASSERT_SIZE(array, 16);
IOASID_BE_ASSERT_SIZE(batch, 48);
IOASID_BE_ASSERT_SIZE(record, 264);
IOASID_BE_ASSERT_SIZE(host, 96);
IOASID_BE_ASSERT_SIZE(pair, 16);
IOASID_BE_ASSERT_SIZE(fd, 16);
IOASID_BE_ASSERT_SIZE(object, 32);
IOASID_BE_ASSERT_SIZE(open, 80);
IOASID_BE_ASSERT_SIZE(ctx_caps, 88);
IOASID_BE_ASSERT_SIZE(device, 56);
IOASID_BE_ASSERT_SIZE(device_caps, 80);
IOASID_BE_ASSERT_SIZE(report_line, 32);
IOASID_BE_ASSERT_SIZE(core_ops, 88);
IOASID_BE_ASSERT_SIZE(as_args, 32);
IOASID_BE_ASSERT_SIZE(map, 64);
IOASID_BE_ASSERT_SIZE(range, 24);
IOASID_BE_ASSERT_SIZE(paging_ops, 80);
IOASID_BE_ASSERT_SIZE(dirty_args, 56);
IOASID_BE_ASSERT_SIZE(dirty_ops, 40);
IOASID_BE_ASSERT_SIZE(bind, 48);
IOASID_BE_ASSERT_SIZE(pasid_ops, 56);
IOASID_BE_ASSERT_SIZE(table_args, 56);
IOASID_BE_ASSERT_SIZE(nested_ops, 24);
IOASID_BE_ASSERT_SIZE(viommu_args, 56);
IOASID_BE_ASSERT_SIZE(region, 48);
IOASID_BE_ASSERT_SIZE(viommu_ops, 32);
IOASID_BE_ASSERT_SIZE(vdevice_ops, 24);
IOASID_BE_ASSERT_SIZE(table_ops, 32);
IOASID_BE_ASSERT_SIZE(hwqueue_args, 48);
IOASID_BE_ASSERT_SIZE(hwqueue_ops, 24);
IOASID_BE_ASSERT_SIZE(inv, 64);
IOASID_BE_ASSERT_SIZE(invalidate_ops, 24);
IOASID_BE_ASSERT_SIZE(page_request, 40);
IOASID_BE_ASSERT_SIZE(page_response, 16);
IOASID_BE_ASSERT_SIZE(queue_args, 40);
IOASID_BE_ASSERT_SIZE(fault_ops, 40);
IOASID_BE_ASSERT_SIZE(event_record, 272);
IOASID_BE_ASSERT_SIZE(event_ops, 32);
IOASID_BE_ASSERT_SIZE(id_ops, 24);
IOASID_BE_ASSERT_SIZE(query, 40);
IOASID_BE_ASSERT_SIZE(reply, 64);
#undef IOASID_BE_ASSERT_SIZE
#endif

#ifdef __cplusplus
}
#endif

#endif /* IOASID_ABI_BACKEND_H */
