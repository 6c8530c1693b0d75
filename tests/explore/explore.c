/*
 * The explorer.
 *
 * Threads are real, so that each has its own thread-local state, but only the one with the baton runs. At
 * each place the scheduler takes the next decision: of the path that is replayed, or to stay with the running
 * thread. When all have ended, the last decision that has an untried alternative within the bound is changed,
 * and the scenario runs again.
 */
#include "explore.h"

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libioasid/lock.h"

void explore_point(void);
void explore_lock(struct lock *l);
void explore_unlock(struct lock *l);
void explore_sleep(struct lock *l, pthread_cond_t *cond);
void explore_wake(pthread_cond_t *cond);
void explore_yield(void);
void explore_rcu_lock(void);
void explore_rcu_unlock(void);
bool explore_rcu_ongoing(void);
void explore_rcu_sync(void);

#define STEPS_MAX 20000
#define HELD_MAX 64

enum state { READY, ON_LOCK, ON_COND, ON_RCU, YIELDED, ENDED };

struct thread {
	pthread_t id;
	sem_t baton;
	enum state state;
	const void *on;              /* the lock or condition */
	unsigned int depth;          /* of read sections */
	unsigned long sections;      /* how many it has left */
	unsigned long seen[EXPLORE_THREADS]; /* ON_RCU: the others' sections when it began */
	bool waits_for[EXPLORE_THREADS];
	void (*fn)(void);
};

struct step {
	uint8_t chosen;   /* index into the order of alternatives */
	uint8_t count;    /* alternatives there are */
	uint8_t thread;   /* that was chosen */
	bool preempts;    /* alternatives beyond the first cost a preemption */
};

static struct thread threads[EXPLORE_THREADS];
static unsigned int thread_count, main_depth;
static _Atomic int running = -1; /* -1: the main thread, not explored */
static struct step path[STEPS_MAX];
static unsigned int path_length, step_now;
static bool stuck;
static sem_t all_ended;
static const void *held[HELD_MAX];

/* ---- Locks, known by address ---- */

static bool is_held(const void *l)
{
	for (unsigned int i = 0; i < HELD_MAX; i++)
		if (held[i] == l)
			return true;
	return false;
}

static void hold(const void *l)
{
	for (unsigned int i = 0; i < HELD_MAX; i++)
		if (held[i] == NULL) {
			held[i] = l;
			return;
		}
	abort();
}

static void let_go(const void *l)
{
	for (unsigned int i = 0; i < HELD_MAX; i++)
		if (held[i] == l)
			held[i] = NULL;
}

/* ---- Scheduling ---- */

static bool can_run(const struct thread *t)
{
	switch (t->state) {
	case ENDED:
	case ON_COND:
		return false;
	case ON_LOCK:
		return !is_held(t->on);
	case ON_RCU:
		for (unsigned int i = 0; i < thread_count; i++)
			if (t->waits_for[i] && threads[i].depth != 0 && threads[i].sections == t->seen[i])
				return false;
		return true;
	default:
		return true;
	}
}

/* The alternatives in order: who runs, unless it yielded, then the others by number. */
static unsigned int alternatives(unsigned int me, uint8_t order[EXPLORE_THREADS], bool *me_first)
{
	unsigned int n = 0;

	*me_first = threads[me].state != YIELDED && can_run(&threads[me]);
	if (*me_first)
		order[n++] = (uint8_t)me;
	for (unsigned int i = 0; i < thread_count; i++)
		if (i != me && can_run(&threads[i]))
			order[n++] = (uint8_t)i;
	if (n == 0 && threads[me].state == YIELDED)
		order[n++] = (uint8_t)me;
	return n;
}

/* Who goes on? thread_count: nobody can. */
static unsigned int decide(unsigned int me)
{
	uint8_t order[EXPLORE_THREADS];
	bool me_first;
	unsigned int n = alternatives(me, order, &me_first);
	struct step *s;

	if (n == 0 || step_now >= STEPS_MAX)
		return thread_count;
	s = &path[step_now++];
	if (step_now > path_length) {
		path_length = step_now;
		s->chosen = 0;
	}
	s->count = (uint8_t)n;
	s->preempts = me_first && step_now > 1; /* who begins is free to choose */
	assert(s->chosen < n);
	s->thread = order[s->chosen];
	return s->thread;
}

/* Gives the baton to whoever is decided on, and comes back when it is this thread's again. */
static void switch_from(unsigned int me)
{
	unsigned int next = decide(me);
	bool ended;

	if (next == thread_count) {
		bool over = true;

		for (unsigned int i = 0; i < thread_count; i++)
			over = over && threads[i].state == ENDED;
		stuck = !over;
		sem_post(&all_ended);
		if (stuck && threads[me].state != ENDED)
			pthread_exit(NULL); /* the process ends soon */
		return;
	}
	running = (int)next;
	if (next == me) {
		threads[me].state = READY;
		return;
	}
	ended = threads[me].state == ENDED; /* once the baton is away the state is the others' to change */
	sem_post(&threads[next].baton);
	if (ended)
		return;
	sem_wait(&threads[me].baton);
	threads[me].state = READY;
}

static void wait_in(enum state state, const void *on)
{
	struct thread *t = &threads[running];

	t->state = state;
	t->on = on;
	switch_from((unsigned int)running);
}

/* ---- What the hooks call; without effect but in explored threads ---- */

void explore_point(void)
{
	if (running >= 0)
		wait_in(READY, NULL);
}

void explore_lock(struct lock *l)
{
	if (running < 0) {
		lock(l);
		return;
	}
	explore_point();
	while (is_held(l))
		wait_in(ON_LOCK, l);
	hold(l);
}

void explore_unlock(struct lock *l)
{
	if (running < 0)
		unlock(l);
	else
		let_go(l);
}

void explore_sleep(struct lock *l, pthread_cond_t *cond)
{
	assert(running >= 0); /* the main thread would sleep for ever */
	let_go(l);
	wait_in(ON_COND, cond);
	while (is_held(l))
		wait_in(ON_LOCK, l);
	hold(l);
}

void explore_wake(pthread_cond_t *cond)
{
	if (running < 0)
		return;
	for (unsigned int i = 0; i < thread_count; i++)
		if (threads[i].state == ON_COND && threads[i].on == cond)
			threads[i].state = READY;
}

void explore_yield(void)
{
	if (running >= 0)
		wait_in(YIELDED, NULL);
}

void explore_rcu_lock(void)
{
	if (running < 0) {
		main_depth++;
		return;
	}
	explore_point();
	threads[running].depth++;
}

void explore_rcu_unlock(void)
{
	if (running < 0) {
		main_depth--;
		return;
	}
	if (--threads[running].depth == 0)
		threads[running].sections++;
}

bool explore_rcu_ongoing(void)
{
	return running < 0 ? main_depth != 0 : threads[running].depth != 0;
}

void explore_rcu_sync(void)
{
	struct thread *me;

	if (running < 0)
		return; /* nobody else is about */
	me = &threads[running];
	assert(me->depth == 0);
	for (unsigned int i = 0; i < thread_count; i++) {
		me->waits_for[i] = threads[i].depth != 0;
		me->seen[i] = threads[i].sections;
	}
	wait_in(ON_RCU, NULL);
}

/* ---- Runs ---- */

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	sem_wait(&t->baton);
	t->state = READY;
	t->fn();
	t->state = ENDED;
	switch_from((unsigned int)(t - threads));
	/* What the library does when a thread ends is not explored: one thread after the other, when all is
	 * over. */
	sem_wait(&t->baton);
	return NULL;
}

static void run_threads(const struct scenario *s)
{
	thread_count = 0;
	for (unsigned int i = 0; i < EXPLORE_THREADS && s->threads[i] != NULL; i++) {
		struct thread *t = &threads[thread_count++];

		memset(t, 0, sizeof(*t));
		sem_init(&t->baton, 0, 0);
		t->fn = s->threads[i];
		t->state = READY;
	}
	for (unsigned int i = 0; i < thread_count; i++)
		if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) != 0)
			abort();
	step_now = 0;
	sem_init(&all_ended, 0, 0);
	running = (int)decide(0);
	sem_post(&threads[running].baton);
	sem_wait(&all_ended);
	running = -1;
	if (stuck)
		return; /* its threads are asleep for ever */
	for (unsigned int i = 0; i < thread_count; i++) {
		sem_post(&threads[i].baton);
		pthread_join(threads[i].id, NULL);
		sem_destroy(&threads[i].baton);
	}
}

/* Changes the last decision that can be: false: all have been tried. */
static bool next_path(unsigned int bound)
{
	unsigned int spent = 0, i, best = 0;
	bool found = false;

	for (i = 0; i < step_now; i++) {
		struct step *s = &path[i];
		bool free_choice = !s->preempts;

		if (s->chosen + 1 < s->count && (free_choice || s->chosen > 0 || spent < bound)) {
			best = i;
			found = true;
		}
		if (s->preempts && s->chosen > 0)
			spent++;
	}
	if (!found)
		return false;
	path[best].chosen++;
	path_length = best + 1;
	return true;
}

static void trace(struct outcome *o)
{
	size_t n = 0;
	int last = -1;

	for (unsigned int i = 0; i < step_now && n + 12 < sizeof(o->trace); i++) {
		if (path[i].thread != last)
			n += (size_t)snprintf(o->trace + n, sizeof(o->trace) - n, "%u:%u ", i, path[i].thread);
		last = path[i].thread;
	}
}

void explore(const struct scenario *scenario, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	path_length = 0;
	stuck = false;
	do {
		scenario->begin();
		run_threads(scenario);
		o->schedules++;
		if (step_now > o->longest)
			o->longest = step_now;
		o->deadlock = stuck;
		o->wrong = stuck || !scenario->end();
	} while (!o->wrong && next_path(scenario->preemptions));
	if (o->wrong)
		trace(o);
}
