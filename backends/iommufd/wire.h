/* SPDX-License-Identifier: MIT */
/*
 * What every plugin does with the structures of the ABI: take them in whatever the size their writer knew,
 * give them out whatever the size their reader knows, and say why something failed. The rules are those at
 * the head of the ABI's header. Context of all: any thread, no blocking.
 */
#ifndef IOASID_IOMMUFD_WIRE_H
#define IOASID_IOMMUFD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ioasid_backend.h"

/*
 * wire_in() - take in a structure that begins with its size: @to gets what both sides know, the rest of it is
 * zero.
 *
 * Return: -EINVAL @from is NULL or ends before @least bytes; -E2BIG bytes that we do not know are not zero.
 */
int32_t wire_in(void *to, size_t size, size_t least, const void *from);

/* wire_item() - the same for item @index of an array, whose size is its stride. */
int32_t wire_item(void *to, size_t size, const void *items, uint32_t stride, uint32_t index);

/* wire_out() - give out a structure to a caller that set its size; what it knows beyond ours is zeroed. */
int32_t wire_out(void *to, const void *from, size_t size);

/* wire_put() - write item @index of an array of the caller's. */
void wire_put(void *items, uint32_t stride, uint32_t index, const void *from, size_t size);

/* wire_array() - whether an array of the caller's is one. */
bool wire_array(const void *items, uint32_t stride, uint32_t count);

/* wire_batch() - check a batch and set done to 0. Return: -EINVAL not one. */
int32_t wire_batch(struct ioasid_be_batch *batch);

/* wire_zero() - whether reserved words are zero. */
bool wire_zero(const uint64_t *words, size_t count);

/* wire_expired() - whether a deadline (ns of CLOCK_MONOTONIC, 0 for none) has passed. */
bool wire_expired(uint64_t deadline);

/* wire_why() - write why, cut to the room there is, if anybody wants to know. Return: @error, for use in a
 * return. */
int32_t wire_why(struct ioasid_be_text *why, int32_t error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* wire_error() - turn an answer of the kernel into one that the ABI knows. */
int32_t wire_error(int32_t error);

#endif
