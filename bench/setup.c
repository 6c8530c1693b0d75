/*
 * What rows are prepared with: worlds, sets, IDs in random order.
 */
#include <stdlib.h>

#include "bench/bench.h"

/* xorshift64*: quick, and the same in every run. */
uint64_t bench_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

void bench_shuffle(ioasid_t *ids, uint32_t n, uint64_t *random)
{
	uint32_t i;

	for (i = n; i > 1; i--) {
		uint32_t j = (uint32_t)(bench_random(random) % i);
		ioasid_t t = ids[i - 1];

		ids[i - 1] = ids[j];
		ids[j] = t;
	}
}

/* An empty world, and lanes without set. */
int bench_world(struct cell *cell)
{
	unsigned int i;

	for (i = 0; i < LANES; i++)
		cell->lanes[i] = (struct lane) {
			.peer = cell->peer, .random = UINT64_C(0x9e3779b97f4a7c15) + i,
		};
	cell->filler = NULL;
	cell->made = NULL;
	cell->world = cell->peer->open();
	return cell->world == NULL ? -1 : 0;
}

/* Ends what bench_world() and the row's preparation began. Lanes may share a set or a list of IDs. */
void bench_end(struct cell *cell)
{
	unsigned int i, j;

	for (i = 0; i < LANES; i++) {
		bool first = true;

		for (j = 0; j < i; j++)
			first = first && cell->lanes[j].set != cell->lanes[i].set;
		if (first && cell->lanes[i].set != NULL && cell->lanes[i].set != cell->filler)
			cell->peer->set_end(cell->lanes[i].set);
	}
	free(cell->lanes[0].sets);
	for (i = 0; i < LANES; i++) {
		for (j = 0; j < i; j++)
			if (cell->lanes[j].ids == cell->lanes[i].ids)
				cell->lanes[i].ids = NULL;
		free(cell->lanes[i].ids);
	}
	if (cell->filler != NULL)
		cell->peer->set_end(cell->filler);
	for (i = 0; cell->made != NULL && i < cell->size; i++)
		if (cell->made[i] != NULL)
			cell->peer->set_end(cell->made[i]);
	free(cell->made);
	cell->made = NULL;
	if (cell->world != NULL)
		cell->peer->close(cell->world);
	cell->world = NULL;
}

/* Allocates @n IDs, each with that data. */
int bench_fill(struct cell *cell, struct ioasid_set *set, ioasid_t *ids, uint32_t n, void *data)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (cell->peer->alloc(set, 1, PEER_CAPACITY - 1, data, &ids[i]) != 0)
			return -1;
	return 0;
}

/* All lanes work on what the first one has. */
void bench_share(struct cell *cell)
{
	unsigned int i;

	for (i = 1; i < cell->threads; i++) {
		cell->lanes[i].set = cell->lanes[0].set;
		cell->lanes[i].ids = cell->lanes[0].ids;
		cell->lanes[i].n = cell->lanes[0].n;
		cell->lanes[i].at = cell->lanes[0].n / 2;
	}
}

/* A world, and a set that may have all IDs, with a list for @n. */
int bench_begin(struct cell *cell, uint32_t n)
{
	struct lane *l = &cell->lanes[0];

	if (bench_world(cell) != 0)
		return -1;
	l->set = cell->peer->set_new(cell->world, PEER_CAPACITY - 1);
	l->ids = calloc(n, sizeof(*l->ids));
	l->n = n;
	return l->set == NULL || l->ids == NULL ? -1 : 0;
}

/* @size IDs; 2^20 is cut to what the pool has, and visited by a list of 2^20 all the same. */
int bench_dense(struct cell *cell)
{
	uint32_t n = cell->size < PEER_CAPACITY ? cell->size : PEER_CAPACITY - 1;
	struct lane *l = &cell->lanes[0];

	if (bench_begin(cell, cell->size) != 0 || bench_fill(cell, l->set, l->ids, n, l) != 0)
		return -1;
	if (n < cell->size)
		l->ids[n] = l->ids[0];
	bench_shuffle(l->ids, n, &l->random);
	bench_share(cell);
	return 0;
}

/* The same, with SPIDs 0, 1, ...; the list has those. */
int bench_dense_spids(struct cell *cell)
{
	struct lane *l = &cell->lanes[0];
	uint32_t n = cell->size < PEER_CAPACITY ? cell->size : PEER_CAPACITY - 1, i;

	if (bench_dense(cell) != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (cell->peer->attach_spid(l->set, l->ids[i], (ioasid_spid_t) { i }) != 0)
			return -1;
	/* From here on the list has SPIDs. */
	for (i = 0; i < n; i++)
		l->ids[i] = i;
	if (n < cell->size)
		l->ids[n] = l->ids[0];
	bench_shuffle(l->ids, n, &l->random);
	bench_share(cell);
	return 0;
}
