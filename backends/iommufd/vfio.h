/* SPDX-License-Identifier: MIT */
/*
 * The client of VFIO's device files: one function per ioctl, and what sysfs tells about a device. Answers are
 * 0 or -errno as the kernel gave it. Context of all: any thread; blocks like the system call.
 */
#ifndef IOASID_IOMMUFD_VFIO_H
#define IOASID_IOMMUFD_VFIO_H

#include "client.h"

#define VFIO_NAME_MAX 32	/* of a PCI address or the name of a device file, the NUL included */
#define VFIO_RESERVED_MAX 32	/* windows that are kept of one device */

/* Binds an open device file to @iommu. Return: -EINVAL bound already; -EPERM interrupts are not isolated;
 * -EBUSY in use. */
int32_t vfio_bind(const struct iommufd *iommu, int32_t device, uint32_t *id);

/* Puts the RID (@pasid 0) or a PASID on a table or IOAS, or replaces it. */
int32_t vfio_attach(const struct iommufd *iommu, int32_t device, uint32_t pasid, uint32_t table);

/* Blocks the RID (@pasid 0) or a PASID. Return: 0 also if it was not attached. */
int32_t vfio_detach(const struct iommufd *iommu, int32_t device, uint32_t pasid);

/* Tells whether the kernel can attach PASIDs at all (since 6.15), by a detach that is without effect. */
bool vfio_knows_pasid(const struct iommufd *iommu, int32_t device);

/* Tells whether a PCI device can ask for pages, by its configuration space. Return: 1, 0, or -errno: not
 * known. */
int32_t vfio_asks_for_pages(const struct iommufd *iommu, int32_t device);

/*
 * Finds the device file's name ("vfio0") of @name: that name itself, or a PCI address ("0000:00:02.0").
 * Return: -EINVAL not a name of either kind; -ENODEV no such device, or no VFIO driver is bound to it.
 */
int32_t vfio_find(const struct ioasid_be_host *host, const char *name, char cdev[VFIO_NAME_MAX]);

/* Tells the name of an open device file, which kernels since 6.18 show in /proc. Return: -ENOENT and others:
 * not known. */
int32_t vfio_name(const struct ioasid_be_host *host, int32_t device, char cdev[VFIO_NAME_MAX]);

/* Tells which IOMMU group a device is in, by a number that all devices of a group have. Return: 1 others are
 * in it; 0 it is alone, or -errno: not known, and @group is 0. */
int32_t vfio_group(const struct ioasid_be_host *host, const char *cdev, uint64_t *group);

/* Opens a device file by its name. */
int32_t vfio_open(const struct ioasid_be_host *host, const char *cdev);

/* Reads a number in hexadecimal from an attribute of the device's IOMMU. Return: -ENOENT and others: not
 * known. */
int32_t vfio_iommu_attribute(const struct ioasid_be_host *host, const char *cdev, const char *attribute,
			     uint64_t *value);

/* Lists the windows that no DMA may be mapped in. Return: how many of them were written, or -errno: not
 * known. */
int32_t vfio_reserved(const struct ioasid_be_host *host, const char *cdev, struct ioasid_be_range *ranges,
		      uint32_t room);

#endif
