/*
 * The fuzz targets without a fuzzer: each seed as it is, cut short, and with bits and bytes turned over. A
 * target ends the process when the library does what it must not.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/support.h"

static uint8_t seed[FUZZ_SEED_MAX];

/* How deep a seed gets is for the fuzzer to tell; that there are some is for here. */
static void every_target_has_seeds_that_run(void)
{
	for (unsigned int t = 0; t < FUZZ_TARGETS; t++) {
		unsigned int count = 0;
		size_t size;

		while ((size = fuzz_target[t].seed(count, seed))) {
			REQUIRE(size <= sizeof(seed));
			fuzz_target[t].run(seed, size);
			count++;
		}
		CHECK(count >= 2);
		fuzz_target[t].run(NULL, 0);
	}
}

static void seeds_cut_short_run(void)
{
	for (unsigned int t = 0; t < FUZZ_TARGETS; t++) {
		size_t size = fuzz_target[t].seed(0, seed);

		for (size_t n = 0; n < size; n++)
			fuzz_target[t].run(seed, n);
		CHECK(size > 100);
	}
}

static void mutate(uint64_t *state, uint8_t *data, size_t size)
{
	for (uint32_t n = 1 + rnd(state) % 8; n; n--) {
		size_t at = rnd(state) % size;

		switch (rnd(state) % 4) {
		case 0:
			data[at] = (uint8_t)rnd(state);
			break;
		case 1:
			data[at] = rnd(state) & 1 ? 0xff : 0;
			break;
		default:
			data[at] ^= (uint8_t)(1u << rnd(state) % 8);
			break;
		}
	}
}

static void seeds_with_bits_turned_over_run(void)
{
	uint64_t state = 0xf022;

	for (unsigned int t = 0; t < FUZZ_TARGETS; t++) {
		for (unsigned int n = 0; n < rounds(20000); n++) {
			size_t size = fuzz_target[t].seed(n % 2, seed);

			mutate(&state, seed, size);
			fuzz_target[t].run(seed, size);
		}
	}
	CHECK(state != 0xf022);
}

static const struct test_case cases[] = {
	{ "every fuzz target has seeds that run", every_target_has_seeds_that_run },
	{ "seeds that are cut short run", seeds_cut_short_run },
	{ "seeds with bits turned over run", seeds_with_bits_turned_over_run },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest fuzz", cases, argc, argv);
}
