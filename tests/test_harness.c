/*
 * The frame of the tests itself: a frame that cannot fail would make every test worthless. Each case runs
 * this program again with a suite in it that fails, hangs, skips or is empty, and looks at how that ended.
 */
#include "harness.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self;

static void passes(void)
{
	CHECK_EQ(2 + 2, 4);
}

static void fails(void)
{
	CHECK_EQ(2 + 2, 5);
}

static void *failing_thread(void *arg)
{
	CHECK(arg != NULL);
	return NULL;
}

static void fails_in_a_thread(void)
{
	pthread_t thread;

	REQUIRE_EQ(pthread_create(&thread, NULL, failing_thread, NULL), 0);
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
}

static void fails_at_a_requirement(void)
{
	REQUIRE(self == NULL);
	exit(EXIT_SUCCESS);
}

static void hangs(void)
{
	for (;;)
		pause();
}

static void skips(void)
{
	test_skip("as a test");
}

static const struct test_case inner[] = {
	{ "passes", passes },
	{ "fails", fails },
	{ "loses a check in a thread", fails_in_a_thread },
	{ "stops at a requirement", fails_at_a_requirement },
	{ "hangs", hangs },
	{ "skips", skips },
};

/* Run the inner suite with a filter. Return: its exit status, its output in @text, cut to @size. */
static int run_inner(const char *filter, char *text, size_t size)
{
	/* Only what is to hang has a limit that a case which is kept waiting for a processor can exceed. */
	bool hangs_in_it = strstr("hangs", filter) != NULL;
	char command[1024];
	size_t n;
	FILE *f;
	int status;

	snprintf(command, sizeof(command), "IOASID_TEST_INNER=1 IOASID_TEST_TIMEOUT=%d '%s' '%s' </dev/null 2>&1",
		 hangs_in_it ? 1 : 0, self, filter);
	f = popen(command, "r");
	REQUIRE(f != NULL);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(const char *filter, int status, const char *line)
{
	char text[4096];

	CHECK_EQ(run_inner(filter, text, sizeof(text)), status);
	if (!CHECK(strstr(text, line) != NULL))
		printf("# no \"%s\" in:\n%s", line, text);
}

static void passing_is_success(void)
{
	expect("passes", EXIT_SUCCESS, "\n1 passed, 0 failed\n");
}

static void failing_is_failure(void)
{
	expect("fails", EXIT_FAILURE, "got 4, want 5");
	expect("fails", EXIT_FAILURE, "\n0 passed, 1 failed\n");
	expect("s", EXIT_FAILURE, "not ok");
}

static void thread_failure_counts(void)
{
	expect("loses a check", EXIT_FAILURE, "\n0 passed, 1 failed\n");
}

static void requirement_ends_the_case(void)
{
	expect("stops at", EXIT_FAILURE, "\n0 passed, 1 failed\n");
}

static void nothing_run_is_failure(void)
{
	expect("no case is called so", EXIT_FAILURE, "\n0 passed, 1 failed\n");
}

static void hang_names_its_case(void)
{
	expect("hangs", EXIT_FAILURE, "timed out: hangs");
}

static void skip_is_told(void)
{
	expect("skips", 77, "\n0 passed, 0 failed, 1 skipped\n");
}

static const struct test_case cases[] = {
	{ "a suite that passes ends with 0 and its counts", passing_is_success },
	{ "a failed check fails the suite and is printed with both values", failing_is_failure },
	{ "a failed check in another thread fails the suite", thread_failure_counts },
	{ "a failed requirement ends its case and fails the suite", requirement_ends_the_case },
	{ "a filter that matches nothing fails the suite", nothing_run_is_failure },
	{ "a case that hangs is ended and named", hang_names_its_case },
	{ "a skipped case is counted and ends the suite with 77", skip_is_told },
};

int main(int argc, char **argv)
{
	self = argv[0];
	if (getenv("IOASID_TEST_INNER"))
		return TEST_MAIN("inner", inner, argc, argv);
	return TEST_MAIN("harness", cases, argc, argv);
}
