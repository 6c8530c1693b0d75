/* A lock in the order of asking; see turnstile.h. */
#include "turnstile.h"

#include <errno.h>

#include "clock.h"
#include "ioasid_backend.h"

static int notice_init(pthread_cond_t *notice)
{
	pthread_condattr_t attributes;
	int rc = pthread_condattr_init(&attributes);

	if (rc)
		return rc;
	rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!rc)
		rc = pthread_cond_init(notice, &attributes);
	pthread_condattr_destroy(&attributes);
	return rc;
}

int32_t turnstile_init(struct turnstile *t)
{
	t->next = 0;
	t->serving = 0;
	if (notice_init(&t->notice))
		return IOASID_BE_ENOMEM;
	if (pthread_cond_init(&t->turn, NULL))
		goto destroy_notice;
	if (pthread_mutex_init(&t->mutex, NULL))
		goto destroy_turn;
	return 0;

destroy_turn:
	pthread_cond_destroy(&t->turn);
destroy_notice:
	pthread_cond_destroy(&t->notice);
	return IOASID_BE_ENOMEM;
}

void turnstile_destroy(struct turnstile *t)
{
	pthread_mutex_destroy(&t->mutex);
	pthread_cond_destroy(&t->turn);
	pthread_cond_destroy(&t->notice);
}

/* Both with the mutex. */
static void take_number(struct turnstile *t)
{
	uint64_t mine = t->next++;

	while (t->serving != mine)
		clock_wait(&t->turn, &t->mutex);
}

static void call_next(struct turnstile *t)
{
	if (++t->serving != t->next)
		pthread_cond_broadcast(&t->turn);
}

void turnstile_enter(struct turnstile *t)
{
	pthread_mutex_lock(&t->mutex);
	take_number(t);
	pthread_mutex_unlock(&t->mutex);
}

void turnstile_leave(struct turnstile *t)
{
	pthread_mutex_lock(&t->mutex);
	call_next(t);
	pthread_mutex_unlock(&t->mutex);
}

bool turnstile_wait(struct turnstile *t, uint64_t deadline)
{
	int rc;

	/* A notifier has the lock, so it comes after this: no notice is lost. */
	pthread_mutex_lock(&t->mutex);
	call_next(t);
	rc = clock_wait_until(&t->notice, &t->mutex, deadline);
	take_number(t);
	pthread_mutex_unlock(&t->mutex);
	return rc == ETIMEDOUT;
}

void turnstile_notify(struct turnstile *t)
{
	pthread_cond_broadcast(&t->notice);
}
