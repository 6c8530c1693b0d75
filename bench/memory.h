/*
 * Memory per live ID.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "bench/peers/peer.h"

/* Bytes per ID, measured in a process of its own; negative: that failed. */
/* The same for a set without IDs, of many. */
int bench_memory_sets_here(const struct peer *peer);
double bench_memory_of_set(const struct peer *peer);
/* The processes need this contestant, too. */
void bench_memory_file(const char *path);
double bench_memory_of(const struct peer *peer);

/* The same in this process, printed; the process's exit code. */
int bench_memory_here(const struct peer *peer);

#endif
