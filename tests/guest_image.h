/*
 * What the tests of libioasid-guest share: a guest's memory, written word by word, and a unit that announces
 * nearly everything.
 *
 * Tests write structures as numbers worked out from the specification's figures, never by code of the
 * library.
 */
#ifndef IOASID_TESTS_GUEST_IMAGE_H
#define IOASID_TESTS_GUEST_IMAGE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <ioasid-guest/guest.h>

#include "tests/harness.h"

/*
 * CAP: 16 bits of domain id, second stages of 39, 48 and 57 bits, page-selective invalidation with masks up
 * to 18, first stages of 57 bits. ECAP: everything but memory types (MTS) and execute requests (ERS); PASIDs
 * of 20 bits, interrupt masks up to 15.
 */
#define IMAGE_CAP  UINT64_C(0x1012008000000e06)
#define IMAGE_ECAP UINT64_C(0x0003ef9ca4f000ce)
/* Width of its addresses. */
#define IMAGE_BITS UINT32_C(46)

/* Guest memory from 0 on. What was not written is 0, what is beyond cannot be read. */
#define IMAGE_BYTES UINT64_C(0x2000000)
struct image {
	struct ioasid_guest_vtd_unit unit;
	uint8_t *bytes;
	uint64_t reads;        /* calls of the callback */
	uint64_t hole;         /* first address of a page that cannot be read, or 1 for none */
	int answer;            /* what the callback says of it */
	bool straddled;        /* a read went over a page's end, was longer than 64 bytes or beyond the width */
};

void image_open(struct image *image);
void image_close(struct image *image);
/* Writes consecutive 64-bit words, little endian. */
void image_put(struct image *image, uint64_t address, const uint64_t *words, unsigned int count);
void image_word(struct image *image, uint64_t address, uint64_t word);
/* The same into bytes. */
void put_words(uint8_t *bytes, const uint64_t *words, unsigned int count);

/*
 * A machine to walk in: root table at 0x1000, for bus 3 a context table at 0x2000 (devices 0 ... 15) and one
 * at 0x3000, the context of 03:02.1 in the first with a PASID directory at 0x10000 (16384 entries), RID_PASID
 * 0.
 */
#define IMAGE_RTADDR    UINT64_C(0x1400)
#define IMAGE_SOURCE    UINT32_C(0x0311)
#define IMAGE_DIRECTORY UINT64_C(0x10000)
void image_machine(struct image *image);
/* The context entry of IMAGE_SOURCE. */
struct ioasid_guest_vtd_context image_context(struct image *image);
/* Directory entry @index becomes present and points at @table. */
void image_table(struct image *image, uint32_t index, uint64_t table);
/* A first-stage entry of @domain with the given root at its place in @table. */
void image_entry(struct image *image, uint64_t table, uint32_t pasid, uint32_t domain, uint64_t root);

#endif
