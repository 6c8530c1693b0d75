/*
 * Fuzz targets of libioasid-guest: functions that take any bytes for a guest's registers and memory, call the
 * library, and end the process when it does what it must not.
 *
 * tests/fuzz.sh builds each with libFuzzer; tests/test_guest_fuzz.c runs the seeds, and seeds with bits
 * turned over, with any compiler and under any tool.
 */
#ifndef IOASID_TESTS_FUZZ_H
#define IOASID_TESTS_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ioasid-guest/guest.h>

/* Targets. Each takes any bytes of any length; what is missing is 0. */
void fuzz_tables(const uint8_t *data, size_t size);
void fuzz_queue(const uint8_t *data, size_t size);
void fuzz_pages(const uint8_t *data, size_t size);

struct fuzz_target {
	const char *name;
	void (*run)(const uint8_t *data, size_t size);
	size_t (*seed)(unsigned int index, uint8_t *data); /* 0: no more seeds */
};

enum { FUZZ_TARGETS = 3, FUZZ_SEED_MAX = 4096 };
extern const struct fuzz_target fuzz_target[FUZZ_TARGETS];

size_t fuzz_seed_tables(unsigned int index, uint8_t *data);
size_t fuzz_seed_queue(unsigned int index, uint8_t *data);
size_t fuzz_seed_pages(unsigned int index, uint8_t *data);

/* Ends the process with a message unless @ok. */
void fuzz_check(bool ok, const char *what, const char *file, int line);
#define MUST(cond) fuzz_check((cond), #cond, __FILE__, __LINE__)

/* What is left of the input. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* Takes up to 8 bytes, little endian. */
uint64_t fuzz_take(struct fuzz_input *input, unsigned int bytes);

/* The unit of a target: announces nearly everything, with bits of CAP and ECAP turned over by the input. */
#define FUZZ_CAP  UINT64_C(0x1012008000000e06)
#define FUZZ_ECAP UINT64_C(0x0003ef9ca4f000ce)
#define FUZZ_BITS UINT32_C(46)
struct ioasid_guest_vtd_unit fuzz_unit(struct fuzz_input *input);

/* What every failure has to be: one of the answers, told with the code that goes with it. */
void fuzz_check_error(int rc, const struct ioasid_guest_error *error);

#endif
