/*
 * The stress program; what it checks is told in stress.h.
 *
 *	stress [-t threads] [-s seconds] [-r rounds] [-S seed] [-v]
 *
 * -t: 1 ... 64, default 4. -s: how long, default 2. -r: instead of a time, how often everybody stops and all
 * is counted; IOASID_TEST_ROUNDS does the same. -S: where the random numbers begin; without it, at the clock,
 * and the program tells. -v tells what was done.
 */
#include "stress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#define STEPS 2000u /* of a thread, between two stops */

struct world world;
struct me *everybody[THREADS_MAX];
_Thread_local struct me *me;

static unsigned int seconds = 2, stops;
static bool verbose;
static pthread_barrier_t barrier;

void broken(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (seed %llu, %u threads)\nnot ok - stress\n0 passed, 1 failed\n",
		(unsigned long long)world.seed, world.threads);
	abort();
}

void must_be_one_of(const char *file, int line, const char *call, int got, const int *allowed,
		    unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (got == allowed[i])
			return;
	broken(file, line, "%s answers %d", call, got);
}

uint32_t chance(uint32_t below)
{
	static _Thread_local uint64_t seed_of_worker;

	return rnd(me != NULL ? &me->seed : &seed_of_worker) % below;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Everybody stops; what was queued is done; one looks; and all go on, or end. */
static bool stop_and_look(double end)
{
	static bool on;
	static unsigned int n;

	pthread_barrier_wait(&barrier);
	if (me->index == 0) {
		for (unsigned int i = 0; i < SLOTS; i++)
			if (atomic_load(&world.slots[i].set) != NULL)
				MUST(ioasid_flush_work(atomic_load(&world.slots[i].set)) == 0, "no flush");
		/* Of sets that are gone: their queues are no longer to be named. */
		while (atomic_load(&world.work_done) != atomic_load(&world.work_queued))
			usleep(100);
		check_all();
		n++;
		on = stops != 0 ? n < stops : now() < end;
	}
	pthread_barrier_wait(&barrier);
	return on;
}

static void *thread_main(void *arg)
{
	double end = now() + seconds;

	me = arg;
	shared_begin();
	solo_begin();
	do {
		for (unsigned int n = 0; n < STEPS; n++) {
			if (chance(3) == 0)
				solo_step();
			else
				shared_step();
			atomic_fetch_add_explicit(&me->ops, 1, memory_order_relaxed);
		}
	} while (stop_and_look(end));
	pthread_barrier_wait(&barrier);
	if (me->index == 0)
		shared_kill();
	shared_end();
	solo_end();
	return NULL;
}

static void world_begin(void)
{
	static const struct slot slots[SLOTS] = {
		{ .quota = 60, .mode = IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY, .token = 1 },
		{ .quota = 90, .mode = IOASID_TEARDOWN_NOTIFY, .token = 2 },
		{ .quota = 50, .mode = IOASID_TEARDOWN_BLOCK },
		{ .quota = IOASID_QUOTA_UNLIMITED, .mode = IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY },
	};

	MUST(ioasid_pool_create(NULL, &world.pool) == 0, "no pool");
	MUST(ioasid_pool_install_capacity(world.pool, CAPACITY) == 0, "no capacity");
	world.root = ioasid_pool_root(world.pool);
	for (unsigned int i = 0; i < SLOTS; i++) {
		world.slots[i] = slots[i];
		world.slots[i].index = i;
		pthread_mutex_init(&world.slots[i].lock, NULL);
	}
	events_begin();
	for (unsigned int i = 0; i < SLOTS; i++)
		slot_bear(&world.slots[i]);
}

static unsigned long long total_ops(void)
{
	unsigned long long ops = 0;

	for (unsigned int t = 0; t < world.threads; t++)
		ops += atomic_load_explicit(&everybody[t]->ops, memory_order_relaxed);
	return ops;
}

/* Ends the program if nothing goes on for a minute. */
static void *watchdog_main(void *arg)
{
	unsigned long long before = 0, ops;

	(void)arg;
	for (unsigned int quiet = 0; !atomic_load(&world.stop); quiet++) {
		usleep(100000);
		ops = total_ops();
		if (ops != before)
			quiet = 0;
		before = ops;
		MUST(quiet < 600, "nothing has gone on for a minute, after %llu operations", ops);
	}
	return NULL;
}

static void run(void)
{
	pthread_t threads[THREADS_MAX], watchdog;

	MUST(pthread_barrier_init(&barrier, NULL, world.threads) == 0, "no barrier");
	for (unsigned int t = 0; t < world.threads; t++) {
		everybody[t] = calloc(1, sizeof(*everybody[t]));
		MUST(everybody[t] != NULL, "no memory");
		everybody[t]->index = t;
		everybody[t]->seed = world.seed * 1000 + t;
	}
	for (unsigned int t = 0; t < world.threads; t++)
		MUST(pthread_create(&threads[t], NULL, thread_main, everybody[t]) == 0, "no thread");
	MUST(pthread_create(&watchdog, NULL, watchdog_main, NULL) == 0, "no thread");
	for (unsigned int t = 0; t < world.threads; t++)
		pthread_join(threads[t], NULL);
	atomic_store(&world.stop, true);
	pthread_join(watchdog, NULL);
}

static void world_end(void)
{
	uint64_t bytes = 0, blocks = 0;

	check_empty();
	events_end();
	MUST(ioasid_pool_destroy(world.pool) == 0, "something is left in the pool");
	MUST(atomic_load(&world.cells_made) == atomic_load(&world.cells_gone),
	     "%llu pieces of data made, and %llu given back", atomic_load(&world.cells_made),
	     atomic_load(&world.cells_gone));
	MUST(ioasid_memory_used(&bytes, &blocks) == 0 && blocks <= 1, "%llu blocks of memory are left",
	     (unsigned long long)blocks);
}

static bool options(int argc, char **argv)
{
	struct timespec t;
	int c;

	clock_gettime(CLOCK_REALTIME, &t);
	world.seed = (uint64_t)t.tv_nsec;
	world.threads = 4;
	stops = rounds(0);
	while ((c = getopt(argc, argv, "t:s:r:S:v")) != -1) {
		unsigned long value = c == 'v' || c == '?' ? 0 : strtoul(optarg, NULL, 0);

		if (c == 't')
			world.threads = (unsigned int)value;
		else if (c == 's')
			seconds = (unsigned int)value;
		else if (c == 'r')
			stops = (unsigned int)value;
		else if (c == 'S')
			world.seed = value;
		else if (c == 'v')
			verbose = true;
		else
			return false;
	}
	return optind == argc && world.threads > 0 && world.threads <= THREADS_MAX;
}

int main(int argc, char **argv)
{
	if (!options(argc, argv)) {
		fprintf(stderr, "usage: %s [-t threads] [-s seconds] [-r rounds] [-S seed] [-v]\n", argv[0]);
		return EXIT_FAILURE;
	}
	printf("# stress: seed %llu, %u threads\n", (unsigned long long)world.seed, world.threads);
	fflush(stdout);
	world_begin();
	run();
	world_end();
	if (verbose)
		printf("# %llu operations, %llu events, %llu vetoes, %llu pieces of data\n", total_ops(),
		       atomic_load(&world.events), atomic_load(&world.vetoes),
		       atomic_load(&world.cells_made));
	printf("ok 1 - stress of the core finds nothing (S2.6, S3.4, S4.1 to S4.7, S6.4, S7.1, S7.5)\n");
	printf("1 passed, 0 failed\n");
	for (unsigned int t = 0; t < world.threads; t++)
		free(everybody[t]);
	return EXIT_SUCCESS;
}
