/*
 * Devices: who does DMA (S9.9 - S9.14).
 *
 * A device is attached to a context, which drives its IOMMU, and to one pool, which numbers its PASIDs. It
 * has a slot for each PASID and one for DMA without a PASID, the RID, which is at the device's home unless it
 * is bound (S9.11): the home is an address space, or nothing, which blocks.
 *
 * DIRECT    its user writes PASIDs into the device, so the number on the wire is the guest's own: a SPID has
 *           to be equal to its IOASID, and all IOASIDs come from one set.
 * MEDIATED  the host writes PASIDs into the device, so sets can share it and SPIDs can be any.
 */
#ifndef IOASID_DEVICE_H
#define IOASID_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/address_space.h>
#include <ioasid/async.h>
#include <ioasid/context.h>
#include <ioasid/export.h>
#include <ioasid/reason.h>
#include <ioasid/record.h>
#include <ioasid/types.h>

IOASID_BEGIN_DECLS

struct ioasid_device;

/* How a device is named. */
#define IOASID_DEVICE_NAME UINT32_C(1)    /* by `name` only, in the backend's own naming */
#define IOASID_DEVICE_FD UINT32_C(2)      /* by `fd`, open and not bound yet; `name` is a label */
#define IOASID_DEVICE_ADOPTED UINT32_C(3) /* by `iommufd`, `fd`, `device_id`: bound already, and afterwards */

#define IOASID_DEVICE_DIRECT UINT32_C(0)
#define IOASID_DEVICE_MEDIATED UINT32_C(1)

struct ioasid_device_spec {
	uint32_t struct_size; /* sizeof(struct ioasid_device_spec); zero beyond what is known */
	uint32_t kind;        /* IOASID_DEVICE_NAME, _FD, _ADOPTED */
	const char *name;     /* UTF-8; NULL: none, where `kind` allows it */
	int32_t fd;           /* borrowed until the device is closed; not looked at with IOASID_DEVICE_NAME */
	int32_t iommufd;      /* the same, looked at with IOASID_DEVICE_ADOPTED only */
	uint32_t device_id;   /* the iommufd's number of the device, with IOASID_DEVICE_ADOPTED only */
	uint32_t mode;        /* IOASID_DEVICE_DIRECT or IOASID_DEVICE_MEDIATED */
};

/* Capabilities: bit numbers in the flags below, and what a line of the report is about (S9.10). */
#define IOASID_CAP_PASID UINT32_C(0)
#define IOASID_CAP_EXEC UINT32_C(1)
#define IOASID_CAP_PRIV UINT32_C(2)
#define IOASID_CAP_ATS UINT32_C(3)
#define IOASID_CAP_PRI UINT32_C(4)
#define IOASID_CAP_NESTING UINT32_C(5)
#define IOASID_CAP_HITLESS UINT32_C(6) /* a rebind lets no DMA fault in between */
#define IOASID_CAP_DIRTY UINT32_C(7)
#define IOASID_CAP_FAULT UINT32_C(8)
#define IOASID_CAP_VIOMMU UINT32_C(9)
#define IOASID_CAP_EVENT UINT32_C(10)
#define IOASID_CAP_HWQUEUE UINT32_C(11)
#define IOASID_CAP_BLOCK UINT32_C(12)
#define IOASID_CAP_MAPPING UINT32_C(13) /* in reports only: errata that restrict mappings */
#define IOASID_CAP_RID UINT32_C(14)     /* the RID can be bound */

/* Who owns the device's PASID table. */
#define IOASID_TABLE_OWNER_NONE UINT32_C(0)
#define IOASID_TABLE_OWNER_HOST UINT32_C(1)
#define IOASID_TABLE_OWNER_GUEST UINT32_C(2)
#define IOASID_TABLE_OWNER_EITHER UINT32_C(3)

struct ioasid_device_caps {
	uint32_t struct_size;  /* in: sizeof; members beyond it are not written */
	uint32_t pasid_bits;   /* width of a PASID, 0 (none) ... 20 */
	uint64_t flags;        /* UINT64_C(1) << IOASID_CAP_* */
	uint32_t table_owner;  /* IOASID_TABLE_OWNER_* */
	uint32_t iova_bits;    /* width of the addresses that can be mapped */
	uint64_t iommu;        /* devices behind the same IOMMU of a context have the same number */
	uint64_t max_bindings; /* PASIDs bound at a time; 0: as many as there are */
	uint64_t page_sizes;   /* bit n: pages of 1 << n bytes */
};

/* Why a capability is not usable. */
#define IOASID_WHY_NONE UINT32_C(0)
#define IOASID_WHY_KERNEL UINT32_C(1)     /* too old, or built without it */
#define IOASID_WHY_MODE UINT32_C(2)       /* the IOMMU's mode lacks it */
#define IOASID_WHY_HARDWARE UINT32_C(3)   /* IOMMU or device cannot */
#define IOASID_WHY_ACS UINT32_C(4)        /* no ACS route from device to IOMMU */
#define IOASID_WHY_RID UINT32_C(5)        /* the RID is on a table that rules it out */
#define IOASID_WHY_PERMISSION UINT32_C(6)
#define IOASID_WHY_BACKEND UINT32_C(7)    /* the backend does not do it */
#define IOASID_WHY_OTHER UINT32_C(8)

struct ioasid_report_line {
	uint32_t struct_size; /* in: sizeof; members beyond it are not written */
	uint32_t capability;  /* IOASID_CAP_* */
	uint32_t usable;      /* 0 or 1 */
	uint32_t why;         /* IOASID_WHY_*, NONE if usable */
};

/**
 * ioasid_device_attach() - Take a device into a context and a pool.
 * @context: an open context
 * @pool: the pool that numbers its PASIDs
 * @spec: which device, and how it is used
 * @home: where its RID is while it is not bound: an address space of @context, not made with
 *        IOASID_USE_FAULT, for nobody would answer; or NULL: the RID is left as it is found, which is
 *        blocked, unless the device is adopted
 * @device: receives the device
 * @why: NULL, or room for why it failed
 *
 * A device is in one pool. An attachment of the RID that somebody else made is never changed. Where the RID
 * does not get to @home, the device is let go again as by ioasid_device_close(): should the backend refuse
 * that, then device, home, context and pool stay in use, the pool's log says so, and
 * ioasid_quarantine_retry() with the root handle tries again. (S9.9, S9.11, S9.12, S9.13)
 *
 * Context: any thread; may make system calls and wait for hardware, at most the context's deadline;
 * restricted: no.
 * Return: 0; -EINVAL: NULL, unknown kind or mode, a name or descriptor that the kind needs is missing, @home
 * of another context or made for faults, struct_size too small; -E2BIG: bytes beyond the known ones are not
 * 0; -ENODEV: there is no such device; -EBUSY: the device is attached already, or @home is given and somebody
 * else has attached the RID; -EACCES: no right to it; -EOPNOTSUPP: the backend cannot, see @why; -ENOSPC: see
 * @why; -ENOMEM; -EIO, -ETIMEDOUT: of the backend; -EDEADLK; -EPERM, also: the pool is sealed and @context is
 * not, or the backend needs to open something by name and may not (S14.5).
 */
IOASID_API int ioasid_device_attach(struct ioasid_context *context, struct ioasid_pool *pool,
				    const struct ioasid_device_spec *spec, struct ioasid_address_space *home,
				    struct ioasid_device **device, struct ioasid_reason *why);

/**
 * ioasid_device_close() - Let a device go.
 * @device: the device; no other thread is in a call with it, or begins one
 *
 * Every binding is torn down, the RID's attachment by the library is undone, and quarantines end with it:
 * what a vanished device answers counts as done once the backend has let it go. Should the backend refuse
 * that because DMA of a slot is still not blocked, then those IOASIDs stay quarantined, context and pool stay
 * in use, and ioasid_quarantine_retry() tries again. (S9.8, S9.14)
 *
 * Context: any thread; handlers of UNBIND run in it; waits for backend calls, each at most the context's
 * deadline; restricted: no.
 * Return: 0; -EINVAL: NULL; -EDEADLK; -EPERM. It does not fail otherwise, and @device is gone.
 */
IOASID_API int ioasid_device_close(struct ioasid_device *device);

/**
 * ioasid_device_assign() - Say whose RID it is.
 * @device: the device
 * @set: a live set of the device's pool, not the root handle
 *
 * From here on the set may bind the RID (S9.11). The set's death takes the device from it, its reset sends
 * the RID home. Assigning to the set that has it is a success.
 *
 * Context: any thread; restricted: no.
 * Return: 0; -EINVAL: NULL, root, or a set of another pool; -ENOENT: the set is dead; -EBUSY: the RID is
 * bound by another set, or the device is DIRECT and another set has bindings on it (S9.12); -EOPNOTSUPP: the
 * set's guest was promised more than the device has (S9.10): ioasid_caps_check() and the pool's log tell
 * what; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_device_assign(struct ioasid_device *device, struct ioasid_set *set);

/**
 * ioasid_device_unassign() - Take a device from the set that it is assigned to.
 * @device: the device
 *
 * Context: any thread; restricted: no.
 * Return: 0, also if it is assigned to none; -EINVAL: NULL; -EBUSY: the RID is bound; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_device_unassign(struct ioasid_device *device);

/**
 * ioasid_device_was_reset() - Report that a device was reset from outside: nothing of it is in flight any
 * more.
 * @device: the device
 *
 * Reads its capabilities anew and tries once more to end each of its quarantined bindings. Other bindings
 * stay. (S9.8)
 *
 * Context: any thread; waits for backend calls, each at most the context's deadline; restricted: no.
 * Return: 0: nothing of it is quarantined; -EINVAL: NULL; -EIO, -ETIMEDOUT: something still is; -EDEADLK;
 * -EPERM.
 */
IOASID_API int ioasid_device_was_reset(struct ioasid_device *device);

/**
 * ioasid_device_reset_bindings() - Tear down all bindings of a device, as a reset or a new context entry
 * does.
 * @device: the device
 *
 * The IOASIDs stay; the RID goes home, last; who unbinds later gets -ENOENT. Binds that run meanwhile may
 * stay. What was freed and waits for its teardown is torn down here; what other threads are tearing down is
 * waited for, altogether at most the context's deadline. (S9.14)
 *
 * Context: any thread; handlers of UNBIND run in it; waits for backend calls, each at most the context's
 * deadline; restricted: no.
 * Return: 0: nothing of them is left; -EINVAL: NULL; -EIO, -ETIMEDOUT: some are quarantined, by this call or
 * before; -ETIMEDOUT also: another thread still has one in hand; all others were torn down; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_device_reset_bindings(struct ioasid_device *device);

/**
 * ioasid_device_caps() - Tell what a device can do.
 * @device: the device
 * @caps: struct_size set; receives it
 *
 * Context: any thread; takes a short lock; restricted: yes. (S9.10)
 * Return: 0; -EINVAL: NULL or struct_size below 8; -EPERM.
 */
IOASID_API int ioasid_device_caps(struct ioasid_device *device, struct ioasid_device_caps *caps);

/**
 * ioasid_device_report() - Get one line of what there is to say about a device.
 * @device: the device
 * @index: 0, 1, and so on
 * @line: struct_size set; receives capability, whether it is usable, and why not
 * @text: NULL, or room for the same in words
 *
 * The backend's lines, in its order, then one for each capability that it does not mention: so each has at
 * least one. What ioasid_device_caps() does not show is usable in no line. A capability that it shows may be
 * unusable all the same while something is in its way: PASIDs beside an attachment of the RID that rules them
 * out (S9.13).
 *
 * Context: any thread; may make system calls; restricted: no. (S9.10)
 * Return: 0; -EINVAL: NULL or struct_size below 8; -ENOENT: behind the last line; -EIO, -ENODEV: of the
 * backend; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_device_report(struct ioasid_device *device, uint32_t index,
				    struct ioasid_report_line *line,
				    struct ioasid_reason *text);

/**
 * ioasid_device_report_write() - Write out all that there is to say about a device.
 * @device: the device
 * @format: IOASID_DUMP_TEXT or IOASID_DUMP_JSON, of stats.h
 * @write: called with pieces of UTF-8 text, not terminated; a value other than 0 ends the report
 * @context: passed to @write
 *
 * Backend, mode and what ioasid_device_caps() tells, each line of the report, and the vendor's raw registers,
 * byte by byte in hexadecimal. JSON is one object on one line.
 *
 * Context: any thread; may make system calls; @write is called with nothing locked and may block; restricted:
 * no. (S9.10)
 * Return: 0, or what @write ended it with; -EINVAL: NULL or unknown format; -EIO, -ENODEV: of the backend; if
 * they come with the first line nothing was written; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_device_report_write(struct ioasid_device *device, uint32_t format,
					  int (*write)(void *context, const char *text, size_t length),
					  void *context);

/**
 * ioasid_device_registers() - Get the vendor's raw registers of the device's IOMMU.
 * @device: the device
 * @registers: receives them
 *
 * Context: any thread; may make system calls; restricted: no. (S9.10)
 * Return: 0; -EINVAL: NULL; -EOPNOTSUPP: the backend has none to show; -EIO, -ENODEV; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_device_registers(struct ioasid_device *device, struct ioasid_record *registers);

/**
 * ioasid_caps_freeze() - Promise a guest what all of these devices have, before it looks.
 * @set: the guest's set; not the root handle
 * @devices: devices of the set's pool, DIRECT or MEDIATED, assigned to the set or not
 * @count: how many, at least 1
 * @caps: NULL, or with struct_size set: receives what was promised: the least widths and limits, and flags,
 *        page sizes and table owners that all have; `iommu` is 0
 *
 * From here on a device that has less is not assigned to the set, and none of the set's IOASIDs, nor its RID,
 * is bound on it: also one that is plugged in later, that is in the set already and was left out here, or
 * that has less after a reset. Bindings that exist stay. The promise outlives ioasid_set_reset() and ends
 * with the set, or with ioasid_caps_thaw(). (S9.10)
 *
 * Context: any thread; takes a short lock; restricted: no.
 * Return: 0; -EINVAL: NULL, root, no devices, a device of another pool, struct_size below 8; -ENOENT: the set
 * is dead; -EBUSY: it has a promise, which stays as it is; -ENOMEM; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_caps_freeze(struct ioasid_set *set, struct ioasid_device *const *devices, uint32_t count,
				  struct ioasid_device_caps *caps);

/**
 * ioasid_caps_frozen() - Tell what a set's guest was promised.
 * @set: the set; not the root handle
 * @caps: struct_size set; receives it
 *
 * Context: any thread; takes a short lock; restricted: yes. (S9.10)
 * Return: 0; -EINVAL: NULL, root, struct_size below 8; -ENOENT: nothing was promised; -EPERM.
 */
IOASID_API int ioasid_caps_frozen(struct ioasid_set *set, struct ioasid_device_caps *caps);

/**
 * ioasid_caps_thaw() - Take the promise back, because the guest will look again: it boots.
 * @set: the set; not the root handle
 *
 * Context: any thread; takes a short lock; restricted: no. (S9.10)
 * Return: 0, also if nothing was promised; -EINVAL: NULL or root; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_caps_thaw(struct ioasid_set *set);

/**
 * ioasid_caps_check() - Ask whether a device has all that a set's guest was promised.
 * @set: the set; not the root handle
 * @device: a device of the set's pool, for instance one that is to be plugged in
 * @why: NULL, or room for each difference: "pasid_bits 16 < 20, lacks PRI"
 *
 * Context: any thread; takes a short lock; restricted: no. (S9.10)
 * Return: 0, also if nothing was promised; -EINVAL: NULL, root, another pool's device; -EOPNOTSUPP: it has
 * less; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_caps_check(struct ioasid_set *set, struct ioasid_device *device, struct ioasid_reason *why);

/**
 * ioasid_device_pool() - Tell a device's pool.
 * @device: the device
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the pool, NULL for NULL.
 */
IOASID_API struct ioasid_pool *ioasid_device_pool(const struct ioasid_device *device);

/**
 * ioasid_device_close_async() - ioasid_device_close() without waiting.
 * @device: the device, not to be used any more
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: 0: it will be closed; -EINVAL: NULL; -ENOMEM: it will not; -EPERM.
 */
IOASID_API int ioasid_device_close_async(struct ioasid_device *device, ioasid_done_t done, void *context);

/**
 * ioasid_device_reset_bindings_async() - ioasid_device_reset_bindings() without waiting.
 * @device: the device, not closed before @done was told
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: 0: it will be done; -EINVAL: NULL; -ENOMEM: it will not; -EPERM.
 */
IOASID_API int ioasid_device_reset_bindings_async(struct ioasid_device *device, ioasid_done_t done,
						  void *context);

/**
 * ioasid_device_was_reset_async() - ioasid_device_was_reset() without waiting.
 * @device: the device, not closed before @done was told
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: 0: it will be done; -EINVAL: NULL; -ENOMEM: it will not; -EPERM.
 */
IOASID_API int ioasid_device_was_reset_async(struct ioasid_device *device, ioasid_done_t done, void *context);

IOASID_END_DECLS

#endif
