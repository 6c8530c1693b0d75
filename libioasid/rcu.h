/*
 * Read-side sections and grace periods: the one place that names RCU's flavour (liburcu, bp: it registers
 * threads by itself).
 *
 * Inside a section: no waiting, no lock that is held around a grace period. A grace period waits for every
 * section of the process that began before it. ThreadSanitizer does not see into liburcu; the annotations
 * below tell it what a grace period orders: the end of every section before it, with what follows it.
 */
#ifndef IOASID_RCU_H
#define IOASID_RCU_H

/* Inline in products; by calls where a sanitizer would look into liburcu's code instead of ours. */
#ifndef IOASID_SANITIZED
#define _LGPL_SOURCE
#endif
#include <urcu-bp.h>
#undef _LGPL_SOURCE

#include <stdbool.h>

#if defined(__SANITIZE_THREAD__)
#define IOASID_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IOASID_TSAN 1
#endif
#endif

#ifdef IOASID_TSAN
extern char ioasid__rcu_period; /* what the annotations are about */
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#endif

static inline void ioasid__rcu_lock(void)
{
	urcu_bp_read_lock();
}

/* The same, unless this is the thread's first section: false. Calls no function, which spares a quick path
 * its stack. */
static inline bool ioasid__rcu_try_lock(void)
{
#ifndef IOASID_SANITIZED
	if (__builtin_expect(URCU_TLS(urcu_bp_reader) == NULL, 0))
		return false;
#endif
	urcu_bp_read_lock();
	return true;
}

static inline void ioasid__rcu_unlock(void)
{
#ifdef IOASID_TSAN
	__tsan_release(&ioasid__rcu_period);
#endif
	urcu_bp_read_unlock();
}

/* Is this thread inside a section, the host's own use of the same flavour included? */
static inline bool ioasid__rcu_ongoing(void)
{
	return urcu_bp_read_ongoing() != 0;
}

/* Waits for a grace period. Never inside a section. */
void ioasid__rcu_sync(void);

#endif
