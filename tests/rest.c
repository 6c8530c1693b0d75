/*
 * Has a thread come to rest? See support.h.
 */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The letter that the kernel gives the state of a thread of ours: 'S' sleeps; 0: no such thread. */
static char task_state(pid_t tid)
{
	char path[64], text[512];
	const char *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : 0;
}

/* How long a thread has had a processor, in ns; 0 once it has ended. */
static uint64_t task_cpu_time(struct task *task)
{
	struct timespec t;
	clockid_t clock;

	if (pthread_getcpuclockid(task->thread, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/*
 * Asleep in each look of a while. Whoever waits by looking again and again is taken to be at rest when that
 * has used a processor for a second. One that gets no processor is not at rest, however long that lasts.
 */
bool task_blocked(struct task *task)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const uint64_t busy = task_cpu_time(task) + UINT64_C(1000000000);
	unsigned int asleep = 0;

	while (asleep < 20 && task_cpu_time(task) < busy) {
		if (atomic_load(&task->done))
			return false;
		if (atomic_load(&task->tid) && task_state(atomic_load(&task->tid)) == 'S')
			asleep++;
		else
			asleep = 0;
		nanosleep(&pause, NULL);
	}
	return !atomic_load(&task->done);
}
