/*
 * Free numbers in a bitmap of two levels: the allocator of the contestants whose own structure has none. The
 * caller has the contestant's lock.
 */
#ifndef BENCH_BITMAP_H
#define BENCH_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/peers/peer.h"

#define BITMAP_WORDS (PEER_CAPACITY / 64)

struct numbers {
	uint64_t bits[BITMAP_WORDS];          /* 1: free */
	uint64_t summary[BITMAP_WORDS / 64];  /* 1: the word has a free one */
	uint32_t hint;                        /* the word of the last free */
};

static inline void numbers_give(struct numbers *n, uint32_t id)
{
	n->bits[id / 64] |= UINT64_C(1) << (id % 64);
	n->summary[id / 4096] |= UINT64_C(1) << (id / 64 % 64);
	n->hint = id / 64;
}

static inline int numbers_init(struct numbers *n)
{
	uint32_t i;

	for (i = 0; i < BITMAP_WORDS; i++) {
		n->bits[i] = ~UINT64_C(0);
		n->summary[i / 64] |= UINT64_C(1) << (i % 64);
	}
	n->bits[0] &= ~UINT64_C(1);
	n->hint = 0;
	return 0;
}

static inline void numbers_fini(struct numbers *n)
{
	(void)n;
}

/* The lowest free number of one word inside the window; 0: none. */
static inline uint32_t numbers_in_word(const struct numbers *n, uint32_t word, uint32_t min, uint32_t max)
{
	uint64_t bits = n->bits[word];

	if (word == min / 64)
		bits &= ~UINT64_C(0) << (min % 64);
	if (word == max / 64)
		bits &= ~UINT64_C(0) >> (63 - max % 64);
	return bits == 0 ? 0 : word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* Takes a free number of the window; 0: none. */
static inline uint32_t numbers_take(struct numbers *n, uint32_t min, uint32_t max)
{
	uint32_t word = n->hint, id = 0;

	if (word >= min / 64 && word <= max / 64)
		id = numbers_in_word(n, word, min, max);
	for (word = min / 64; id == 0 && word <= max / 64; word++) {
		uint64_t words = n->summary[word / 64] >> (word % 64);

		if (words == 0) {
			word |= 63;
			continue;
		}
		word += (uint32_t)__builtin_ctzll(words);
		if (word <= max / 64)
			id = numbers_in_word(n, word, min, max);
	}
	if (id == 0)
		return 0;
	n->bits[id / 64] &= ~(UINT64_C(1) << (id % 64));
	if (n->bits[id / 64] == 0)
		n->summary[id / 4096] &= ~(UINT64_C(1) << (id / 64 % 64));
	return id;
}

#endif
