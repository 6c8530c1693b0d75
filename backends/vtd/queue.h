/* SPDX-License-Identifier: MIT */
/*
 * What the files of the interface fault share: a queue of page requests, and what was read from it; see
 * vtd.h.
 *
 * The kernel gives out whole groups or none, so a group that is larger than its reader's room is kept in the
 * queue's buffer and given out bit by bit; and as one that is larger than the buffer would block the queue
 * for all devices, the buffer grows when the queue is read and found empty twice in succession.
 */
#ifndef IOASID_VTD_QUEUE_H
#define IOASID_VTD_QUEUE_H

#include "vtd.h"

#define QUEUE_BUCKETS    64u
#define QUEUE_FIRST_SIZE 256u	/* records that the buffer has room for, at first and at most */
#define QUEUE_MAX_SIZE   32768u

/* A group that was read and has no answer yet. */
struct vtd_request {
	struct vtd_request *next;
	uint32_t cookie;
	uint32_t serial;
	uint32_t dev;	/* the kernel's number of it */
	uint32_t pasid;
};

struct ioasid_be_faultq {
	struct ioasid_be_ctx *ctx;
	uint32_t users;				/* the context's lock: what delivers to it */
	uint32_t id;
	int32_t fd;
	pthread_mutex_t lock;
	/* Of the rest, all by the lock. */
	struct vtd_request *open[QUEUE_BUCKETS];		/* by cookie */
	struct vtd_request *spare;
	uint32_t spares;
	uint32_t serial;			/* of the group read last */
	uint32_t empty;				/* reads in succession that found nothing */
	struct uapi_page_fault *buffer;		/* read and not yet given out: from next up to filled */
	uint64_t *handles;			/* of each of them */
	uint64_t *cookies;			/* and the cookie of its device */
	uint32_t size, next, filled;
};

/* The queue is locked, or has no other user yet or any more. */

/* queue_grow() - give it another buffer, an empty one. Return: whether there was memory. */
bool queue_grow(struct ioasid_be_faultq *queue, uint32_t size);

/* queue_refill() - get something to give out, if there is anything; the buffer is empty. @room: of its
 * reader, in records. Return: 0, or -errno. */
int32_t queue_refill(struct ioasid_be_faultq *queue, uint32_t room);

/* queue_find() - where the group of that cookie is linked, which has no answer yet; a NULL: there is none. */
struct vtd_request **queue_find(struct ioasid_be_faultq *queue, uint32_t cookie);

/* queue_close() - take it out there: it has its answer. */
void queue_close(struct ioasid_be_faultq *queue, struct vtd_request **at);

/* queue_handle() - what it is called outside. */
uint64_t queue_handle(const struct vtd_request *request);

#endif
