/*
 * DMA in flight: translated, its bytes not moved yet.
 *
 * Nothing in flight may outlive what it goes through: who takes a translation away calls flight_drain() after
 * no new DMA can get it. By the configuration key "drain" that cuts the DMA, as a reset would, or waits for
 * it to finish.
 */
#ifndef MOCK_FLIGHT_H
#define MOCK_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "tlb.h"

struct flight {
	struct flight *next;
	uint64_t token; /* ascending in the order of their begin */
	bool cut;
	struct ioasid_mock_dma dma;
	uint64_t count;
	struct translation pages[];
};

/*
 * flight_drain() - no DMA of a scope with a token up to @until is in flight any more.
 * @deadline: 0: after the machine's patience they are cut
 *
 * Context: the machine's lock, which is let go while it waits.
 * Return: 0; ETIMEDOUT: some are still in flight.
 */
int32_t flight_drain(struct ioasid_mock *mock, const struct scope *scope, uint64_t until, uint64_t deadline);

/* flight_cut() - end DMA of a scope with tokens in (@after, @until], at once. Context: the machine's lock. */
void flight_cut(struct ioasid_mock *mock, const struct scope *scope, uint64_t after, uint64_t until);

/* flight_count() - how many of a scope (NULL: all) are in flight. Context: the machine's lock. */
uint32_t flight_count(const struct ioasid_mock *mock, const struct scope *scope);

/* flight_end() - take a flight out of the machine; the caller frees it. Context: the machine's lock. */
void flight_end(struct ioasid_mock *mock, struct flight *flight);

#endif
