/*
 * Calling in the credit that threads have cached: the slow side of quota.h.
 */
#ifndef IOASID_COLLECT_H
#define IOASID_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "libioasid/quota.h"
#include "libioasid/rcu.h"

/* Takes @n credits after all cached ones were called in: as ioasid__quota_take(). */
int ioasid__collect_take(struct ioasid_set *set, uint32_t n);
/* Takes @n from the pool after unlimited and dead sets' spare credit was called in: as
 * ioasid__quota_pool_take(). */
int ioasid__collect_pool_take(struct ioasid_pool *pool, uint32_t n);
/* Lets a set cache credit again, if it has plenty. */
void ioasid__collect_relax(struct ioasid_set *set);

/* Parts of quota.c: without calling in. */
bool ioasid__quota_try(struct ioasid_set *set, uint32_t n);
bool ioasid__quota_pool_try(struct ioasid_pool *pool, uint32_t n);
void ioasid__quota_drain(struct ioasid_set *set);
/* Changes a set's room; false: it is less than what is to be taken away. */
bool ioasid__quota_room_change(struct ioasid_set *set, int64_t by);
/* Empties a cache's entry if it is the set's. */
void ioasid__quota_entry_flush(struct thread_cache *c, struct credit *e, struct ioasid_set *set);

#endif
