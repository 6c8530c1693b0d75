/*
 * The insides of an executor, for work.c and executor.c. Under its lock.
 */
#ifndef IOASID_EXECUTOR_H
#define IOASID_EXECUTOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "libioasid/work.h"

/* Of one class: runnable queues, and how many run. */
struct line {
	struct workq *first, *last;
	uint32_t waiting; /* in the list */
	uint32_t running, limit;
};

struct executor {
	struct lock lock;
	pthread_cond_t work_cond;  /* a queue became runnable, or the end has come */
	pthread_cond_t flush_cond; /* a barrier was reached, or who helps is to look */
	struct line lines[WORK_CLASSES];
	uint32_t ticket;           /* the last one given */
	uint64_t nudges;           /* how often who helps was told to look */
	uint32_t threads, idle, max_threads;
	uint32_t warm;             /* threads that have what they need of the process */
	bool ending;
	bool sealed;               /* no thread is to be started any more */
	bool short_of;             /* a thread that was needed could not be started */
	int fd;                    /* without threads, else -1 */
	struct worker *unused;     /* records of threads that were not started */
	struct worker *started;
	struct worker *own;        /* the memory of the records that no lane brought */
};

/* Takes the queue that has been runnable the longest, of the classes from @least on that may have one more;
 * NULL:
 * there is none. */
struct workq *ioasid__runnable_pop(struct executor *x, enum work_class least);
/* Runs one item of a queue that was taken off the list. The lock is given back meanwhile. */
void ioasid__runnable_run(struct executor *x, struct workq *q);
/* How many queues could run that do not. */
uint32_t ioasid__runnable_wanted(const struct executor *x);
bool ioasid__runnable_any(const struct executor *x);
/* Something became runnable: somebody is to run it. */
void ioasid__executor_wake(struct executor *x);
/* Starts a thread with all signals blocked, of which there is a record left. 0 or -errno. */
int ioasid__executor_start(struct executor *x);

#endif
