/*
 * The rows, in the order in which they are shown.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "bench/bench.h"

extern const struct row rows_lookup[], rows_alloc[], rows_whole[], rows_bind[], rows_size[], rows_crowd[];
/* Loops that several files' rows use. */
void bench_loop_find(struct lane *l, uint64_t count);
void bench_loop_get_put(struct lane *l, uint64_t count);
void bench_loop_by_spid(struct lane *l, uint64_t count);

extern const unsigned int rows_lookup_count, rows_alloc_count, rows_whole_count, rows_bind_count, rows_size_count,
	rows_crowd_count;

#endif
