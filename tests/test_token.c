/*
 * Tokens of processes (S2.1): what a set of type MM is called.
 */
#include "support.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t waiting_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	REQUIRE_EQ(waitpid(pid, NULL, 0), pid);
}

static void token_names_a_process(void)
{
	uint64_t zero = 0, own = 0, again = 0, child = 0;
	pid_t pid = waiting_child();

	REQUIRE(pid > 0);
	CHECK_EQ(ioasid_token_of_process(0, NULL), -EINVAL);
	CHECK_EQ(ioasid_token_of_process(-1, &own), -EINVAL);
	CHECK_EQ(ioasid_token_of_process(0, &zero), 0);
	CHECK_EQ(ioasid_token_of_process(getpid(), &own), 0);
	CHECK_EQ(ioasid_token_of_process(getpid(), &again), 0);
	CHECK_EQ(ioasid_token_of_process(pid, &child), 0);
	CHECK(zero != 0 && zero == own && own == again);
	CHECK(child != 0 && child != own);
	end_child(pid);
	again = own;
	/* Somebody else may have that pid by now. */
	if (ioasid_token_of_process(pid, &again) == 0)
		CHECK(again != child);
	else
		CHECK(again == own);
	/* No Linux has that many. */
	again = own;
	CHECK_EQ(ioasid_token_of_process(INT_MAX, &again), -ESRCH);
	CHECK(again == own);
}

/* Tell the kernel which pid comes next; somebody else may be faster. Return: may we? */
static bool next_pid(pid_t pid)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "w");
	bool ok = file && fprintf(file, "%d", (int)pid - 1) > 0;

	return file && fclose(file) == 0 && ok;
}

/* A child that has the pid of one that has ended. Return: -1: somebody else has that pid by now; -2: it
 * cannot be chosen. */
static pid_t child_again(pid_t first)
{
	pid_t second = -1;

	for (unsigned int i = 0; i < 100 && second != first; i++) {
		if (!next_pid(first))
			return -2;
		if (second > 0)
			end_child(second);
		second = waiting_child();
		REQUIRE(second > 0);
	}
	if (second == first)
		return second;
	end_child(second);
	return -1;
}

static void token_outlives_a_pid(void)
{
	uint64_t token[2] = { 0, 0 };
	pid_t second = -1;

	for (unsigned int i = 0; i < 20 && second == -1; i++) {
		pid_t first = waiting_child();

		REQUIRE(first > 0);
		CHECK_EQ(ioasid_token_of_process(first, &token[0]), 0);
		end_child(first);
		/* The kernel tells birth dates in hundredths of a second. */
		nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
		second = child_again(first);
	}
	if (second == -2) {
		test_skip("choosing the next pid needs CAP_CHECKPOINT_RESTORE and a writable /proc/sys");
		return;
	}
	REQUIRE(second > 0);
	CHECK_EQ(ioasid_token_of_process(second, &token[1]), 0);
	CHECK(token[1] != 0 && token[0] != token[1]);
	end_child(second);
}

static const struct test_case cases[] = {
	{ "S2.1 a process has one token, another process another, a dead one none", token_names_a_process },
	{ "S2.1 a pid that is used again has another token", token_outlives_a_pid },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("token", cases, argc, argv);
}
