/*
 * Address spaces: what a device sees when it does DMA, or what nested page tables stand on (S16).
 *
 * An address space belongs to a context and is shared by any of its devices and by any sets. It is counted:
 * while a device's home, a binding or a nested table uses it, it cannot be destroyed. What is mapped in it is
 * the business of whoever made it; an adopted one was made by somebody else, who keeps it.
 */
#ifndef IOASID_ADDRESS_SPACE_H
#define IOASID_ADDRESS_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/context.h>
#include <ioasid/export.h>
#include <ioasid/reason.h>

IOASID_BEGIN_DECLS

struct ioasid_address_space;

/* What an address space is for (S16.2). */
#define IOASID_USE_PASID UINT32_C(1)  /* IOASIDs can be put on it */
#define IOASID_USE_PARENT UINT32_C(2) /* nested page tables can stand on it */
#define IOASID_USE_DIRTY UINT32_C(4)  /* pages that were written can be told */
#define IOASID_USE_FAULT UINT32_C(8)  /* devices may ask for pages: somebody reads the faults (fault.h) */

#define IOASID_MAP_READ UINT32_C(1)
#define IOASID_MAP_WRITE UINT32_C(2)

/* A mapping. All of iova, length and address or offset are multiples of the smallest page size. */
struct ioasid_mapping {
	uint32_t struct_size; /* sizeof(struct ioasid_mapping); zero beyond what is known */
	uint32_t access;      /* IOASID_MAP_*, at least one */
	uint64_t iova;        /* where the device sees it */
	uint64_t length;      /* bytes, not 0 */
	void *address;        /* map: the memory; else NULL */
	uint64_t offset;      /* map_file: where in the file; copy: the iova in the other one; map: 0 */
	int32_t fd;           /* map_file: the file, borrowed for the call; else not looked at */
	uint32_t reserved;    /* 0 */
};

/* Which pages were written: bit n of the bitmap is the page at iova + n * page_size (S16.4). */
#define IOASID_DIRTY_CLEAR UINT32_C(1) /* make them clean by the same step */
struct ioasid_dirty {
	uint32_t struct_size; /* sizeof(struct ioasid_dirty); zero beyond what is known */
	uint32_t flags;       /* IOASID_DIRTY_CLEAR or 0 */
	uint64_t iova;        /* a multiple of page_size */
	uint64_t length;      /* bytes, a multiple of page_size, not 0 */
	uint64_t page_size;   /* bytes that one bit speaks of, a power of two */
	uint64_t *bitmap;     /* bits are set where pages are dirty; none is cleared */
	uint64_t words;       /* 64-bit words that there is room for */
};

/* A window of addresses, and what can be done with it. */
#define IOASID_RANGE_USABLE UINT32_C(1)
#define IOASID_RANGE_RESERVED UINT32_C(2) /* never DMA through a mapping */
#define IOASID_RANGE_DIRECT UINT32_C(3)   /* firmware wants it mapped one to one */
struct ioasid_range {
	uint64_t first;
	uint64_t last;     /* inclusive */
	uint32_t kind;     /* IOASID_RANGE_* */
	uint32_t reserved;
};

/**
 * ioasid_address_space_create() - Make an empty address space.
 * @context: an open context
 * @uses: IOASID_USE_*, or 0 for DMA without PASID only
 * @space: receives the address space
 * @why: NULL, or room for why it failed
 *
 * Context: any thread; may make system calls; restricted: no. (S16.1, S16.2)
 * Return: 0; -EINVAL: NULL or an unknown use; -EOPNOTSUPP: no device of this context can have such a use;
 * -ENOSPC: the backend has no more, see @why; -ENOMEM; -EMFILE, -ENFILE: no descriptor for the first queue
 * of faults, with IOASID_USE_FAULT; -EIO, -ENODEV: of the backend; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_create(struct ioasid_context *context, uint32_t uses,
					   struct ioasid_address_space **space,
					   struct ioasid_reason *why);

/**
 * ioasid_address_space_adopt() - Use an address space that exists already.
 * @context: an open context
 * @object: its type (IOASID_OBJECT_IOAS or IOASID_OBJECT_HWPT), number and descriptor
 * @space: receives the address space
 * @why: NULL, or room for why it failed
 *
 * The library never destroys or closes it, and leaves what is mapped in it alone unless the caller maps or
 * unmaps. (S9.9, S16.1)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: 0; -EINVAL: NULL or another type; -ENOENT: there is no such object; -EOPNOTSUPP: the backend cannot
 * adopt it; -ENOMEM; -EIO, -ENODEV; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_adopt(struct ioasid_context *context,
					  const struct ioasid_context_object *object,
					  struct ioasid_address_space **space, struct ioasid_reason *why);

/**
 * ioasid_address_space_destroy() - End an address space, or the use of an adopted one.
 * @space: the address space; nobody else is in a call with it or begins one
 *
 * Context: any thread; may make system calls; restricted: no. (S16.1)
 * Return: 0; -EINVAL: NULL; -EBUSY: a device's home, a binding or a nested table uses it, and nothing was
 * changed; -EIO, -ENODEV: of the backend, which still has it; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_destroy(struct ioasid_address_space *space);

/**
 * ioasid_address_space_map() - Map memory of this process.
 * @space: the address space
 * @mapping: where, what and how
 *
 * Context: any thread; may make system calls and pin memory; restricted: no. (S16.3)
 * Return: 0; -EINVAL: NULL, no or unknown access, a length of 0, an end beyond 2^64, not a multiple of the
 * page size, struct_size too small; -E2BIG: bytes beyond the known ones are not 0; -EEXIST: it overlaps
 * another mapping; -ERANGE: outside the usable windows; -EFAULT: there is no such memory; -EOPNOTSUPP: the
 * address space is an adopted table, which has no mappings of its own; -ENOSPC, -ENOMEM; -EIO, -ENODEV;
 * -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_map(struct ioasid_address_space *space,
					const struct ioasid_mapping *mapping);

/**
 * ioasid_address_space_map_file() - Map memory of a file, such as a memfd, without an address in this
 * process.
 * @space: the address space
 * @mapping: where, what and how
 *
 * Context: as for ioasid_address_space_map(). (S16.3)
 * Return: as ioasid_address_space_map(); -EBADF: not such a file; -EOPNOTSUPP: also, the backend cannot do
 * it.
 */
IOASID_API int ioasid_address_space_map_file(struct ioasid_address_space *space,
					     const struct ioasid_mapping *mapping);

/**
 * ioasid_address_space_copy() - Map the memory that another address space maps.
 * @space: the address space
 * @mapping: where; `offset` is the address in @from, and `access` at most what is allowed there
 * @from: an address space of the same context; it may be @space
 *
 * Pinned memory is shared, and stays when it is unmapped from one of them. (S16.3)
 *
 * Context: as for ioasid_address_space_map().
 * Return: as ioasid_address_space_map(); -EINVAL: also an address, or @from of another context; -ENOENT:
 * nothing, or not all of it, is mapped in @from; -EACCES: @from maps it for less than the access asked for;
 * -EOPNOTSUPP: also, the backend cannot do it.
 */
IOASID_API int ioasid_address_space_copy(struct ioasid_address_space *space,
					 const struct ioasid_mapping *mapping,
					 struct ioasid_address_space *from);

/**
 * ioasid_address_space_unmap() - Unmap what lies wholly in a window.
 * @space: the address space
 * @iova: the window's first address
 * @length: its bytes; with @iova 0 and UINT64_MAX everything
 * @unmapped: receives the bytes that were mapped there; NULL: not wanted
 *
 * On return no device can use a cached translation of it. Where nothing is mapped it is a success. (S16.3)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: 0; -EINVAL: NULL, a length of 0, an end beyond 2^64, not a multiple of the page size; -ENOENT: the
 * window cuts a mapping; -EBUSY: something that the backend does not control holds the memory; -EOPNOTSUPP:
 * as for ioasid_address_space_map(); -ENOMEM; -EIO, -ENODEV; -EDEADLK; -EPERM. On error it is mapped still,
 * or part of it.
 */
IOASID_API int ioasid_address_space_unmap(struct ioasid_address_space *space, uint64_t iova, uint64_t length,
					  uint64_t *unmapped);

/**
 * ioasid_address_space_ranges() - List, ascending, what can be mapped now, and reserved windows where they
 * are known.
 * @space: the address space
 * @ranges: room for @count of them; NULL if *@count is 0
 * @count: in: how many there is room for; out: how many there are, also with -EOVERFLOW
 *
 * Context: any thread; may make system calls; restricted: no. (S16.3)
 * Return: 0; -EINVAL: NULL; -EOVERFLOW: there are more than there is room for; -EOPNOTSUPP: as for
 * ioasid_address_space_map(); -ENOMEM; -EIO, -ENODEV; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_ranges(struct ioasid_address_space *space, struct ioasid_range *ranges,
					   uint32_t *count);

/**
 * ioasid_address_space_allow() - Keep windows usable for whatever is attached later.
 * @space: the address space
 * @ranges: the windows, each of kind IOASID_RANGE_USABLE; NULL if @count is 0
 * @count: how many; they take the place of those of the last call
 *
 * A device that has something reserved there is then refused at its attach, instead of taking the window away
 * from a guest that uses it. (S16.3)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: 0; -EINVAL: NULL, a first address behind the last, another kind, reserved not 0; -EBUSY: one of
 * them is not usable now; -EOPNOTSUPP: the backend cannot do it; -ENOMEM; -EIO, -ENODEV; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_allow(struct ioasid_address_space *space, const struct ioasid_range *ranges,
					  uint32_t count);

/**
 * ioasid_address_space_dirty_start() - Begin to note which pages devices write.
 * @space: an address space made with IOASID_USE_DIRTY
 *
 * Covers what is attached and mapped later, too. What was written before may show or not. Where it has begun
 * already it is a success. (S16.4)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: 0; -EINVAL: NULL, or not made for it; -EOPNOTSUPP: the backend cannot do it; -ENOMEM; -EIO,
 * -ENODEV; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_address_space_dirty_start(struct ioasid_address_space *space);

/**
 * ioasid_address_space_dirty_stop() - Note no longer which pages devices write.
 * @space: an address space made with IOASID_USE_DIRTY
 *
 * What was not read is forgotten. Where it has not begun it is a success. (S16.4)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: as ioasid_address_space_dirty_start().
 */
IOASID_API int ioasid_address_space_dirty_stop(struct ioasid_address_space *space);

/**
 * ioasid_address_space_dirty_read() - Tell which pages of a range devices have written.
 * @space: an address space made with IOASID_USE_DIRTY
 * @dirty: the range, and room for the bitmap
 *
 * What was written before the call began shows, once with IOASID_DIRTY_CLEAR; what is written while it runs,
 * in this call or the next. (S16.4)
 *
 * Context: any thread; may make system calls; restricted: no.
 * Return: 0; -EINVAL: NULL, not made for it, unknown flags, struct_size too small, a page size that is no
 * power of two, a range that is empty, not of whole pages or beyond 2^64, too few words; -E2BIG: bytes beyond
 * the known ones are not 0; -ENOENT: tracking has not been started; -EOPNOTSUPP: the backend cannot do it;
 * -ENOMEM; -EIO, -ENODEV; -EDEADLK; -EPERM. After an error of the backend bits may be set all the same.
 */
IOASID_API int ioasid_address_space_dirty_read(struct ioasid_address_space *space,
					       const struct ioasid_dirty *dirty);

IOASID_END_DECLS

#endif
