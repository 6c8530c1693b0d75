/*
 * Rows that are measured as a whole, not by a loop of equal operations: filling, emptying, the death of a
 * set, handlers.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"

static struct ioasid_set *begin(struct cell *cell, uint32_t quota)
{
	return bench_world(cell) != 0 ? NULL : cell->peer->set_new(cell->world, quota);
}

/* What a fill costs with @emptying false, else what freeing all in random order costs; per ID. */
static double fill_or_free(struct cell *cell, bool emptying)
{
	uint32_t n = cell->size < PEER_CAPACITY ? cell->size : PEER_CAPACITY - 1, i;
	struct lane *l = &cell->lanes[0];
	uint64_t from, until = 0;
	unsigned int failed = 0;

	l->set = begin(cell, n);
	l->ids = calloc(n, sizeof(*l->ids));
	if (l->set == NULL || l->ids == NULL)
		return NAN;
	from = bench_thread_ns();
	for (i = 0; i < n; i++)
		failed += cell->peer->alloc(l->set, 1, PEER_CAPACITY - 1, NULL, &l->ids[i]) != 0;
	until = bench_thread_ns();
	if (emptying) {
		from = until;
		for (i = 0; i < n; i++)
			failed += cell->peer->free(l->set, l->ids[i]) != 0;
		until = bench_thread_ns();
	}
	l->failed += failed;
	bench_end(cell);
	return failed != 0 ? NAN : (double)(until - from) / n;
}

static double once_fill(struct cell *cell)
{
	return fill_or_free(cell, false);
}

static double once_free(struct cell *cell)
{
	return fill_or_free(cell, true);
}

static double once_teardown(struct cell *cell)
{
	struct lane *l = &cell->lanes[0];
	uint64_t from, until;

	l->set = begin(cell, cell->size);
	l->ids = calloc(cell->size, sizeof(*l->ids));
	if (l->set == NULL || l->ids == NULL || bench_fill(cell, l->set, l->ids, cell->size, NULL) != 0)
		return NAN;
	if (cell->peer->ready != NULL)
		cell->peer->ready(cell->world, l->set);
	from = bench_thread_ns();
	cell->peer->set_end(l->set);
	until = bench_thread_ns();
	l->set = NULL;
	bench_end(cell);
	return (double)(until - from) / cell->size;
}

/* ---- Handlers ---- */

#define TURNS 2000

static double pairs(struct lane *l)
{
	const struct peer *p = l->peer;
	uint64_t from = bench_thread_ns();
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		l->failed += p->attach_spid(l->set, l->ids[0], (ioasid_spid_t) { 7 }) != 0;
		l->failed += p->detach_spid(l->set, l->ids[0]) != 0;
	}
	return (double)(bench_thread_ns() - from) / (2 * TURNS);
}

static double calls(struct lane *l)
{
	const struct peer *p = l->peer;
	uint64_t from = bench_thread_ns();
	unsigned int i;

	for (i = 0; i < TURNS; i++)
		l->failed += p->notify(l->set, l->ids[0]) != 0;
	return (double)(bench_thread_ns() - from) / TURNS;
}

/* The handlers' part: of a contestant whose handlers hear of transitions, the transition's time with them
 * less that without. */
static double notify(struct cell *cell, unsigned int scopes)
{
	struct lane *l = &cell->lanes[0];
	double with = NAN, without = 0;

	l->set = begin(cell, 16);
	l->ids = calloc(1, sizeof(*l->ids));
	if (l->set == NULL || l->ids == NULL || bench_fill(cell, l->set, l->ids, 1, NULL) != 0)
		return NAN;
	if (cell->peer->notify == NULL)
		(void)pairs(l), without = pairs(l);
	if (cell->peer->listen(l->set, cell->size, scopes) == 0) {
		if (cell->peer->notify == NULL)
			(void)pairs(l), with = pairs(l);
		else
			(void)calls(l), with = calls(l);
		cell->peer->unlisten(l->set);
	}
	bench_end(cell);
	return with - without;
}

static double once_notify(struct cell *cell)
{
	return notify(cell, 1);
}

static double once_notify_scopes(struct cell *cell)
{
	return notify(cell, 2);
}

static bool able_hold(const struct peer *p)
{
	return p->alloc != NULL && p != &peer_call;
}

static bool able_listen(const struct peer *p)
{
	return p->listen != NULL;
}

static const uint32_t all[] = { 1048576, 0 };
static const uint32_t one_set[] = { 65536, 0 };
static const uint32_t handlers[] = { 1, 4, 16, 0 };
static const uint32_t in_scopes[] = { 4, 16, 0 };

#define ONCE(n, w, s, a, o) { .name = (n), .what = (w), .sizes = (s), .threads = 1, .able = (a), .once = (o) }

const struct row rows_whole[] = {
	ONCE("fill", "alloc all, per ID", all, able_hold, once_fill),
	ONCE("free-all", "free all one by one, per ID", all, able_hold, once_free),
	ONCE("set-teardown", "end a set of SIZE IDs, per ID", one_set, able_hold, once_teardown),
	ONCE("notify", "tell SIZE handlers of an event", handlers, able_listen, once_notify),
	ONCE("notify-scopes", "tell SIZE handlers in two scopes", in_scopes, able_listen, once_notify_scopes),
};
const unsigned int rows_whole_count = sizeof(rows_whole) / sizeof(rows_whole[0]);
