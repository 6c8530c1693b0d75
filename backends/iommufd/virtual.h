/* SPDX-License-Identifier: MIT */
/*
 * The client of iommufd's virtual IOMMUs: one function per ioctl. Each object is destroyed by
 * iommufd_destroy(), in this order: tables made on the virtual IOMMU, virtual devices, queues whose file is
 * closed, the virtual IOMMU, its parent table. Answers and context are those of client.h.
 */
#ifndef IOASID_IOMMUFD_VIRTUAL_H
#define IOASID_IOMMUFD_VIRTUAL_H

#include "client.h"

/* What a virtual IOMMU is made of. */
struct iommufd_viommu {
	uint32_t dev;		/* tells which IOMMU */
	uint32_t parent;	/* a table made to be a parent */
	uint32_t type;
	uint32_t data_size;
	void *data;		/* of the type, in and out; NULL: there is none */
};

int32_t iommufd_viommu_alloc(const struct iommufd *iommu, const struct iommufd_viommu *what, uint32_t *viommu);

/* Gives a device a virtual id. Return: -EEXIST it has one, or that is taken; -EINVAL another IOMMU. */
int32_t iommufd_vdevice_alloc(const struct iommufd *iommu, uint32_t viommu, uint32_t dev, uint64_t virtual_id,
			      uint32_t *vdevice);

/* Makes a queue of events of one type, and a file to read them. Return: -EEXIST there is one of that type. */
int32_t iommufd_eventq_alloc(const struct iommufd *iommu, uint32_t viommu, uint32_t type, uint32_t depth,
			     uint32_t *queue, int32_t *fd);

/* Reads events, each behind a header. Return: bytes; 0: there is none; -EINVAL the first does not fit; or
 * -errno. */
int64_t iommufd_event_read(const struct iommufd *iommu, int32_t fd, void *events, uint64_t room);

#endif
