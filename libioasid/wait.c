/*
 * Waiting for a reclaim (S3.5).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ioasid/id.h>

#include "libioasid/fork.h"
#include "libioasid/park.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"
#include "libioasid/turn.h"

static int check(struct ioasid_pool *pool, ioasid_t id)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	return id == 0 || id >= pool_capacity(pool) ? -ENOENT : 0;
}

/* 0: reclaimed; -EBUSY: in use; -EAGAIN: pending; -EINPROGRESS: on its way from pending to free, in a few
 * instructions. */
static int state_of(uint64_t w, uint64_t gen)
{
	if (word_gen(w) != gen || word_is(w, W_FREE))
		return 0;
	if (word_is(w, W_PENDING))
		return -EAGAIN;
	if (word_is(w, W_BORN) && !(w & W_ALLOC))
		return -EINPROGRESS;
	return -EBUSY;
}

int ioasid_wait_reclaimed(struct ioasid_pool *pool, ioasid_t id, uint64_t timeout_ns)
{
	uint64_t until, now, w, gen;
	struct slot *s;
	int err = check(pool, id);

	if (err != 0)
		return err;
	now = ioasid__now();
	until = timeout_ns > IOASID_FOREVER - now ? IOASID_FOREVER : now + timeout_ns;
	s = pool_slot(pool, id);
	w = word_load(s);
	gen = word_gen(w);
	for (;;) {
		err = state_of(w, gen);
		if (err == -EINPROGRESS)
			sched_yield();
		else if (err != -EAGAIN)
			return err;
		else if (ioasid__now() >= until)
			return -ETIMEDOUT;
		else
			(void)ioasid__park_help(pool, id, w, until);
		w = word_load(s);
	}
}

/* Hangs the watch on the ID, or says at once what it would say. */
static int watch_or_tell(struct ioasid_pool *pool, ioasid_t id, struct park_watch *watch, int fd)
{
	uint64_t w = word_load(pool_slot(pool, id)), gen = word_gen(w), one = 1;
	int err;

	for (;;) {
		err = state_of(w, gen);
		if (err == -EAGAIN && ioasid__park_watch(pool, id, watch, w))
			return 1;
		if (err == -EBUSY)
			return err;
		if (err == 0) {
			while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
				;
			return 0;
		}
		sched_yield();
		w = word_load(pool_slot(pool, id));
	}
}

static int reclaim_fd(struct ioasid_pool *pool, ioasid_t id)
{
	struct park_watch *watch;
	int fd, err;

	if (state_of(word_load(pool_slot(pool, id)), word_gen(word_load(pool_slot(pool, id)))) == -EBUSY)
		return -EBUSY;
	watch = mem_zalloc(sizeof(*watch));
	if (watch == NULL)
		return -ENOMEM;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = fd < 0 ? -errno : 0;
	if (err != 0)
		goto undo_watch;
	watch->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	err = watch->fd < 0 ? -errno : 0;
	if (err != 0)
		goto undo_fd;
	err = watch_or_tell(pool, id, watch, fd);
	if (err > 0)
		return fd; /* the watch hangs */
	close(watch->fd);
	if (err == 0) {
		mem_free(watch);
		return fd;
	}
undo_fd:
	close(fd);
undo_watch:
	mem_free(watch);
	return err;
}

int ioasid_reclaim_fd(struct ioasid_pool *pool, ioasid_t id)
{
	int cancel, ret = check(pool, id);

	if (ret != 0)
		return ret;
	cancel = cancel_off();
	ret = reclaim_fd(pool, id);
	cancel_restore(cancel);
	return ret;
}
