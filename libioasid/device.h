/*
 * Devices, and what all devices of a pool share: the lock of the binding records, the queues of their
 * teardown.
 *
 * One mutex for each pool orders everything that is said about devices and bindings: claims, turns, counts,
 * lists. It is held for a few lines at a time, never over a backend call, an event, a call of the core that
 * can wait, or a drop of a reference. docs/bindings.md has the states and who may change them.
 */
#ifndef IOASID_DEVICE_PRIVATE_H
#define IOASID_DEVICE_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <ioasid/device.h>

#include "libioasid/address_space.h"
#include "libioasid/context.h"
#include "libioasid/link.h"
#include "libioasid/lock.h"
#include "libioasid/pool.h"
#include "libioasid/record.h"
#include "libioasid/work.h"

/* The queue in which records of one context are torn down, so that contexts do not wait for each other
 * (S7.10). */
struct lane {
	struct devices *all;
	struct ioasid_context *context; /* under lock; another one when it has no devices left */
	uint32_t devices;               /* under lock */
	struct link ready;               /* under lock: bindings, by `waiting` */
	struct workq queue;
	struct ioasid_work work;
	struct worker worker;           /* the executor's */
	struct lane *next;              /* under lock; lanes live as long as the pool */
};

/* Whether devices of contexts that are not sealed may come; see seal.c. */
enum seal {
	SEAL_OPEN,
	SEAL_CLOSING, /* somebody seals the pool */
	SEAL_CLOSED,
};

struct devices {
	struct ioasid_pool *pool;
	struct lock lock;               /* RANK_BINDING */
	pthread_cond_t changed;         /* a binding has gone, or come to rest */
	struct link list;               /* under lock: devices, by `member` */
	struct link abandoned;          /* under lock: closed ones that the backend has not let go, also of an
					 * attach that failed */
	struct link quarantine;         /* under lock: bindings, by `waiting` */
	struct lane *lanes;             /* under lock */
	enum seal seal;                 /* under lock */
	uint32_t attaching;             /* under lock: attaches under way in contexts that were not sealed */
	uint64_t serial;                /* under lock: grows; of devices, bindings, tables, rounds that try each
					 * quarantined binding once */
};

struct ioasid_device {
	struct ioasid_pool *pool;       /* down to `mode`: constant */
	struct devices *all;
	struct ioasid_context *context;
	struct lane *lane;
	struct ioasid_be_dev *dev;
	struct ioasid_address_space *home; /* has this device as a user; NULL: none */
	uint64_t cookie;                /* names the device in faults; no other of the context ever had it */
	uint32_t mode;
	struct ioasid_device_caps caps; /* under lock: changes with a reset */
	struct ioasid_set *set;         /* under lock: whose RID it is; cleared at that set's death */
	bool at_home;                   /* under lock: we have put the RID on `home` */
	_Atomic bool closing;           /* set before the last teardown; RIDs on their way home look at it */
	struct link of_context;         /* under context->lock: in context->devices */
	struct link faults;             /* under context->lock: groups that wait for an answer, by `where` */
	uint64_t serial;                /* under lock: grows along devices.list */
	struct link member;             /* in devices.list or devices.abandoned */
	struct link bindings;           /* under lock: by `of_device` */
	struct idrec rid;               /* the record of the RID */
};

/* An attach of a device of that context begins: -EPERM if the pool does not take any. Ends. Lock not held. */
int ioasid__seal_attach_begin(struct devices *all, struct ioasid_context *context, bool *counted);
void ioasid__seal_attach_end(struct devices *all, bool counted);

/* The lane of a context, with one device more; NULL: no memory. Lock held. */
struct lane *ioasid__lane_get(struct devices *all, struct ioasid_context *context);
/* One device less. Lock held. */
void ioasid__lane_put(struct lane *lane);
/* Queues the teardown of a binding that the caller has claimed. Lock held; takes no memory. */
void ioasid__lane_queue(struct lane *lane, struct binding *b);

/* The work item of a lane: tears down what is in its ready. */
void ioasid__lane_run(void *context, struct ioasid_work *work);

/* Tries once more to end the quarantined bindings that are meant: NULL and IOASID_INVALID mean any. @count:
 * how many there were. As ioasid__binding_end(), the first failure of several. Lock not held. */
int ioasid__quarantine_retry(struct devices *all, const struct ioasid_set *set, ioasid_t id,
			     const struct ioasid_device *device,
			     uint32_t *count);

/*
 * Lets a closed device go, whose bindings are gone or quarantined: tries those once more, then the backend
 * has the word. False: it refused, and the device is in the list of abandoned ones. It is in no list of
 * devices.
 */
bool ioasid__device_finish(struct ioasid_device *device);

/*
 * Says why a device lacks a capability, in the words of its report: "what: words", or "what: otherwise" where
 * it says nothing. @why: NULL: nobody asks. Lock not held.
 */
void ioasid__report_reason(struct ioasid_device *device, uint32_t capability, const char *what, const char *otherwise,
			   struct ioasid_reason *why);

/* Asks the backend what the device can do. 0 or its errno. Lock not held. */
int ioasid__device_caps_read(struct ioasid_device *device);
/* Frees the memory of a device that nobody can see. Lock not held. */
void ioasid__device_free(struct ioasid_device *device);

/* When a backend call of a context, or of a device, that begins now has to be over, in ns of CLOCK_MONOTONIC. */
uint64_t ioasid__context_deadline(const struct ioasid_context *context);
uint64_t ioasid__device_deadline(const struct ioasid_device *device);

/*
 * Waits for a binding of a device that is in other hands, until something changes: 0; or -ETIMEDOUT. Those
 * who wait on and on do so for one deadline of a context, which the first wait puts into *@deadline, 0
 * before. Lock held.
 */
int ioasid__device_wait(struct ioasid_device *device, uint64_t *deadline);

/* Takes a binding out of a lane that nobody has begun with: the caller has the claim. False: it waits in
 * none. Lock held. */
bool ioasid__lane_take(struct binding *b);

/* A moment of CLOCK_MONOTONIC, for waiting. */
static inline struct timespec device_timespec(uint64_t ns)
{
	const uint64_t second = UINT64_C(1000000000);

	return (struct timespec) { .tv_sec = (time_t)(ns / second), .tv_nsec = (long)(ns % second) };
}

#endif
