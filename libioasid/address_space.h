/*
 * An address space as bindings and devices use it.
 */
#ifndef IOASID_ADDRESS_SPACE_PRIVATE_H
#define IOASID_ADDRESS_SPACE_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/address_space.h>

#include "libioasid/context.h"

struct ioasid_address_space {
	struct ioasid_context *context;
	struct ioasid_be_as *as;
	uint32_t uses;           /* IOASID_USE_*, as asked for; constant */
	bool adopted;            /* its uses are somebody else's choice; constant */
	_Atomic uint32_t users;  /* homes, bindings, nested tables */
};

static inline void address_space_use(struct ioasid_address_space *space)
{
	/* Relaxed: whoever adds a user knows by other means that it is alive. */
	atomic_fetch_add_explicit(&space->users, 1, memory_order_relaxed);
}

static inline void address_space_unuse(struct ioasid_address_space *space)
{
	/* Release pairs with the acquire in destroy: what the user did comes before the end. */
	atomic_fetch_sub_explicit(&space->users, 1, memory_order_release);
}

/* A context has one user more, or one less. Orders as above. */
static inline void context_use(struct ioasid_context *context)
{
	atomic_fetch_add_explicit(&context->users, 1, memory_order_relaxed);
}

static inline void context_unuse(struct ioasid_context *context)
{
	atomic_fetch_sub_explicit(&context->users, 1, memory_order_release);
}

/* What a public call that changes something answers before it looks at anything else: 0, -EPERM, -EINVAL,
 * -EDEADLK (S0.1). */
int ioasid__call_allowed(bool arguments_ok);

#endif
