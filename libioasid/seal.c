/*
 * Sealing: everything ready before a sandbox closes (S14.5); docs/sandbox.md has what is left to do after it.
 *
 * A context is sealed for good and for whoever uses it. A pool that is sealed has devices of sealed contexts
 * only: whoever attaches another one is counted, and the seal waits for him before it looks at contexts.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "libioasid/address_space.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

static bool context_sealed(const struct ioasid_context *context)
{
	return atomic_load_explicit(&context->be.sealed, memory_order_acquire);
}

/* ---- Attaching ---- */

int ioasid__seal_attach_begin(struct devices *all, struct ioasid_context *context, bool *counted)
{
	int rc = 0;

	*counted = !context_sealed(context);
	if (!*counted)
		return 0;
	lock(&all->lock);
	if (all->seal == SEAL_OPEN)
		all->attaching++;
	else
		rc = -EPERM;
	unlock(&all->lock);
	return rc;
}

void ioasid__seal_attach_end(struct devices *all, bool counted)
{
	if (!counted)
		return;
	lock(&all->lock);
	all->attaching--;
	pthread_cond_broadcast(&all->changed);
	unlock(&all->lock);
}

/* ---- Contexts ---- */

static int context_seal(struct ioasid_context *context, struct ioasid_reason *why)
{
	struct faults *faults;
	int rc = 0;

	if ((context->be.caps.interfaces & IOASID_BE_IF_FAULT) != 0)
		rc = ioasid__faults_get(context, &faults, why);
	/* Release pairs with the acquire above and in the host table: what is made before the seal is there. */
	if (rc == 0)
		atomic_store_explicit(&context->be.sealed, true, memory_order_release);
	return rc;
}

int ioasid_context_seal(struct ioasid_context *context, struct ioasid_reason *why)
{
	int rc = ioasid__backend_call_allowed(context == NULL ? "context is NULL" : NULL, why);

	return rc != 0 ? rc : context_seal(context, why);
}

/* A context in use that is not sealed, NULL: there is none. Lock held. */
static struct ioasid_context *unsealed(const struct link *list)
{
	for (const struct link *l = list->next; l != list; l = l->next) {
		struct ioasid_context *context = LINK_OWNER(l, struct ioasid_device, member)->context;

		if (!context_sealed(context))
			return context;
	}
	return NULL;
}

static int contexts_seal(struct devices *all, struct ioasid_reason *why)
{
	struct ioasid_context *context;
	int rc = 0;

	lock(&all->lock);
	while (rc == 0) {
		context = unsealed(&all->list);
		if (context == NULL)
			context = unsealed(&all->abandoned);
		if (context == NULL)
			break;
		context_use(context);
		unlock(&all->lock);
		rc = context_seal(context, why);
		context_unuse(context);
		lock(&all->lock);
	}
	unlock(&all->lock);
	return rc;
}

/* ---- Pools ---- */

/*
 * glibc's malloc reads a file at two moments: when threads are about to have more heaps than it makes without
 * asking how many processors there are, and when such a heap shrinks for the first time. So that many threads
 * have one at the same time, and let it shrink.
 */
#define HEAPS 10u /* one more than malloc makes for threads without asking */

struct heaps {
	struct lock lock;
	pthread_cond_t changed;
	unsigned int made; /* under lock */
	bool end;          /* under lock */
};

static void *heap_main(void *arg)
{
	struct heaps *heaps = arg;

	mem_warm();
	lock(&heaps->lock);
	heaps->made++;
	pthread_cond_broadcast(&heaps->changed);
	while (!heaps->end)
		lock_wait(&heaps->lock, &heaps->changed);
	unlock(&heaps->lock);
	return NULL;
}

/* Starts them, and waits until all have come as far as that. Returns how many there are. */
static unsigned int heaps_begin(struct heaps *heaps, pthread_t threads[HEAPS])
{
	unsigned int count = 0;
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (count < HEAPS && pthread_create(&threads[count], NULL, heap_main, heaps) == 0)
		count++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	lock(&heaps->lock);
	while (heaps->made < count)
		lock_wait(&heaps->lock, &heaps->changed);
	unlock(&heaps->lock);
	return count;
}

/* 0 or -EAGAIN. */
static int malloc_warm(void)
{
	struct heaps heaps = { .made = 0 };
	pthread_t threads[HEAPS];
	unsigned int count;
	int cancel;

	if (!mem_by_malloc())
		return 0;
	ioasid__lock_init(&heaps.lock, RANK_PROCESS);
	ioasid__cond_init(&heaps.changed);
	count = heaps_begin(&heaps, threads);
	lock(&heaps.lock);
	heaps.end = true;
	pthread_cond_broadcast(&heaps.changed);
	unlock(&heaps.lock);
	cancel = cancel_off();
	for (unsigned int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	cancel_restore(cancel);
	pthread_cond_destroy(&heaps.changed);
	ioasid__lock_fini(&heaps.lock);
	return count == HEAPS ? 0 : -EAGAIN;
}

/* What is the pool's own: its threads, and what threads do once. */
static int threads_seal(struct ioasid_pool *pool, struct ioasid_reason *why)
{
	int rc = malloc_warm();

	ioasid__thread_warm();
	if (rc == 0)
		rc = ioasid__executor_seal(pool->executor);
	if (rc != 0)
		ioasid__reason_set(why, "a thread could not be started");
	return rc;
}

/* Waits until nobody else is sealing, and begins. False: it is done. */
static bool begin(struct devices *all)
{
	bool mine;

	lock(&all->lock);
	while (all->seal == SEAL_CLOSING)
		lock_wait(&all->lock, &all->changed);
	mine = all->seal == SEAL_OPEN;
	if (mine)
		all->seal = SEAL_CLOSING;
	while (mine && all->attaching != 0)
		lock_wait(&all->lock, &all->changed);
	unlock(&all->lock);
	return mine;
}

int ioasid_pool_seal(struct ioasid_pool *pool, struct ioasid_reason *why)
{
	struct devices *all;
	int rc = ioasid__backend_call_allowed(pool == NULL ? "pool is NULL" : NULL, why);

	if (rc != 0)
		return rc;
	if (ioasid__rcu_ongoing() || ioasid__in_work())
		return -EDEADLK;
	all = pool->devices;
	if (!begin(all))
		return 0;
	rc = threads_seal(pool, why);
	if (rc == 0)
		rc = contexts_seal(all, why);
	lock(&all->lock);
	all->seal = rc == 0 ? SEAL_CLOSED : SEAL_OPEN;
	pthread_cond_broadcast(&all->changed);
	unlock(&all->lock);
	return rc;
}
