/* SPDX-License-Identifier: MIT */
/* The client of VFIO's device files; see vfio.h. */
#include "vfio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t call(const struct iommufd *iommu, int32_t device, uint64_t request, void *argument)
{
	int32_t ret = iommu->host->ioctl(iommu->host->host, device, request, argument);

	return ret > 0 ? 0 : ret;
}

int32_t vfio_bind(const struct iommufd *iommu, int32_t device, uint32_t *id)
{
	struct uapi_vfio_bind_iommufd cmd = { .argsz = sizeof(cmd), .iommufd = iommu->fd };
	int32_t ret = call(iommu, device, UAPI_VFIO_BIND_IOMMUFD, &cmd);

	if (!ret)
		*id = cmd.out_devid;
	return ret;
}

int32_t vfio_attach(const struct iommufd *iommu, int32_t device, uint32_t pasid, uint32_t table)
{
	struct uapi_vfio_attach_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = pasid ? UAPI_VFIO_ATTACH_PASID : 0,
		.pt_id = table,
		.pasid = pasid,
	};

	return call(iommu, device, UAPI_VFIO_ATTACH_PT, &cmd);
}

int32_t vfio_detach(const struct iommufd *iommu, int32_t device, uint32_t pasid)
{
	struct uapi_vfio_detach_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = pasid ? UAPI_VFIO_DETACH_PASID : 0,
		.pasid = pasid,
	};

	return call(iommu, device, UAPI_VFIO_DETACH_PT, &cmd);
}

bool vfio_knows_pasid(const struct iommufd *iommu, int32_t device)
{
	/* No PASID is that wide, so nobody's can be hit. */
	return !vfio_detach(iommu, device, UINT32_C(1) << 20);
}

#define CONFIG_SIZE 4096u
#define CONFIG_EXTENDED 0x100u	/* where the list of extended capabilities begins */
#define EXTENDED_PRI 0x13u	/* page request interface */

/* Reads up to all of the configuration space. Return: how many bytes, or -errno. */
static int64_t read_config(const struct iommufd *iommu, int32_t device, unsigned char *bytes)
{
	struct uapi_vfio_region_info info = { .argsz = sizeof(info), .index = UAPI_VFIO_REGION_CONFIG };
	int32_t ret = call(iommu, device, UAPI_VFIO_REGION_INFO, &info);
	uint64_t size = info.region_size < CONFIG_SIZE ? info.region_size : CONFIG_SIZE;

	return ret ? ret : iommu->host->read(iommu->host->host, device, bytes, size, info.offset);
}

int32_t vfio_asks_for_pages(const struct iommufd *iommu, int32_t device)
{
	unsigned char bytes[CONFIG_SIZE];
	int64_t size = read_config(iommu, device, bytes);
	uint32_t at = CONFIG_EXTENDED;

	if (size < 0)
		return (int32_t)size;
	/* Each step goes to another place of the list, if the device is sane; else the count ends it. */
	for (uint32_t i = 0; i < CONFIG_SIZE / 8 && at >= CONFIG_EXTENDED && at + 4 <= (uint64_t)size; i++) {
		uint32_t head = bytes[at] | (uint32_t)bytes[at + 1] << 8 | (uint32_t)bytes[at + 2] << 16 |
				(uint32_t)bytes[at + 3] << 24;

		if ((head & 0xffff) == EXTENDED_PRI)
			return 1;
		at = head >> 20 & ~3u;
	}
	return 0;
}

/* Names go into paths: only what both kinds of names are made of gets there. */
static bool name_is_sane(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length < VFIO_NAME_MAX && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789:.") == length;
}

int32_t vfio_find(const struct ioasid_be_host *host, const char *name, char cdev[VFIO_NAME_MAX])
{
	char path[128], names[512];
	int64_t size;

	if (!name_is_sane(name))
		return -EINVAL;
	if (!strncmp(name, "vfio", 4)) {
		memcpy(cdev, name, strlen(name) + 1);
		return 0;
	}
	if (!strchr(name, ':'))
		return -EINVAL;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", name);
	size = host->list(host->host, path, names, sizeof(names));
	if (size == -ENOENT || size == 0)
		return -ENODEV;
	if (size < 0)
		return (int32_t)size;
	for (const char *at = names; at < names + size; at += strlen(at) + 1) {
		if (!strncmp(at, "vfio", 4) && strlen(at) < VFIO_NAME_MAX) {
			memcpy(cdev, at, strlen(at) + 1);
			return 0;
		}
	}
	return -ENODEV;
}

/* Reads a small text of sysfs or /proc. Return: its length, or -errno. */
static int64_t read_text(const struct ioasid_be_host *host, const char *path, char *text, size_t room)
{
	int32_t fd = host->open_by_name(host->host, path, IOASID_BE_OPEN_READ);
	int64_t size;

	if (fd < 0)
		return fd;
	size = host->read(host->host, fd, text, room - 1, 0);
	host->close(host->host, fd);
	if (size >= 0)
		text[size] = '\0';
	return size;
}

int32_t vfio_name(const struct ioasid_be_host *host, int32_t device, char cdev[VFIO_NAME_MAX])
{
	char path[64], text[1024], *at, *end;
	int64_t size;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", device);
	size = read_text(host, path, text, sizeof(text));
	if (size < 0)
		return (int32_t)size;
	at = strstr(text, "vfio-device-syspath:");
	end = at ? strchr(at, '\n') : NULL;
	if (!end)
		return -ENOENT;
	*end = '\0';
	at = strrchr(at, '/');
	if (!at || strncmp(at + 1, "vfio", 4) || !name_is_sane(at + 1))
		return -ENOENT;
	memcpy(cdev, at + 1, strlen(at + 1) + 1);
	return 0;
}

int32_t vfio_group(const struct ioasid_be_host *host, const char *cdev, uint64_t *group)
{
	char path[128], names[4096];
	const char *first = NULL;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint32_t count = 0;
	int64_t size;

	*group = 0;
	snprintf(path, sizeof(path), "/sys/class/vfio-dev/%s/device/iommu_group/devices", cdev);
	size = host->list(host->host, path, names, sizeof(names));
	if (size <= 0)
		return size ? (int32_t)size : -ENOENT;
	for (const char *at = names; at < names + size; at += strlen(at) + 1) {
		first = !first || strcmp(at, first) < 0 ? at : first;
		count++;
	}
	if (count < 2)
		return 0;
	/* FNV-1a of the lowest name; a device is in one group only. */
	for (; *first; first++)
		hash = (hash ^ (unsigned char)*first) * UINT64_C(0x100000001b3);
	*group = hash ? hash : 1;
	return 1;
}

int32_t vfio_open(const struct ioasid_be_host *host, const char *cdev)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", cdev);
	return host->open_by_name(host->host, path, IOASID_BE_OPEN_READ | IOASID_BE_OPEN_WRITE);
}

int32_t vfio_iommu_attribute(const struct ioasid_be_host *host, const char *cdev, const char *attribute,
			     uint64_t *value)
{
	char path[128], text[64], *end;
	uint64_t number;
	int64_t size;

	snprintf(path, sizeof(path), "/sys/class/vfio-dev/%s/device/iommu/%s", cdev, attribute);
	size = read_text(host, path, text, sizeof(text));
	if (size < 0)
		return (int32_t)size;
	number = strtoull(text, &end, 16);
	if (end == text)
		return -EIO;
	*value = number;
	return 0;
}

int32_t vfio_reserved(const struct ioasid_be_host *host, const char *cdev, struct ioasid_be_range *ranges,
		      uint32_t room)
{
	char path[128], text[4096];
	uint32_t count = 0;
	int64_t size;

	snprintf(path, sizeof(path), "/sys/class/vfio-dev/%s/device/iommu_group/reserved_regions", cdev);
	size = read_text(host, path, text, sizeof(text));
	if (size < 0)
		return (int32_t)size;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && count < room;
	     line = strtok_r(NULL, "\n", &save)) {
		char *middle, *kind;
		uint64_t first = strtoull(line, &middle, 16);
		uint64_t last = strtoull(middle, &kind, 16);

		if (middle == line || kind == middle || last < first)
			return -EIO;
		ranges[count++] = (struct ioasid_be_range){
			.first = first,
			.last = last,
			.kind = strstr(kind, "direct") ? IOASID_BE_RANGE_DIRECT : IOASID_BE_RANGE_RESERVED,
		};
	}
	return (int32_t)count;
}
