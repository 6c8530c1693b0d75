/*
 * The page that a fork wipes.
 */
#include "libioasid/fork.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libioasid/lock.h"

/* Before the first pool no process has forked in a way that matters. */
static atomic_uint no_pool_yet = 1;

_Atomic(atomic_uint *) ioasid__fork_page = &no_pool_yet;

static struct lock lock_fork = LOCK_INIT(RANK_PROCESS);

int ioasid__fork_init(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	atomic_uint *page;
	int err = 0;

	if (atomic_load_explicit(&ioasid__fork_page, memory_order_acquire) != &no_pool_yet)
		return 0;
	lock(&lock_fork);
	if (atomic_load_explicit(&ioasid__fork_page, memory_order_relaxed) == &no_pool_yet) {
		page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED) {
			err = -ENOMEM;
		} else if (madvise(page, size, MADV_WIPEONFORK) != 0) {
			munmap(page, size);
			err = -ENOMEM;
		} else {
			atomic_store_explicit(page, 1, memory_order_relaxed);
			atomic_store_explicit(&ioasid__fork_page, page, memory_order_release);
		}
	}
	unlock(&lock_fork);
	return err;
}
