/*
 * Grace periods.
 */
#include "libioasid/rcu.h"

#include "libioasid/lock.h"

#ifdef IOASID_TSAN
char ioasid__rcu_period;
#endif

/* In parentheses, so that a test may put a macro of the name around the rest of the core. */
void (ioasid__rcu_sync)(void)
{
	int cancel = cancel_off();

#ifdef IOASID_TSAN
	__tsan_release(&ioasid__rcu_period);
#endif
	urcu_bp_synchronize_rcu();
#ifdef IOASID_TSAN
	__tsan_acquire(&ioasid__rcu_period);
#endif
	cancel_restore(cancel);
}
