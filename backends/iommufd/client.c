/* SPDX-License-Identifier: MIT */
/* The client of iommufd; see client.h. */
#include "client.h"

#include <errno.h>
#include <stddef.h>

static int32_t call(const struct iommufd *iommu, uint64_t request, void *argument)
{
	int32_t ret = iommu->host->ioctl(iommu->host->host, iommu->fd, request, argument);

	return ret > 0 ? 0 : ret;
}

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

int32_t iommufd_open(struct iommufd *iommu, const struct ioasid_be_host *host, int32_t fd)
{
	bool owned = fd < 0;

	if (owned)
		fd = host->open_by_name(host->host, "/dev/iommu", IOASID_BE_OPEN_READ | IOASID_BE_OPEN_WRITE);
	if (fd < 0)
		return fd;
	*iommu = (struct iommufd){ .host = host, .fd = fd, .owned = owned };
	return 0;
}

void iommufd_close(struct iommufd *iommu)
{
	if (iommu->owned)
		iommu->host->close(iommu->host->host, iommu->fd);
	iommu->fd = -1;
}

int32_t iommufd_destroy(const struct iommufd *iommu, uint32_t id)
{
	struct uapi_destroy cmd = { .size = sizeof(cmd), .id = id };

	return call(iommu, UAPI_DESTROY, &cmd);
}

int32_t iommufd_ioas_alloc(const struct iommufd *iommu, uint32_t *ioas)
{
	struct uapi_ioas_alloc cmd = { .size = sizeof(cmd) };
	int32_t ret = call(iommu, UAPI_IOAS_ALLOC, &cmd);

	if (!ret)
		*ioas = cmd.out_ioas_id;
	return ret;
}

int32_t iommufd_ioas_ranges(const struct iommufd *iommu, uint32_t ioas, struct uapi_iova_range *ranges,
			    uint32_t *count)
{
	struct uapi_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = *count,
		.allowed_iovas = address_of(ranges),
	};
	int32_t ret = call(iommu, UAPI_IOAS_IOVA_RANGES, &cmd);

	*count = cmd.num_iovas;
	return ret;
}

int32_t iommufd_ioas_allow(const struct iommufd *iommu, uint32_t ioas, const struct uapi_iova_range *ranges,
			   uint32_t count)
{
	struct uapi_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.num_iovas = count,
		.allowed_iovas = address_of(ranges),
	};

	return call(iommu, UAPI_IOAS_ALLOW_IOVAS, &cmd);
}

static uint32_t map_flags(uint32_t access)
{
	return UAPI_MAP_FIXED_IOVA | (access & IOASID_BE_MAP_READ ? UAPI_MAP_READABLE : 0) |
	       (access & IOASID_BE_MAP_WRITE ? UAPI_MAP_WRITEABLE : 0);
}

int32_t iommufd_ioas_map(const struct iommufd *iommu, uint32_t ioas, const struct ioasid_be_map *map)
{
	struct uapi_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = map_flags(map->access),
		.ioas_id = ioas,
		.user_va = map->source,
		.length = map->length,
		.iova = map->iova,
	};

	return call(iommu, UAPI_IOAS_MAP, &cmd);
}

int32_t iommufd_ioas_map_file(const struct iommufd *iommu, uint32_t ioas, const struct ioasid_be_map *map)
{
	struct uapi_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = map_flags(map->access),
		.ioas_id = ioas,
		.fd = map->fd,
		.start = map->source,
		.length = map->length,
		.iova = map->iova,
	};

	return call(iommu, UAPI_IOAS_MAP_FILE, &cmd);
}

int32_t iommufd_ioas_copy(const struct iommufd *iommu, uint32_t ioas, uint32_t from,
			  const struct ioasid_be_map *map)
{
	struct uapi_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = map_flags(map->access),
		.dst_ioas_id = ioas,
		.src_ioas_id = from,
		.length = map->length,
		.dst_iova = map->iova,
		.src_iova = map->source,
	};

	return call(iommu, UAPI_IOAS_COPY, &cmd);
}

int32_t iommufd_ioas_unmap(const struct iommufd *iommu, uint32_t ioas, uint64_t iova, uint64_t length,
			   uint64_t *unmapped)
{
	struct uapi_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};
	int32_t ret = call(iommu, UAPI_IOAS_UNMAP, &cmd);

	if (!ret)
		*unmapped = cmd.length;
	return ret;
}

int32_t iommufd_hwpt_alloc(const struct iommufd *iommu, const struct iommufd_hwpt *what, uint32_t *hwpt)
{
	struct uapi_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = what->flags,
		.dev_id = what->dev,
		.pt_id = what->parent,
		.data_type = what->data_type,
		.data_len = what->data_size,
		.data_uptr = address_of(what->data),
		.fault_id = what->fault,
	};
	int32_t ret = call(iommu, UAPI_HWPT_ALLOC, &cmd);

	if (!ret)
		*hwpt = cmd.out_hwpt_id;
	return ret;
}

int32_t iommufd_hwpt_probe(const struct iommufd *iommu, uint32_t hwpt)
{
	struct uapi_hwpt_get_dirty cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = UAPI_GET_DIRTY_NO_CLEAR,
	};
	int32_t ret = call(iommu, UAPI_HWPT_GET_DIRTY, &cmd);

	/* Found, the table then minds the empty window, or that it keeps no dirty bits. */
	return ret == -ENOENT || ret == -ENOTTY ? ret : 0;
}

int32_t iommufd_dirty_set(const struct iommufd *iommu, uint32_t hwpt, bool enable)
{
	struct uapi_hwpt_set_dirty cmd = {
		.size = sizeof(cmd),
		.flags = enable ? UAPI_SET_DIRTY_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return call(iommu, UAPI_HWPT_SET_DIRTY, &cmd);
}

int32_t iommufd_dirty_get(const struct iommufd *iommu, uint32_t hwpt, const struct ioasid_be_dirty_args *window,
			  bool clear)
{
	struct uapi_hwpt_get_dirty cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = clear ? 0 : UAPI_GET_DIRTY_NO_CLEAR,
		.iova = window->iova,
		.length = window->length,
		.page_size = window->page_size,
		.data = address_of(window->bitmap),
	};

	return call(iommu, UAPI_HWPT_GET_DIRTY, &cmd);
}

int32_t iommufd_invalidate(const struct iommufd *iommu, uint32_t hwpt, uint32_t type, const void *entries,
			   uint32_t size, uint32_t *count)
{
	struct uapi_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.data_uptr = address_of(entries),
		.data_type = type,
		.entry_len = size,
		.entry_num = *count,
	};
	int32_t ret = call(iommu, UAPI_HWPT_INVALIDATE, &cmd);

	/* A call that was refused as a whole may leave the number as it came. */
	if (ret && cmd.entry_num >= *count)
		*count = 0;
	else
		*count = cmd.entry_num;
	return ret;
}

int32_t iommufd_fault_alloc(const struct iommufd *iommu, uint32_t *queue, int32_t *fd)
{
	struct uapi_fault_alloc cmd = { .size = sizeof(cmd) };
	int32_t ret = call(iommu, UAPI_FAULT_QUEUE_ALLOC, &cmd);

	if (!ret) {
		*queue = cmd.out_fault_id;
		*fd = (int32_t)cmd.out_fault_fd;
	}
	return ret;
}

/* How many whole records went over; the kernel transfers no other. */
static int64_t records(int64_t bytes, size_t size)
{
	return bytes < 0 ? bytes : bytes / (int64_t)size;
}

int64_t iommufd_fault_read(const struct iommufd *iommu, int32_t fd, struct uapi_page_fault *faults, uint32_t room)
{
	return records(iommu->host->read(iommu->host->host, fd, faults, room * sizeof(*faults),
					 IOASID_BE_OFFSET_NONE), sizeof(*faults));
}

int64_t iommufd_fault_write(const struct iommufd *iommu, int32_t fd, const struct uapi_page_response *responses,
			    uint32_t count)
{
	return records(iommu->host->write(iommu->host->host, fd, responses, count * sizeof(*responses),
					  IOASID_BE_OFFSET_NONE), sizeof(*responses));
}

int32_t iommufd_hw_info(const struct iommufd *iommu, uint32_t dev, void *data, uint32_t size,
			struct uapi_hw_info *info)
{
	struct uapi_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.data_len = size,
		.data_uptr = address_of(data),
	};
	int32_t ret = call(iommu, UAPI_GET_HW_INFO, &cmd);

	if (!ret)
		*info = cmd;
	return ret;
}
