/*
 * Executors: their threads, and who helps; see work.c.
 */
#include "libioasid/executor.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libioasid/mem.h"
#include "libioasid/thread.h"

/* ---- Threads ---- */

static void *thread_main(void *arg)
{
	struct executor *x = arg;
	struct workq *q;

	ioasid__thread_warm();
	lock(&x->lock);
	x->warm++;
	for (;;) {
		q = ioasid__runnable_pop(x, 0);
		if (q != NULL) {
			/* A class may have come below its limit without anybody being told. */
			if (ioasid__runnable_wanted(x) != 0)
				ioasid__executor_wake(x);
			ioasid__runnable_run(x, q);
			continue;
		}
		if (x->ending)
			break;
		x->idle++;
		pthread_cond_broadcast(&x->flush_cond);
		lock_wait(&x->lock, &x->work_cond);
		x->idle--;
	}
	unlock(&x->lock);
	return NULL;
}

int ioasid__executor_start(struct executor *x)
{
	struct worker *w = x->unused;
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, thread_main, x);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err == 0) {
		x->unused = w->next;
		w->next = x->started;
		x->started = w;
		x->threads++;
	}
	x->short_of = err != 0;
	return -err;
}

void ioasid__executor_wake(struct executor *x)
{
	uint64_t one = 1;
	int cancel;

	if (x->max_threads == 0) {
		cancel = cancel_off();
		/* Cannot block: the counter is reset by dispatch long before it is full. */
		while (write(x->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		cancel_restore(cancel);
		pthread_cond_broadcast(&x->flush_cond);
		return;
	}
	if (x->idle != 0)
		pthread_cond_signal(&x->work_cond);
	/* An idle thread that was signalled and has not run yet counts as idle still: as many as there are
	 * queues are needed. */
	if (ioasid__runnable_wanted(x) > x->idle && x->unused != NULL && !x->sealed && ioasid__executor_start(x) != 0)
		pthread_cond_broadcast(&x->flush_cond); /* who helps will run it, or who runs now */
}

/* ---- Helping ---- */

uint64_t ioasid__executor_nudges(struct executor *x)
{
	uint64_t n;

	lock(&x->lock);
	n = x->nudges;
	unlock(&x->lock);
	return n;
}

void ioasid__executor_nudge(struct executor *x)
{
	lock(&x->lock);
	x->nudges++;
	pthread_cond_broadcast(&x->flush_cond);
	unlock(&x->lock);
}

int ioasid__executor_help(struct executor *x, uint64_t nudges, uint64_t until)
{
	struct timespec at = { .tv_sec = (time_t)(until / UINT64_C(1000000000)),
			       .tv_nsec = (long)(until % UINT64_C(1000000000)) };
	struct workq *q = NULL;
	int err = 0;

	lock(&x->lock);
	while (err == 0 && x->nudges == nudges) {
		/* The functions of users are left alone: who waits has called none of them. */
		if (x->max_threads == 0 || x->short_of)
			q = ioasid__runnable_pop(x, WORK_CORE);
		if (q != NULL)
			break;
		if (until == IOASID_FOREVER)
			lock_wait(&x->lock, &x->flush_cond);
		else
			err = lock_wait_until(&x->lock, &x->flush_cond, &at);
	}
	if (q != NULL) {
		ioasid__runnable_run(x, q);
		/* What was queued behind it has told nobody. */
		if (ioasid__runnable_wanted(x) != 0)
			ioasid__executor_wake(x);
	}
	unlock(&x->lock);
	return -err;
}

/* ---- The executor ---- */

int ioasid__executor_dispatch(struct executor *x)
{
	struct workq *q;
	uint64_t count;
	int n = 0, cancel;

	lock(&x->lock);
	cancel = cancel_off();
	while (read(x->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	cancel_restore(cancel);
	while ((q = ioasid__runnable_pop(x, 0)) != NULL) {
		ioasid__runnable_run(x, q);
		n++;
	}
	unlock(&x->lock);
	return n;
}

int ioasid__executor_fd(struct executor *x)
{
	return x->max_threads == 0 ? x->fd : -EINVAL;
}

/* Memory for the records of the threads that are not a lane's, and one more: where lanes come after the seal. */
static int workers_make(struct executor *x)
{
	uint32_t i, count = 2 * x->max_threads + CORE_THREADS + 1;

	x->own = mem_zalloc(count * sizeof(*x->own));
	if (x->own == NULL)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		x->own[i].next = x->unused;
		x->unused = &x->own[i];
	}
	return 0;
}

static void limits_set(struct executor *x)
{
	uint32_t users = x->max_threads != 0 ? x->max_threads : UINT32_MAX;

	x->lines[WORK_ITEMS].limit = x->lines[WORK_CALLS].limit = users;
	x->lines[WORK_CORE].limit = x->max_threads != 0 ? CORE_THREADS : UINT32_MAX;
	x->lines[WORK_LANES].limit = UINT32_MAX; /* there are no more than lanes */
}

void ioasid__executor_grow(struct executor *x, struct worker *worker)
{
	lock(&x->lock);
	if (!x->sealed) {
		worker->next = x->unused;
		x->unused = worker;
	}
	unlock(&x->lock);
}

int ioasid__executor_create(uint32_t max_threads, struct executor **executor)
{
	struct executor *x = mem_zalloc(sizeof(*x));
	int err = -ENOMEM;

	if (x == NULL)
		return -ENOMEM;
	x->fd = -1;
	x->max_threads = max_threads;
	limits_set(x);
	ioasid__lock_init(&x->lock, RANK_WORK);
	ioasid__cond_init(&x->work_cond);
	ioasid__cond_init(&x->flush_cond);
	if (max_threads == 0) {
		x->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (x->fd < 0) {
			err = -errno;
			goto undo_locks;
		}
	} else {
		err = workers_make(x);
		if (err != 0)
			goto undo_locks;
		lock(&x->lock);
		err = ioasid__executor_start(x);
		unlock(&x->lock);
		if (err != 0)
			goto undo_workers;
	}
	*executor = x;
	return 0;
undo_workers:
	mem_free(x->own);
undo_locks:
	pthread_cond_destroy(&x->flush_cond);
	pthread_cond_destroy(&x->work_cond);
	ioasid__lock_fini(&x->lock);
	mem_free(x);
	return err;
}

void ioasid__executor_drain(struct executor *x)
{
	if (x->max_threads == 0) {
		while (ioasid__executor_dispatch(x) != 0)
			;
		return;
	}
	lock(&x->lock);
	while (ioasid__runnable_any(x) || x->idle != x->threads)
		lock_wait(&x->lock, &x->flush_cond);
	unlock(&x->lock);
}

int ioasid__executor_seal(struct executor *x)
{
	int err = 0;

	lock(&x->lock);
	/* Threads of lanes that come while the others are waited for are started, too. */
	while (err == 0 && x->max_threads != 0 && (x->unused != NULL || x->warm < x->threads)) {
		if (x->unused != NULL)
			err = ioasid__executor_start(x);
		else
			lock_wait(&x->lock, &x->flush_cond);
	}
	x->sealed = err == 0;
	unlock(&x->lock);
	return err;
}

void ioasid__executor_destroy(struct executor *x)
{
	int cancel = cancel_off();
	struct worker *w;

	lock(&x->lock);
	x->ending = true;
	pthread_cond_broadcast(&x->work_cond);
	unlock(&x->lock);
	for (w = x->started; w != NULL; w = w->next)
		pthread_join(w->thread, NULL);
	if (x->fd >= 0)
		close(x->fd);
	cancel_restore(cancel);
	pthread_cond_destroy(&x->flush_cond);
	pthread_cond_destroy(&x->work_cond);
	ioasid__lock_fini(&x->lock);
	mem_free(x->own);
	mem_free(x);
}
