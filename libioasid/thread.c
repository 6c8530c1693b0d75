/*
 * Threads: their caches of pools, and what leaving a restricted context does.
 *
 * A cache is known to its thread (a list without lock) and to its pool (a list under threads_lock). Whoever
 * ends second frees it: the thread says thread_gone, the pool takes its pointer out, both under the cache's
 * lock.
 */
#include "libioasid/thread.h"

#include <pthread.h>
#include <stddef.h>

#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/life.h"
#include "libioasid/pool.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"

__thread struct thread_state ioasid__thread __attribute__((tls_model("initial-exec")));

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static int exit_key_err;

static void cache_free(struct thread_cache *c)
{
	ioasid__lock_fini(&c->lock);
	mem_free(c);
}

/*
 * A thread ends. The pool cannot go away meanwhile: it takes itself out of each cache under the cache's lock,
 * in ioasid__thread_forget_pool(), before it is freed.
 */
static void cache_leave(struct thread_cache *c)
{
	struct ioasid_pool *pool;
	bool gone;

	lock(&c->lock);
	pool = atomic_load_explicit(&c->pool, memory_order_relaxed);
	if (pool != NULL) {
		ioasid__quota_cache_flush(pool, c);
		ioasid__ids_cache_flush(pool, c);
	}
	c->thread_gone = true;
	gone = pool == NULL;
	unlock(&c->lock);
	if (gone)
		cache_free(c);
}

static void thread_exit(void *unused)
{
	struct thread_state *t = &ioasid__thread;
	struct thread_cache *c, *next;

	(void)unused;
	if (ioasid__forked())
		return; /* the caches are the parent's; the child's copies end with it */
	for (c = t->caches; c != NULL; c = next) {
		next = c->next_of_thread;
		cache_leave(c);
	}
	t->caches = NULL;
	t->last = NULL;
	t->exit_armed = false;
}

static void exit_key_make(void)
{
	exit_key_err = pthread_key_create(&exit_key, thread_exit);
}

static bool exit_arm(struct thread_state *t)
{
	pthread_once(&exit_once, exit_key_make);
	if (exit_key_err != 0 || pthread_setspecific(exit_key, t) != 0)
		return false;
	t->exit_armed = true;
	return true;
}

/* A cache whose thread has ended serves the next one. */
static struct thread_cache *cache_inherit(struct ioasid_pool *pool)
{
	struct thread_cache *c;

	lock(&pool->threads_lock);
	for (c = pool->threads; c != NULL; c = c->next_of_pool) {
		bool mine;

		lock(&c->lock);
		mine = c->thread_gone;
		c->thread_gone = false;
		unlock(&c->lock);
		if (mine)
			break;
	}
	unlock(&pool->threads_lock);
	return c;
}

static struct thread_cache *cache_create(struct ioasid_pool *pool)
{
	struct thread_cache *c = mem_zalloc_line(sizeof(*c));

	if (c == NULL)
		return NULL;
	ioasid__lock_init(&c->lock, RANK_CACHE);
	atomic_store_explicit(&c->pool, pool, memory_order_relaxed);
	lock(&pool->threads_lock);
	c->next_of_pool = pool->threads;
	pool->threads = c;
	atomic_fetch_add_explicit(&pool->caches, 1, memory_order_relaxed);
	unlock(&pool->threads_lock);
	return c;
}

struct thread_cache *ioasid__thread_cache_peek(struct ioasid_pool *pool)
{
	struct thread_cache *c;

	for (c = ioasid__thread.caches; c != NULL; c = c->next_of_thread)
		if (atomic_load_explicit(&c->pool, memory_order_relaxed) == pool)
			return c;
	return NULL;
}

struct thread_cache *ioasid__thread_cache_make(struct ioasid_pool *pool)
{
	struct thread_state *t = &ioasid__thread;
	struct thread_cache *c;

	c = ioasid__thread_cache_peek(pool);
	if (c == NULL) {
		ioasid__thread_trim();
		if (!t->exit_armed && !exit_arm(t))
			return NULL;
		c = cache_inherit(pool);
		if (c == NULL)
			c = cache_create(pool);
		if (c == NULL)
			return NULL;
		c->next_of_thread = t->caches;
		t->caches = c;
	}
	t->last = c;
	return c;
}

void ioasid__thread_warm(void)
{
	ioasid__rcu_lock();
	ioasid__rcu_unlock();
	if (!ioasid__thread.exit_armed)
		(void)exit_arm(&ioasid__thread);
}

void ioasid__thread_trim(void)
{
	struct thread_state *t = &ioasid__thread;
	struct thread_cache **p = &t->caches, *c;

	while ((c = *p) != NULL) {
		bool gone;

		lock(&c->lock);
		gone = atomic_load_explicit(&c->pool, memory_order_relaxed) == NULL;
		unlock(&c->lock);
		if (!gone) {
			p = &c->next_of_thread;
			continue;
		}
		*p = c->next_of_thread;
		if (t->last == c)
			t->last = NULL;
		cache_free(c);
	}
}

void ioasid__thread_forget_pool(struct ioasid_pool *pool)
{
	struct thread_cache *c, *next;
	bool gone;

	for (c = pool->threads; c != NULL; c = next) {
		next = c->next_of_pool;
		lock(&c->lock);
		atomic_store_explicit(&c->pool, NULL, memory_order_relaxed);
		gone = c->thread_gone;
		unlock(&c->lock);
		if (gone)
			cache_free(c);
	}
	pool->threads = NULL;
	ioasid__thread_trim();
}

void ioasid__unrestrict(void)
{
	struct thread_state *t = &ioasid__thread;

	if (--t->restricted == 0 && t->deferred != NULL)
		ioasid__life_settle();
}
