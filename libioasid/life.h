/*
 * The life of an ID: mark, complete, drop, reclaim (S4.1). What free, put, sweep, deferral and bindings have
 * in common.
 *
 *   mark      ACTIVE -> FREE_PENDING, once; finds and gets fail from here on
 *   complete  block (bindings, S10.1), FREE under the turn, SPID given free, drop
 *   drop      alloc's reference goes; if no counted one is left: reclaim
 *   reclaim   FREE_PENDING -> BORN (exclusive) -> FREE with the next generation, then the ID can be handed
 *   out, then the quota is credited
 */
#ifndef IOASID_LIFE_H
#define IOASID_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "libioasid/pool.h"

/* Frees an ID of a set, or root: mark and complete, or defer. Answers as ioasid_free(), and 1 if it
 * reclaimed. */
int ioasid__life_free(struct ioasid_set *set, ioasid_t id);

/* The free in one step, of an ID that was seen as @w, the set's own and ACTIVE; false: nothing was done. In
 * free.c. */
bool ioasid__free_at_once(struct ioasid_set *owner, ioasid_t id, uint64_t w);

/* As ioasid__life_free(), for one life: -ESTALE unless the low generation is @gen. */
int ioasid__life_free_gen(struct ioasid_set *set, ioasid_t id, uint64_t gen);

/* A put's free: as either of them, by @gen (NULL: of any life), but an ID that is marked already is answered
 * -EALREADY, for to drop what is not there is misuse, and no second free (S4.5). */
int ioasid__life_mark(struct ioasid_set *set, ioasid_t id, const uint64_t *gen);

/* Completes a marked ID whose completion is this thread's. Not in a restricted context. Answers as
 * ioasid_free(), 1 if it reclaimed. */
int ioasid__life_complete(struct ioasid_pool *pool, ioasid_t id);

/* When an ID was marked, whose word is @w, in ns of CLOCK_MONOTONIC; 0: not known yet. */
uint64_t ioasid__life_marked_at(struct ioasid_pool *pool, ioasid_t id, uint64_t w);

/* Puts a marked ID on this thread's list of deferred completions. Any context. */
void ioasid__life_defer(struct ioasid_pool *pool, ioasid_t id);

/* Completes what this thread has deferred. Not in a restricted context. */
void ioasid__life_run_deferred(void);

/* The same, where the context allows it: what every call that ran handlers ends with, when it holds no turn
 * any more. */
void ioasid__life_settle(void);

/* Leaves the completion of a marked ID to the pool's worker. Any context. */
void ioasid__life_orphan(struct ioasid_pool *pool, ioasid_t id);

void ioasid__life_init(struct ioasid_pool *pool);

/* Reclaims an ID whose word this thread has just found reclaimable and moved to BORN. @w: the word before. */
void ioasid__life_reclaim(struct ioasid_pool *pool, ioasid_t id, uint64_t w);

/* Undoes a birth that nobody has seen: BORN -> FREE. The quota is the caller's. */
void ioasid__life_unborn(struct ioasid_pool *pool, ioasid_t id);

/* Drops a counted reference: as ioasid_put(); for one life: -ESTALE unless the low generation is @gen. */
int ioasid__life_put_in(struct ioasid_set *set, ioasid_t id);
int ioasid__life_put_gen(struct ioasid_set *set, ioasid_t id, uint64_t gen);

/* Undoes an ALLOC that was vetoed: the first @told entries of the chain get FREE in reverse order, then the
 * ID is dropped. @data, which its allocation came with, stays the caller's. The turn is held. */
void ioasid__life_vetoed(struct ioasid_set *set, ioasid_t id, struct chain *chain, uint32_t told, void *data);

/* Drops a counted reference without owner check, for holders inside the library: as ioasid_put(). */
int ioasid__life_put(struct ioasid_pool *pool, ioasid_t id);

#endif
