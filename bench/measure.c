/*
 * Rounds: pinned threads that wait for work, clocks, medians.
 *
 * With one thread its CPU time counts, so that others on the machine disturb little; with two the time from
 * the start of the first to the end of the last.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"

#define ROUND_NS 1e6 /* what a round should take */
#define WARM 8       /* one part of so many of a round runs before the clock */

static struct worker {
	pthread_t thread;
	unsigned int index;
	void (*run)(void *context);
	void *context;
} workers[LANES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned int busy; /* a bit per worker, under lock */
static bool stopping;     /* under lock */
static pthread_barrier_t line;

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t bench_thread_ns(void)
{
	return now(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_wall_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

static cpu_set_t may; /* the CPUs of this process, as it was started */

unsigned int bench_unpin(void)
{
	(void)pthread_setaffinity_np(pthread_self(), sizeof(may), &may);
	return (unsigned int)CPU_COUNT(&may);
}

/* The n-th CPU that this process may use; fewer CPUs than threads share. */
static void pin(unsigned int n)
{
	cpu_set_t mine;
	size_t cpu;

	if (CPU_COUNT(&may) == 0)
		return;
	n %= (unsigned int)CPU_COUNT(&may);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &may) && n-- == 0)
			break;
	CPU_ZERO(&mine);
	CPU_SET(cpu, &mine);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(mine), &mine);
}

static void *work(void *context)
{
	struct worker *w = context;
	unsigned int bit = 1u << w->index;

	pin(w->index);
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!(busy & bit) && !stopping)
			pthread_cond_wait(&changed, &lock);
		if (!(busy & bit))
			break;
		pthread_mutex_unlock(&lock);
		w->run(w->context);
		pthread_mutex_lock(&lock);
		busy &= ~bit;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

int bench_measure_start(unsigned int threads)
{
	unsigned int i;

	if (sched_getaffinity(0, sizeof(may), &may) != 0)
		CPU_ZERO(&may);
	for (i = 0; i < threads; i++) {
		workers[i].index = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return -1;
	}
	return 0;
}

void bench_measure_stop(void)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < LANES; i++)
		if (workers[i].thread != 0)
			pthread_join(workers[i].thread, NULL);
}

static void start(unsigned int index, void (*run)(void *context), void *context)
{
	pthread_mutex_lock(&lock);
	workers[index].run = run;
	workers[index].context = context;
	busy |= 1u << index;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void finish(void)
{
	pthread_mutex_lock(&lock);
	while (busy != 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void bench_in_thread(void (*run)(void *context), void *context)
{
	start(0, run, context);
	finish();
}

/* ---- Rounds ---- */

struct leg {
	struct cell *cell;
	struct lane *lane;
	uint64_t from, until; /* wall */
	uint64_t cpu;
};

static void run_leg(void *context)
{
	struct leg *leg = context;
	struct cell *c = leg->cell;
	uint64_t cpu;

	c->row->loop(leg->lane, c->batch / WARM + 1);
	if (c->threads > 1)
		pthread_barrier_wait(&line);
	leg->from = bench_wall_ns();
	cpu = bench_thread_ns();
	c->row->loop(leg->lane, c->batch);
	leg->cpu = bench_thread_ns() - cpu;
	leg->until = bench_wall_ns();
}

static double loop_round(struct cell *cell)
{
	struct leg legs[LANES];
	uint64_t from = UINT64_MAX, until = 0;
	unsigned int i;

	pthread_barrier_init(&line, NULL, cell->threads);
	for (i = 0; i < cell->threads; i++) {
		legs[i].cell = cell;
		legs[i].lane = &cell->lanes[i];
		start(i, run_leg, &legs[i]);
	}
	finish();
	pthread_barrier_destroy(&line);
	for (i = 0; i < cell->threads; i++) {
		from = legs[i].from < from ? legs[i].from : from;
		until = legs[i].until > until ? legs[i].until : until;
	}
	return (double)(cell->threads > 1 ? until - from : legs[0].cpu) / (double)cell->batch;
}

static void run_once(void *context)
{
	struct cell *cell = context;

	cell->sample[cell->rounds] = cell->row->once(cell);
	pin(0); /* a row with threads of its own has taken that back */
	/* What cannot be done, or went wrong, has no number. */
	if (isnan(cell->sample[cell->rounds]))
		cell->ready = false;
}

void bench_round(struct cell *cell, bool warm)
{
	if (cell->row->once != NULL) {
		bench_in_thread(run_once, cell);
	} else {
		if (cell->batch == 0)
			cell->batch = 64;
		cell->sample[cell->rounds] = loop_round(cell);
		/* While warming up, find the number of operations that takes a round's time. */
		if (warm) {
			double n = ROUND_NS / cell->sample[cell->rounds];
			double most = (double)cell->batch * 32;

			cell->batch = n < 16 ? 16 : (uint64_t)(n < most ? n : most);
		}
	}
	if (!warm && cell->ready && cell->rounds + 1 < ROUNDS_MAX)
		cell->rounds++;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_summarise(struct cell *cell)
{
	unsigned int n = cell->rounds;

	if (n == 0)
		return;
	qsort(cell->sample, n, sizeof(cell->sample[0]), ascending);
	cell->median = n % 2 != 0 ? cell->sample[n / 2] : (cell->sample[n / 2 - 1] + cell->sample[n / 2]) / 2;
	cell->low = cell->sample[n / 4];
	cell->high = cell->sample[n - 1 - n / 4];
}
