/*
 * What the tests of the core share: pools and sets made in one line, threads, a gate where a thread can be
 * stopped, and subscribers that record what they are told.
 *
 * A race is tested by stopping a thread where it has to be, never by sleeping and hoping: a handler, getter,
 * work item or allocator callback passes a gate; the test waits until it has arrived, does what races with
 * it, and opens the gate.
 *
 * Functions that make something end the case when they cannot; they belong into the thread that runs the
 * case.
 */
#ifndef IOASID_TESTS_SUPPORT_H
#define IOASID_TESTS_SUPPORT_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ioasid/ioasid.h>

#include "harness.h"

/* How often a stress loop goes round: IOASID_TEST_ROUNDS from the environment, else @standard. */
unsigned int rounds(unsigned int standard);

/* Pools. @capacity 0: as created. pool_end() checks that nothing is left in it. */
struct ioasid_pool *pool_make(uint32_t capacity);
struct ioasid_pool *pool_make_with(uint32_t capacity, uint32_t policy, uint32_t flags);
void pool_end(struct ioasid_pool *pool);
/* What the pool can promise. */
uint32_t available(struct ioasid_pool *pool);

/* Sets. set_make(): of type NONE. set_end() puts it and checks that this was the last reference. */
struct ioasid_set *set_make(struct ioasid_pool *pool, uint32_t quota);
struct ioasid_set *set_make_token(struct ioasid_pool *pool, uint64_t token, uint32_t quota);
void set_end(struct ioasid_set *set);
struct ioasid_stats stats_of(struct ioasid_set *set);

/* IDs. Any one, or this one. id_refs(): 0 if the ID is unknown. */
ioasid_t id_make(struct ioasid_set *set);
ioasid_t id_make_at(struct ioasid_set *set, ioasid_t id);
uint32_t id_refs(struct ioasid_set *set, ioasid_t id);
/* Wait until it is marked (S4.1) by a free in another thread. */
void id_await_mark(struct ioasid_set *set, ioasid_t id);

/* Where a thread stops until it is let through. A gate that is open, as a fresh one is, lets everybody pass. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned int arrived; /* since it was closed */
	bool closed;
};

#define GATE_OPEN { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false }
#define GATE_CLOSED { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, true }

void gate_close(struct gate *gate);
void gate_open(struct gate *gate);
/* Arrive, and wait while it is closed. */
void gate_pass(struct gate *gate);
/* Wait until @count threads have arrived since it was closed. */
void gate_await(struct gate *gate, unsigned int count);

/* A thread. */
struct task {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
	_Atomic pid_t tid;
	atomic_bool done;
};

void task_start(struct task *task, void (*fn)(void *arg), void *arg);
void task_join(struct task *task);
/* Has the thread come to rest inside its function? False: the function returned. Not for what is to return
 * without waiting, which a join shows. */
bool task_blocked(struct task *task);

/* Run @fn in @count threads that begin together, and wait for them. */
void crowd(unsigned int count, void (*fn)(void *arg, unsigned int index), void *arg);

/*
 * A thread that takes @count IDs of a set, gives all but @keep of them back, so that its caches of IDs and of
 * credit are full, and lives on until its end.
 */
#define HOARD_MAX 256u
struct hoarder {
	struct ioasid_set *set;
	unsigned int count; /* HOARD_MAX at most */
	unsigned int keep;
	struct gate gate;
	struct task task;
};

void hoarder_start(struct hoarder *hoarder, struct ioasid_set *set, unsigned int count, unsigned int keep);
void hoarder_end(struct hoarder *hoarder);

/* A sequence of pseudo-random numbers, the same for the same seed. */
uint32_t rnd(uint64_t *seed);

/*
 * What happened, in order, as one line of text: "kvm:ALLOC 5, vdcm:ALLOC 5". The list of several subscribers;
 * any thread.
 */
struct journal {
	pthread_mutex_t mutex;
	size_t length;
	unsigned int count;
	char text[16384];
};

#define JOURNAL_EMPTY { PTHREAD_MUTEX_INITIALIZER, 0, 0, "" }

void journal_add(struct journal *journal, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Check that exactly this was written since the last time, and forget it. */
void journal_expect(struct journal *journal, const char *text);
/* How many entries there are. */
unsigned int journal_count(struct journal *journal);
/* Does the text occur in it? */
bool journal_has(struct journal *journal, const char *text);
void journal_clear(struct journal *journal);
/* To be passed to ioasid_pool_set_log() with the journal as context. */
void journal_log(void *journal, uint32_t level, const char *text);

/* A subscriber: writes "name:EVENT id" or "name:EVENT id/spid", passes the gate, calls the hook, answers. */
struct subscriber {
	struct ioasid_notifier block;
	const char *name;
	struct journal *journal; /* NULL: none */
	struct gate *gate;       /* NULL: none; for the events of gate_events only */
	uint32_t gate_events;    /* 0: all */
	/* NULL: none; its answer, unless 0, is the answer */
	int (*hook)(struct subscriber *self, const struct ioasid_event *event);
	void *context;           /* for the hook */
	ioasid_t veto_id;        /* 0: none; the ID that is vetoed */
	uint32_t veto_events;    /* which events of it */
	int veto;                /* with what */
};

/* Fill in the block, for all events. */
void subscriber_init(struct subscriber *s, const char *name, struct journal *journal, uint32_t priority);

#endif
