/*
 * Stops inside the library, for races whose window is a few instructions and which no stress finds reliably.
 * The linker puts a function of ours in the place of one that the library calls at that moment, or the page
 * with the words that are looked at next is closed, so that the look faults. What has to happen meanwhile
 * another thread does, step by step.
 */
#ifndef IOASID_TESTS_STOPS_H
#define IOASID_TESTS_STOPS_H

#include "support.h"

#include "libioasid/pool.h"

/* What is done when this thread comes to the beginning of ioasid__<name>(), once. It may set another stop,
 * the same one too. */
typedef void (*stop_fn)(void);
extern _Thread_local stop_fn at_quota_pool_take, at_quota_birth, at_quota_give, at_ids_scan, at_ids_take, at_set_touch;
extern _Thread_local stop_fn at_park_help, at_park_watch, at_rcu_sync, at_mem_alloc;
/* When it wants this mutex. */
extern _Thread_local stop_fn at_mutex;
extern _Thread_local pthread_mutex_t *which_mutex;
/* How many stops were made; to be looked at by a test, since a function that is not called any more stops
 * nobody. */
extern unsigned int stops;

/* Another thread, with caches of its own. It does a step while the caller waits. */
void other_begin(void);
void other_end(void);
void elsewhere(void (*step)(void));

/* The second page of a pool's table. Return: the first ID on it. */
ioasid_t page_begin(struct ioasid_pool *pool);
void page_end(void);
/* The next look at its words is stopped for @at_look. Until then only the caller may look. */
void close_page(void (*at_look)(void));

#endif
