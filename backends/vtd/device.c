/* SPDX-License-Identifier: MIT */
/* Taking devices in and letting them go; see vtd.h. */
#include "vtd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What each kind of device is told by; anything else in those words is a mistake of the caller's. */
static int32_t check_spec(const struct ioasid_be_device *spec)
{
	if (spec->flags || !wire_zero(spec->reserved, 2))
		return IOASID_BE_EINVAL;
	switch (spec->kind) {
	case IOASID_BE_DEVICE_NAME:
		return spec->name && spec->fd == -1 && spec->iommufd == -1 &&
		       !spec->device_id ? 0 : IOASID_BE_EINVAL;
	case IOASID_BE_DEVICE_FD:
		return spec->fd >= 0 && spec->iommufd == -1 && !spec->device_id ? 0 : IOASID_BE_EINVAL;
	case IOASID_BE_DEVICE_ADOPTED:
		return spec->fd >= 0 && spec->iommufd >= -1 && spec->device_id ? 0 : IOASID_BE_EINVAL;
	default:
		return IOASID_BE_EINVAL;
	}
}

/* Whether an adopted device is where its owner says, if he says. */
static int32_t check_iommufd(const struct ioasid_be_ctx *ctx, int32_t fd, struct ioasid_be_text *why)
{
	const struct iommufd told = { .host = ctx->iommu.host, .fd = fd };
	bool same = true;
	int32_t ret = fd < 0 ? 0 : same_iommufd(&ctx->iommu, &told, &same);

	if (ret)
		return wire_why(why, wire_error(ret), "iommufd does not say where the device is bound");
	return same ? 0 : wire_why(why, IOASID_BE_EINVAL, "the device is bound to another iommufd");
}

static int32_t open_by_name(struct ioasid_be_dev *dev, const char *name, char cdev[VFIO_NAME_MAX],
			    struct ioasid_be_text *why)
{
	const struct ioasid_be_host *host = dev->ctx->iommu.host;
	int32_t ret = vfio_find(host, name, cdev);

	if (ret == -EINVAL)
		return wire_why(why, ret,
				"\"%s\" is neither a PCI address nor the name of a VFIO device file", name);
	if (ret)
		return wire_why(why, wire_error(ret),
				"%s has no VFIO device file: no such device, or its driver is not "
				"vfio-pci, or the kernel lacks CONFIG_VFIO_DEVICE_CDEV", name);
	ret = vfio_open(host, cdev);
	if (ret == -ENOENT || ret == -ENXIO)
		return wire_why(why, IOASID_BE_ENODEV, "there is no /dev/vfio/devices/%s", cdev);
	if (ret < 0)
		return wire_why(why, wire_error(ret), "/dev/vfio/devices/%s cannot be opened", cdev);
	dev->fd = ret;
	dev->fd_owned = true;
	return 0;
}

static int32_t bind_device(struct ioasid_be_dev *dev, struct ioasid_be_text *why)
{
	int32_t ret = vfio_bind(&dev->ctx->iommu, dev->fd, &dev->id);

	switch (ret) {
	case 0:
		return 0;
	case -EINVAL:
	case -EBUSY:
		return wire_why(why, IOASID_BE_EBUSY,
				"the device is bound already, or another driver or user has it");
	case -EPERM:
		return wire_why(why, ret,
				"the kernel does not let this device go: its interrupts are not isolated "
				"(interrupt remapping is off), or its group is not viable");
	case -ENOTTY:
		return wire_why(why, IOASID_BE_ENODEV, "the descriptor is not a VFIO device file");
	default:
		return wire_why(why, wire_error(ret), "the device cannot be bound to iommufd");
	}
}

/* Asks what there is; a device of another make of IOMMU is no device of this backend. */
static int32_t ask_hardware(struct ioasid_be_dev *dev, struct ioasid_be_text *why)
{
	int32_t ret = iommufd_hw_info(&dev->ctx->iommu, dev->id, &dev->registers, sizeof(dev->registers),
				      &dev->info);

	if (ret == -ENOENT)
		return wire_why(why, IOASID_BE_ENODEV, "iommufd has no device %u with an IOMMU", dev->id);
	if (ret)
		return wire_why(why, wire_error(ret), "the kernel does not tell about the device's IOMMU");
	if (dev->info.out_data_type != UAPI_HW_INFO_INTEL_VTD)
		return wire_why(why, IOASID_BE_ENODEV, "the device's IOMMU is of type %u, not VT-d",
				dev->info.out_data_type);
	dev->asks_for_pages = vfio_asks_for_pages(&dev->ctx->iommu, dev->fd) == 1;
	dev->knows_pasid = vfio_knows_pasid(&dev->ctx->iommu, dev->fd);
	if (dev->knows_pasid)
		dev->pasid_bits = dev->info.out_max_pasid_log2 < 20 ? dev->info.out_max_pasid_log2 : 20;
	return 0;
}

/* Says why it is not known whether the device is alone in its group; nobody may notice before it matters. */
static void log_group(const struct ioasid_be_dev *dev, const char *cdev, int32_t error)
{
	const struct ioasid_be_host *host = dev->ctx->iommu.host;
	char text[192];

	snprintf(text, sizeof(text),
		 "vtd: device %u (%s): its IOMMU group cannot be found out (%d); its slots are only blocked by a park "
		 "if it is alone in it", dev->id, *cdev ? cdev : "a descriptor", error);
	host->log(host->host, IOASID_BE_LOG_WARNING, text);
}

/* What only sysfs knows, for devices that it can be asked about: which unit, which group, and windows that
 * are not for mapping. @unnamed: why there is no @cdev. */
static void ask_sysfs(struct ioasid_be_dev *dev, const char *cdev, int32_t unnamed)
{
	const struct ioasid_be_host *host = dev->ctx->iommu.host;
	int32_t count, group = *cdev ? vfio_group(host, cdev, &dev->group) : unnamed;

	dev->group_known = group >= 0;
	if (!dev->group_known)
		log_group(dev, cdev, group);
	if (*cdev) {
		count = vfio_reserved(host, cdev, dev->reserved, VFIO_RESERVED_MAX);
		dev->reserved_count = count > 0 ? (uint32_t)count : 0;
		if (!vfio_iommu_attribute(host, cdev, "intel-iommu/address", &dev->iommu))
			return;
	}
	pthread_mutex_lock(&dev->ctx->lock);
	dev->iommu = (UINT64_C(1) << 63) + dev->ctx->unnamed++;
	pthread_mutex_unlock(&dev->ctx->lock);
}

int32_t device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *from,
		      struct ioasid_be_dev **result, struct ioasid_be_text *why)
{
	char cdev[VFIO_NAME_MAX] = "";
	struct ioasid_be_device spec;
	struct ioasid_be_dev *dev;
	int32_t unnamed = 0, ret = wire_in(&spec, sizeof(spec), sizeof(spec), from);

	ret = ret ? ret : check_spec(&spec);
	if (ret)
		return ret;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return IOASID_BE_ENOMEM;
	dev->ctx = ctx;
	dev->fd = spec.fd;
	dev->id = spec.device_id;
	dev->cookie = spec.cookie;
	dev->foreign_rid = spec.kind == IOASID_BE_DEVICE_ADOPTED;
	dev->leaves[0] = calloc(VTD_LEAF, sizeof(struct vtd_slot));
	if (!dev->leaves[0]) {
		ret = IOASID_BE_ENOMEM;
		goto free_dev;
	}
	if (spec.kind == IOASID_BE_DEVICE_NAME)
		ret = open_by_name(dev, spec.name, cdev, why);
	if (ret)
		goto free_leaf;
	ret = dev->foreign_rid ? check_iommufd(ctx, spec.iommufd, why) : bind_device(dev, why);
	ret = ret ? ret : ask_hardware(dev, why);
	if (ret)
		goto close_fd;
	/* A descriptor may tell its name, too. */
	if (!*cdev)
		unnamed = vfio_name(ctx->iommu.host, dev->fd, cdev);
	if (unnamed)
		*cdev = '\0';
	ask_sysfs(dev, cdev, unnamed);
	ret = known_add(dev, dev->foreign_rid, why);
	if (ret)
		goto close_fd;
	if (dev->foreign_rid)
		ret = group_take(dev, 0, why);
	if (ret)
		goto forget;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_lock(&ctx->lock);
	dev->next = ctx->devices;
	ctx->devices = dev;
	pthread_mutex_unlock(&ctx->lock);
	*result = dev;
	return 0;

forget:
	known_remove(dev);
close_fd:
	if (dev->fd_owned)
		ctx->iommu.host->close(ctx->iommu.host->host, dev->fd);
free_leaf:
	free(dev->leaves[0]);
free_dev:
	free(dev);
	return ret;
}

int32_t device_detach(struct ioasid_be_dev *dev)
{
	struct ioasid_be_ctx *ctx = dev->ctx;
	struct ioasid_be_dev **link;
	int32_t ret = slots_end(dev);

	if (ret)
		return ret;
	pthread_mutex_lock(&ctx->lock);
	for (link = &ctx->devices; *link != dev; link = &(*link)->next)
		;
	*link = dev->next;
	pthread_mutex_unlock(&ctx->lock);
	known_remove(dev);
	if (dev->foreign_rid)
		group_drop(dev, 0);
	/* Only closing the file unbinds; a borrowed one stays bound until its owner closes it. */
	if (dev->fd_owned && dev->fd >= 0)
		ctx->iommu.host->close(ctx->iommu.host->host, dev->fd);
	pthread_mutex_destroy(&dev->lock);
	for (uint32_t i = 0; i < VTD_LEAF; i++)
		free(dev->leaves[i]);
	free(dev);
	return 0;
}
