/*
 * The rows: lookups, references, SPIDs. The others stand in rows_alloc.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/rows.h"

/* ---- Preparation ---- */

/* @size IDs over the whole pool. */
static int prepare_sparse(struct cell *cell)
{
	struct lane *l = &cell->lanes[0];
	uint32_t i, step = PEER_CAPACITY / cell->size;

	if (bench_begin(cell, cell->size) != 0)
		return -1;
	for (i = 0; i < cell->size; i++) {
		ioasid_t want = i * step + 1 + (uint32_t)(bench_random(&l->random) % (step - 1));

		if (cell->peer->alloc(l->set, want, want, l, &l->ids[i]) != 0)
			return -1;
	}
	bench_shuffle(l->ids, cell->size, &l->random);
	bench_share(cell);
	return 0;
}

/* The data of each ID is the next ID. */
static int prepare_chain(struct cell *cell)
{
	uint32_t n = cell->size < PEER_CAPACITY ? cell->size : PEER_CAPACITY - 1, i;
	struct lane *l = &cell->lanes[0];
	ioasid_t *order = calloc(n, sizeof(*order)), *next = calloc(n + 1, sizeof(*next)), got;
	int err = -1;

	if (order == NULL || next == NULL || bench_begin(cell, 1) != 0)
		goto out;
	for (i = 0; i < n; i++)
		order[i] = i + 1;
	bench_shuffle(order, n, &l->random);
	for (i = 0; i < n; i++)
		next[order[i]] = order[(i + 1) % n];
	for (i = 1; i <= n; i++)
		if (cell->peer->alloc(l->set, i, i, (void *)(uintptr_t)next[i], &got) != 0)
			goto out;
	l->ids[0] = 1;
	bench_share(cell);
	err = 0;
	for (i = 0; i < cell->threads; i++)
		cell->lanes[i].at = i == 0 ? 1 : next[n / 2];
out:
	free(order);
	free(next);
	return err;
}

/* Numbers that were never allocated, among some that are. */
static int prepare_miss(struct cell *cell)
{
	struct lane *l = &cell->lanes[0];
	uint32_t i;

	if (bench_begin(cell, cell->size) != 0)
		return -1;
	for (i = 0; i < cell->size; i++) {
		if (cell->peer->alloc(l->set, 2 * i + 1, 2 * i + 1, l, &l->ids[i]) != 0)
			return -1;
		l->ids[i]++;
	}
	bench_shuffle(l->ids, cell->size, &l->random);
	bench_share(cell);
	return 0;
}

/* Each lane has its own half of the IDs. */
static int prepare_halves(struct cell *cell)
{
	unsigned int i;

	if (bench_dense(cell) != 0)
		return -1;
	for (i = 0; i < cell->threads && cell->threads > 1; i++) {
		cell->lanes[i].at = i * (cell->size / 2);
		cell->lanes[i].n = cell->size / 2;
	}
	return 0;
}

/* ---- Loops ---- */

void bench_loop_find(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t mask = l->n - 1, at = l->at;
	unsigned int failed = 0;
	void *data;

	for (; count > 0; count--)
		failed += p->find(l->set, l->ids[at++ & mask], NULL, &data) != 0;
	l->at = at;
	l->failed += failed;
}

/* A find that the contestant expands in a loop of its own. */
static void loop_inline(struct lane *l, uint64_t count)
{
	uint32_t mask = l->n - 1;

	l->failed += (unsigned int)l->peer->find_loop(l->set, l->ids, mask, l->at, count);
	l->at += (uint32_t)count;
}

#define MANY 64u

/* An operation is one ID. */
static void loop_many(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t mask = l->n - 1, at = l->at & ~(MANY - 1);
	unsigned int failed = 0;
	void *data[MANY];

	for (; count >= MANY; count -= MANY, at += MANY)
		failed += p->find_many(l->set, &l->ids[at & mask], MANY, data);
	for (; count > 0; count--)
		failed += p->find(l->set, l->ids[at++ & mask], NULL, data) != 0;
	l->at = at;
	l->failed += failed;
}

static void loop_miss(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t mask = l->n - 1, at = l->at;
	unsigned int failed = 0;
	void *data;

	for (; count > 0; count--)
		failed += p->find(l->set, l->ids[at++ & mask], NULL, &data) != -ENOENT;
	l->at = at;
	l->failed += failed;
}

static void loop_chain(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uintptr_t at = l->at;
	void *data = NULL;

	for (; count > 0; count--) {
		l->failed += p->find(l->set, (ioasid_t)at, NULL, &data) != 0;
		at = (uintptr_t)data;
	}
	l->at = (uint32_t)at;
}

void bench_loop_get_put(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t mask = l->n - 1, at = l->at;
	unsigned int failed = 0;

	for (; count > 0; count--) {
		ioasid_t id = l->ids[at++ & mask];

		failed += p->get(l->set, id) != 0;
		failed += p->put(l->set, id) != 0;
	}
	l->at = at;
	l->failed += failed;
}

void bench_loop_by_spid(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t mask = l->n - 1, at = l->at;
	unsigned int failed = 0;
	ioasid_t id = 0;

	for (; count > 0; count--) {
		failed += p->find_by_spid(l->set, (ioasid_spid_t) { l->ids[at++ & mask] }, &id) != 0;
		failed += p->put(l->set, id) != 0;
	}
	l->at = at;
	l->failed += failed;
}

static void loop_spid(struct lane *l, uint64_t count)
{
	const struct peer *p = l->peer;
	uint32_t mask = l->n - 1, at = l->at, half = l->at & ~mask;
	unsigned int failed = 0;

	for (; count > 0; count--, at++) {
		uint32_t i = half | (at & mask);

		failed += p->attach_spid(l->set, l->ids[i], (ioasid_spid_t) { i }) != 0;
		failed += p->detach_spid(l->set, l->ids[i]) != 0;
	}
	at = half | (at & mask);
	l->at = at;
	l->failed += failed;
}

/* ---- Which contestants can ---- */

static bool able_find(const struct peer *p)
{
	return p->find != NULL;
}

static bool able_inline(const struct peer *p)
{
	return p->find_loop != NULL;
}

static bool able_many(const struct peer *p)
{
	return p->find_many != NULL;
}

static bool able_miss(const struct peer *p)
{
	return p->find != NULL && p != &peer_call;
}

static bool able_get(const struct peer *p)
{
	return p->get != NULL;
}

static bool able_spid(const struct peer *p)
{
	return p->find_by_spid != NULL;
}

static const uint32_t some[] = { 256, 16384, 1048576, 0 };
static const uint32_t middle[] = { 16384, 0 };
static const uint32_t one[] = { 1, 0 };
static const uint32_t spids[] = { 64, 1024, 65536, 0 };

#define LOOP(n, w, s, t, a, p, l) { .name = (n), .what = (w), .sizes = (s), .threads = (t), .able = (a), \
	.prepare = (p), .loop = (l) }

const struct row rows_lookup[] = {
	LOOP("find", "find a random one of SIZE IDs", some, 2, able_find, bench_dense, bench_loop_find),
	LOOP("find-inline", "the same, expanded in the loop", some, 2, able_inline, bench_dense, loop_inline),
	LOOP("find-many", "the same, 64 in a call, per ID", some, 2, able_many, bench_dense, loop_many),
	LOOP("find-dependent", "find an ID that the find before gave", some, 1, able_miss, prepare_chain, loop_chain),
	LOOP("find-sparse", "find one of SIZE IDs over the whole pool", middle, 1, able_find, prepare_sparse,
	     bench_loop_find),
	LOOP("find-miss", "find a number that is FREE", middle, 1, able_miss, prepare_miss, loop_miss),
	LOOP("get-put", "get and put a random one of SIZE IDs", middle, 2, able_get, bench_dense, bench_loop_get_put),
	LOOP("get-put-same", "get and put of one ID", one, 2, able_get, bench_dense, bench_loop_get_put),
	LOOP("find-by-spid", "find by SPID and put, SIZE in the set", spids, 2, able_spid, bench_dense_spids, bench_loop_by_spid),
	LOOP("spid", "attach and detach a SPID", middle, 2, able_spid, prepare_halves, loop_spid),
};
const unsigned int rows_lookup_count = sizeof(rows_lookup) / sizeof(rows_lookup[0]);
