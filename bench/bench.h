/*
 * The benchmark's own parts: rows (what is measured), cells (a row for a contestant), and what came out.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/peers/peer.h"

#define LANES 2      /* threads at most */
#define ROUNDS_MAX 999

/* One thread's part of a cell. */
struct lane {
	const struct peer *peer;
	struct ioasid_set *set;
	ioasid_t *ids;    /* what the row works on, @n of them, a power of two where the row masks */
	struct ioasid_set **sets; /* rows with many sets: of each of them; NULL: @set */
	uint32_t n;
	uint32_t at;      /* where it goes on */
	uint64_t random;
	unsigned int failed; /* calls that answered what they should not have */
};

/* A row for one contestant. */
struct cell {
	const struct row *row;
	const struct peer *peer;
	uint32_t size;
	unsigned int threads;
	void *world;
	struct ioasid_set *filler; /* holds what makes the pool full */
	struct ioasid_set **made;  /* rows with many sets: @size of them, or NULL */
	struct lane lanes[LANES];
	uint64_t batch;            /* operations of a round, per thread */
	bool ready;
	unsigned int rounds;
	double sample[ROUNDS_MAX]; /* ns per operation */
	double median, low, high;  /* quartiles */
};

struct row {
	const char *name;
	const char *what;
	const uint32_t *sizes;   /* 0 ends */
	bool extra;              /* only when it is named, or with --curves */
	unsigned int threads;    /* at most */
	bool (*able)(const struct peer *peer);
	int (*prepare)(struct cell *cell);
	/* One of these. An operation of the loop is what the row's text says. */
	void (*loop)(struct lane *lane, uint64_t count);
	double (*once)(struct cell *cell); /* ns per operation, NAN: cannot; prepares itself */
	int (*settle)(struct cell *cell);  /* before each round, not measured; NULL: nothing */
};

/* setup.c: what rows are prepared with. */
uint64_t bench_random(uint64_t *state);
int bench_world(struct cell *cell);
void bench_end(struct cell *cell);
int bench_fill(struct cell *cell, struct ioasid_set *set, ioasid_t *ids, uint32_t n, void *data);
int bench_begin(struct cell *cell, uint32_t n);
int bench_dense(struct cell *cell);
int bench_dense_spids(struct cell *cell);
void bench_share(struct cell *cell);
void bench_shuffle(ioasid_t *ids, uint32_t n, uint64_t *random);

/* measure.c */
int bench_measure_start(unsigned int threads);
void bench_measure_stop(void);
/* Runs @run in the first pinned thread. */
void bench_in_thread(void (*run)(void *context), void *context);
/* One round of a cell that is ready; a sample, or a warm-up if @warm. */
void bench_round(struct cell *cell, bool warm);
void bench_summarise(struct cell *cell);
/* The calling thread, and those that it makes, may run on every CPU of the process again; how many these are. */
unsigned int bench_unpin(void);
uint64_t bench_thread_ns(void);
uint64_t bench_wall_ns(void);

/* output.c */
enum bench_format { BENCH_TABLE, BENCH_JSON, BENCH_CSV };
void bench_print_begin(enum bench_format format, const struct peer *const *peers, unsigned int count);
void bench_print_row(struct cell *cells, unsigned int count);
void bench_print_end(void);
int bench_plot(const char *prefix, const struct cell *cells, size_t count);

#endif
