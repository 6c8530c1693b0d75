/* The clock of deadlines: CLOCK_MONOTONIC in ns; and waits that do not end with a cancelled thread (R41). Any thread. */
#ifndef MOCK_CLOCK_H
#define MOCK_CLOCK_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* @from + @span, or the end of time. */
static inline uint64_t clock_after(uint64_t from, uint64_t span)
{
	return span > UINT64_MAX - from ? UINT64_MAX : from + span;
}

static inline struct timespec clock_spec(uint64_t at)
{
	return (struct timespec){ .tv_sec = (time_t)(at / UINT64_C(1000000000)),
				  .tv_nsec = (long)(at % UINT64_C(1000000000)) };
}

static inline void clock_sleep_until(uint64_t at)
{
	const struct timespec spec = clock_spec(at);
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &spec, NULL) == EINTR)
		;
	pthread_setcancelstate(cancel, NULL);
}

/* pthread_cond_wait(). */
static inline void clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_cond_wait(cond, mutex);
	pthread_setcancelstate(cancel, NULL);
}

/* pthread_cond_timedwait(). */
static inline int clock_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t at)
{
	const struct timespec spec = clock_spec(at);
	int cancel, rc;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	rc = pthread_cond_timedwait(cond, mutex, &spec);
	pthread_setcancelstate(cancel, NULL);
	return rc;
}

#endif
