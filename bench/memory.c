/*
 * The memory of a live ID: a process per contestant fills a pool with 2^20 - 1 IDs and looks how much its
 * resident memory grew.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/memory.h"

#define SETS 10000u

extern char **environ;

static long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, pages = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

int bench_memory_here(const struct peer *peer)
{
	uint32_t i, n = PEER_CAPACITY - 1;
	long before = resident();
	struct ioasid_set *set;
	void *world;
	ioasid_t id;

	world = peer->open();
	set = world == NULL ? NULL : peer->set_new(world, n);
	for (i = 0; set != NULL && i < n; i++)
		if (peer->alloc(set, 1, n, world, &id) != 0)
			set = NULL;
	if (set == NULL)
		return 1;
	printf("%.2f\n", (double)(resident() - before) / n);
	return 0;
}

int bench_memory_sets_here(const struct peer *peer)
{
	struct ioasid_set *set;
	void *world = peer->open();
	uint32_t i;
	long before;

	/* The first ones bring what the contestant makes once. */
	for (i = 0; world != NULL && i < SETS / 10; i++)
		if (peer->set_new(world, 16) == NULL)
			return 1;
	before = resident();
	for (i = 0; world != NULL && i < SETS; i++) {
		set = peer->set_new(world, 16);
		if (set == NULL)
			return 1;
	}
	printf("%.2f\n", (double)(resident() - before) / SETS);
	return world == NULL;
}

static const char *files[4];
static unsigned int file_count;

void bench_memory_file(const char *path)
{
	if (file_count < sizeof(files) / sizeof(files[0]))
		files[file_count++] = path;
}

static double ask(const struct peer *peer, const char *what)
{
	char file_option[] = "--peer-file", option[16], name[32], self[] = "/proc/self/exe", text[64] = "";
	char paths[sizeof(files) / sizeof(files[0])][4096];
	char *argv[4 + 2 * (sizeof(files) / sizeof(files[0]))] = { self };
	posix_spawn_file_actions_t actions;
	int pipe_fds[2], status = 1;
	ssize_t got;
	unsigned int i, n = 1;
	pid_t pid;

	for (i = 0; i < file_count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", files[i]);
		argv[n++] = file_option;
		argv[n++] = paths[i];
	}
	argv[n++] = option;
	argv[n] = name;
	snprintf(option, sizeof(option), "%s", what);
	snprintf(name, sizeof(name), "%s", peer->name);
	if (pipe(pipe_fds) != 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, pipe_fds[0]);
	if (posix_spawn(&pid, self, &actions, NULL, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fds[1]);
	got = read(pipe_fds[0], text, sizeof(text) - 1);
	close(pipe_fds[0]);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0))
		got = -1;
	return got > 0 ? strtod(text, NULL) : -1;
}

double bench_memory_of(const struct peer *peer)
{
	return ask(peer, "--memory-of");
}

double bench_memory_of_set(const struct peer *peer)
{
	return peer == &peer_floor ? -1 : ask(peer, "--sets-of");
}
