/*
 * What an IOASID's life must not have of another one's, found by reading the core: each case stops the
 * threads where they have to be.
 */
#include "scene.h"
#include "stops.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct scene sc;
static int number = 42;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- Age ---- */

static int age_of_7(void *age, const struct ioasid_parked *parked)
{
	if (parked->id == 7)
		*(uint64_t *)age = parked->age;
	return 0;
}

/* S10.3: 7 was marked long ago; in its next life it is marked again, and nothing but its FREE keeps it. */
static void age_is_of_this_life(void)
{
	const uint64_t long_ago = UINT64_C(50000000);
	struct stop stop = { IOASID_EVENT_FREE, 7, GATE_CLOSED };
	uint64_t first, second, age, took;
	struct call freeing;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	for (first = now(); now() - first < long_ago;)
		usleep(1000);
	second = now();
	/* An age is exact to a microsecond. */
	while (now() - second < 2000)
		;
	id_make_at(sc.set, 7);
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	call_start(&freeing, do_free, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	/* The time is written after the mark and before FREE, so it is there. */
	do {
		took = now();
		CHECK_EQ(ioasid_parked_for_each(sc.set, age_of_7, &age), 0);
		took = now() - took;
	} while (took >= long_ago);
	CHECK(age > 0 && age <= now() - second);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&freeing), 0);
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "S10.3 the age of a parked IOASID is not an earlier life's", age_is_of_this_life },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("regress_life", cases, argc, argv);
}
