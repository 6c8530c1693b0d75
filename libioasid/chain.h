/*
 * Chains: who is called for the events of a set, in order; immutable snapshots of the pool's registrations.
 *
 * A transition pins the set's chain, delivers, and unpins: two atomic operations, on a line of the set's own.
 * A changed registration publishes new chains, waits a grace period (for transitions that have looked at the
 * old chain and not pinned it) and then until the old chains have no users. Each chain comes with a spare one
 * of its size, so that a block can be taken out without memory.
 */
#ifndef IOASID_CHAIN_H
#define IOASID_CHAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/notifier.h>

struct ioasid_pool;
struct ioasid_set;
struct registration;

/* Users in the low 16 bits, RETIRED above them, events delivered above that. */
#define CHAIN_USER UINT64_C(1)
#define CHAIN_USERS UINT64_C(0xffff)
#define CHAIN_RETIRED UINT64_C(0x10000)
#define CHAIN_EVENT_SHIFT 17
#define CHAIN_EVENT (UINT64_C(1) << CHAIN_EVENT_SHIFT)

/* What a delivery needs of a registration, so that it reads one array and not a list of places. */
struct chain_entry {
	ioasid_handler_t handler;
	void *context;
	struct registration *r;
	uint32_t events;
};

struct chain {
	_Atomic uint64_t state;
	uint32_t count;
	_Atomic bool gated;         /* a registration in it may be gated or closed; cleared later than the last gate */
	struct ioasid_set *set;     /* while it is in a list */
	struct chain *next;         /* in a list of new or retired chains */
	struct chain *spare;        /* under the pool's subscription lock */
	struct chain_entry entries[];
};

/* Pins the set's chain; NULL: no subscribers. */
struct chain *ioasid__chain_pin(struct ioasid_set *set);
/* Unpins it after @events events. */
void ioasid__chain_unpin(struct ioasid_pool *pool, struct chain *chain, uint32_t events);

/*
 * Delivers ALLOC or BIND, with the turn held. 0, or the veto; then *told entries had been told before the one
 * that vetoed.
 */
int ioasid__chain_announce(struct ioasid_set *set, struct chain *chain, uint32_t event, ioasid_t id, uint32_t spid,
			   uint32_t *told);
/* Delivers FREE or UNBIND, with the turn held. */
void ioasid__chain_deliver(struct ioasid_set *set, struct chain *chain, uint32_t event, ioasid_t id, uint32_t spid);
/* Rolls back: delivers FREE or UNBIND in reverse order to the first @count entries. */
void ioasid__chain_undo(struct ioasid_set *set, struct chain *chain, uint32_t count, uint32_t event, ioasid_t id,
			uint32_t spid);
/* Delivers one event to one registration, whatever it was told. Its answer. */
int ioasid__chain_tell(struct ioasid_set *set, struct registration *r, uint32_t event, ioasid_t id, uint32_t spid);

/* Retires a list of chains that are no longer published: a grace period, then until nobody uses them. They
 * stay in memory. */
void ioasid__chain_drain(struct ioasid_pool *pool, struct chain *list);

#endif
