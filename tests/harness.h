/*
 * The frame of every test program: a table of cases, CUnit underneath, and an exit status that cannot lie.
 *
 * A test program is one file per module: cases whose names are sentences about behaviour, and
 *
 *	int main(int argc, char **argv)
 *	{
 *		return TEST_MAIN("version", cases, argc, argv);
 *	}
 *
 * Without arguments all cases run; with one, those whose name contains it. Every case prints a line "ok N -
 * name" or "not ok N - name" after the failed checks, the program closes with "N passed, N failed", and a
 * run in which no case ran is a failure. A case that hangs is ended after IOASID_TEST_TIMEOUT seconds
 * (default 120, 0 for never).
 *
 * CUnit's own CU_ASSERT… may be used from the thread that runs the case; the macros below from any thread.
 */
#ifndef IOASID_TESTS_HARNESS_H
#define IOASID_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <CUnit/CUnit.h>

struct test_case {
	const char *name;
	void (*fn)(void);
};

/*
 * test_main() - run the cases of one suite.
 *
 * Return: the exit status of the program: 0 all passed, 1 some failed or none ran, 77 none failed but some
 * were skipped.
 */
int test_main(const char *suite, const struct test_case *cases, size_t count, int argc, char **argv);

#define TEST_MAIN(suite, cases, argc, argv) \
	test_main(suite, cases, sizeof(cases) / sizeof((cases)[0]), argc, argv)

/*
 * test_skip_all() - end the program because nothing of it can run here.
 *
 * Only for what the machine lacks and no package can bring. The reason is printed, and counted where
 * results are summed.
 */
_Noreturn void test_skip_all(const char *reason);
/* test_under_valgrind() - whether valgrind runs this program: it has no seccomp, and looks at pages by itself. */
bool test_under_valgrind(void);

/* test_skip() - count the running case as skipped, for the reason given. The case returns by itself
 * afterwards. */
void test_skip(const char *reason);

/* test_check() - record one check; any thread. Return: @ok. */
bool test_check(bool ok, const char *what, const char *file, unsigned int line);

/* test_check_eq() - record that two integers are equal and tell both if they are not; any thread. Return: are
 * they? */
bool test_check_eq(intmax_t got, intmax_t want, const char *what, const char *file, unsigned int line);

/* test_abandon() - leave the running case at once; only in the thread that runs it. */
_Noreturn void test_abandon(void);

#define CHECK(cond) test_check((cond), #cond, __FILE__, __LINE__)
#define CHECK_EQ(got, want) test_check_eq((intmax_t)(got), (intmax_t)(want), #got " == " #want, __FILE__, __LINE__)

/* REQUIRE…() - as CHECK…(), but a failure ends the case; only in the thread that runs it. */
#define REQUIRE(cond) \
	do { \
		if (!CHECK(cond)) \
			test_abandon(); \
	} while (0)
#define REQUIRE_EQ(got, want) \
	do { \
		if (!CHECK_EQ(got, want)) \
			test_abandon(); \
	} while (0)

#endif
