/*
 * Rows that show what costs depend on: the same work with few and with many IDs in the set, with few and with
 * many sets in the pool. They are run when they are named, or with --curves.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"

#define ENTRIES 16384u /* IDs of the rows with many sets, whatever their number */

/* ---- IDs in the set ---- */

/* All but a few, so that there is something to allocate. */
static int prepare_held(struct cell *cell)
{
	uint32_t n = cell->size < PEER_CAPACITY ? cell->size : PEER_CAPACITY - 4096;

	return bench_begin(cell, n) != 0 ? -1 : bench_fill(cell, cell->lanes[0].set, cell->lanes[0].ids, n, NULL);
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

/* The pool holds nearly all of its IDs in another set; per ID. */
static double once_teardown(struct cell *cell)
{
	uint32_t others = PEER_CAPACITY - 1 - cell->size;
	struct lane *l = &cell->lanes[0];
	ioasid_t *rest = calloc(others, sizeof(*rest));
	double result = NAN;
	uint64_t from;

	if (rest == NULL || bench_world(cell) != 0)
		goto out;
	cell->filler = cell->peer->set_new(cell->world, others);
	l->set = cell->peer->set_new(cell->world, cell->size);
	l->ids = calloc(cell->size, sizeof(*l->ids));
	if (cell->filler == NULL || l->set == NULL || l->ids == NULL ||
	    bench_fill(cell, cell->filler, rest, others, NULL) != 0 ||
	    bench_fill(cell, l->set, l->ids, cell->size, NULL) != 0)
		goto out;
	if (cell->peer->ready != NULL)
		cell->peer->ready(cell->world, l->set);
	from = bench_thread_ns();
	cell->peer->set_end(l->set);
	result = (double)(bench_thread_ns() - from) / cell->size;
	l->set = NULL;
out:
	bench_end(cell);
	free(rest);
	return result;
}

/* ---- Sets in the pool ---- */

/* SIZE sets, ENTRIES IDs that belong to them in turn, visited in random order. With SPIDs: the same number in
 * each set for its first ID, and so on. */
static int prepare_sets(struct cell *cell, bool spids)
{
	struct lane *l = &cell->lanes[0];
	struct ioasid_set **made = calloc(cell->size, sizeof(*made));
	uint32_t quota = ENTRIES / cell->size + 64, i, j;

	if (bench_world(cell) != 0 || made == NULL) {
		free(made);
		return -1;
	}
	cell->made = made;
	l->ids = calloc(ENTRIES, sizeof(*l->ids));
	l->sets = calloc(ENTRIES, sizeof(*l->sets));
	l->n = ENTRIES;
	for (i = 0; i < cell->size; i++) {
		made[i] = cell->peer->set_new(cell->world, quota);
		if (made[i] == NULL)
			return -1;
	}
	for (i = 0; l->ids != NULL && l->sets != NULL && i < ENTRIES; i++) {
		l->sets[i] = made[i % cell->size];
		if (cell->peer->alloc(l->sets[i], 1, PEER_CAPACITY - 1, l, &l->ids[i]) != 0)
			return -1;
		if (spids && cell->peer->attach_spid(l->sets[i], l->ids[i], (ioasid_spid_t) { i / cell->size }) != 0)
			return -1;
		if (spids)
			l->ids[i] = i / cell->size;
	}
	for (i = ENTRIES; i > 1; i--) {
		struct ioasid_set *set = l->sets[i - 1];
		ioasid_t id = l->ids[i - 1];

		j = (uint32_t)(bench_random(&l->random) % i);
		l->sets[i - 1] = l->sets[j];
		l->ids[i - 1] = l->ids[j];
		l->sets[j] = set;
		l->ids[j] = id;
	}
	return l->ids == NULL || l->sets == NULL ? -1 : 0;
}

static int prepare_sets_ids(struct cell *cell)
{
	return prepare_sets(cell, false);
}

static int prepare_sets_spids(struct cell *cell)
{
	return prepare_sets(cell, true);
}

static void loop_sets_find(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t at = l->at;
	unsigned int failed = 0;
	void *data;

	for (; count > 0; count--, at++)
		failed += p->find(l->sets[at % ENTRIES], l->ids[at % ENTRIES], NULL, &data) != 0;
	l->at = at;
	l->failed += failed;
}

static void loop_sets_get_put(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t at = l->at;
	unsigned int failed = 0;

	for (; count > 0; count--, at++) {
		failed += p->get(l->sets[at % ENTRIES], l->ids[at % ENTRIES]) != 0;
		failed += p->put(l->sets[at % ENTRIES], l->ids[at % ENTRIES]) != 0;
	}
	l->at = at;
	l->failed += failed;
}

static void loop_sets_alloc(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t at = l->at;
	unsigned int failed = 0;
	ioasid_t id = 0;

	for (; count > 0; count--, at++) {
		failed += p->alloc(l->sets[at % ENTRIES], 1, PEER_CAPACITY - 1, NULL, &id) != 0;
		failed += p->free(l->sets[at % ENTRIES], id) != 0;
	}
	l->at = at;
	l->failed += failed;
}

static void loop_sets_by_spid(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t at = l->at;
	unsigned int failed = 0;
	ioasid_t id = 0;

	for (; count > 0; count--, at++) {
		failed += p->find_by_spid(l->sets[at % ENTRIES], (ioasid_spid_t) { l->ids[at % ENTRIES] }, &id) != 0;
		failed += p->put(l->sets[at % ENTRIES], id) != 0;
	}
	l->at = at;
	l->failed += failed;
}

/* ---- Which contestants can ---- */

static bool able_find(const struct peer *p)
{
	return p->find != NULL && p != &peer_call;
}

static bool able_get(const struct peer *p)
{
	return p->get != NULL && p != &peer_call;
}

static bool able_alloc(const struct peer *p)
{
	return p->alloc != NULL && p != &peer_call;
}

static bool able_spid(const struct peer *p)
{
	return p->find_by_spid != NULL && p != &peer_call;
}

/* The floor's sets have a megabyte of tables each. */
static bool able_sets(const struct peer *p)
{
	return able_find(p) && p != &peer_floor;
}

static bool able_sets_get(const struct peer *p)
{
	return able_get(p) && p != &peer_floor;
}

static bool able_sets_spid(const struct peer *p)
{
	return able_spid(p) && p != &peer_floor;
}

static const uint32_t sizes[] = { 1, 16, 256, 4096, 65536, 1048576, 0 };
static const uint32_t deaths[] = { 64, 1024, 16384, 262144, 0 };
static const uint32_t sets[] = { 1, 10, 100, 1000, 10000, 0 };

#define LOOP(n, w, s, a, p, l) { .name = (n), .what = (w), .sizes = (s), .extra = true, .threads = 1, .able = (a), \
	.prepare = (p), .loop = (l) }

const struct row rows_size[] = {
	LOOP("size-find", "find, SIZE IDs in the set", sizes, able_find, bench_dense, bench_loop_find),
	LOOP("size-get-put", "get and put, SIZE IDs in the set", sizes, able_get, bench_dense, bench_loop_get_put),
	LOOP("size-by-spid", "find by SPID and put, SIZE in the set", sizes, able_spid, bench_dense_spids,
	     bench_loop_by_spid),
	LOOP("size-alloc", "alloc and free, SIZE IDs in the set", sizes, able_alloc, prepare_held, loop_alloc),
	{ .name = "size-teardown", .what = "end a set of SIZE IDs in a full pool, per ID", .sizes = deaths, .extra = true,
	  .threads = 1, .able = able_alloc, .once = once_teardown },
	LOOP("sets-find", "find, in one of SIZE sets", sets, able_sets, prepare_sets_ids, loop_sets_find),
	LOOP("sets-get-put", "get and put, in one of SIZE sets", sets, able_sets_get, prepare_sets_ids, loop_sets_get_put),
	LOOP("sets-by-spid", "find by SPID and put, in one of SIZE sets", sets, able_sets_spid, prepare_sets_spids,
	     loop_sets_by_spid),
	LOOP("sets-alloc", "alloc and free, in one of SIZE sets", sets, able_sets, prepare_sets_ids, loop_sets_alloc),
};
const unsigned int rows_size_count = sizeof(rows_size) / sizeof(rows_size[0]);
