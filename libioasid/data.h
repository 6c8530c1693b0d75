/*
 * Private data of IDs (S5), and what becomes of it at reclaim (S4.6).
 */
#ifndef IOASID_DATA_H
#define IOASID_DATA_H

#include "libioasid/pool.h"

/* At reclaim, with the ID exclusive: forgets the data; what was attached goes to the set's release function. */
void ioasid__data_forget(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t id);

/* Does the set have a release function? */
static inline bool data_released(struct ioasid_set *set)
{
	/* It stands still while the set has an ID, or credit for one: see ioasid_set_on_release(). */
	return atomic_load_explicit(&set->release, memory_order_acquire) != NULL;
}

/* Sets with a release function need one node for each ID with data; by who has the ID, or its credit. 1: got
 * one; 0: there is no function; -ENOMEM. */
int ioasid__data_reserve(struct ioasid_set *set);
/* Gives a node back that is not needed after all, if there is a function; the same. */
void ioasid__data_unreserve(struct ioasid_set *set);
/* Frees the nodes of a set that goes. */
void ioasid__data_fini(struct ioasid_set *set);

/* The set's work item that calls its release function. */
void ioasid__data_release_run(void *context, struct ioasid_work *work);

#endif
