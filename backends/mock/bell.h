/*
 * How a queue says that it has something to read: by a descriptor that the program lent with the context, or
 * by host->ready.
 *
 * The descriptor is a non-blocking eventfd. It is readable while the queue has something to read, and for
 * nothing where what was queued has been answered meanwhile; the next read makes it quiet.
 */
#ifndef MOCK_BELL_H
#define MOCK_BELL_H

#include <stdatomic.h>

#include "machine.h"

struct bell {
	struct ioasid_be_ctx *ctx;
	uint64_t cookie;  /* for ready */
	int32_t fd;       /* -1: ready */
	uint32_t place;   /* of fd in the context */
	uint32_t ringing; /* threads between their look at the queue and the end of their call of the host */
	atomic_bool raised; /* fd was written since it was read last; orders nothing */
};

/* bell_open() - take a descriptor if one is left. Context: the machine's lock. */
void bell_open(struct bell *bell, struct ioasid_be_ctx *ctx, uint64_t cookie);

/* bell_close() - wait for whoever rings, and give the descriptor back. Context: the machine's lock, which is
 * let go. */
void bell_close(struct bell *bell);

/* bell_ring() - there is something new. Context: the machine's lock, which is let go. */
void bell_ring(struct bell *bell);

/* bell_quiet() - what is there will be read now. Context: nothing held. */
void bell_quiet(struct bell *bell);

/* bell_left() - something is left after a read. Context: nothing held. */
void bell_left(struct bell *bell);

#endif
