/*
 * Rows of allocation: at some occupancy of the pool, which is the SIZE of these rows in tenths of a percent.
 */
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"

#define IDS (PEER_CAPACITY - 1)
#define PER_NONE 1 /* as good as empty: sizes end with 0 */

/* Allocates all IDs, then frees random ones until @keep are left. */
static int fill_pool(struct cell *cell, struct ioasid_set *set, ioasid_t *ids, uint32_t keep)
{
	uint64_t random = 1;
	uint32_t i;

	if (bench_fill(cell, set, ids, IDS, NULL) != 0)
		return -1;
	bench_shuffle(ids, IDS, &random);
	for (i = keep; i < IDS; i++)
		if (cell->peer->free(set, ids[i]) != 0)
			return -1;
	return 0;
}

static uint32_t occupied(const struct cell *cell)
{
	return cell->size == PER_NONE ? 0 : (uint32_t)((uint64_t)IDS * cell->size / 1000);
}

/*
 * The lanes own what they work on. The filler gets the whole pool first, unless the contestant's numbers
 * belong to sets (the floor): there occupancy means nothing, and it is left out.
 */
static int prepare_full(struct cell *cell)
{
	uint32_t keep = occupied(cell), left = IDS - keep;
	ioasid_t *ids = malloc(IDS * sizeof(*ids));
	unsigned int i;
	int err = -1;

	if (ids == NULL || bench_world(cell) != 0)
		goto out;
	if (keep != 0 && cell->peer != &peer_floor && cell->peer != &peer_call) {
		cell->filler = cell->peer->set_new(cell->world, IDS);
		if (cell->filler == NULL || fill_pool(cell, cell->filler, ids, keep) != 0 ||
		    (cell->peer->adjust != NULL && cell->peer->adjust(cell->filler, keep) != 0))
			goto out;
	}
	for (i = 0; i < cell->threads; i++) {
		cell->lanes[i].set = cell->peer->set_new(cell->world, left / cell->threads);
		if (cell->lanes[i].set == NULL)
			goto out;
	}
	err = 0;
out:
	free(ids);
	return err;
}

/* The lanes' own sets hold what is occupied. */
static int prepare_held(struct cell *cell)
{
	uint32_t each = IDS / cell->threads, keep = occupied(cell) / cell->threads, i, j;

	if (bench_world(cell) != 0)
		return -1;
	for (i = 0; i < cell->threads; i++) {
		struct lane *l = &cell->lanes[i];

		l->set = cell->peer->set_new(cell->world, each);
		l->ids = calloc(each, sizeof(*l->ids));
		if (l->set == NULL || l->ids == NULL || bench_fill(cell, l->set, l->ids, each, NULL) != 0)
			return -1;
	}
	for (i = 0; i < cell->threads; i++) {
		struct lane *l = &cell->lanes[i];

		bench_shuffle(l->ids, each, &l->random);
		for (j = keep; j < each; j++)
			if (cell->peer->free(l->set, l->ids[j]) != 0)
				return -1;
		l->n = keep;
	}
	return 0;
}

static void loop_alloc(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	unsigned int failed = 0;
	ioasid_t id = 0;

	for (; count > 0; count--) {
		failed += p->alloc(l->set, 1, IDS, NULL, &id) != 0;
		failed += p->free(l->set, id) != 0;
	}
	l->failed += failed;
}

static void loop_churn(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	unsigned int failed = 0;

	for (; count > 0; count--) {
		ioasid_t *id = &l->ids[bench_random(&l->random) % l->n];

		failed += p->free(l->set, *id) != 0;
		failed += p->alloc(l->set, 1, IDS, NULL, id) != 0;
	}
	l->failed += failed;
}

static void loop_window_one(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	unsigned int failed = 0;

	for (; count > 0; count--) {
		ioasid_t *id = &l->ids[bench_random(&l->random) % l->n];

		failed += p->free(l->set, *id) != 0;
		failed += p->alloc(l->set, *id, *id, NULL, id) != 0;
	}
	l->failed += failed;
}

/* Frees one, and takes one out of a thousand somewhere else. Hardly ever these are all in use. */
static void loop_window(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	unsigned int failed = 0;

	for (; count > 0; count--) {
		ioasid_t *id = &l->ids[bench_random(&l->random) % l->n];
		ioasid_t min = 1 + (ioasid_t)(bench_random(&l->random) % (IDS - 1024));

		failed += p->free(l->set, *id) != 0;
		if (p->alloc(l->set, min, min + 1023, NULL, id) != 0)
			failed += p->alloc(l->set, 1, IDS, NULL, id) != 0;
	}
	l->failed += failed;
}

static void loop_range(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	unsigned int failed = 0, i;
	ioasid_t first = 0;

	for (; count > 0; count--) {
		failed += p->alloc_range(l->set, 16, 16, 1, IDS, &first) != 0;
		for (i = 0; i < 16; i++)
			failed += p->free(l->set, first + i) != 0;
	}
	l->failed += failed;
}

static bool able_alloc(const struct peer *p)
{
	return p->alloc != NULL;
}

static bool able_hold(const struct peer *p)
{
	return p->alloc != NULL && p != &peer_call;
}

static bool able_window(const struct peer *p)
{
	return able_hold(p) && p != &peer_floor;
}

static bool able_range(const struct peer *p)
{
	return p->alloc_range != NULL;
}

static const uint32_t fullness[] = { PER_NONE, 500, 990, 999, 0 };
static const uint32_t nearly[] = { 990, 0 };
static const uint32_t empty[] = { PER_NONE, 0 };

#define LOOP(n, w, s, t, a, p, l) { .name = (n), .what = (w), .sizes = (s), .threads = (t), .able = (a), \
	.prepare = (p), .loop = (l) }

const struct row rows_alloc[] = {
	LOOP("alloc-free", "alloc and free, SIZE permille full", fullness, 2, able_alloc, prepare_full, loop_alloc),
	LOOP("churn", "free a random ID, alloc another", nearly, 2, able_hold, prepare_held, loop_churn),
	LOOP("window-1", "free a random ID, alloc just that", nearly, 2, able_hold, prepare_held, loop_window_one),
	LOOP("window-1k", "free a random ID, alloc in 1024", nearly, 2, able_window, prepare_held, loop_window),
	LOOP("range", "alloc 16 in a row, free them, pool empty", empty, 1, able_range, prepare_full, loop_range),
};
const unsigned int rows_alloc_count = sizeof(rows_alloc) / sizeof(rows_alloc[0]);
