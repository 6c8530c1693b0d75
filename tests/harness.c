/*
 * The frame of every test program; see harness.h.
 *
 * CUnit keeps the registry, the failures and the counts. What it does not do is done here: failures from
 * several threads (its list of failures is not locked), skips, a hang that names its case, and an exit
 * status.
 */
#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <CUnit/TestRun.h>

enum { EXIT_SKIP = 77, DEFAULT_TIMEOUT = 600 };

static struct {
	pthread_mutex_t lock;	/* failures arrive from any thread */
	unsigned int number;	/* cases begun */
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
	const char *skip;	/* reason, while the running case is to be skipped */
	const char *volatile running;	/* read by the signal handler */
	time_t timeout;		/* seconds per case, 0 for none */
	timer_t timer;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool test_check(bool ok, const char *what, const char *file, unsigned int line)
{
	pthread_mutex_lock(&state.lock);
	CU_assertImplementation(ok, line, what, file, "", CU_FALSE);
	pthread_mutex_unlock(&state.lock);
	return ok;
}

bool test_check_eq(intmax_t got, intmax_t want, const char *what, const char *file, unsigned int line)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: got %" PRIdMAX ", want %" PRIdMAX, what, got, want);
	return test_check(got == want, text, file, line);
}

void test_abandon(void)
{
	CU_assertImplementation(CU_FALSE, 0, "the case was left here", "", "", CU_TRUE);
	abort();
}

void test_skip(const char *reason)
{
	state.skip = reason;
}

void test_skip_all(const char *reason)
{
	printf("SKIP: %s\n0 passed, 0 failed, 1 skipped\n", reason);
	fflush(stdout);
	exit(EXIT_SKIP);
}

/* What it preloads into each program tells. */
bool test_under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

/* Runs only when a case has hung, so it may be as blunt as async-signal-safety wants. */
static void on_timeout(int sig)
{
	static const char before[] = "\nnot ok - timed out: ";
	static const char after[] = "\n0 passed, 1 failed\n";
	const char *name = state.running;

	(void)sig;
	if (write(STDOUT_FILENO, before, sizeof(before) - 1) < 0 || write(STDOUT_FILENO, name, strlen(name)) < 0 ||
	    write(STDOUT_FILENO, after, sizeof(after) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/* A real-time signal that no test uses; it interrupts nothing unless a case has hung. */
static int watchdog_create(void)
{
	const char *text = getenv("IOASID_TEST_TIMEOUT");
	struct sigaction action = { .sa_handler = on_timeout };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMAX - 1 };

	state.timeout = text ? (time_t)strtol(text, NULL, 10) : DEFAULT_TIMEOUT;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGRTMAX - 1, &action, NULL) || timer_create(CLOCK_MONOTONIC, &event, &state.timer))
		return -errno;
	return 0;
}

static void watchdog_set(time_t seconds)
{
	struct itimerspec spec = { .it_value = { .tv_sec = seconds } };

	timer_settime(state.timer, 0, &spec, NULL);
}

static void on_start(const CU_pTest test, const CU_pSuite suite)
{
	(void)suite;
	state.running = test->pName;
	state.skip = NULL;
	watchdog_set(state.timeout);
}

static void on_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures)
{
	(void)suite;
	watchdog_set(0);
	state.number++;
	for (CU_pFailureRecord f = failures; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName ? f->strFileName : "", f->uiLineNumber,
		       f->strCondition ? f->strCondition : "");
	if (failures) {
		state.failed++;
		printf("not ok %u - %s\n", state.number, test->pName);
	} else if (state.skip) {
		state.skipped++;
		printf("ok %u - %s # SKIP: %s\n", state.number, test->pName, state.skip);
	} else {
		state.passed++;
		printf("ok %u - %s\n", state.number, test->pName);
	}
	fflush(stdout);
}

static size_t add_cases(CU_pSuite suite, const struct test_case *cases, size_t count, const char *filter)
{
	size_t added = 0;

	for (size_t i = 0; i < count; i++) {
		if (filter && !strstr(cases[i].name, filter))
			continue;
		if (!CU_add_test(suite, cases[i].name, cases[i].fn)) {
			fprintf(stderr, "cannot add \"%s\": %s\n", cases[i].name, CU_get_error_msg());
			return 0;
		}
		added++;
	}
	return added;
}

int test_main(const char *suite, const struct test_case *cases, size_t count, int argc, char **argv)
{
	CU_pSuite s;
	size_t added;
	int ret;

	if (CU_initialize_registry() != CUE_SUCCESS || watchdog_create())
		return EXIT_FAILURE;
	s = CU_add_suite(suite, NULL, NULL);
	added = s ? add_cases(s, cases, count, argc > 1 ? argv[1] : NULL) : 0;
	printf("# %s: %zu of %zu cases\n", suite, added, count);
	fflush(stdout);
	CU_set_test_start_handler(on_start);
	CU_set_test_complete_handler(on_complete);
	ret = added && CU_run_all_tests() == CUE_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
	/* A case that CUnit did not run, for whatever reason, has not passed. */
	if (state.failed || state.number != added)
		ret = EXIT_FAILURE;
	else if (!ret && state.skipped)
		ret = EXIT_SKIP;
	if (ret == EXIT_FAILURE && !state.failed)
		state.failed = 1;
	printf("%u passed, %u failed", state.passed, state.failed);
	if (state.skipped)
		printf(", %u skipped", state.skipped);
	printf("\n");
	CU_cleanup_registry();
	return fflush(stdout) ? EXIT_FAILURE : ret;
}
