/* S11.5: one VM dies with all its IOASIDs while another allocates at full speed; see lifecycle.h. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "examples/lifecycle.h"

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* The other VM: takes an IOASID and gives it back, until it is told to stop. */
struct other {
	struct ioasid_set *set;
	atomic_bool running;
	atomic_bool stop;
	uint64_t pairs;
	uint64_t slowest;
	uint32_t failed;
};

static void *other_run(void *arg)
{
	struct other *other = arg;

	while (!atomic_load(&other->stop)) {
		uint64_t begun = now(), took;
		ioasid_t id;

		if (ioasid_alloc(other->set, 1, IOASID_CAPACITY_MAX - 1, NULL, &id) != 0 ||
		    ioasid_free(other->set, id) != 0)
			other->failed++;
		took = now() - begun;
		if (took > other->slowest)
			other->slowest = took;
		other->pairs++;
		atomic_store(&other->running, true);
	}
	return NULL;
}

/* The VM that will die: every IOASID allocated, some of them bound. */
static void populate(struct run *run, struct machine *m, struct ioasid_set *set, const struct crash *crash)
{
	for (uint32_t i = 0; i < crash->ids; i++) {
		ioasid_t id;

		if (!run_expect(run, "alloc", ioasid_alloc(set, 1, IOASID_CAPACITY_MAX - 1, NULL, &id), 0))
			return;
		if (i % crash->bound == 0 &&
		    !run_expect(run, "bind", ioasid_bind_ioas(m->device, set, id, m->memory,
							      IOASID_COOKIE_NONE), 0))
			return;
	}
}

/* Waits until the pool can promise everything again that the dead VM had. Returns what is missing after a
 * minute. */
static uint32_t wait_back(struct machine *m, uint32_t before)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	uint64_t until = now() + UINT64_C(60000000000);
	uint32_t count = 0;

	while (ioasid_pool_available(m->pool, &count) == 0 && count < before && now() < until)
		nanosleep(&pause, NULL);
	return before - count;
}

static void die(struct run *run, struct machine *m, struct ioasid_set *set, struct crash *crash,
		struct other *other,
		uint32_t before)
{
	pthread_t thread;
	uint64_t begun;

	if (!run_expect(run, "start the other VM", -pthread_create(&thread, NULL, other_run, other), 0))
		return;
	while (!atomic_load(&other->running))
		sched_yield();
	if (run->opened != NULL)
		run_expect(run, "give up rights", run->opened(m), 0);
	begun = now();
	run_expect(run, "the VM dies", ioasid_set_put(set), 1);
	crash->death_ns = now() - begun;
	crash->missing = wait_back(m, before);
	crash->reclaim_ns = now() - begun;
	atomic_store(&other->stop, true);
	pthread_join(thread, NULL);
	crash->others = other->pairs;
	crash->slowest_ns = other->slowest;
	crash->failed = other->failed;
}

int lifecycle_crash(struct run *run, struct crash *crash)
{
	struct ioasid_set *set;
	struct other other = { .set = NULL };
	struct machine m;
	uint32_t before = 0;

	if (machine_open(&m, run, 0) != 0)
		return -EPROTO;
	run_expect(run, "attach the device", machine_attach(&m), 0);
	run_expect(run, "set of the other VM", ioasid_set_alloc(m.pool, IOASID_SET_OPAQUE, 2, 1000,
								&other.set), 0);
	run_expect(run, "look at the pool", ioasid_pool_available(m.pool, &before), 0);
	run_expect(run, "set of the VM", ioasid_set_alloc(m.pool, IOASID_SET_OPAQUE, 1, crash->ids, &set), 0);
	populate(run, &m, set, crash);
	die(run, &m, set, crash, &other, before);
	run_expect(run, "every IOASID is back", (int)crash->missing, 0);
	run_expect(run, "the other VM was not disturbed", (int)crash->failed, 0);
	run_expect(run, "put the other set", ioasid_set_put(other.set), 1);
	machine_close(&m, run);
	return run->wrong[0] == '\0' ? 0 : -EPROTO;
}
