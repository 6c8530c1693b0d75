/*
 * Pools without workers: the descriptor, and work that runs in the thread which dispatches (S14.4).
 */
#include "scene.h"

#include <poll.h>

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void without_workers_dispatch_runs_it_all(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *a = set_make(pool, 10), *b = set_make(pool, 10);
	struct job jobs[4];
	int fd = ioasid_pool_fd(pool);

	jobs_clear();
	CHECK(fd >= 0);
	CHECK_EQ(ioasid_pool_fd(pool), fd);
	CHECK(!readable(fd));
	CHECK_EQ(ioasid_pool_dispatch(pool), 0);
	for (unsigned int i = 0; i < 4; i++) {
		job_init(&jobs[i], i, NULL);
		CHECK_EQ(ioasid_queue_work(i % 2 == 0 ? a : b, &jobs[i].work), 0);
	}
	CHECK(readable(fd));
	CHECK_EQ(jobs_run.count, 0);
	CHECK_EQ(ioasid_pool_dispatch(pool), 4);
	CHECK_EQ(jobs_run.count, 4);
	CHECK(!readable(fd));
	/* And it wakes who polls again. */
	CHECK_EQ(ioasid_queue_work(a, &jobs[0].work), 0);
	CHECK(readable(fd));
	/* Flush runs it where nobody else does. */
	CHECK_EQ(ioasid_flush_work(a), 0);
	CHECK_EQ(jobs_run.count, 5);
	CHECK_EQ(ioasid_pool_dispatch(pool), 0);
	CHECK(!readable(fd));
	set_end(a);
	set_end(b);
	pool_end(pool);
}

static int queue_from_elsewhere(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	static struct job job;
	struct timespec pause = { .tv_nsec = 20000000 };

	(void)unused;
	(void)unused2;
	nanosleep(&pause, NULL);
	job_init(&job, 77, NULL);
	return ioasid_queue_work(set, &job.work);
}

static void poll_wakes_up(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct pollfd p = { .fd = ioasid_pool_fd(pool), .events = POLLIN };
	struct call queue;

	jobs_clear();
	call_start(&queue, queue_from_elsewhere, set, 0, 0);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(ioasid_pool_dispatch(pool), 1);
	CHECK_EQ(call_join(&queue), 0);
	CHECK_EQ(jobs_run.order[0], 77);
	set_end(set);
	pool_end(pool);
}

/* An item of each of two sets waits for the other: two threads that dispatch run them at the same time. */
static int do_dispatch(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_pool_dispatch(ioasid_set_pool(set));
}

static void several_threads_dispatch(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *a = set_make(pool, 10), *b = set_make(pool, 10);
	struct gate gate = GATE_CLOSED;
	struct job first, second;
	struct call dispatch;

	jobs_clear();
	job_init(&first, 1, &gate);
	job_init(&second, 2, NULL);
	CHECK_EQ(ioasid_queue_work(a, &first.work), 0);
	call_start(&dispatch, do_dispatch, a, 0, 0);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_queue_work(b, &second.work), 0);
	CHECK_EQ(ioasid_pool_dispatch(pool), 1);
	CHECK_EQ(jobs_run.count, 2);
	gate_open(&gate);
	CHECK_EQ(call_join(&dispatch), 1);
	set_end(a);
	set_end(b);
	pool_end(pool);
}

static struct ioasid_pool *inner_pool;

static void dispatch_run(void *context, struct ioasid_work *work)
{
	(void)work;
	*(int *)context = ioasid_pool_dispatch(inner_pool);
}

static void refused_calls(void)
{
	struct ioasid_pool *busy = pool_make(0),
			   *quiet = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(quiet, 10);
	int answer = 0;
	struct ioasid_work work = { .run = dispatch_run, .context = &answer };
	struct ioasid_work empty = { .run = NULL };

	CHECK_EQ(ioasid_pool_dispatch(busy), -EINVAL);
	CHECK_EQ(ioasid_pool_dispatch(NULL), -EINVAL);
	CHECK_EQ(ioasid_pool_fd(busy), -EINVAL);
	CHECK_EQ(ioasid_pool_fd(NULL), -EINVAL);
	CHECK_EQ(ioasid_queue_work(set, &empty), -EINVAL);
	CHECK_EQ(ioasid_queue_work(set, NULL), -EINVAL);
	CHECK_EQ(ioasid_queue_work(NULL, &work), -EINVAL);
	CHECK_EQ(ioasid_flush_work(NULL), -EINVAL);
	inner_pool = quiet;
	CHECK_EQ(ioasid_queue_work(set, &work), 0);
	CHECK_EQ(ioasid_pool_dispatch(quiet), 1);
	CHECK_EQ(answer, -EDEADLK);
	set_end(set);
	pool_end(busy);
	pool_end(quiet);
}

static const struct test_case cases[] = {
	{ "without workers dispatch runs what is queued, and the descriptor says when (S14.4)",
	  without_workers_dispatch_runs_it_all },
	{ "who polls the descriptor is woken (S14.4)", poll_wakes_up },
	{ "several threads may dispatch at once (S14.4)", several_threads_dispatch },
	{ "work and dispatch refuse what cannot be (S7.10, S14.4)", refused_calls },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("dispatch", cases, argc, argv);
}
