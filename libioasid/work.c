/*
 * Work queues and their executor.
 *
 * One lock protects the executor's list of runnable queues and every queue of it; it is held for list
 * operations only. A queue is runnable while it has items and none of them runs. A thread runs one item of
 * the first runnable queue, and puts the queue back at the end. If no thread is idle when an item is queued,
 * another is started, up to the limit: so a queue whose item blocks delays no other.
 */
#include "libioasid/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/mem.h"
#include "libioasid/set.h"
#include "libioasid/thread.h"

struct executor {
	struct lock lock;
	pthread_cond_t work_cond;  /* a queue became runnable, or the end has come */
	pthread_cond_t flush_cond; /* a barrier was reached */
	struct workq *first, *last;
	uint32_t threads, idle, max_threads;
	uint32_t warm;             /* threads that have what they need of the process */
	bool ending;
	int fd;                    /* without threads, else -1 */
	pthread_t *ids;
};

/* A barrier: an item that says that it was reached. */
struct barrier {
	struct ioasid_work work;
	bool reached; /* under the executor's lock */
};

bool ioasid__in_work(void)
{
	return ioasid__thread.in_work != 0;
}

/* ---- Lists, under the lock ---- */

static void runnable_push(struct executor *x, struct workq *q)
{
	q->next = NULL;
	q->runnable = true;
	if (x->last != NULL)
		x->last->next = q;
	else
		x->first = q;
	x->last = q;
}

static struct workq *runnable_pop(struct executor *x)
{
	struct workq *q = x->first;

	if (q != NULL) {
		x->first = q->next;
		if (x->first == NULL)
			x->last = NULL;
	}
	return q;
}

static void runnable_remove(struct executor *x, struct workq *q)
{
	struct workq **p, *before = NULL;

	for (p = &x->first; *p != q; p = &(*p)->next)
		before = *p;
	*p = q->next;
	if (x->last == q)
		x->last = before;
}

/* The word of an item that says which queue it is in; atomic, since the owner may look while a worker clears
 * it. */
static void **item_queue(struct ioasid_work *work)
{
	return &work->priv[1];
}

static struct ioasid_work *item_pop(struct workq *q)
{
	struct ioasid_work *w = q->first;

	q->first = w->priv[0];
	if (q->first == NULL)
		q->last = NULL;
	/* Release: what the library did with the item is over for who queues it again. */
	__atomic_store_n(item_queue(w), NULL, __ATOMIC_RELEASE);
	return w;
}

/* ---- Running ---- */

/* Runs one item of a queue that was taken off the list. The lock is held, and given back meanwhile. */
static void run_one(struct executor *x, struct workq *q)
{
	struct ioasid_work *w = item_pop(q);
	void (*run)(void *context, struct ioasid_work *work) = w->run;
	void *context = w->context, *owned = NULL;
	struct ioasid_set *set = q->set;

	q->runnable = true;
	q->running = true;
	unlock(&x->lock);
	ioasid__thread.in_work++;
	run(context, w);
	ioasid__life_settle();
	ioasid__thread.in_work--;
	lock(&x->lock);
	q->running = false;
	q->runnable = false;
	if (q->first != NULL)
		runnable_push(x, q);
	else
		owned = q->owned;
	pthread_cond_broadcast(&x->flush_cond);
	if (owned != NULL || set != NULL) {
		unlock(&x->lock);
		mem_free(owned);
		if (set != NULL)
			ioasid__set_release(set);
		lock(&x->lock);
	}
}

static void *thread_main(void *arg)
{
	struct executor *x = arg;
	struct workq *q;

	ioasid__thread_warm();
	lock(&x->lock);
	x->warm++;
	for (;;) {
		q = runnable_pop(x);
		if (q != NULL) {
			run_one(x, q);
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

/* Starts a thread with all signals blocked. Under the lock, or alone. 0 or -errno. */
static int thread_start(struct executor *x)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&x->ids[x->threads], NULL, thread_main, x);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err == 0)
		x->threads++;
	return -err;
}

/* A queue became runnable: somebody is to run it. Under the lock. */
static void wake(struct executor *x)
{
	uint64_t one = 1;
	int cancel;

	if (x->max_threads == 0) {
		cancel = cancel_off();
		/* Cannot block: the counter is reset by dispatch long before it is full. */
		while (write(x->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		cancel_restore(cancel);
		return;
	}
	if (x->idle != 0)
		pthread_cond_signal(&x->work_cond);
	/* An idle thread that was signalled and has not run yet counts as idle still: as many as there are
	 * queues are needed. */
	if (x->threads < x->max_threads) {
		uint32_t waiting = 0;
		struct workq *q;

		for (q = x->first; q != NULL && waiting <= x->idle; q = q->next)
			waiting++;
		if (waiting > x->idle)
			(void)thread_start(x); /* else who runs now will */
	}
}

int ioasid__workq_queue(struct workq *q, struct ioasid_work *work)
{
	struct executor *x = q->executor;
	void *expected = NULL;

	/* Acquire pairs with the release in item_pop(). */
	if (!__atomic_compare_exchange_n(item_queue(work), &expected, (void *)q, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return -EALREADY;
	if (q->set != NULL)
		ioasid__set_hold(q->set);
	lock(&x->lock);
	work->priv[0] = NULL;
	if (q->last != NULL)
		q->last->priv[0] = work;
	else
		q->first = work;
	q->last = work;
	if (!q->runnable) {
		runnable_push(x, q);
		wake(x);
	}
	unlock(&x->lock);
	return 0;
}

static void barrier_run(void *context, struct ioasid_work *work)
{
	struct barrier *b = context;
	struct executor *x = (struct executor *)work->priv[2];

	lock(&x->lock);
	b->reached = true;
	unlock(&x->lock);
}

/* Without threads: runs the queue's items, or lets who runs them do it. Under the lock. */
static void flush_step(struct executor *x, struct workq *q)
{
	if (q->runnable && !q->running) {
		runnable_remove(x, q);
		run_one(x, q);
	} else {
		lock_wait(&x->lock, &x->flush_cond);
	}
}

void ioasid__workq_flush(struct workq *q)
{
	struct executor *x = q->executor;
	struct barrier b = { .work = { .run = barrier_run, .context = &b }, .reached = false };

	b.work.priv[2] = x;
	(void)ioasid__workq_queue(q, &b.work);
	lock(&x->lock);
	while (!b.reached) {
		if (x->max_threads == 0)
			flush_step(x, q);
		else
			lock_wait(&x->lock, &x->flush_cond);
	}
	/* What was queued behind the barrier while items of the queue ran here has told nobody. */
	if (x->max_threads == 0 && x->first != NULL)
		wake(x);
	unlock(&x->lock);
}

void ioasid__workq_init(struct workq *q, struct executor *executor)
{
	q->executor = executor;
	q->first = q->last = NULL;
	q->next = NULL;
	q->runnable = q->running = false;
	q->set = NULL;
	q->owned = NULL;
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
	while ((q = runnable_pop(x)) != NULL) {
		run_one(x, q);
		n++;
	}
	unlock(&x->lock);
	return n;
}

int ioasid__executor_fd(struct executor *x)
{
	return x->max_threads == 0 ? x->fd : -EINVAL;
}

int ioasid__executor_create(uint32_t max_threads, struct executor **executor)
{
	struct executor *x = mem_zalloc(sizeof(*x));
	int err = -ENOMEM;

	if (x == NULL)
		return -ENOMEM;
	x->fd = -1;
	x->max_threads = max_threads;
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
		x->ids = mem_zalloc(max_threads * sizeof(*x->ids));
		if (x->ids == NULL)
			goto undo_locks;
		lock(&x->lock);
		err = thread_start(x);
		unlock(&x->lock);
		if (err != 0)
			goto undo_ids;
	}
	*executor = x;
	return 0;
undo_ids:
	mem_free(x->ids);
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
	while (x->first != NULL || x->idle != x->threads)
		lock_wait(&x->lock, &x->flush_cond);
	unlock(&x->lock);
}

int ioasid__executor_seal(struct executor *x)
{
	int err = 0;

	lock(&x->lock);
	while (err == 0 && x->threads < x->max_threads)
		err = thread_start(x);
	while (err == 0 && x->warm < x->threads)
		lock_wait(&x->lock, &x->flush_cond);
	unlock(&x->lock);
	return err;
}

void ioasid__executor_destroy(struct executor *x)
{
	int cancel = cancel_off();
	uint32_t i;

	lock(&x->lock);
	x->ending = true;
	pthread_cond_broadcast(&x->work_cond);
	unlock(&x->lock);
	for (i = 0; i < x->threads; i++)
		pthread_join(x->ids[i], NULL);
	if (x->fd >= 0)
		close(x->fd);
	cancel_restore(cancel);
	pthread_cond_destroy(&x->flush_cond);
	pthread_cond_destroy(&x->work_cond);
	ioasid__lock_fini(&x->lock);
	mem_free(x->ids);
	mem_free(x);
}
