/*
 * A pool with one of everything, and its state as text: for tests that let calls fail and compare before and
 * after.
 */
#ifndef IOASID_TESTS_GROUND_H
#define IOASID_TESTS_GROUND_H

#include "support.h"

/* IDs of the ground's set, from the first on: what they are. */
enum {
	FULL = 5,    /* ACTIVE, with data, SPID 50 and one counted reference */
	BLANK = 6,   /* ACTIVE, with nothing */
	PENDING = 7, /* FREE_PENDING, with data and one counted reference */
	UNUSED = 8,  /* FREE */
};

struct ground {
	struct ioasid_pool *pool;
	struct ioasid_set *root;
	struct ioasid_set *set;       /* token 1, quota 100, with a release function */
	bool has_workers;
	struct journal journal;       /* what the subscribers are told */
	struct subscriber subscriber; /* of the set */
	struct subscriber waiting;    /* for token 77 */
	struct subscriber other;      /* of nothing */
	struct ioasid_allocator allocator;
	struct ioasid_work work;
	int data[3];                  /* of FULL, of PENDING, of nothing */
	ioasid_handle_t handle;       /* of FULL */
	/* For the calls: what they made, and what they were told later. */
	struct ioasid_pool *made_pool;
	struct ioasid_set *made_set;
	ioasid_t made_id;
	int made_fd;
	atomic_uint told;
	atomic_int answer;            /* the last one */
};

void ground_begin(struct ground *g, bool workers);
/* Takes everything down; the ground has to be as it was. */
void ground_end(struct ground *g);
/* Make the ground's set and IDs again, after a call that ended them. */
void ground_fill(struct ground *g);
/* Make one of its IDs again. */
void ground_full(struct ground *g);
void ground_blank(struct ground *g);
/* Wait until @told counts one more than @before, in a worker or by dispatch. */
void ground_await(struct ground *g, unsigned int before);
/* What can be seen of it. */
void ground_state(struct ground *g, char *text, size_t size);
/* To be passed as done functions, with the ground as context. */
void ground_told(void *ground, int result);
void ground_told_old(void *ground, void *old);

#endif
