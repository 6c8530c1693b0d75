/*
 * The library's own memory.
 *
 * Each block has a head in front of it with its size and how it was aligned, so that it can be given back
 * with its size and counted. The head is also where a block of the wrong origin would show.
 */
#include "libioasid/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ioasid/stats.h>

#include "libioasid/fork.h"
#include "libioasid/lock.h"
#include "libioasid/thread.h"

/* jemalloc's arena interface, there only if the process links jemalloc. */
#ifdef HAVE_JEMALLOC
extern void *mallocx(size_t size, int flags) __attribute__((weak));
extern void dallocx(void *ptr, int flags) __attribute__((weak));
extern int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen) __attribute__((weak));
/* Past the threads' caches of jemalloc, which would mix our blocks with the host's. */
#define NO_CACHE 0x100
#define ARENA_FLAGS(arena, align) ((int)((((arena) + 1) << 20) | NO_CACHE | (unsigned int)__builtin_ctzl(align)))
#endif

struct block_head {
	size_t size; /* of the whole allocation, head included */
	size_t offset; /* from its begin to the user's part */
};

static struct lock lock_memory = LOCK_INIT(RANK_PROCESS);
static struct ioasid_memory custom; /* alloc is NULL: the default; under lock_memory, read while blocks are out */
#ifdef HAVE_JEMALLOC
static atomic_uint arena_plus_one;  /* jemalloc's arena; 0: none yet */
#endif
static atomic_uint_fast64_t bytes_used, blocks_used;

/* Does the process have jemalloc? */
static bool jemalloc_here(void)
{
#ifdef HAVE_JEMALLOC
	return mallocx != NULL && dallocx != NULL && mallctl != NULL;
#else
	return false;
#endif
}

#ifdef HAVE_JEMALLOC
static unsigned int arena_get(void)
{
	unsigned int arena = atomic_load_explicit(&arena_plus_one, memory_order_acquire);
	size_t len = sizeof(arena);

	if (arena != 0)
		return arena;
	lock(&lock_memory);
	arena = atomic_load_explicit(&arena_plus_one, memory_order_relaxed);
	if (arena == 0 && mallctl("arenas.create", &arena, &len, NULL, 0) == 0)
		atomic_store_explicit(&arena_plus_one, ++arena, memory_order_release);
	unlock(&lock_memory);
	return arena;
}
#endif

static void *raw_alloc(size_t size, size_t align)
{
	void *p = NULL;

	if (custom.alloc != NULL)
		return custom.alloc(custom.context, size, align);
#ifdef HAVE_JEMALLOC
	if (jemalloc_here()) {
		unsigned int arena = arena_get();

		return arena == 0 ? NULL : mallocx(size, ARENA_FLAGS(arena - 1, align));
	}
#endif
	return posix_memalign(&p, align, size) == 0 ? p : NULL;
}

static void raw_free(void *p, size_t size)
{
	if (custom.alloc != NULL) {
		custom.free(custom.context, p, size);
		return;
	}
#ifdef HAVE_JEMALLOC
	if (jemalloc_here()) {
		dallocx(p, NO_CACHE);
		return;
	}
#endif
	free(p);
}

static void *block_alloc(size_t size, size_t align)
{
	size_t offset = align > sizeof(struct block_head) ? align : sizeof(struct block_head);
	struct block_head *head;
	char *begin;

	if (size > SIZE_MAX - offset)
		return NULL;
	begin = raw_alloc(size + offset, align);
	if (begin == NULL)
		return NULL;
	head = (struct block_head *)(void *)(begin + offset) - 1;
	head->size = size + offset;
	head->offset = offset;
	/* Counters for people; nothing is ordered by them. */
	atomic_fetch_add_explicit(&bytes_used, size + offset, memory_order_relaxed);
	atomic_fetch_add_explicit(&blocks_used, 1, memory_order_relaxed);
	return begin + offset;
}

void *mem_alloc(size_t size)
{
	return block_alloc(size, sizeof(struct block_head));
}

void *mem_zalloc(size_t size)
{
	void *p = mem_alloc(size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

void *mem_zalloc_line(size_t size)
{
	void *p = block_alloc(size, CACHE_LINE);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

char *mem_strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = mem_alloc(size);

	if (copy != NULL)
		memcpy(copy, s, size);
	return copy;
}

void mem_free(void *p)
{
	struct block_head head;

	if (p == NULL)
		return;
	head = ((struct block_head *)p)[-1];
	atomic_fetch_sub_explicit(&bytes_used, head.size, memory_order_relaxed);
	atomic_fetch_sub_explicit(&blocks_used, 1, memory_order_relaxed);
	raw_free((char *)p - head.offset, head.size);
}

void *mem_map(size_t size)
{
	size_t spare = size >= HUGE_PAGE ? HUGE_PAGE : 0, head;
	char *p = mmap(NULL, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if ((void *)p == MAP_FAILED)
		return NULL;
	if (spare != 0) {
		head = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
		if (head != 0)
			munmap(p, head);
		munmap(p + head + size, spare - head);
		p += head;
	}
	return p;
}

void mem_prefer_huge(void *p, size_t size)
{
	int saved = errno;

	/* Where the kernel knows no huge pages, or has none to spare, small ones do. */
	(void)madvise(p, size, MADV_HUGEPAGE);
	errno = saved;
}

void mem_unmap(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, size);
}

bool mem_by_malloc(void)
{
	return custom.alloc == NULL && !jemalloc_here();
}

void mem_warm(void)
{
	/* These are too small to be mapped one by one, and together more than a heap keeps. */
	const size_t size = 96u << 10;
	void *blocks[8];
	size_t n = sizeof(blocks) / sizeof(blocks[0]);

	for (size_t i = 0; i < n; i++)
		blocks[i] = mem_alloc(size);
	for (size_t i = n; i-- > 0; )
		mem_free(blocks[i]);
}

int ioasid_memory_use(const struct ioasid_memory *memory)
{
	int err = 0;

	if (ioasid__forked())
		return -EPERM;
	if (memory != NULL && (memory->alloc == NULL || memory->free == NULL))
		return -EINVAL;
	if (ioasid__restricted())
		return -EDEADLK;
	ioasid__thread_trim();
	lock(&lock_memory);
	if (atomic_load_explicit(&blocks_used, memory_order_relaxed) != 0)
		err = -EBUSY;
	else if (memory != NULL)
		custom = *memory;
	else
		memset(&custom, 0, sizeof(custom));
	unlock(&lock_memory);
	return err;
}

int ioasid_memory_used(uint64_t *bytes, uint64_t *blocks)
{
	if (bytes == NULL)
		return -EINVAL;
	*bytes = atomic_load_explicit(&bytes_used, memory_order_relaxed);
	if (blocks != NULL)
		*blocks = atomic_load_explicit(&blocks_used, memory_order_relaxed);
	return 0;
}
