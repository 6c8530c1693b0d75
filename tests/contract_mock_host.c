/* The contract suite on the mock: the host table of its contexts, which makes system calls and counts what is
 * ready. */
#include "tests/contract_mock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void host_log(void *host, uint32_t level, const char *text)
{
	(void)host;
	CHECK(level <= IOASID_BE_LOG_DEBUG && text && !strchr(text, '\n'));
}

/* The place of a cookie's count: the suite uses few. */
static atomic_uint *ready_count(struct contract_mock_host *host, uint64_t cookie)
{
	return &host->ready[cookie % CONTRACT_MOCK_COOKIES];
}

static void host_ready(void *host, uint64_t cookie)
{
	atomic_fetch_add(ready_count(host, cookie), 1);
}

unsigned int contract_mock_host_ready(struct contract_mock_host *host, uint64_t cookie)
{
	return atomic_load(ready_count(host, cookie));
}

static int32_t host_open(void *host, const char *path, uint32_t flags)
{
	int fd = open(path, O_CLOEXEC | (flags & IOASID_BE_OPEN_WRITE ? O_RDWR : O_RDONLY));

	(void)host;
	return fd < 0 ? -errno : fd;
}

static int32_t host_close(void *host, int32_t fd)
{
	(void)host;
	return close(fd) ? -errno : 0;
}

static int32_t host_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	(void)host;
	(void)fd;
	(void)request;
	(void)argument;
	return IOASID_BE_ENOTTY;
}

static int64_t host_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	ssize_t got = offset == IOASID_BE_OFFSET_NONE ? read(fd, buffer, size) : pread(fd, buffer, size, (off_t)offset);

	(void)host;
	return got < 0 ? -errno : got;
}

static int64_t host_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	ssize_t put = offset == IOASID_BE_OFFSET_NONE ? write(fd, buffer, size) : pwrite(fd, buffer, size, (off_t)offset);

	(void)host;
	return put < 0 ? -errno : put;
}

static int32_t host_mmap(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access, void **address)
{
	int protection = (access & IOASID_BE_MAP_READ ? PROT_READ : 0) | (access & IOASID_BE_MAP_WRITE ? PROT_WRITE : 0);
	void *mapped = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);

	(void)host;
	if (mapped == MAP_FAILED)
		return -errno;
	*address = mapped;
	return 0;
}

static int32_t host_munmap(void *host, void *address, uint64_t size)
{
	(void)host;
	return munmap(address, size) ? -errno : 0;
}

static int64_t host_list(void *host, const char *path, char *buffer, uint64_t size)
{
	(void)host;
	(void)path;
	(void)buffer;
	(void)size;
	return IOASID_BE_ENOENT;
}

void contract_mock_host_init(struct contract_mock_host *host)
{
	memset(host, 0, sizeof(*host));
	host->table = (struct ioasid_be_host){
		.struct_size = sizeof(host->table), .host = host, .log = host_log, .ready = host_ready,
		.open_by_name = host_open, .close = host_close, .ioctl = host_ioctl, .read = host_read, .write = host_write,
		.mmap = host_mmap, .munmap = host_munmap, .list = host_list,
	};
}
