/*
 * A context as its owner holds it: an open backend, and how many things live in it.
 */
#ifndef IOASID_CONTEXT_PRIVATE_H
#define IOASID_CONTEXT_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include <ioasid/allocator.h>

#include "libioasid/link.h"
#include "libioasid/loader.h"
#include "libioasid/lock.h"

struct faults;

struct ioasid_context {
	struct be_context be;
	uint64_t deadline;       /* ns that a backend call may take; constant */
	_Atomic uint32_t users;  /* devices, address spaces, an allocator: above 0 it cannot be closed */
	struct lock lock;        /* RANK_CONTEXT */
	pthread_cond_t changed;  /* a queue was made, or a read is over */
	struct link devices;     /* under lock: by `of_context`, those that can have bindings */
	uint64_t cookie;         /* under lock: the last device's */
	bool faults_making;      /* under lock: somebody makes the queue */
	_Atomic(struct faults *) faults; /* the queue of page requests, NULL: none yet; written under lock */
	struct ioasid_allocator ids;     /* hands out the backend's IDs; see context_allocator.c */
	struct ioasid_pool *ids_pool;    /* under lock: where it is registered, NULL: nowhere */
	_Atomic int faults_event;        /* the library's descriptor for it, -1: none */
};

#endif
