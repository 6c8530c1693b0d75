/* SPDX-License-Identifier: MIT */
/* The client of iommufd's virtual IOMMUs; see virtual.h. */
#include "virtual.h"

#include <stddef.h>

static int32_t call(const struct iommufd *iommu, uint64_t request, void *argument)
{
	int32_t ret = iommu->host->ioctl(iommu->host->host, iommu->fd, request, argument);

	return ret > 0 ? 0 : ret;
}

int32_t iommufd_viommu_alloc(const struct iommufd *iommu, const struct iommufd_viommu *what, uint32_t *viommu)
{
	struct uapi_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = what->type,
		.dev_id = what->dev,
		.hwpt_id = what->parent,
		.data_len = what->data_size,
		.data_uptr = (uint64_t)(uintptr_t)what->data,
	};
	int32_t ret = call(iommu, UAPI_VIOMMU_ALLOC, &cmd);

	if (!ret)
		*viommu = cmd.out_viommu_id;
	return ret;
}

int32_t iommufd_vdevice_alloc(const struct iommufd *iommu, uint32_t viommu, uint32_t dev, uint64_t virtual_id,
			      uint32_t *vdevice)
{
	struct uapi_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev,
		.virt_id = virtual_id,
	};
	int32_t ret = call(iommu, UAPI_VDEVICE_ALLOC, &cmd);

	if (!ret)
		*vdevice = cmd.out_vdevice_id;
	return ret;
}

int32_t iommufd_eventq_alloc(const struct iommufd *iommu, uint32_t viommu, uint32_t type, uint32_t depth,
			     uint32_t *queue, int32_t *fd)
{
	struct uapi_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	int32_t ret = call(iommu, UAPI_VEVENTQ_ALLOC, &cmd);

	if (!ret) {
		*queue = cmd.out_veventq_id;
		*fd = (int32_t)cmd.out_veventq_fd;
	}
	return ret;
}

int64_t iommufd_event_read(const struct iommufd *iommu, int32_t fd, void *events, uint64_t room)
{
	return iommu->host->read(iommu->host->host, fd, events, room, IOASID_BE_OFFSET_NONE);
}
