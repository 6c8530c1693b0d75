/*
 * Registrations: which block is subscribed to which scope, and the chains made of them (S7.3, S7.8, S7.9).
 *
 * A registration begins gated: what it is told of is noted per ID, and events of an ID whose ALLOC it was not
 * told do not reach it. So it may be published while the scope has IDs, and replay can tell it of them one by
 * one; when no untold ID can have an event any more, the gate is taken away.
 *
 * A registration leaves the chains of its scope one after the other, and a number may be freed in a set whose
 * chain has lost it already and be born in one whose chain has it still. So it is closed first: what has
 * missed one event of a number gets no other.
 */
#ifndef IOASID_REGISTRY_H
#define IOASID_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/notifier.h>

#include "libioasid/chain.h"
#include "libioasid/pool.h"

enum scope_kind { SCOPE_POOL, SCOPE_SET, SCOPE_TOKEN };

struct scope {
	enum scope_kind kind;
	uint32_t type;          /* SCOPE_TOKEN */
	uint64_t token;         /* SCOPE_TOKEN */
	struct ioasid_set *set; /* SCOPE_SET; root handle with SCOPE_POOL */
};

struct registration {
	struct registration *next;           /* under registry: by priority, then age */
	const struct ioasid_notifier *block; /* identity */
	ioasid_handler_t handler;
	void *context;
	uint32_t events, priority;
	struct scope scope;
	_Atomic bool gated;
	_Atomic bool closing;                /* a replay failed: no ALLOC any more */
	_Atomic bool closed;                 /* it is being removed: nothing any more */
	_Atomic uint64_t *told;              /* one bit per ID, changed under the ID's turn */
};

/* A set is being born: makes its chain. Under the registry. 0 or -ENOMEM. */
int ioasid__registry_birth(struct ioasid_set *set);
/* A dead set's last FREE is out: drops its blocks. Not in a restricted context. */
void ioasid__registry_death(struct ioasid_set *set);

/* Adds or removes a registration and republishes the chains that it is in; waits for users of the old ones.
 * Under the subscription lock. */
int ioasid__registry_add(struct ioasid_pool *pool, struct registration *r);
void ioasid__registry_remove(struct ioasid_pool *pool, struct registration *r);
/* Takes a registration's gate away. */
void ioasid__registry_open(struct ioasid_pool *pool, struct registration *r);
/* The registration of a block in a scope; under the registry, or the subscription lock. */
struct registration *ioasid__registry_find(struct ioasid_pool *pool, const struct scope *scope,
					   const struct ioasid_notifier *block);
/* Is a set in the scope of a registration? */
bool ioasid__registry_applies(const struct registration *r, const struct ioasid_set *set);
void ioasid__registration_free(struct registration *r);

/* The scope that a caller means: 0 or -EINVAL. In notifier.c. */
int ioasid__scope_of_set(struct ioasid_set *set, struct scope *scope);
int ioasid__scope_of_token(struct ioasid_pool *pool, uint32_t type, uint64_t token, struct scope *scope);

static inline bool registration_told(struct registration *r, ioasid_t id)
{
	return (atomic_load_explicit(&r->told[id / 64], memory_order_relaxed) >> (id % 64) & 1) != 0;
}

static inline void registration_tell(struct registration *r, ioasid_t id, bool told)
{
	uint64_t bit = UINT64_C(1) << (id % 64);

	/* Relaxed: an ID's bit is ordered by its turn; neighbours only share the word. */
	if (told)
		atomic_fetch_or_explicit(&r->told[id / 64], bit, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&r->told[id / 64], ~bit, memory_order_relaxed);
}

#endif
