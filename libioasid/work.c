/*
 * Work queues and their executor.
 *
 * One lock protects the executor's lists of runnable queues and every queue of it; it is held for list
 * operations only. A queue is runnable while it has items and none of them runs. A thread runs one item of
 * the queue that has been runnable the longest, of those classes that have not come to their limit, and puts
 * the queue back at the end. If no thread is idle when an item is queued that may run, another is started.
 * There are as many records of threads as all limits allow: so a queue whose item blocks delays no other but
 * by its class's limit.
 */
#include "libioasid/executor.h"

#include <errno.h>
#include <pthread.h>

#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/mem.h"
#include "libioasid/set.h"
#include "libioasid/thread.h"

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
	struct line *l = &x->lines[q->class];

	q->next = NULL;
	q->runnable = true;
	q->ticket = ++x->ticket;
	if (l->last != NULL)
		l->last->next = q;
	else
		l->first = q;
	l->last = q;
	l->waiting++;
}

/* Takes a queue off its list: it is going to run. @before: the one before it, NULL: it is the first. */
static void runnable_take(struct executor *x, struct workq *q, struct workq *before)
{
	struct line *l = &x->lines[q->class];

	if (before != NULL)
		before->next = q->next;
	else
		l->first = q->next;
	if (l->last == q)
		l->last = before;
	l->waiting--;
	l->running++;
}

/* Takes the queue that has been runnable the longest, of the classes from @least on that may have one more;
 * NULL:
 * there is none. */
struct workq *ioasid__runnable_pop(struct executor *x, enum work_class least)
{
	struct workq *q = NULL;
	uint32_t c;

	for (c = least; c < WORK_CLASSES; c++) {
		const struct line *l = &x->lines[c];

		if (l->first != NULL && l->running < l->limit && (q == NULL || (int32_t)(l->first->ticket - q->ticket) < 0))
			q = l->first;
	}
	if (q != NULL)
		runnable_take(x, q, NULL);
	return q;
}

static void runnable_remove(struct executor *x, struct workq *q)
{
	struct workq *p, *before = NULL;

	for (p = x->lines[q->class].first; p != q; p = p->next)
		before = p;
	runnable_take(x, q, before);
}

uint32_t ioasid__runnable_wanted(const struct executor *x)
{
	uint32_t c, n = 0;

	for (c = 0; c < WORK_CLASSES; c++) {
		const struct line *l = &x->lines[c];
		uint32_t more = l->limit - l->running;

		n += l->waiting < more ? l->waiting : more;
	}
	return n;
}

bool ioasid__runnable_any(const struct executor *x)
{
	uint32_t c;

	for (c = 0; c < WORK_CLASSES; c++)
		if (x->lines[c].first != NULL)
			return true;
	return false;
}

/* The word of an item that says which queue it is in; atomic, since the owner may look while a worker clears
 * it. */
static void **item_queue(struct ioasid_work *work)
{
	return &work->priv[1];
}

static struct ioasid_work *item_pop(struct workq *q)
{
	struct ioasid_work *w = q->last->priv[0];

	if (w == q->last)
		q->last = NULL;
	else
		q->last->priv[0] = w->priv[0];
	/* Release: what the library did with the item is over for who queues it again. */
	__atomic_store_n(item_queue(w), NULL, __ATOMIC_RELEASE);
	return w;
}

/* ---- Running ---- */

void ioasid__runnable_run(struct executor *x, struct workq *q)
{
	struct ioasid_work *w = item_pop(q);
	void (*run)(void *context, struct ioasid_work *work) = w->run;
	void *context = w->context, *owned = NULL;
	struct ioasid_set *set = workq_set(q);

	q->runnable = true;
	q->running = true;
	unlock(&x->lock);
	ioasid__thread.in_work++;
	run(context, w);
	ioasid__life_settle();
	ioasid__thread.in_work--;
	lock(&x->lock);
	x->lines[q->class].running--;
	q->running = false;
	q->runnable = false;
	if (q->last != NULL)
		runnable_push(x, q);
	else
		owned = q->is_job ? q->owner.job : NULL;
	pthread_cond_broadcast(&x->flush_cond);
	if (owned != NULL || set != NULL) {
		unlock(&x->lock);
		mem_free(owned);
		if (set != NULL)
			ioasid__set_release(set);
		lock(&x->lock);
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
	if (workq_set(q) != NULL)
		ioasid__set_hold(workq_set(q));
	lock(&x->lock);
	work->priv[0] = work;
	if (q->last != NULL) {
		work->priv[0] = q->last->priv[0];
		q->last->priv[0] = work;
	}
	q->last = work;
	if (!q->runnable) {
		runnable_push(x, q);
		ioasid__executor_wake(x);
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
		ioasid__runnable_run(x, q);
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
	if (x->max_threads == 0 && ioasid__runnable_any(x))
		ioasid__executor_wake(x);
	unlock(&x->lock);
}

void ioasid__workq_init(struct workq *q, struct executor *executor, enum work_class class)
{
	q->executor = executor;
	q->class = (uint8_t)class;
	q->last = NULL;
	q->next = NULL;
	q->runnable = q->running = false;
	q->is_job = false;
	q->owner.set = NULL;
}
