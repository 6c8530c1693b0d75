/*
 * A lock that is had in the order in which it was asked for, with one thing to wait for.
 *
 * A device that does DMA as fast as it can asks for the lock again before a thread that it has woken is
 * awake; with a plain mutex it would keep a park waiting for many of its rounds.
 *
 * Any thread. Who waits in turnstile_wait() has let the lock go, and has it again when that returns.
 */
#ifndef MOCK_TURNSTILE_H
#define MOCK_TURNSTILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turnstile {
	pthread_mutex_t mutex; /* protects the numbers, held for moments only */
	pthread_cond_t turn;   /* `serving` went on */
	pthread_cond_t notice; /* turnstile_notify() was called; CLOCK_MONOTONIC */
	uint64_t next;         /* number of the next who asks */
	uint64_t serving;      /* number of who has it, or `next` if nobody has */
};

/* turnstile_init() - ENOMEM: the system lacks resources. */
int32_t turnstile_init(struct turnstile *t);
void turnstile_destroy(struct turnstile *t);

void turnstile_enter(struct turnstile *t);
void turnstile_leave(struct turnstile *t);

/* turnstile_wait() - wait until somebody notifies, or for no reason, or up to @deadline. Return: was it that
 * long? */
bool turnstile_wait(struct turnstile *t, uint64_t deadline);

/* turnstile_notify() - wake all who wait; they come after whoever asked for the lock before. Called with the
 * lock. */
void turnstile_notify(struct turnstile *t);

#endif
