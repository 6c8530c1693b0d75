/*
 * What is called while things fail: the scenarios of test_failnth.c.
 */
#ifndef IOASID_TESTS_FAILNTH_H
#define IOASID_TESTS_FAILNTH_H

#include "ground.h"

struct scenario {
	const char *name;
	void (*prepare)(struct ground *g); /* NULL: nothing */
	int (*call)(struct ground *g);
	void (*undo)(struct ground *g); /* after a success: the ground is as it was; NULL: nothing to do */
	bool never;                     /* does not fail for want of anything */
};

/* Pools, sets and IDs; what hangs on them, and the calls that are told later. */
extern const struct scenario scenarios_of_ids[];
extern const size_t scenarios_of_ids_count;
extern const struct scenario scenarios_of_events[];
extern const size_t scenarios_of_events_count;

/* A set beside the ground's, with token 2 and quota 50. */
void failnth_make_set(struct ground *g);
void failnth_end_set(struct ground *g);
/* Frees made_id. */
void failnth_free_made(struct ground *g);

#define CALL(name, expression) \
	static int call_##name(struct ground *g) \
	{ \
		(void)g; \
		return (expression); \
	}
#define STEP(name, statement) \
	static void name(struct ground *g) \
	{ \
		statement; \
	}

#endif
