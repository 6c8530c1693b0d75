/*
 * Put in front of each file of the core when it is compiled for the explorer: every look at and change of a
 * state word, every lock, sleep, read section and grace period becomes a place where the explorer decides
 * which thread goes on.
 *
 * The core's headers are included first, as they are; the macros then take over in the code that follows.
 */
#ifndef IOASID_EXPLORE_HOOK_H
#define IOASID_EXPLORE_HOOK_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <time.h>

#include "libioasid/lock.h"
#include "libioasid/rcu.h"
#include "libioasid/word.h"

/* A place where another thread may go on. */
void explore_point(void);
void explore_lock(struct lock *l);
void explore_unlock(struct lock *l);
void explore_sleep(struct lock *l, pthread_cond_t *cond);
void explore_wake(pthread_cond_t *cond);
/* Another thread has to go on, since this one looks at what only another can change. */
void explore_yield(void);
void explore_rcu_lock(void);
void explore_rcu_unlock(void);
bool explore_rcu_ongoing(void);
void explore_rcu_sync(void);

#define word_cas(s, expected, desired) (explore_point(), word_cas((s), (expected), (desired)))
#define word_load(s) (explore_point(), word_load(s))
#define lock(l) explore_lock(l)
#define unlock(l) explore_unlock(l)
#define lock_wait(l, cond) explore_sleep((l), (cond))
#define lock_wait_until(l, cond, until) ((void)(until), explore_sleep((l), (cond)), 0)
#define pthread_cond_broadcast(cond) explore_wake(cond)
#define pthread_cond_signal(cond) explore_wake(cond)
#define sched_yield() explore_yield()
#define ioasid__rcu_lock() explore_rcu_lock()
#define ioasid__rcu_try_lock() (explore_rcu_lock(), true)
#define ioasid__rcu_unlock() explore_rcu_unlock()
#define ioasid__rcu_ongoing() explore_rcu_ongoing()
#define ioasid__rcu_sync() explore_rcu_sync()

#endif
