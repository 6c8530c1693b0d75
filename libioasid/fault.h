/*
 * Faults inside: the queue of a context, and the groups that wait for an answer; docs/faults.md has the why.
 *
 * Words. Group: the page requests that want one answer together, from the read of the last of them. Number:
 * what the guest calls its IOASID, see group_key. Epoch: counts moments at which what was read before is
 * known to be over. Everything here is under context->lock, unless a line says otherwise; no backend call is
 * made with it.
 *
 *   unused -> OPEN -> ANSWERING -> unused     somebody answers; -> OPEN again if the backend fails
 *               |         '-----> orphan      the same while its binding goes
 *               '-> LATE -> unused            the library has answered at a free; until its place is needed
 */
#ifndef IOASID_FAULT_PRIVATE_H
#define IOASID_FAULT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/fault.h>

#include "libioasid/link.h"

struct binding;
struct ioasid_be_faultq;
struct ioasid_context;
struct ioasid_device;
struct ioasid_set;

#define FAULT_BUCKETS 1024u

/* The number of a group that can be answered by its handle only: there is no SPID. The RID's is
 * IOASID_SPID_NONE. */
#define FAULT_UNNAMED (IOASID_SPID_NONE - 1)

/* What an answer names a group by. Numbers instead of pointers: they do not come again. */
struct group_key {
	uint64_t device;  /* its cookie in the context */
	uint64_t set;     /* its serial in the pool; 0: any */
	uint32_t number;
	uint32_t group;
};

enum group_state {
	GROUP_UNUSED,
	GROUP_OPEN,
	GROUP_ANSWERING,
	GROUP_LATE,
};

struct fault_group {
	struct link by_key;      /* in a bucket, unless unused */
	struct link where;       /* OPEN, ANSWERING: the device's; LATE: faults.late; unused: faults.unused */
	enum group_state state;
	ioasid_t id;
	struct group_key key;
	uint64_t handle;         /* as callers know it: serial and index */
	uint64_t answer_to;      /* as the backend knows it */
	uint64_t epoch;          /* when the read began that it came with */
	uint64_t read_at;        /* ns */
	struct binding *binding; /* whose it is, with a count there; NULL: that is gone, or LATE */
	struct ioasid_set *set;  /* with the binding: held, with a count there */
};

struct faults {
	struct ioasid_context *context; /* constant, down to `event` */
	struct ioasid_be_faultq *queue;
	int fd;                  /* what is readable: `event`, or one for it and the backend's */
	int event;               /* the library's own */
	bool left;               /* `event` was set last, not cleared; of who has a read in hand */
	bool reading;            /* somebody has a read in hand: one at a time */
	uint64_t reading_epoch;  /* of that read */
	uint64_t epoch;
	uint64_t serial;         /* of the last handle */
	uint32_t fresh;          /* groups from here on were never used */
	uint32_t busy;           /* OPEN and ANSWERING ones, and what is about to be LATE */
	struct link unused;
	struct link late;        /* the oldest first */
	struct link buckets[FAULT_BUCKETS];
	struct fault_group groups[IOASID_FAULTS_OPEN_MAX];
};

/* ---- fault_queue.c: the queue of a context ---- */

/* The queue of a context, made if there is none. Lock not held. 0; -EOPNOTSUPP with a reason, -ENOMEM,
 * -EMFILE, -ENFILE, or the backend's. */
int ioasid__faults_get(struct ioasid_context *context, struct faults **faults, struct ioasid_reason *why);
/* The queue, NULL: there is none yet. Any time; it goes with the context only. */
struct faults *ioasid__faults_of(struct ioasid_context *context);
/* Ends it, if there is one. The context has no users. 0, or -EBUSY: the backend still uses it. */
int ioasid__faults_destroy(struct ioasid_context *context);
/* The contract's host->ready, for this context. */
void ioasid__faults_ready(void *context, uint64_t cookie);
/* The library's own event becomes readable, or not. Nobody else has a read in hand. */
void ioasid__faults_event(struct faults *faults, bool readable);
/* Can this device have faults? devices.lock held. */
bool ioasid__faults_possible(const struct ioasid_device *device);
/* The same without locks: 0, -EOPNOTSUPP with a reason. */
int ioasid__faults_capable(struct ioasid_device *device, struct ioasid_reason *why);

/* ---- fault_table.c: groups; lock held ---- */

void ioasid__groups_init(struct faults *faults);
/* How many more can be open. */
uint32_t ioasid__groups_room(const struct faults *faults);
/* An open group that nobody knows yet, of a binding that is in use. There is room. */
struct fault_group *ioasid__group_open(struct faults *faults, const struct group_key *key, struct binding *b,
				       uint64_t answer_to);
/* The oldest OPEN one of that name, else one that is LATE or about to be, else NULL. */
struct fault_group *ioasid__group_by_key(struct faults *faults, const struct group_key *key);
/* The one that is OPEN, ANSWERING or LATE under that handle, NULL: none. */
struct fault_group *ioasid__group_by_handle(struct faults *faults, uint64_t handle);
/* It is no business of its binding any more. */
void ioasid__group_detach(struct fault_group *group);
/* It was answered: its place is free. */
void ioasid__group_done(struct faults *faults, struct fault_group *group);
/* It was answered by the library: remembered as long as there is room. */
void ioasid__group_late(struct faults *faults, struct fault_group *group);
/* Is its IOASID marked? It is OPEN or ANSWERING. */
bool ioasid__group_marked(const struct fault_group *group);

/* ---- fault_end.c: answers of the library; lock not held ---- */

enum faults_over {
	FAULTS_REPLACED, /* of a binding that stays: those read before an epoch */
	FAULTS_GONE,     /* of a binding that goes: all, also what others are answering */
	FAULTS_MARKED,   /* of an IOASID that is being freed: an answer that comes later is late */
};

/* A new epoch. 0 where there is no queue. */
uint64_t ioasid__faults_epoch(struct ioasid_context *context);
/*
 * Answers with failure what a device's IOASID or RID, or with IOASID_INVALID all of them, has open from
 * before an epoch. But for FAULTS_MARKED it waits until what was being read at that epoch is recorded. The
 * device is kept by the caller.
 */
void ioasid__faults_over(struct ioasid_device *device, ioasid_t id, enum faults_over over, uint64_t epoch);
/* Answers one group of the backend's with failure, for what is not delivered. */
void ioasid__faults_refuse(struct faults *faults, uint64_t answer_to);

#endif
