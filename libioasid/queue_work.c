/*
 * Work items: the public calls; see include/ioasid/work.h.
 */
#include <errno.h>

#include "libioasid/fork.h"
#include "libioasid/rcu.h"
#include "libioasid/set.h"
#include "libioasid/thread.h"
#include "libioasid/work.h"

int ioasid_queue_work(struct ioasid_set *set, struct ioasid_work *work)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || work == NULL || work->run == NULL)
		return -EINVAL;
	return ioasid__workq_queue(&set->works, work);
}

int ioasid_flush_work(struct ioasid_set *set)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing() || ioasid__in_work())
		return -EDEADLK;
	ioasid__workq_flush(&set->works);
	return 0;
}
