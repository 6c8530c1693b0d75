/*
 * The host table gives a backend the system, the log and the core; nothing gets in the way of the program.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "counting_backend.h"
#include "libioasid/context.h"

static struct ioasid_context *context;
static const struct ioasid_be_host *host;

static void begin(const struct ioasid_be_host *system)
{
	const struct ioasid_context_args args = { .struct_size = sizeof(args), .system = system };
	struct ioasid_backend *backend = NULL;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, &args, &context, NULL), 0);
	ioasid_backend_put(backend);
	host = &context->be.host;
}

static void end(void)
{
	CHECK_EQ(ioasid_context_close(context), 0);
}

static void files(void)
{
	char path[] = "/tmp/ioasid-host-XXXXXX", buffer[16] = "";
	int fd = mkstemp(path);

	REQUIRE(fd >= 0);
	close(fd);
	begin(NULL);
	CHECK_EQ(host->open_by_name(host->host, "/nowhere/at/all", IOASID_BE_OPEN_READ), -ENOENT);
	CHECK_EQ(host->open_by_name(host->host, path, 0), -EINVAL);
	CHECK_EQ(host->open_by_name(host->host, path, 4), -EINVAL);
	CHECK_EQ(host->open_by_name(host->host, NULL, IOASID_BE_OPEN_READ), -EINVAL);
	fd = host->open_by_name(host->host, path, IOASID_BE_OPEN_READ | IOASID_BE_OPEN_WRITE);
	REQUIRE(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(host->write(host->host, fd, "abcdef", 6, IOASID_BE_OFFSET_NONE), 6);
	CHECK_EQ(host->write(host->host, fd, "XY", 2, 1), 2);
	CHECK_EQ(host->read(host->host, fd, buffer, sizeof(buffer), 0), 6);
	CHECK(!memcmp(buffer, "aXYdef", 6));
	CHECK_EQ(host->read(host->host, fd, buffer, sizeof(buffer), IOASID_BE_OFFSET_NONE), 0);
	CHECK_EQ(host->read(host->host, fd, buffer, UINT64_MAX, 0), -EINVAL);
	CHECK_EQ(host->write(host->host, fd, buffer, 1, (uint64_t)INT64_MAX + 1), -EINVAL);
	CHECK_EQ(host->close(host->host, fd), 0);
	CHECK_EQ(host->close(host->host, fd), -EBADF);
	CHECK_EQ(host->read(host->host, fd, buffer, 1, 0), -EBADF);
	fd = host->open_by_name(host->host, path, IOASID_BE_OPEN_READ);
	CHECK_EQ(host->write(host->host, fd, "z", 1, 0), -EBADF);
	CHECK_EQ(host->close(host->host, fd), 0);
	unlink(path);
	end();
}

static void mappings(void)
{
	int fd = memfd_create("host", MFD_CLOEXEC);
	char byte = 0;
	void *address = NULL;

	REQUIRE(fd >= 0);
	REQUIRE_EQ(ftruncate(fd, 8192), 0);
	begin(NULL);
	CHECK_EQ(host->mmap(host->host, fd, 4096, 4096, 8, &address), -EINVAL);
	CHECK_EQ(host->mmap(host->host, fd, 5, 4096, IOASID_BE_MAP_READ, &address), -EINVAL);
	CHECK_EQ(host->mmap(host->host, -1, 0, 4096, IOASID_BE_MAP_READ, &address), -EBADF);
	CHECK(address == NULL);
	REQUIRE_EQ(host->mmap(host->host, fd, 4096, 4096, IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE, &address),
		   0);
	*(char *)address = 'm';
	CHECK_EQ(pread(fd, &byte, 1, 4096), 1);
	CHECK_EQ(byte, 'm');
	CHECK_EQ(host->munmap(host->host, address, 4096), 0);
	CHECK_EQ(host->munmap(host->host, (char *)address + 1, 4096), -EINVAL);
	close(fd);
	end();
}

static void requests(void)
{
	int fds[2], ready = -1;

	REQUIRE_EQ(pipe(fds), 0);
	begin(NULL);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	CHECK_EQ(host->ioctl(host->host, fds[0], FIONREAD, &ready), 0);
	CHECK_EQ(ready, 3);
	CHECK_EQ(host->ioctl(host->host, fds[0], _IO(0xee, 0xee), NULL), -ENOTTY);
	CHECK_EQ(host->ioctl(host->host, -1, FIONREAD, &ready), -EBADF);
	close(fds[0]);
	close(fds[1]);
	end();
}

/* How often a name is in a buffer of names with their NULs. */
static unsigned int count_name(const char *buffer, int64_t used, const char *name)
{
	unsigned int found = 0;

	for (int64_t at = 0; at < used; at += (int64_t)strlen(buffer + at) + 1)
		found += !strcmp(buffer + at, name);
	return found;
}

/* More names than the kernel gives at once, so that the reading goes round more than one time. */
static void names(void)
{
	enum { FILES = 300 };
	static char buffer[64 * FILES];
	char folder[] = "/tmp/ioasid-host-XXXXXX", path[128];
	int64_t used;

	REQUIRE(mkdtemp(folder) != NULL);
	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/a-name-of-some-length-%u", folder, i);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	begin(NULL);
	used = host->list(host->host, folder, buffer, sizeof(buffer));
	CHECK(used > 0);
	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "a-name-of-some-length-%u", i);
		CHECK_EQ(count_name(buffer, used, path), 1);
	}
	CHECK_EQ(count_name(buffer, used, "."), 0);
	CHECK_EQ(count_name(buffer, used, ".."), 0);
	CHECK_EQ(host->list(host->host, folder, buffer, (uint64_t)used), used);
	CHECK_EQ(host->list(host->host, folder, buffer, (uint64_t)used - 1), -ERANGE);
	CHECK_EQ(host->list(host->host, folder, NULL, 10), -EINVAL);
	CHECK_EQ(host->list(host->host, "/nowhere/at/all", buffer, sizeof(buffer)), -ENOENT);
	CHECK_EQ(host->list(host->host, "/etc/passwd", buffer, sizeof(buffer)), -ENOTDIR);
	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/a-name-of-some-length-%u", folder, i);
		unlink(path);
	}
	CHECK_EQ(rmdir(folder), 0);
	end();
}

static int signal_fd;
static volatile sig_atomic_t signals, not_written;

/* Only the third signal brings what is waited for: the first two can do nothing but interrupt. */
static void on_alarm(int sig)
{
	(void)sig;
	if (++signals == 3 && write(signal_fd, "x", 1) != 1)
		not_written = 1;
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_alarm }, before;
	const struct itimerval every = { .it_interval = { .tv_usec = 20000 },
					 .it_value = { .tv_usec = 20000 } };
	const struct itimerval never = { .it_value = { 0 } };
	int fds[2];
	char byte;

	REQUIRE_EQ(pipe(fds), 0);
	signal_fd = fds[1];
	signals = 0;
	begin(NULL);
	REQUIRE_EQ(sigaction(SIGALRM, &action, &before), 0);
	setitimer(ITIMER_REAL, &every, NULL);
	CHECK_EQ(host->read(host->host, fds[0], &byte, 1, IOASID_BE_OFFSET_NONE), 1);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	CHECK(signals >= 3);
	CHECK(!not_written);
	close(fds[0]);
	close(fds[1]);
	end();
}

static void *call_with_cancel_pending(void *arg)
{
	char byte;

	pthread_cancel(pthread_self());
	host->read(host->host, -1, &byte, 1, IOASID_BE_OFFSET_NONE);
	host->open_by_name(host->host, "/dev/null", IOASID_BE_OPEN_READ);
	/* Not cancelled until here, and not at all: a sanitizer does not survive the unwinding. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	*(int *)arg = 1;
	return NULL;
}

static void no_cancellation_point(void)
{
	pthread_t thread;
	void *result;
	int came_through = 0;

	begin(NULL);
	REQUIRE_EQ(pthread_create(&thread, NULL, call_with_cancel_pending, &came_through), 0);
	REQUIRE_EQ(pthread_join(thread, &result), 0);
	CHECK_EQ(came_through, 1);
	CHECK(result == NULL);
	end();
}

/* ---- A table of the program ---- */

struct broker {
	uint64_t request;
	unsigned int calls;
};

static int32_t broker_open(void *arg, const char *path, uint32_t flags)
{
	((struct broker *)arg)->calls++;
	return path[0] == 'x' && flags == IOASID_BE_OPEN_READ ? 41 : -EACCES;
}

static int32_t broker_close(void *arg, int32_t fd)
{
	((struct broker *)arg)->calls++;
	return fd == 41 ? 0 : -EBADF;
}

static int32_t broker_ioctl(void *arg, int32_t fd, uint64_t request, void *argument)
{
	((struct broker *)arg)->calls++;
	((struct broker *)arg)->request = request;
	return argument ? fd : -EFAULT;
}

static int64_t broker_read(void *arg, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	((struct broker *)arg)->calls++;
	memset(buffer, (int)offset, size);
	return fd;
}

static int64_t broker_write(void *arg, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	((struct broker *)arg)->calls++;
	return buffer && offset == 3 ? (int64_t)size : fd;
}

static int32_t broker_mmap(void *arg, int32_t fd, uint64_t offset, uint64_t size, uint32_t access,
			   void **address)
{
	((struct broker *)arg)->calls++;
	*address = arg;
	return fd == 41 && offset == 1 && size == 2 && access == 3 ? 0 : -EINVAL;
}

static int32_t broker_munmap(void *arg, void *address, uint64_t size)
{
	((struct broker *)arg)->calls++;
	return address == arg && size == 2 ? 0 : -EINVAL;
}

static int64_t broker_list(void *arg, const char *path, char *buffer, uint64_t size)
{
	((struct broker *)arg)->calls++;
	memset(buffer, path[0], size);
	return (int64_t)size;
}

static void program_makes_the_calls(void)
{
	struct broker broker = { 0 };
	const struct ioasid_be_host table = {
		.struct_size = sizeof(table),
		.host = &broker,
		.open_by_name = broker_open,
		.close = broker_close,
		.ioctl = broker_ioctl,
		.read = broker_read,
		.write = broker_write,
		.mmap = broker_mmap,
		.munmap = broker_munmap,
		.list = broker_list,
	};
	void *address = NULL;
	char buffer[4] = "";

	begin(&table);
	CHECK_EQ(host->open_by_name(host->host, "x", IOASID_BE_OPEN_READ), 41);
	CHECK_EQ(host->ioctl(host->host, 41, UINT64_C(0xc0ffee), buffer), 41);
	CHECK_EQ(broker.request, 0xc0ffee);
	CHECK_EQ(host->read(host->host, 41, buffer, 4, 'r'), 41);
	CHECK(!memcmp(buffer, "rrrr", 4));
	CHECK_EQ(host->write(host->host, 41, buffer, 4, 3), 4);
	CHECK_EQ(host->mmap(host->host, 41, 1, 2, 3, &address), 0);
	CHECK_EQ(host->munmap(host->host, address, 2), 0);
	CHECK_EQ(host->list(host->host, "l", buffer, 4), 4);
	CHECK(!memcmp(buffer, "llll", 4));
	CHECK_EQ(host->close(host->host, 41), 0);
	CHECK_EQ(broker.calls, 8);
	end();
}

static void note_ready(void *arg, uint64_t cookie)
{
	*(uint64_t *)arg = cookie;
}

static void ready_reaches_the_core(void)
{
	uint64_t cookie = 0;

	begin(NULL);
	host->ready(host->host, 5);
	context->be.ready = note_ready;
	context->be.ready_arg = &cookie;
	host->ready(host->host, UINT64_C(0x123456789));
	CHECK_EQ(cookie, 0x123456789);
	end();
}

struct line {
	uint32_t level;
	char text[600];
};

static void note_line(void *arg, uint32_t level, const char *text)
{
	struct line *line = arg;

	line->level = level;
	snprintf(line->text, sizeof(line->text), "%s", text);
}

static void log_is_cleaned(void)
{
	struct line line = { 0 };
	char text[1000];

	begin(NULL);
	host->log(host->host, IOASID_BE_LOG_INFO, "nobody listens");
	context->be.log = note_line;
	context->be.log_arg = &line;
	/* Good: of two, three, four bytes. Not: controls, lone continuation, overlong, surrogate, beyond, C1. */
	host->log(host->host, IOASID_BE_LOG_DEBUG,
		  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
		  "a\n\x1b\x7f\x80\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xc2\x85");
	CHECK_EQ(line.level, IOASID_LOG_DEBUG);
	CHECK(!strcmp(line.text, "counting: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
				 "a???"
				 "?"
				 "??"
				 "???"
				 "????"
				 "??"));
	host->log(host->host, 99, NULL);
	CHECK_EQ(line.level, IOASID_LOG_ERROR);
	CHECK(!strcmp(line.text, "counting: "));
	/* A cut never leaves half a character. */
	for (size_t i = 0; i < 4; i++) {
		memset(text, 'a', i);
		for (size_t at = i; at + 2 < sizeof(text); at += 2)
			memcpy(text + at, "\xc3\xa9", 3);
		host->log(host->host, IOASID_BE_LOG_INFO, text);
		CHECK(strchr(line.text, '?') == NULL);
		CHECK(strlen(line.text) >= 510);
	}
	end();
}

static const struct test_case cases[] = {
	{ "files are opened close-on-exec, read and written at an offset or in order", files },
	{ "descriptors are mapped shared", mappings },
	{ "a request answers what the system answers, a failure its negative errno", requests },
	{ "a folder's names are all listed, or -ERANGE", names },
	{ "a signal in the middle of a call is not seen (S14.1)", interrupted },
	{ "no call is a cancellation point (S14.1)", no_cancellation_point },
	{ "a program can make the system calls itself", program_makes_the_calls },
	{ "a queue that is ready is told to the core", ready_reaches_the_core },
	{ "a line for the log is made one line of UTF-8, and cut between characters (S13.4)", log_is_cleaned },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("host_table", cases, argc, argv);
}
