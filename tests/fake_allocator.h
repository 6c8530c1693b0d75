/*
 * A custom allocator for tests: hands out what it is told to, and remembers what it was asked and given back.
 */
#ifndef IOASID_TESTS_FAKE_ALLOCATOR_H
#define IOASID_TESTS_FAKE_ALLOCATOR_H

#include "scene.h"

struct fake {
	struct ioasid_allocator callbacks;
	pthread_mutex_t lock;
	ioasid_t next; /* what it answers; then one more each time, if `counts` */
	bool counts;
	bool silent;		/* says 0 and does not write the ID */
	int error;		/* what it answers instead, unless 0 */
	struct gate alloc_gate; /* passed inside alloc, after it has chosen */
	struct gate free_gate;	/* passed inside free */
	unsigned int asked;
	ioasid_t min, max; /* of the last call */
	unsigned int freed;
	ioasid_t last_freed;
};

void fake_init(struct fake *fake, ioasid_t next);

#endif
