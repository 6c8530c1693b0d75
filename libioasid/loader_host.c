/*
 * The host table: how a backend reaches the system, the log and the core.
 *
 * A backend gets our functions with its context as their first argument. They pass system calls on to
 * `system`: the library's own calls below, or a table of the program (a broker, a sandbox, a test that stands
 * in for the kernel). No function here takes a lock, is a cancellation point, or lets EINTR through (S14.1).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libioasid/loader.h"

/* Runs a call to its end and makes -errno of a failure. */
#define SYSTEM(result, call) \
	do { \
		int cancel_; \
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_); \
		do { \
			(result) = (call); \
		} while ((result) == -1 && errno == EINTR); \
		if ((result) == -1) \
			(result) = -errno; \
		pthread_setcancelstate(cancel_, NULL); \
	} while (0)

static int32_t direct_open(void *host, const char *path, uint32_t flags)
{
	static const int modes[] = { -1, O_RDONLY, O_WRONLY, O_RDWR };
	int fd;

	(void)host;
	if (!path || flags - 1 > 2)
		return -EINVAL;
	SYSTEM(fd, open(path, modes[flags] | O_CLOEXEC | O_NOCTTY));
	return fd;
}

static int32_t direct_close(void *host, int32_t fd)
{
	int rc, cancel;

	(void)host;
	/* Not again after EINTR: Linux has closed it then. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	rc = close(fd) && errno != EINTR ? -errno : 0;
	pthread_setcancelstate(cancel, NULL);
	return rc;
}

static int32_t direct_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	int rc;

	(void)host;
	SYSTEM(rc, ioctl(fd, (unsigned long)request, argument));
	return rc;
}

static int64_t direct_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	ssize_t n;

	(void)host;
	if (size > SSIZE_MAX || (offset != IOASID_BE_OFFSET_NONE && offset > INT64_MAX))
		return -EINVAL;
	if (offset == IOASID_BE_OFFSET_NONE)
		SYSTEM(n, read(fd, buffer, size));
	else
		SYSTEM(n, pread(fd, buffer, size, (off_t)offset));
	return n;
}

static int64_t direct_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	ssize_t n;

	(void)host;
	if (size > SSIZE_MAX || (offset != IOASID_BE_OFFSET_NONE && offset > INT64_MAX))
		return -EINVAL;
	if (offset == IOASID_BE_OFFSET_NONE)
		SYSTEM(n, write(fd, buffer, size));
	else
		SYSTEM(n, pwrite(fd, buffer, size, (off_t)offset));
	return n;
}

static int32_t direct_mmap(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access,
			   void **address)
{
	int protection = (access & IOASID_BE_MAP_READ ? PROT_READ : 0) |
			 (access & IOASID_BE_MAP_WRITE ? PROT_WRITE : 0);
	void *mapped;

	(void)host;
	if (access & ~(IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE) || !address || offset > INT64_MAX)
		return -EINVAL;
	mapped = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);
	if (mapped == MAP_FAILED)
		return -errno;
	*address = mapped;
	return 0;
}

static int32_t direct_munmap(void *host, void *address, uint64_t size)
{
	(void)host;
	return munmap(address, size) ? -errno : 0;
}

/* What getdents64 writes: the kernel's layout, which the C library has no name for. */
struct directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Appends the names of one buffer of entries; answers the bytes used so far, or -ERANGE. */
static int64_t add_names(const char *entries, size_t size, char *buffer, uint64_t room, int64_t used)
{
	for (size_t at = 0; at < size; ) {
		const char *name = entries + at + offsetof(struct directory_entry, name);
		size_t length = strlen(name) + 1;
		uint16_t step;

		memcpy(&step, entries + at + offsetof(struct directory_entry, length), sizeof(step));
		at += step;
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (length > room - (uint64_t)used)
			return -ERANGE;
		memcpy(buffer + used, name, length);
		used += (int64_t)length;
	}
	return used;
}

/* Not opendir: it takes memory from the program's malloc. */
static int64_t direct_list(void *host, const char *path, char *buffer, uint64_t size)
{
	char entries[4096];
	int64_t used = 0;
	long n = 0;
	int fd;

	(void)host;
	if (!path || (size && !buffer))
		return -EINVAL;
	SYSTEM(fd, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	while (used >= 0) {
		SYSTEM(n, syscall(SYS_getdents64, fd, entries, sizeof(entries)));
		if (n <= 0)
			break;
		used = add_names(entries, (size_t)n, buffer, size, used);
	}
	direct_close(NULL, fd);
	return n < 0 ? n : used;
}

static const struct ioasid_be_host direct = {
	.struct_size = sizeof(direct),
	.open_by_name = direct_open,
	.close = direct_close,
	.ioctl = direct_ioctl,
	.read = direct_read,
	.write = direct_write,
	.mmap = direct_mmap,
	.munmap = direct_munmap,
	.list = direct_list,
};

static void host_log(void *host, uint32_t level, const char *text)
{
	ioasid__be_log(host, level <= IOASID_BE_LOG_DEBUG ? level : IOASID_BE_LOG_ERROR, "%s: %s",
		       ((const struct be_context *)host)->backend->name, text ? text : "");
}

static void host_ready(void *host, uint64_t cookie)
{
	const struct be_context *be = host;

	if (be->ready)
		be->ready(be->ready_arg, cookie);
}

/* A program that makes the calls itself, a broker, knows what it may. */
static bool by_name_refused(const struct be_context *be)
{
	/* Acquire pairs with the release of the seal. */
	return atomic_load_explicit(&be->sealed, memory_order_acquire) && be->system.open_by_name == direct_open;
}

static int32_t host_open(void *host, const char *path, uint32_t flags)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	if (by_name_refused(host))
		return -EPERM;
	return system->open_by_name(system->host, path, flags);
}

static int32_t host_close(void *host, int32_t fd)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	return system->close(system->host, fd);
}

static int32_t host_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	return system->ioctl(system->host, fd, request, argument);
}

static int64_t host_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	return system->read(system->host, fd, buffer, size, offset);
}

static int64_t host_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	return system->write(system->host, fd, buffer, size, offset);
}

static int32_t host_mmap(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access,
			 void **address)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	return system->mmap(system->host, fd, offset, size, access, address);
}

static int32_t host_munmap(void *host, void *address, uint64_t size)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	return system->munmap(system->host, address, size);
}

static int64_t host_list(void *host, const char *path, char *buffer, uint64_t size)
{
	const struct ioasid_be_host *system = &((struct be_context *)host)->system;

	if (by_name_refused(host))
		return -EPERM;
	return system->list(system->host, path, buffer, size);
}

int ioasid__host_init(struct be_context *be, const struct ioasid_be_host *system, struct ioasid_reason *why)
{
	const struct ioasid_be_host *from = system ? system : &direct;

	if (from->struct_size < sizeof(*from) || !from->open_by_name || !from->close || !from->ioctl ||
	    !from->read || !from->write || !from->mmap || !from->munmap || !from->list) {
		ioasid__reason_set(why, "the table of system calls lacks an operation");
		return -EINVAL;
	}
	be->system = *from;
	be->host = (struct ioasid_be_host) {
		.struct_size = sizeof(be->host),
		.host = be,
		.log = host_log,
		.ready = host_ready,
		.open_by_name = host_open,
		.close = host_close,
		.ioctl = host_ioctl,
		.read = host_read,
		.write = host_write,
		.mmap = host_mmap,
		.munmap = host_munmap,
		.list = host_list,
	};
	return 0;
}

void ioasid__be_log(const struct be_context *be, uint32_t level, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!be->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	ioasid__text_clean(line, sizeof(line));
	be->log(be->log_arg, level, line);
}
