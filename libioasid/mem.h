/*
 * The library's own memory: the one place that names jemalloc.
 *
 * Blocks come from the functions that the host gave (ioasid_memory_use), else from a jemalloc arena of our
 * own if the process has jemalloc, else from malloc. Whole tables are mapped, zeroed on demand, and cost
 * memory only where they are touched.
 */
#ifndef IOASID_MEM_H
#define IOASID_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Short names in the code, the library's prefix in the object (S14.3). */
#define mem_alloc ioasid__mem_alloc
#define mem_zalloc ioasid__mem_zalloc
#define mem_zalloc_line ioasid__mem_zalloc_line
#define mem_strdup ioasid__mem_strdup
#define mem_free ioasid__mem_free
#define mem_map ioasid__mem_map
#define mem_unmap ioasid__mem_unmap
#define mem_prefer_huge ioasid__mem_prefer_huge
#define mem_by_malloc ioasid__mem_by_malloc
#define mem_warm ioasid__mem_warm

/* Aligned for any type; NULL: no memory. */
void *mem_alloc(size_t size);
/* The same, zeroed. */
void *mem_zalloc(size_t size);
/* Zeroed, beginning at a cache line. Freed with mem_free() too. */
void *mem_zalloc_line(size_t size);
/* A copy of a string; NULL: no memory. */
char *mem_strdup(const char *s);
/* Gives a block back; NULL does nothing. */
void mem_free(void *p);

/* Zeroed pages of address space, backed on first touch; from the size of a huge page on they begin at one.
 * NULL:
 * no memory. */
void *mem_map(size_t size);
void mem_unmap(void *p, size_t size);
/* From here on the part of a mapping may be backed by huge pages. Keeps errno. */
#define HUGE_PAGE ((size_t)2 << 20)
void mem_prefer_huge(void *p, size_t size);

/* Do blocks come from the C library's malloc? */
bool mem_by_malloc(void);
/* Makes the heap that malloc has for this thread grow, and shrink again. */
void mem_warm(void);

#define CACHE_LINE 64

#endif
