/*
 * Failures on demand; see faults.h.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <ioasid/ioasid.h>

#include "harness.h"

static _Thread_local struct {
	unsigned int next; /* 0: nothing fails */
	bool on;
	unsigned int failed;
	bool memory, threads, descriptors; /* what of it */
} fault;

/* Is this request the one? */
static bool fails(bool *kind)
{
	if (!fault.next || --fault.next)
		return false;
	if (fault.on)
		fault.next = 1;
	fault.failed++;
	*kind = true;
	return true;
}

void faults_arm(unsigned int n, bool on)
{
	memset(&fault, 0, sizeof(fault));
	fault.next = n;
	fault.on = on;
}

unsigned int faults_disarm(void)
{
	fault.next = 0;
	return fault.failed;
}

bool faults_explain(int err)
{
	return (err == -ENOMEM && fault.memory) || (err == -EAGAIN && fault.threads) ||
	       (err == -EMFILE && fault.descriptors);
}

/* --- Memory --- */

static atomic_uint_fast64_t bytes, blocks;
static int mark;

struct head {
	size_t size;
	void *mark;
	char pad[64 - sizeof(size_t) - sizeof(void *)];
};

static void *take(void *context, size_t size, size_t align)
{
	struct head *head;

	CHECK(context == &mark);
	CHECK(size > 0 && align > 0 && (align & (align - 1)) == 0 && align <= sizeof(*head));
	if (fails(&fault.memory))
		return NULL;
	head = aligned_alloc(sizeof(*head), (sizeof(*head) + size + sizeof(*head) - 1) & ~(sizeof(*head) - 1));
	if (!head)
		return NULL;
	head->size = size;
	head->mark = &mark;
	atomic_fetch_add(&bytes, size);
	atomic_fetch_add(&blocks, 1);
	/* Memory is not zeroed unless the library does it. */
	memset(head + 1, 0xa5, size);
	return head + 1;
}

static void give_back(void *context, void *memory, size_t size)
{
	struct head *head = (struct head *)memory - 1;

	CHECK(context == &mark);
	if (!CHECK(head->mark == &mark) || !CHECK_EQ(head->size, size))
		return;
	atomic_fetch_sub(&bytes, size);
	atomic_fetch_sub(&blocks, 1);
	head->mark = NULL;
	free(head);
}

static const struct ioasid_memory memory = { .alloc = take, .free = give_back, .context = &mark };

int faults_begin(void)
{
	return ioasid_memory_use(&memory);
}

void faults_check(const char *when)
{
	uint64_t used = UINT64_MAX, count = UINT64_MAX;

	CHECK_EQ(ioasid_memory_used(&used, &count), 0);
	CHECK_EQ(used, atomic_load(&bytes));
	CHECK_EQ(count, atomic_load(&blocks));
	/* It lets go of what this thread had cached, and refuses if there is more. */
	if (!CHECK_EQ(ioasid_memory_use(&memory), 0))
		printf("# memory is held after %s\n", when);
	CHECK_EQ(ioasid_memory_used(&used, &count), 0);
	CHECK_EQ(used, 0);
	CHECK_EQ(count, 0);
}

/* --- What the linker puts in the place of the C library's --- */

void *__real_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_fcntl(int fd, int op, ...);
int __wrap_fcntl(int fd, int op, ...);

void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	if (fails(&fault.memory)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(addr, length, prot, flags, fd, offset);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg)
{
	return fails(&fault.threads) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

int __wrap_eventfd(unsigned int count, int flags)
{
	if (fails(&fault.descriptors)) {
		errno = EMFILE;
		return -1;
	}
	return __real_eventfd(count, flags);
}

int __wrap_epoll_create1(int flags)
{
	if (fails(&fault.descriptors)) {
		errno = EMFILE;
		return -1;
	}
	return __real_epoll_create1(flags);
}

int __wrap_fcntl(int fd, int op, ...)
{
	va_list args;
	int arg;

	va_start(args, op);
	arg = op == F_GETFD || op == F_GETFL ? 0 : va_arg(args, int);
	va_end(args);
	if (op == F_DUPFD_CLOEXEC && fails(&fault.descriptors)) {
		errno = EMFILE;
		return -1;
	}
	return __real_fcntl(fd, op, arg);
}
