/*
 * The event turn of an ID, and the parking lot where threads wait for it (S7.5).
 *
 * Who has the turn delivers an event of the ID, or changes its SPID; nobody else does meanwhile. An ID with a
 * turn is not reclaimed. The turn is never held over a backend call (S9.15) and never waited for in a
 * restricted context. A thread waits for a turn only while it has none, so that turns cannot deadlock.
 */
#ifndef IOASID_TURN_H
#define IOASID_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "libioasid/pool.h"

#define TURN_ACTIVE 1u  /* the ID may be ACTIVE */
#define TURN_PENDING 2u /* or FREE_PENDING */
#define TURN_BORN 4u    /* one whose ALLOC is being delivered is waited for; else it does not exist (S7.7) */

/*
 * Takes the turn of an ID, waiting for who has it.
 * 0, with the word after it in *w; -ENOENT, -EACCES: not such an ID of this set, any more.
 */
int ioasid__turn_take(struct ioasid_set *set, ioasid_t id, unsigned int states, uint64_t *w);
/* The same, and sets @bits in the same step. */
int ioasid__turn_take_with(struct ioasid_set *set, ioasid_t id, unsigned int states, uint64_t bits, uint64_t *w);

/*
 * Releases it and wakes who waits. Completes a free that was handed to this turn (OWED), and reclaims if
 * nothing is left. Returns 1 if it reclaimed.
 */
int ioasid__turn_release(struct ioasid_pool *pool, ioasid_t id);

/*
 * Gives up the turn of an ID that will not be born after all, and wakes who waits: from here on the word is
 * the caller's alone. Returns it.
 */
uint64_t ioasid__turn_abandon(struct ioasid_pool *pool, ioasid_t id);

/* Wakes everybody who sleeps on an ID; called after a change of a word that had W_WAIT. */
void ioasid__park_wake(struct ioasid_pool *pool, ioasid_t id);

/* The same, and tells the descriptors that waited for the end of the life that @w is of, which is over. */
void ioasid__park_tell(struct ioasid_pool *pool, ioasid_t id, uint64_t w);

/*
 * Sleeps until woken while (word & mask) == value, with W_WAIT set in the word; @until as CLOCK_MONOTONIC ns
 * or IOASID_FOREVER. Returns 0: look again; -ETIMEDOUT.
 */
int ioasid__park(struct ioasid_pool *pool, ioasid_t id, uint64_t seen, uint64_t until);

#endif
