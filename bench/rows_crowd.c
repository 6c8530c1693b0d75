/*
 * Rows with many more threads than CPUs: does anything collapse when a thread is stopped wherever it happens
 * to be? SIZE is the number of threads. They are run when they are named, or with --curves.
 *
 * What is shown is CPU time of an operation: the wall time, times the CPUs, over the operations of all
 * threads.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"

#define CROWD_MAX 256u
#define RUN_NS 200000000u
#define CHUNK 256u
#define IDS 16384u

struct member {
	pthread_t thread;
	struct lane lane;
	void (*loop)(struct lane *l, uint64_t count);
	uint64_t done, from, until;
	bool started;
};

static pthread_barrier_t line;
static atomic_bool stop;

static void *member_run(void *context)
{
	struct member *m = context;

	(void)bench_unpin();
	pthread_barrier_wait(&line);
	m->from = bench_wall_ns();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		m->loop(&m->lane, CHUNK);
		m->done += CHUNK;
	}
	m->until = bench_wall_ns();
	return NULL;
}

static void loop_alloc(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	unsigned int failed = 0;
	ioasid_t id = 0;

	for (; count > 0; count--) {
		failed += p->alloc(l->set, 1, PEER_CAPACITY - 1, NULL, &id) != 0;
		failed += p->free(l->set, id) != 0;
	}
	l->failed += failed;
}

/* All are stopped and joined, however many have been started. */
static double crowd_run(struct member *all, unsigned int count)
{
	struct timespec rest = { .tv_nsec = RUN_NS };
	uint64_t from = UINT64_MAX, until = 0, done = 0;
	unsigned int i, cpus = bench_unpin();

	pthread_barrier_init(&line, NULL, count + 1);
	atomic_store(&stop, false);
	for (i = 0; i < count; i++)
		if (pthread_create(&all[i].thread, NULL, member_run, &all[i]) != 0)
			abort(); /* the others wait for it */
	pthread_barrier_wait(&line);
	(void)nanosleep(&rest, NULL);
	atomic_store(&stop, true);
	for (i = 0; i < count; i++) {
		pthread_join(all[i].thread, NULL);
		from = all[i].from < from ? all[i].from : from;
		until = all[i].until > until ? all[i].until : until;
		done += all[i].done;
	}
	pthread_barrier_destroy(&line);
	return (double)(until - from) * (cpus < count ? cpus : count) / (double)done;
}

/* Each member has an empty set of its own if @own; else all share one, and its IDs. */
static double crowd(struct cell *cell, bool own, uint32_t ids, void (*loop)(struct lane *l, uint64_t count))
{
	struct member *all = calloc(cell->size, sizeof(*all));
	struct lane *l = &cell->lanes[0];
	double result = NAN;
	unsigned int i;

	if (all == NULL || (own ? bench_world(cell) : bench_begin(cell, ids)) != 0)
		goto out;
	if (!own && bench_fill(cell, l->set, l->ids, ids, l) != 0)
		goto out;
	for (i = 0; i < cell->size; i++) {
		all[i].lane = *l;
		all[i].lane.at = i * 64;
		all[i].loop = loop;
		if (own)
			all[i].lane.set = cell->peer->set_new(cell->world, 2048);
		if (all[i].lane.set == NULL)
			goto out;
	}
	result = crowd_run(all, cell->size);
	for (i = 0; i < cell->size; i++)
		l->failed += all[i].lane.failed;
out:
	for (i = 0; own && all != NULL && i < cell->size; i++)
		if (all[i].lane.set != NULL)
			cell->peer->set_end(all[i].lane.set);
	bench_end(cell);
	free(all);
	return result;
}

static double once_find(struct cell *cell)
{
	return crowd(cell, false, IDS, bench_loop_find);
}

static double once_get_put(struct cell *cell)
{
	return crowd(cell, false, IDS, bench_loop_get_put);
}

static double once_same(struct cell *cell)
{
	return crowd(cell, false, 1, bench_loop_get_put);
}

static double once_alloc_own(struct cell *cell)
{
	return crowd(cell, true, 0, loop_alloc);
}

static double once_alloc_one(struct cell *cell)
{
	return crowd(cell, false, 1, loop_alloc);
}

static bool able(const struct peer *p)
{
	return p->alloc != NULL && p != &peer_call;
}

static bool able_get(const struct peer *p)
{
	return p->get != NULL && p != &peer_call;
}

/* The floor's set has a stack without lock: two threads cannot share it. */
static bool able_one(const struct peer *p)
{
	return able(p) && p != &peer_floor;
}

static const uint32_t threads[] = { 2, 16, 64, CROWD_MAX, 0 };

#define CROWD(n, w, a, o) { .name = (n), .what = (w), .sizes = threads, .extra = true, .threads = 1, .able = (a), .once = (o) }

const struct row rows_crowd[] = {
	CROWD("crowd-find", "find, SIZE threads", able, once_find),
	CROWD("crowd-get-put", "get and put of 16384 IDs, SIZE threads", able_get, once_get_put),
	CROWD("crowd-same", "get and put of one ID, SIZE threads", able_get, once_same),
	CROWD("crowd-alloc", "alloc and free, SIZE threads with own sets", able, once_alloc_own),
	CROWD("crowd-alloc-one", "alloc and free, SIZE threads on one set", able_one, once_alloc_one),
};
const unsigned int rows_crowd_count = sizeof(rows_crowd) / sizeof(rows_crowd[0]);
