/*
 * Bindings: (device, IOASID) pairs that the hardware is programmed for (S9), and what is left of them after a
 * free (S10).
 *
 * A new IOASID reaches nothing; DMA needs a bind. Each bind takes a counted reference to its IOASID, and is
 * undone by one unbind, or by the library:
 * at the IOASID's free, at its device's close, at its set's reset. Whoever comes first does it, and the other
 * gets -ENOENT. An IOASID has one page table, on however many devices it is bound.
 *
 * Everywhere here IOASID_NO_PASID (0) stands for the device's RID: it belongs to the set that the device is
 * assigned to, has neither SPID nor references, is not shared with other devices, and unbinding sends it home
 * (S9.11).
 */
#ifndef IOASID_BINDING_H
#define IOASID_BINDING_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/address_space.h>
#include <ioasid/async.h>
#include <ioasid/device.h>
#include <ioasid/export.h>
#include <ioasid/reason.h>
#include <ioasid/record.h>
#include <ioasid/types.h>

IOASID_BEGIN_DECLS

#define IOASID_BIND_EXEC UINT32_C(1)    /* requests may ask for execute permission */
#define IOASID_BIND_PRIV UINT32_C(2)    /* requests may be privileged */
#define IOASID_BIND_HITLESS UINT32_C(4) /* rebind only: fail where DMA could fault in between */
#define IOASID_BIND_SPID UINT32_C(8)    /* there is a guest PASID, in `spid` */
#define IOASID_BIND_FAULT UINT32_C(16)  /* the device may ask for pages: somebody reads the faults (fault.h) */
#define IOASID_BIND_DOMAIN UINT32_C(32) /* there is a guest's domain id, in `domain` */

/* The cookie of a user who has the device for himself. */
#define IOASID_COOKIE_NONE UINT64_C(0)

/* What an IOASID is bound to. Copied; needed during the call only. */
struct ioasid_bind_data {
	uint32_t struct_size;                /* sizeof(struct ioasid_bind_data); zero beyond what is known */
	uint32_t flags;                      /* IOASID_BIND_* */
	ioasid_t id;                         /* the IOASID, or IOASID_NO_PASID */
	ioasid_spid_t spid;                  /* the guest's PASID, with IOASID_BIND_SPID; else not looked at */
	const struct ioasid_record *entry;   /* the guest's page table */
	struct ioasid_address_space *parent; /* what it stands on, made with IOASID_USE_PARENT */
	uint64_t cookie;                     /* tells users of one device apart (sub-devices), or IOASID_COOKIE_NONE */
	struct ioasid_reason *why;           /* NULL, or room for why it failed */
	uint64_t domain;                     /* the guest's domain id, with IOASID_BIND_DOMAIN; else not looked at */
};

/*
 * Domain ids. A guest's VT-d tags what it caches by a domain id beside the PASID, which stands in the PASID
 * table entry, and invalidates by it: all PASIDs with that id, on all devices of that IOMMU. So the id
 * belongs to the binding, not to the IOASID, several IOASIDs can have the same, and one IOASID can have
 * different ones on devices behind different virtual IOMMUs, each of which numbers its domains by itself. A
 * VMM with several of them in one set puts the IOMMU's number into the upper bits: the library only compares.
 * See IOASID_INVALIDATE_DOMAIN.
 */

/**
 * ioasid_bind_gpasid() - Bind an IOASID of a guest to a device: its DMA goes through the guest's page table.
 * @device: the device
 * @set: the set that owns the ID (without IOASID_BIND_SPID the root handle, too)
 * @data: the IOASID, its page table and what else there is to it
 *
 * In order: reserves the SPID, takes a reference, programs the hardware, records the binding, delivers BIND;
 * a failure or veto undoes all. A SPID that the IOASID has already is used and left. BIND is delivered by the
 * first bind that names the SPID. A second bind on another device, or with another cookie on the same one,
 * has to have the same page table. Waits for the last unbind of the IOASID if that is under way. (S9.1, S9.2,
 * S9.5, S9.12, S9.15)
 *
 * Context: any thread; handlers of BIND run in it; may wait for hardware, at most the context's deadline, and
 * for other binds and unbinds of the IOASID; restricted: no.
 * Return: 0; -EINVAL: NULL, unknown or unfit flags, a set or parent of elsewhere, a parent without
 * IOASID_USE_PARENT, over-long record, SPID over 20 bits, with root, or for the RID; on a DIRECT device a
 * SPID, here or attached before, that is not the IOASID; another page table than the IOASID has; or another
 * domain id than other users of the device's slot have; -E2BIG: bytes beyond the known ones are not 0;
 * -ENOENT: unknown, FREE_PENDING, freed meanwhile, or taken away again by a reset meanwhile; -EACCES: of
 * another set; -EOVERFLOW:
 * IOASID_REFS_MAX; -EBUSY: bound on this device without or with the same cookie, or quarantined there;
 * another SPID is attached; the DIRECT device has another set; or an attachment of the RID is in the way
 * (S9.13); -EEXIST: the SPID is taken in the set; -ERANGE: the IOASID is too wide for the device;
 * -EOPNOTSUPP: device or backend cannot, for IOASID_BIND_FAULT see `why`, or it has less than the guest was
 * promised (ioasid_caps_freeze()), which `why` names; -ENOSPC: the hardware has no more,
 * see `why`; -ENOMEM; -EMFILE, -ENFILE: no descriptor for the first queue of faults; -EIO,
 * -ENODEV, -ETIMEDOUT: of the backend; a handler's veto; -EDEADLK; -EPERM. On error nothing is changed,
 * unless undoing fails too: then the binding is quarantined.
 */
IOASID_API int ioasid_bind_gpasid(struct ioasid_device *device, struct ioasid_set *set,
				  const struct ioasid_bind_data *data);

/**
 * ioasid_bind_ioas() - Put an IOASID on an address space instead.
 * @device: the device
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID, or IOASID_NO_PASID
 * @space: an address space of the device's context, made with IOASID_USE_PASID
 * @cookie: as in struct ioasid_bind_data
 *
 * Delivers no event: it names no SPID. (S9.4)
 *
 * Context: as for ioasid_bind_gpasid().
 * Return: as ioasid_bind_gpasid(); why a backend refused goes to the pool's log.
 */
IOASID_API int ioasid_bind_ioas(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id,
				struct ioasid_address_space *space, uint64_t cookie);

/**
 * ioasid_unbind() - Undo one bind.
 * @device: the device
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID, ACTIVE or FREE_PENDING, or IOASID_NO_PASID
 * @cookie: as in the bind
 *
 * Backwards: the SPID goes with the last bind that named it (UNBIND), the hardware with the device's last
 * user, then record and reference. If the IOASID was freed before, no UNBIND is delivered. (S9.1, S9.2, S9.7)
 *
 * Context: any thread; handlers of UNBIND run in it; may wait for hardware, at most the context's deadline;
 * restricted: no.
 * Return: 0; -EINVAL: NULL, a set of another pool; -ENOENT: unknown, not bound so, or the library was faster,
 * and nothing was done; -EACCES: of another set; -EIO, -ETIMEDOUT: the binding is gone for the caller, but
 * could not be finished: it is quarantined (S9.8); -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_unbind(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id,
			     uint64_t cookie);

/**
 * ioasid_rebind() - Replace the page table of an IOASID without unbinding it.
 * @device: a device that it is bound on
 * @set: the set that owns the ID, or the root handle
 * @data: as for a bind, without IOASID_BIND_SPID; `cookie` names a user of the binding; IOASID_BIND_FAULT as
 *        it is to be from now on
 *
 * An IOASID has one table, so it is replaced on every device that it is bound on, and `parent` has to suit
 * them all: on several contexts that is -EINVAL. On failure all keep, or get back, the old one; afterwards
 * only the new one is used. Page requests that are open are answered with failure. With IOASID_BIND_DOMAIN
 * the binding on @device has that domain id from now on, else it keeps what it has. (S9.3, S18.3)
 *
 * Context: as for ioasid_bind_gpasid(); delivers no event; binds and unbinds of the IOASID wait for it.
 * Return: 0; -EINVAL, -E2BIG: as for a bind; -ENOENT: unknown, freed, or not bound so; -EACCES: of another
 * set; -EOPNOTSUPP: the backend cannot, or not without faults (IOASID_BIND_HITLESS), or one of the devices
 * has no page requests (IOASID_BIND_FAULT); -EBUSY: an attachment of the RID is in the way (S9.13); -ENOSPC,
 * -ENOMEM; -EMFILE, -ENFILE: no descriptor for the first queue of faults; -EOVERFLOW: the IOASID has
 * IOASID_REFS_MAX references; -EIO,
 * -ENODEV, -ETIMEDOUT: of the backend; a device that cannot go back to the old table
 * loses its binding, as by ioasid_device_reset_bindings(); -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_rebind(struct ioasid_device *device, struct ioasid_set *set,
			     const struct ioasid_bind_data *data);

/* A parked or quarantined IOASID (S10.3). */
#define IOASID_PARKED_QUARANTINED UINT32_C(1) /* a backend could not finish: see ioasid_quarantine_retry() */
#define IOASID_PARKED_PENDING UINT32_C(2)     /* FREE_PENDING; else it is only quarantined */
struct ioasid_parked {
	ioasid_t id;
	uint32_t flags;    /* IOASID_PARKED_* */
	uint32_t refs;     /* as ioasid_refs() */
	uint32_t bindings; /* devices that still have it in hardware */
	uint64_t age;      /* ns since it was freed, or since quarantine began */
};

/**
 * ioasid_parked_for_each() - Visit the parked and quarantined IOASIDs in ascending order.
 * @set: a set, or a root handle for the whole pool, dead sets included
 * @fn: called with nothing held; it may call anything; a value other than 0 ends the walk
 * @context: passed to @fn
 *
 * Parked is every IOASID from its free to its reclaim. A walk, not a snapshot. (S10.2, S10.3)
 *
 * Context: any thread; restricted: no.
 * Return: 0, or what @fn ended the walk with; -EINVAL: NULL; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_parked_for_each(struct ioasid_set *set,
				      int (*fn)(void *context, const struct ioasid_parked *parked),
				      void *context);

/**
 * ioasid_quarantine_retry() - Try once more to end quarantined bindings.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID; IOASID_INVALID: all quarantined ones of the set, with the root handle also devices whose
 *      close could not be finished; IOASID_NO_PASID: RIDs of devices that are assigned to the set
 *
 * What another thread is trying at the moment is left to it. (S9.8)
 *
 * Context: any thread; waits for backend calls, each at most the context's deadline; restricted: no.
 * Return: 0: done; -EINVAL: NULL; -ENOENT: nothing is quarantined there, or unknown; -EACCES: of another set;
 * -EIO, -ETIMEDOUT: one or more still are; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_quarantine_retry(struct ioasid_set *set, ioasid_t id);

/**
 * ioasid_bind_gpasid_async() - ioasid_bind_gpasid() without waiting.
 * @device: the device, not closed before @done was told
 * @set: as for the call
 * @data: as for the call; copied, but `why`, if it is not NULL, is written until @done was told
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: 0: the call will be made; -EINVAL, -E2BIG: its arguments, said at once; -ENOMEM: it will not be
 * made; -EPERM.
 */
IOASID_API int ioasid_bind_gpasid_async(struct ioasid_device *device, struct ioasid_set *set,
					const struct ioasid_bind_data *data, ioasid_done_t done, void *context);

/**
 * ioasid_bind_ioas_async() - ioasid_bind_ioas() without waiting.
 * @device: the device, not closed before @done was told
 * @set: as for the call
 * @id: as for the call
 * @space: as for the call, not destroyed before @done was told
 * @cookie: as for the call
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_bind_gpasid_async().
 */
IOASID_API int ioasid_bind_ioas_async(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id,
				      struct ioasid_address_space *space, uint64_t cookie, ioasid_done_t done,
				      void *context);

/**
 * ioasid_unbind_async() - ioasid_unbind() without waiting.
 * @device: the device, not closed before @done was told
 * @set: as for the call
 * @id: as for the call
 * @cookie: as for the call
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_bind_gpasid_async().
 */
IOASID_API int ioasid_unbind_async(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id,
				   uint64_t cookie, ioasid_done_t done, void *context);

/**
 * ioasid_rebind_async() - ioasid_rebind() without waiting.
 * @device: the device, not closed before @done was told
 * @set: as for the call
 * @data: as for ioasid_bind_gpasid_async()
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_bind_gpasid_async().
 */
IOASID_API int ioasid_rebind_async(struct ioasid_device *device, struct ioasid_set *set,
				   const struct ioasid_bind_data *data, ioasid_done_t done, void *context);

/**
 * ioasid_quarantine_retry_async() - ioasid_quarantine_retry() without waiting.
 * @set: as for the call
 * @id: as for the call
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: 0: the call will be made; -EINVAL: NULL set; -ENOMEM: it will not be made; -EPERM.
 */
IOASID_API int ioasid_quarantine_retry_async(struct ioasid_set *set, ioasid_t id, ioasid_done_t done,
					     void *context);

IOASID_END_DECLS

#endif
