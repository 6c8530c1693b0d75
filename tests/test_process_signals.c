/*
 * Signals and cancellation: no caller sees EINTR, and no function is a cancellation point (S14.1).
 */
#include "every_call.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static struct scene sc;

/* --- EINTR --- */

static atomic_uint interruptions;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&interruptions, 1);
}

/* A thread that sends signals to another until it is told to end. */
struct storm {
	struct task task;
	struct task *victim;
	atomic_bool end;
};

static void storm_main(void *arg)
{
	struct storm *storm = arg;
	const struct timespec pause = { .tv_nsec = 50000 };

	while (!atomic_load(&storm->end)) {
		pthread_kill(storm->victim->thread, SIGUSR2);
		nanosleep(&pause, NULL);
	}
}

static void storm_begin(struct storm *storm, struct task *victim)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	REQUIRE_EQ(sigaction(SIGUSR2, &action, NULL), 0);
	atomic_store(&interruptions, 0);
	storm->victim = victim;
	atomic_init(&storm->end, false);
	task_start(&storm->task, storm_main, storm);
	/* It has to rage before the call can be said to have gone through it. */
	while (atomic_load(&interruptions) < 20)
		sched_yield();
}

static void storm_end(struct storm *storm)
{
	atomic_store(&storm->end, true);
	task_join(&storm->task);
	signal(SIGUSR2, SIG_DFL);
}

/* Lets a call that waits stand in the storm, then opens the gate and looks at its answer. */
static void through_a_storm(struct call *call, struct gate *gate, int want)
{
	struct storm storm;

	storm_begin(&storm, &call->task);
	CHECK(!atomic_load(&call->task.done));
	gate_open(gate);
	while (!atomic_load(&call->task.done))
		sched_yield();
	storm_end(&storm);
	CHECK_EQ(call_join(call), want);
}

static int do_leave(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_unregister_notifier(set, &sc.kvm.block);
}

static int do_flush(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_flush_work(set);
}

static int do_detach_data(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	void *old;

	(void)unused;
	return ioasid_detach_data(set, id, &old);
}

static int do_wait(struct ioasid_set *set, ioasid_t id, uint32_t milliseconds)
{
	uint64_t ns = milliseconds == 0 ? IOASID_FOREVER : (uint64_t)milliseconds * 1000000;

	return ioasid_wait_reclaimed(ioasid_set_pool(set), id, ns);
}

/* What waits while 7 is stopped in BIND. */
static void waits_beside_bind(int (*fn)(struct ioasid_set *, ioasid_t, uint32_t), ioasid_t id, int want)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct call attach, call;
	static int thing;
	ioasid_t got;

	scene_begin(&sc);
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, &thing, &got), 0);
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	call_start(&call, fn, sc.set, id, 0);
	CHECK(call_blocked(&call));
	through_a_storm(&call, &stop.gate, want);
	call_join(&attach);
	scene_end(&sc);
}

static void unregister_in_a_storm(void)
{
	waits_beside_bind(do_leave, 7, 0);
}

static void turn_in_a_storm(void)
{
	waits_beside_bind(do_free, 7, 0);
}

static void detach_data_in_a_storm(void)
{
	waits_beside_bind(do_detach_data, 7, 0);
}

static void flush_in_a_storm(void)
{
	struct gate gate = GATE_CLOSED;
	struct job job;
	struct call flush;

	scene_begin(&sc);
	jobs_clear();
	job_init(&job, 1, &gate);
	CHECK_EQ(ioasid_queue_work(sc.set, &job.work), 0);
	gate_await(&gate, 1);
	call_start(&flush, do_flush, sc.set, 0, 0);
	CHECK(call_blocked(&flush));
	through_a_storm(&flush, &gate, 0);
	scene_end(&sc);
}

static void wait_for_reclaim_in_a_storm(void)
{
	struct storm storm;
	struct call wait;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	call_start(&wait, do_wait, sc.set, 7, 0);
	CHECK(call_blocked(&wait));
	storm_begin(&storm, &wait.task);
	CHECK(!atomic_load(&wait.task.done));
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	while (!atomic_load(&wait.task.done))
		sched_yield();
	storm_end(&storm);
	CHECK_EQ(call_join(&wait), 0);
	scene_end(&sc);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits until the time is over, again and again, until one of the waits has been interrupted often. */
static void time_waits(void *arg)
{
	atomic_bool *begin = arg;
	unsigned int before;
	double begun;

	while (!atomic_load(begin))
		sched_yield();
	do {
		before = atomic_load(&interruptions);
		begun = now();
		CHECK_EQ(do_wait(sc.set, 7, 300), -ETIMEDOUT);
		CHECK(now() - begun >= 0.3);
	} while (atomic_load(&interruptions) - before < 20);
}

static void a_timeout_is_not_shortened(void)
{
	atomic_bool begin = false;
	struct storm storm;
	struct task task;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	task_start(&task, time_waits, &begin);
	storm_begin(&storm, &task);
	atomic_store(&begin, true);
	while (!atomic_load(&task.done))
		sched_yield();
	storm_end(&storm);
	task_join(&task);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	scene_end(&sc);
}

/* Everything that there is, while signals rain on it. */
static void make_all_calls(void *arg)
{
	atomic_bool *begin = arg;
	unsigned int n = rounds(10);

	while (!atomic_load(begin))
		sched_yield();
	for (unsigned int i = 0; i < n; i++) {
		struct every ev;

		every_begin(&ev);
		for (unsigned int k = 0; k < every_call_count; k++) {
			int got = every_call[k].call(&ev);

			if (got == -EINTR)
				test_check(false, every_call[k].name, __FILE__, __LINE__);
			if (every_call[k].call == every_call_named("ioasid_reclaim_fd") && got >= 0)
				close(got);
		}
		every_end_spent(&ev);
	}
}

static void every_call_in_a_storm(void)
{
	atomic_bool begin = false;
	struct storm storm;
	struct task task;

	task_start(&task, make_all_calls, &begin);
	storm_begin(&storm, &task);
	atomic_store(&begin, true);
	while (!atomic_load(&task.done))
		sched_yield();
	storm_end(&storm);
	task_join(&task);
}

/* --- Cancellation --- */

static atomic_uint calls_made;

static void make_all_calls_cancelled(void)
{
	struct every ev;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	every_begin(&ev);
	pthread_cancel(pthread_self());
	for (unsigned int k = 0; k < every_call_count; k++) {
		int fd;

		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
		fd = every_call[k].call(&ev);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
		if (every_call[k].call == every_call_named("ioasid_reclaim_fd") && fd >= 0)
			close(fd);
		atomic_fetch_add(&calls_made, 1);
	}
	/* With destruction, which waits for workers to end. */
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	every_end_spent(&ev);
	atomic_fetch_add(&calls_made, 1);
}

/* The thread ends in a frame without variables: a sanitizer does not see it unwound. */
static void *cancelled_main(void *unused)
{
	make_all_calls_cancelled();
	pthread_testcancel();
	return unused;
}

static void no_call_is_a_cancellation_point(void)
{
	pthread_t thread;
	void *answer = NULL;

	atomic_store(&calls_made, 0);
	REQUIRE_EQ(pthread_create(&thread, NULL, cancelled_main, NULL), 0);
	REQUIRE_EQ(pthread_join(thread, &answer), 0);
	CHECK_EQ(atomic_load(&calls_made), every_call_count + 1);
	/* The request was there all the time. */
	CHECK(answer == PTHREAD_CANCELED);
}

/* A call that sleeps is not woken up by a request either. */
static void cancelled_while_waiting(int (*fn)(struct ioasid_set *, ioasid_t, uint32_t), int want)
{
	struct stop stop = { IOASID_EVENT_FREE, 7, GATE_CLOSED };
	struct gate job_gate = GATE_CLOSED;
	struct call freeing, call;
	struct job job;

	scene_begin(&sc);
	jobs_clear();
	job_init(&job, 1, &job_gate);
	id_make_at(sc.set, 7);
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	CHECK_EQ(ioasid_queue_work(sc.set, &job.work), 0);
	call_start(&freeing, do_free, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	call_start(&call, fn, sc.set, 7, 0);
	CHECK(call_blocked(&call));
	CHECK_EQ(pthread_cancel(call.task.thread), 0);
	CHECK(call_blocked(&call));
	gate_open(&stop.gate);
	gate_open(&job_gate);
	CHECK_EQ(call_join(&call), want);
	CHECK(atomic_load(&call.task.done));
	CHECK_EQ(call_join(&freeing), 0);
	scene_end(&sc);
}

static void waits_are_no_cancellation_points(void)
{
	cancelled_while_waiting(do_wait, 0);
	cancelled_while_waiting(do_flush, 0);
	cancelled_while_waiting(do_leave, 0);
	cancelled_while_waiting(do_detach, -ENOENT);
}

static const struct test_case cases[] = {
	{ "unregister waits through signals (S14.1)", unregister_in_a_storm },
	{ "waiting for a turn goes on through signals (S14.1)", turn_in_a_storm },
	{ "detaching data waits through signals (S14.1)", detach_data_in_a_storm },
	{ "flushing work waits through signals (S14.1)", flush_in_a_storm },
	{ "waiting for a reclaim goes on through signals (S14.1)", wait_for_reclaim_in_a_storm },
	{ "signals do not shorten a timeout (S14.1)", a_timeout_is_not_shortened },
	{ "no call answers -EINTR (S14.1)", every_call_in_a_storm },
	{ "no call is a cancellation point (S14.1)", no_call_is_a_cancellation_point },
	{ "a call that waits is no cancellation point (S14.1)", waits_are_no_cancellation_points },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("process_signals", cases, argc, argv);
}
