/*
 * Every function of the core, with the n-th thing that it asks for not given, for every n (S0.1, S0.2).
 *
 * A call either says that it failed, and why, and has changed nothing and told nobody; or it succeeds all the
 * same. In both cases the same call works afterwards, and in the end the library holds no memory. Calls that
 * promise to need none are made with none.
 */
#include "failnth.h"
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, STATE = 2048 };

/* One attempt: a call with the n-th request failing, and perhaps all after it, perhaps in a thread that is
 * new to the library. */
struct attempt {
	const struct scenario *scenario;
	struct ground *ground;
	unsigned int n;
	bool on;
	bool fresh_thread;
	int ret;
	unsigned int failed;
	bool explained;
};

static void make_call(void *arg)
{
	struct attempt *a = arg;

	faults_arm(a->n, a->on);
	a->ret = a->scenario->call(a->ground);
	a->failed = faults_disarm();
	a->explained = faults_explain(a->ret);
}

static void complain(const struct attempt *a, const char *what)
{
	printf("# %s, request %u%s, %s: answered %d, %s\n", a->scenario->name, a->n, a->on ? " and all after it" : "",
	       a->fresh_thread ? "new thread" : "main thread", a->ret, what);
}

/* Return: did anything fail? If not, there are no more requests. */
static bool attempt(struct attempt *a, bool workers)
{
	char before[STATE], after[STATE];
	struct ground g;
	struct task task;

	a->ground = &g;
	ground_begin(&g, workers);
	if (a->scenario->prepare)
		a->scenario->prepare(&g);
	ground_state(&g, before, sizeof(before));
	journal_clear(&g.journal);
	if (a->fresh_thread) {
		task_start(&task, make_call, a);
		task_join(&task);
	} else {
		make_call(a);
	}
	if (a->ret < 0) {
		if (!CHECK(a->explained && !a->scenario->never))
			complain(a, "which nothing explains");
		ground_state(&g, after, sizeof(after));
		if (!CHECK(!strcmp(before, after))) {
			complain(a, "but something has changed");
			printf("# %s\n# %s\n", before, after);
		}
		if (!CHECK_EQ(journal_count(&g.journal), 0))
			complain(a, g.journal.text);
		a->ret = a->scenario->call(&g);
		if (!CHECK(a->ret >= 0))
			complain(a, "though nothing fails any more");
	}
	if (a->ret >= 0 && a->scenario->undo)
		a->scenario->undo(&g);
	ground_state(&g, after, sizeof(after));
	if (!a->scenario->prepare && !CHECK(!strcmp(before, after))) {
		complain(a, "and undoing it left something");
		printf("# %s\n# %s\n", before, after);
	}
	ground_end(&g);
	faults_check(a->scenario->name);
	return a->failed > 0;
}

static unsigned int sweep(const struct scenario *scenarios, size_t count, bool on, bool fresh_thread, bool workers)
{
	unsigned int failures = 0;

	for (size_t i = 0; i < count; i++) {
		struct attempt a = { .scenario = &scenarios[i], .on = on, .fresh_thread = fresh_thread };
		bool more = true;

		for (a.n = 1; more && CHECK(a.n < MOST); a.n++) {
			more = attempt(&a, workers);
			failures += more;
		}
	}
	return failures;
}

/* The thread that makes the calls has caches, or is new; the pool has workers, or not. */
static void sweep_all(bool on, bool fresh_thread)
{
	for (unsigned int workers = 0; workers < 2; workers++) {
		CHECK(sweep(scenarios_of_ids, scenarios_of_ids_count, on, fresh_thread, workers) > 20);
		CHECK(sweep(scenarios_of_events, scenarios_of_events_count, on, fresh_thread, workers) > 20);
	}
}

static void one_fails(void)
{
	sweep_all(false, false);
}

static void one_fails_in_a_new_thread(void)
{
	sweep_all(false, true);
}

static void all_fail(void)
{
	sweep_all(true, false);
}

static void all_fail_in_a_new_thread(void)
{
	sweep_all(true, true);
}

/* Creating a pool asks for all kinds of things, and names what it did not get. */
static void pool_names_what_it_lacks(void)
{
	static const struct ioasid_pool_attr attr[2] = {
		{ .struct_size = sizeof(attr[0]) },
		{ .struct_size = sizeof(attr[0]), .flags = IOASID_POOL_NO_WORKER },
	};
	unsigned int memory = 0, threads = 0, descriptors = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct ioasid_pool *pool = NULL;
		int ret = -1;

		for (unsigned int n = 1; n < MOST && ret; n++) {
			faults_arm(n, false);
			ret = ioasid_pool_create(&attr[i], &pool);
			faults_disarm();
			CHECK((ret == 0) == (pool != NULL));
			memory += ret == -ENOMEM;
			threads += ret == -EAGAIN;
			descriptors += ret == -EMFILE;
		}
		REQUIRE_EQ(ret, 0);
		pool_end(pool);
		faults_check("pool_create");
	}
	CHECK(memory > 20);
	CHECK_EQ(threads, 1);
	CHECK_EQ(descriptors, 1);
}

static const struct test_case cases[] = {
	{ "S0.2 the creation of a pool names what it did not get: memory, a thread, a descriptor",
	  pool_names_what_it_lacks },
	{ "S0.2 one request fails: every call is done or not, tells which, and can be repeated", one_fails },
	{ "S0.2 one request fails in a thread that is new to the library", one_fails_in_a_new_thread },
	{ "S0.2 from one request on nothing is given: the same", all_fail },
	{ "S0.2 from one request on nothing is given to a new thread: the same", all_fail_in_a_new_thread },
};

int main(int argc, char **argv)
{
	if (faults_begin())
		return EXIT_FAILURE;
	return TEST_MAIN("failnth", cases, argc, argv);
}
