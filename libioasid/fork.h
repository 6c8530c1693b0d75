/*
 * Are we in a child of the process that made the pools? (S14.2)
 *
 * One page says so: the kernel wipes it in the child of a fork. It costs one load, needs no atfork handler,
 * and is decided before any lock.
 */
#ifndef IOASID_FORK_H
#define IOASID_FORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Never NULL. Set once, before the first pool; the page holds 1, and 0 in a child. */
extern _Atomic(atomic_uint *) ioasid__fork_page;

/* Makes the page; 0 or -ENOMEM. */
int ioasid__fork_init(void);

static inline bool ioasid__forked(void)
{
	/* Acquire pairs with the release in ioasid__fork_init(): who sees the page sees its 1. */
	atomic_uint *page = atomic_load_explicit(&ioasid__fork_page, memory_order_acquire);

	return __builtin_expect(atomic_load_explicit(page, memory_order_relaxed) == 0, 0);
}

#endif
