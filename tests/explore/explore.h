/*
 * The explorer: runs a few threads of the core's own code one at a time, in every order that differs by a
 * bounded number of preemptions.
 *
 * What it covers: all interleavings of the places that hook.h names, with at most `preemptions` switches away
 * from a thread that could have gone on; switches where a thread has to wait are free. What it does not:
 * reorderings by the memory model (each step is sequentially consistent), and atomics other than the state
 * word, which move with the step that they stand in.
 */
#ifndef IOASID_EXPLORE_H
#define IOASID_EXPLORE_H

#include <stdbool.h>

#define EXPLORE_THREADS 4

struct scenario {
	const char *name;
	unsigned int preemptions;
	void (*begin)(void);   /* in the main thread, not explored */
	void (*threads[EXPLORE_THREADS])(void);
	bool (*end)(void);     /* the same; did all go as it must? */
};

struct outcome {
	unsigned long schedules;
	unsigned long longest;  /* decisions in one schedule */
	bool deadlock;
	bool wrong;
	char trace[512];        /* of the schedule that went wrong: which thread at each switch */
};

/* Runs every schedule, or until one goes wrong. */
void explore(const struct scenario *scenario, struct outcome *outcome);

#endif
