/* SPDX-License-Identifier: MIT */
/*
 * The client of iommufd: one function per ioctl, each with the size of its own structure, so that a kernel
 * that knows less answers for itself. Nothing here holds state but the descriptor; everything goes through
 * the host table.
 *
 * Answers are 0 or -errno as the kernel gave it; translating them is for who knows what was meant. ENOTTY: a
 * kernel without the call; E2BIG, EOPNOTSUPP: without that part of it.
 *
 * Context of all: any thread; blocks like the ioctl.
 */
#ifndef IOASID_IOMMUFD_CLIENT_H
#define IOASID_IOMMUFD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ioasid_backend.h"
#include "uapi.h"

struct iommufd {
	const struct ioasid_be_host *host;
	int32_t fd;
	bool owned;	/* opened here, to be closed here */
};

/* Opens /dev/iommu, or with @fd not negative borrows that. Return: 0, or what opening answered. */
int32_t iommufd_open(struct iommufd *iommu, const struct ioasid_be_host *host, int32_t fd);

/* Closes what iommufd_open() opened. */
void iommufd_close(struct iommufd *iommu);

/* Destroys any object. Return: -EBUSY in use; -ENOENT no such id. */
int32_t iommufd_destroy(const struct iommufd *iommu, uint32_t id);

int32_t iommufd_ioas_alloc(const struct iommufd *iommu, uint32_t *ioas);

/* Lists what can be mapped; @count: room in, number out. Return: -EMSGSIZE too little room, @count says how
 * much is needed. */
int32_t iommufd_ioas_ranges(const struct iommufd *iommu, uint32_t ioas, struct uapi_iova_range *ranges,
			    uint32_t *count);

/* Keeps @ranges from being narrowed, instead of those given before. Return: -EADDRINUSE one of them is
 * reserved already. */
int32_t iommufd_ioas_allow(const struct iommufd *iommu, uint32_t ioas, const struct uapi_iova_range *ranges,
			   uint32_t count);

/*
 * Map at a fixed address; @access is IOASID_BE_MAP_*. Return: -EEXIST overlaps a mapping; -EINVAL not
 * aligned, or outside the ranges; -EFAULT no memory there.
 */
int32_t iommufd_ioas_map(const struct iommufd *iommu, uint32_t ioas, const struct ioasid_be_map *map);
int32_t iommufd_ioas_map_file(const struct iommufd *iommu, uint32_t ioas, const struct ioasid_be_map *map);

/* Maps what @from maps at map->source. Return: -ENOENT nothing, or not all of it, is mapped there. */
int32_t iommufd_ioas_copy(const struct iommufd *iommu, uint32_t ioas, uint32_t from,
			  const struct ioasid_be_map *map);

/* Unmaps whole mappings in a window. Return: -ENOENT nothing there, or a mapping reaches out of it. */
int32_t iommufd_ioas_unmap(const struct iommufd *iommu, uint32_t ioas, uint64_t iova, uint64_t length,
			   uint64_t *unmapped);

/* What a table is made of. */
struct iommufd_hwpt {
	uint32_t dev;		/* the device whose IOMMU it is for */
	uint32_t parent;	/* an IOAS; of a nested table, the table that it stands on */
	uint32_t flags;		/* UAPI_HWPT_* */
	uint32_t fault;		/* with UAPI_HWPT_FAULT: the queue of page requests */
	uint32_t data_type;	/* of a nested table: UAPI_HWPT_DATA_*; else 0, as the two behind it */
	uint32_t data_size;
	const void *data;
};

/* Makes a table. Return: -EOPNOTSUPP the device's IOMMU cannot; -EINVAL a parent that cannot be one. */
int32_t iommufd_hwpt_alloc(const struct iommufd *iommu, const struct iommufd_hwpt *what, uint32_t *hwpt);

/* Tells whether there is a table of this id, by asking for the dirty pages of nothing. Return: -ENOENT no;
 * -ENOTTY not known. */
int32_t iommufd_hwpt_probe(const struct iommufd *iommu, uint32_t hwpt);

/* Switches the tracking of dirty pages in a table. Return: -EOPNOTSUPP made without UAPI_HWPT_DIRTY. */
int32_t iommufd_dirty_set(const struct iommufd *iommu, uint32_t hwpt, bool enable);

/* Adds the dirty pages of a window to a bitmap, and makes them clean if told to. */
int32_t iommufd_dirty_get(const struct iommufd *iommu, uint32_t hwpt, const struct ioasid_be_dirty_args *window,
			  bool clear);

/*
 * Invalidates what is cached of a nested table: @entries of @size bytes each, in the format of @type. @count:
 * how many in, how many were surely handled out, also on failure.
 */
int32_t iommufd_invalidate(const struct iommufd *iommu, uint32_t hwpt, uint32_t type, const void *entries,
			   uint32_t size, uint32_t *count);

/* Makes a queue of page requests, and a file to read and answer them. */
int32_t iommufd_fault_alloc(const struct iommufd *iommu, uint32_t *queue, int32_t *fd);

/*
 * Reads whole groups of page requests. Return: how many records; 0 there is none, or not enough room for the
 * first group; or -errno.
 */
int64_t iommufd_fault_read(const struct iommufd *iommu, int32_t fd, struct uapi_page_fault *faults, uint32_t room);

/* Answers groups. Return: how many from the first on; -EINVAL the first is none that waits; or another
 * -errno. */
int64_t iommufd_fault_write(const struct iommufd *iommu, int32_t fd, const struct uapi_page_response *responses,
			    uint32_t count);

/* Asks about the IOMMU of a device. @data has room for @size bytes, zeroed beyond what the kernel knows. */
int32_t iommufd_hw_info(const struct iommufd *iommu, uint32_t dev, void *data, uint32_t size,
			struct uapi_hw_info *info);

#endif
