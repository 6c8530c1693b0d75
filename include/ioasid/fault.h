/*
 * Page requests: a device asks for pages that its page table lacks, and somebody answers (S18).
 *
 * Faults are asked for, bind by bind (IOASID_BIND_FAULT), or for a whole address space (IOASID_USE_FAULT): a
 * device that asks waits for the answer, so a host that reads no faults must not have them on. All faults of
 * a context come through one queue, which is made with the first bind that asks for them.
 *
 * A device asks in groups: one or more page requests with the same number, of which the last one wants one
 * answer for all. A group is open from the read of its last request until somebody answers it; exactly one
 * answer reaches the hardware. That is the caller's, or the library's, which is always a failure: at the free
 * of the IOASID, and when a binding is taken away (unbind, rebind, reset, close).
 *
 * There is no time-out, since a guest may be paused; ioasid_fault_expire() is for hosts that want one.
 */
#ifndef IOASID_FAULT_H
#define IOASID_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/context.h>
#include <ioasid/device.h>
#include <ioasid/export.h>
#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/* How many groups of a context can be open at a time. Beyond it nothing more is read until some are answered. */
#define IOASID_FAULTS_OPEN_MAX UINT32_C(4096)

/* How many sub-devices a fault names. */
#define IOASID_FAULT_COOKIES UINT32_C(8)

#define IOASID_FAULT_LAST UINT32_C(1)  /* the last request of its group, which now wants an answer */
#define IOASID_FAULT_READ UINT32_C(4)  /* what the device wants to do with the page */
#define IOASID_FAULT_WRITE UINT32_C(8)
#define IOASID_FAULT_EXEC UINT32_C(16)
#define IOASID_FAULT_PRIV UINT32_C(32) /* as a privileged access */

/* One page request. */
struct ioasid_fault {
	struct ioasid_device *device;           /* who asks; good until it is closed */
	struct ioasid_set *set;                 /* whose IOASID or RID it is; no reference comes with it */
	ioasid_t id;                            /* the IOASID, or IOASID_NO_PASID for the RID */
	ioasid_spid_t spid;                     /* the guest's number of it (DIRECT: the IOASID); IOASID_SPID_NONE: none */
	uint32_t group;                         /* the device's number of the group */
	uint32_t flags;                         /* IOASID_FAULT_* */
	uint64_t address;                       /* in the page table or address space that the IOASID is on */
	uint64_t handle;                        /* to answer the group by, with IOASID_FAULT_LAST; else 0 */
	uint32_t cookie_count;                  /* the sub-devices that share the binding, 0: one user without a cookie */
	uint32_t reserved;
	uint64_t cookies[IOASID_FAULT_COOKIES]; /* of the first of them; the rest is 0 */
};

/* Answers: the numbers of PCIe's page request group response are the guest's business. */
#define IOASID_FAULT_SUCCESS UINT32_C(0) /* the pages are there: the device tries again */
#define IOASID_FAULT_INVALID UINT32_C(1) /* there is no such page; the device may ask for others */
#define IOASID_FAULT_FAILURE UINT32_C(2) /* the device is to stop asking */

/**
 * ioasid_context_fault_fd() - Get the descriptor that says when there are faults to read.
 * @context: an open context
 *
 * It is readable while there is something in the queue, the rest of a group that was read in part included;
 * at most one read finds nothing. The queue is made if there is none yet. For poll and the like only: it is
 * not to be read, written or closed. While as many groups are open as there can be it stays readable, see
 * ioasid_fault_read(). (S18.1)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: the descriptor, the library's until the context is closed; -EINVAL: NULL; -EOPNOTSUPP: the backend
 * has no page requests; -ENOSPC, -ENOMEM, -EMFILE, -ENFILE; -EIO, -ENODEV: of the backend; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_context_fault_fd(struct ioasid_context *context);

/**
 * ioasid_fault_read() - Take faults out of a context's queue.
 * @context: an open context
 * @faults: receives them, in the order of the queue
 * @size: sizeof(struct ioasid_fault), bytes from one to the next
 * @count: in: how many there is room for, 1 or more; out: how many were written, 0: there are none
 *
 * Faults of an IOASID that is being freed are not delivered but answered with failure and counted; those of a
 * binding that is being taken away are answered, too. None is lost: what there is no room for stays in the
 * queue. A group may be of more requests than there is room for, so a reader goes on until it gets fewer than
 * that, or comes back while the descriptor is readable. (S18.1, S10.2)
 *
 * Context: any thread; several readers take turns; never waits for an answer or for hardware; restricted: no.
 * Return: 0; -EINVAL: NULL, a count of 0, @size smaller than this version's or no multiple of 8; -EBUSY:
 * IOASID_FAULTS_OPEN_MAX groups are open, so nothing is read until one is answered; -EIO, -ENODEV, -ENOMEM:
 * of the backend; -EDEADLK; -EPERM. With -EBUSY and errors of the backend *@count is 0.
 */
IOASID_API int ioasid_fault_read(struct ioasid_context *context, struct ioasid_fault *faults, size_t size,
				 uint32_t *count);

/**
 * ioasid_fault_respond() - Answer a group by what a guest knows of it.
 * @device: the device that asks
 * @set: the set that answers; it reaches groups of its own IOASIDs only. The root handle reaches any RID
 * @spid: the guest's number as in the fault; IOASID_SPID_NONE: the RID
 * @group: the number of the group, as in the fault
 * @code: IOASID_FAULT_SUCCESS, IOASID_FAULT_INVALID or IOASID_FAULT_FAILURE
 *
 * Where nothing of that name is open it is a success without effect: it never was, somebody else was faster,
 * or the binding is gone. Of several with one name, which only a broken device has, the oldest is answered.
 * (S18.2)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: 0; -EINVAL: NULL, a set of another pool, unknown code, a SPID over 20 bits or with the root handle;
 * -ENOENT: late, the library has answered because the IOASID was freed (S10.2); -EIO, -ENODEV, -ENOMEM: of
 * the backend, and the group is still open; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_fault_respond(struct ioasid_device *device, struct ioasid_set *set, ioasid_spid_t spid,
				    uint32_t group, uint32_t code);

/**
 * ioasid_fault_respond_handle() - Answer a group by its handle.
 * @context: the context that the fault was read from
 * @handle: as in the fault
 * @code: as for ioasid_fault_respond()
 *
 * For who has read the fault: whoever has the handle may answer. A handle is not used again. (S18.2)
 *
 * Context: as for ioasid_fault_respond().
 * Return: as ioasid_fault_respond(); -EINVAL: NULL or unknown code.
 */
IOASID_API int ioasid_fault_respond_handle(struct ioasid_context *context, uint64_t handle, uint32_t code);

/**
 * ioasid_fault_expire() - Answer with failure what has been open for too long.
 * @context: an open context
 * @age: in ns; groups whose last request was read at least so long ago are answered
 * @count: receives how many there were; NULL: not wanted
 *
 * The library has no time-out of its own: a host that wants one calls this from its timer. (S18.3)
 *
 * Context: as for ioasid_fault_respond().
 * Return: 0; -EINVAL: NULL context; -EIO, -ENODEV, -ENOMEM: of the backend, and one or more are still open;
 * -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_fault_expire(struct ioasid_context *context, uint64_t age, uint32_t *count);

IOASID_END_DECLS

#endif
