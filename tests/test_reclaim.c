/*
 * Waiting for a number (S3.5): the call that blocks and the descriptor for event loops.
 */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

/* An ID of the set that is FREE_PENDING with one reference. */
static ioasid_t pending_make(struct ioasid_set *set, ioasid_t id)
{
	id_make_at(set, id);
	CHECK_EQ(ioasid_get(set, id), 0);
	CHECK_EQ(ioasid_free(set, id), 0);
	return id;
}

static void answers_at_once(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	int fd;

	CHECK_EQ(ioasid_wait_reclaimed(pool, 0, IOASID_FOREVER), -ENOENT);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 100, IOASID_FOREVER), -ENOENT);
	CHECK_EQ(ioasid_wait_reclaimed(pool, IOASID_INVALID, IOASID_FOREVER), -ENOENT);
	CHECK_EQ(ioasid_reclaim_fd(pool, 0), -ENOENT);
	CHECK_EQ(ioasid_reclaim_fd(pool, 100), -ENOENT);
	CHECK_EQ(ioasid_reclaim_fd(pool, IOASID_INVALID), -ENOENT);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, IOASID_FOREVER), 0);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, 0), 0);
	fd = ioasid_reclaim_fd(pool, 5);
	if (CHECK(fd >= 0)) {
		CHECK(readable(fd));
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
	id_make_at(set, 5);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, IOASID_FOREVER), -EBUSY);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, 0), -EBUSY);
	CHECK_EQ(ioasid_reclaim_fd(pool, 5), -EBUSY);
	ioasid_read_begin();
	CHECK_EQ(ioasid_wait_reclaimed(pool, 6, 0), -EDEADLK);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 0, 0), -EDEADLK);
	CHECK_EQ(ioasid_wait_reclaimed(NULL, 6, 0), -EINVAL);
	CHECK_EQ(ioasid_reclaim_fd(pool, 6), -EDEADLK);
	ioasid_read_end();
	set_end(set);
	pool_end(pool);
}

static void time_runs_out(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct timespec begin, end;
	int64_t ns;

	pending_make(set, 5);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, 0), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, 20000000), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ns = (end.tv_sec - begin.tv_sec) * INT64_C(1000000000) + end.tv_nsec - begin.tv_nsec;
	CHECK(ns >= 20000000);
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(ioasid_wait_reclaimed(pool, 5, 0), 0);
	set_end(set);
	pool_end(pool);
}

struct waiter {
	struct ioasid_pool *pool;
	uint64_t timeout;
	int ret;
	struct task task;
};

static void wait_for_five(void *arg)
{
	struct waiter *w = arg;

	w->ret = ioasid_wait_reclaimed(w->pool, 5, w->timeout);
}

static void last_put_wakes(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct waiter w[4];

	pending_make(set, 5);
	pending_make(set, 6);
	for (unsigned int i = 0; i < 4; i++) {
		w[i] = (struct waiter){ .pool = pool, .timeout = IOASID_FOREVER - (i == 1), .ret = 7 };
		task_start(&w[i].task, wait_for_five, &w[i]);
	}
	for (unsigned int i = 0; i < 4; i++)
		CHECK(task_blocked(&w[i].task));
	CHECK_EQ(ioasid_put(set, 6), 1);
	CHECK(task_blocked(&w[0].task));
	CHECK_EQ(ioasid_put(set, 5), 1);
	for (unsigned int i = 0; i < 4; i++) {
		task_join(&w[i].task);
		CHECK_EQ(w[i].ret, 0);
	}
	set_end(set);
	pool_end(pool);
}

/* The free itself reclaims: a waiter that came while FREE was delivered wakes when it is out. */
static void free_five(void *arg)
{
	CHECK_EQ(ioasid_free(arg, 5), 0);
}

static void free_wakes(void)
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct waiter w = { .pool = pool, .timeout = IOASID_FOREVER, .ret = 7 };
	struct subscriber s;
	struct task task;
	int fd;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_FREE;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 5);
	task_start(&task, free_five, set);
	gate_await(&gate, 1);
	fd = ioasid_reclaim_fd(pool, 5);
	CHECK(fd >= 0 && !readable(fd));
	task_start(&w.task, wait_for_five, &w);
	CHECK(task_blocked(&w.task));
	gate_open(&gate);
	task_join(&task);
	task_join(&w.task);
	CHECK_EQ(w.ret, 0);
	CHECK(readable(fd));
	close(fd);
	set_end(set);
	pool_end(pool);
}

static void next_life_does_not_hide_it(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);

	for (unsigned int i = 0; i < rounds(20); i++) {
		struct waiter w = { .pool = pool, .timeout = IOASID_FOREVER, .ret = 7 };
		int fd;

		pending_make(set, 5);
		fd = ioasid_reclaim_fd(pool, 5);
		CHECK(fd >= 0);
		task_start(&w.task, wait_for_five, &w);
		if (i % 2)
			CHECK(task_blocked(&w.task));
		CHECK_EQ(ioasid_put(set, 5), 1);
		id_make_at(set, 5);
		task_join(&w.task);
		/* It came too late to wait for the first life, or saw its end. */
		CHECK(w.ret == 0 || (w.ret == -EBUSY && i % 2 == 0));
		CHECK(readable(fd));
		close(fd);
		CHECK_EQ(ioasid_free(set, 5), 0);
	}
	set_end(set);
	pool_end(pool);
}

static void descriptors_tell(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *root = ioasid_pool_root(pool);
	int fd[4];

	pending_make(set, 5);
	pending_make(set, 6);
	for (unsigned int i = 0; i < 4; i++) {
		fd[i] = ioasid_reclaim_fd(pool, i == 3 ? 6 : 5);
		REQUIRE(fd[i] >= 0);
		CHECK(fcntl(fd[i], F_GETFD) & FD_CLOEXEC);
		CHECK(!readable(fd[i]));
	}
	set_end(set);
	CHECK_EQ(ioasid_put(root, 5), 1);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(readable(fd[i]), i != 3);
	CHECK_EQ(ioasid_put(root, 6), 1);
	CHECK(readable(fd[3]));
	pool_end(pool);
	for (unsigned int i = 0; i < 4; i++)
		close(fd[i]);
}

/* The caller may close its descriptor before, and have the number back for something else, which must not be
 * written to. */
static void closed_descriptors_are_forgotten(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	uint64_t before = UINT64_MAX, after = 0;
	int fd, other;

	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(ioasid_memory_used(i < 2 ? &before : &after, NULL), 0);
		pending_make(set, 5);
		fd = ioasid_reclaim_fd(pool, 5);
		REQUIRE(fd >= 0);
		close(fd);
		other = eventfd(0, EFD_CLOEXEC);
		REQUIRE(other >= 0);
		if (other != fd) {
			REQUIRE_EQ(dup3(other, fd, O_CLOEXEC), fd);
			close(other);
		}
		CHECK_EQ(ioasid_put(set, 5), 1);
		CHECK(!readable(fd));
		close(fd);
	}
	CHECK_EQ(before, after);
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S3.5 what is FREE, ACTIVE or cannot exist is told at once", answers_at_once },
	{ "S3.5 a wait ends with -ETIMEDOUT, not earlier than asked for", time_runs_out },
	{ "S3.5 the last put wakes everybody who waits for that ID, and nobody else", last_put_wakes },
	{ "S3.5 a free without references wakes who came while FREE was delivered", free_wakes },
	{ "S3.5 a number that is handed out again at once was reclaimed all the same", next_life_does_not_hide_it },
	{ "S3.5 descriptors become readable with their own ID's reclaim, also in a dead set", descriptors_tell },
	{ "S3.5 a descriptor that was closed before is not written to", closed_descriptors_are_forgotten },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("reclaim", cases, argc, argv);
}
