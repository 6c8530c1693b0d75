/* SPDX-License-Identifier: MIT */
/* The entry of the VT-d backend, its contexts and its core table; see vtd.h. */
#include "vtd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int32_t vtd_lock(pthread_mutex_t *lock, uint64_t deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / UINT64_C(1000000000)),
		.tv_nsec = (long)(deadline % UINT64_C(1000000000)),
	};

	if (!deadline) {
		pthread_mutex_lock(lock);
		return 0;
	}
	return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until) ? IOASID_BE_ETIMEDOUT : 0;
}

/* Whether this machine has such a unit: sysfs names them dmar0, dmar1 and so on. */
static bool have_unit(const struct ioasid_be_host *host)
{
	char names[4096];
	int64_t size = host->list(host->host, "/sys/class/iommu", names, sizeof(names));

	for (const char *at = names; size > 0 && at < names + size; at += strlen(at) + 1)
		if (!strncmp(at, "dmar", 4))
			return true;
	return false;
}

/* No configuration is known; of descriptors, the one of iommufd. */
static int32_t read_open_args(const struct ioasid_be_open *args, int32_t *fd, struct ioasid_be_text *why)
{
	struct ioasid_be_pair pair;
	struct ioasid_be_fd item;
	int32_t ret;

	*fd = -1;
	if (args->flags || !wire_zero(args->reserved, 2) || !args->host ||
	    !wire_array(args->config.items, args->config.stride, args->config.count) ||
	    !wire_array(args->fds.items, args->fds.stride, args->fds.count) ||
	    !wire_array(args->objects.items, args->objects.stride, args->objects.count))
		return IOASID_BE_EINVAL;
	if (args->config.count) {
		ret = wire_item(&pair, sizeof(pair), args->config.items, args->config.stride, 0);
		return ret ? ret : wire_why(why, IOASID_BE_EINVAL, "unknown configuration key \"%s\"",
					    pair.key ? pair.key : "");
	}
	for (uint32_t i = 0; i < args->fds.count; i++) {
		ret = wire_item(&item, sizeof(item), args->fds.items, args->fds.stride, i);
		if (ret)
			return ret;
		if (!item.key || strcmp(item.key, "iommufd"))
			return wire_why(why, IOASID_BE_EINVAL, "unknown descriptor \"%s\"",
					item.key ? item.key : "");
		if (item.fd < 0 || item.reserved || *fd >= 0)
			return IOASID_BE_EINVAL;
		*fd = item.fd;
	}
	return 0;
}

/* Finds out whether the descriptor is one of iommufd, and whether what is to be adopted is there. */
static int32_t check_context(const struct iommufd *iommu, const struct ioasid_be_array *objects,
			     struct ioasid_be_text *why)
{
	struct ioasid_be_object object;
	uint32_t ioas;
	int32_t ret = iommufd_ioas_alloc(iommu, &ioas);

	if (ret == -ENOTTY)
		return wire_why(why, IOASID_BE_ENODEV, "the descriptor is not one of iommufd");
	if (ret)
		return wire_why(why, wire_error(ret), "iommufd makes no address space");
	iommufd_destroy(iommu, ioas);
	for (uint32_t i = 0; i < objects->count; i++) {
		ret = wire_item(&object, sizeof(object), objects->items, objects->stride, i);
		ret = ret ? ret : space_probe(iommu, &object);
		if (ret)
			return wire_why(why, ret, "object %u, number %u of type %u, cannot be adopted", i,
					object.id, object.type);
	}
	return 0;
}

/*
 * Finds out what the kernel has, by calls that cannot have an effect: there never is an object of number 0,
 * and who knows a call looks for it. So the answer is ENOENT, or one that says that the call, or that part of
 * it, is unknown.
 */
static uint64_t ask_interfaces(const struct iommufd *iommu)
{
	const struct uapi_hwpt_vtd_s1 data = { .addr_width = 48 };
	const struct iommufd_hwpt nested = {
		.data_type = UAPI_HWPT_DATA_VTD_S1, .data_size = sizeof(data), .data = &data,
	};
	uint64_t found = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_INVALIDATE;
	uint32_t id, count = 0;
	int32_t fd;

	if (iommufd_dirty_set(iommu, 0, true) == -ENOENT)
		found |= IOASID_BE_IF_DIRTY;
	/* Nested tables that cannot be invalidated would be of no use. */
	if (iommufd_hwpt_alloc(iommu, &nested, &id) == -ENOENT &&
	    iommufd_invalidate(iommu, 0, UAPI_INVALIDATE_VTD_S1, NULL, 0, &count) == -ENOENT)
		found |= IOASID_BE_IF_NESTED;
	if (!iommufd_fault_alloc(iommu, &id, &fd)) {
		iommu->host->close(iommu->host->host, fd);
		iommufd_destroy(iommu, id);
		found |= IOASID_BE_IF_FAULT;
	}
	return found;
}

static int32_t ctx_open(const struct ioasid_be_open *from, struct ioasid_be_ctx **result,
			struct ioasid_be_text *why)
{
	struct ioasid_be_open args;
	struct ioasid_be_ctx *ctx;
	int32_t fd, ret = wire_in(&args, sizeof(args), sizeof(args), from);

	ret = ret ? ret : read_open_args(&args, &fd, why);
	if (ret)
		return ret;
	if (fd < 0 && !have_unit(args.host))
		return wire_why(why, IOASID_BE_ENODEV,
				"no VT-d unit in /sys/class/iommu: none in the machine, or not switched on "
				"(intel_iommu=on,sm_on)");
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return IOASID_BE_ENOMEM;
	ret = iommufd_open(&ctx->iommu, args.host, fd);
	if (ret == -ENOENT || ret == -ENODEV || ret == -ENXIO) {
		ret = wire_why(why, IOASID_BE_ENODEV,
			       "no /dev/iommu: the kernel has no iommufd (CONFIG_IOMMUFD)");
		goto free_ctx;
	}
	if (ret) {
		ret = wire_why(why, wire_error(ret), "/dev/iommu cannot be opened");
		goto free_ctx;
	}
	ret = check_context(&ctx->iommu, &args.objects, why);
	if (ret)
		goto close_iommu;
	ctx->interfaces = ask_interfaces(&ctx->iommu);
	pthread_mutex_init(&ctx->lock, NULL);
	*result = ctx;
	return 0;

close_iommu:
	iommufd_close(&ctx->iommu);
free_ctx:
	free(ctx);
	return ret;
}

static int32_t ctx_close(struct ioasid_be_ctx *ctx)
{
	bool busy;

	pthread_mutex_lock(&ctx->lock);
	busy = ctx->devices || ctx->spaces || ctx->queues;
	pthread_mutex_unlock(&ctx->lock);
	if (busy)
		return IOASID_BE_EBUSY;
	iommufd_close(&ctx->iommu);
	pthread_mutex_destroy(&ctx->lock);
	free(ctx);
	return 0;
}

static int32_t ctx_caps(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *caps)
{
	const struct ioasid_be_ctx_caps mine = {
		.interfaces = ctx->interfaces,
		.flags = IOASID_BE_CTX_SHARES_TABLES,
	};

	return wire_out(caps, &mine, sizeof(mine));
}

static int32_t get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	static const struct {
		const char *id;
		uint64_t bit;
		const void *table;
	} all[] = {
		{ IOASID_BE_ID_PAGING, IOASID_BE_IF_PAGING, &vtd_paging_ops },
		{ IOASID_BE_ID_DIRTY, IOASID_BE_IF_DIRTY, &vtd_dirty_ops },
		{ IOASID_BE_ID_PASID, IOASID_BE_IF_PASID, &vtd_pasid_ops },
		{ IOASID_BE_ID_NESTED, IOASID_BE_IF_NESTED, &vtd_nested_ops },
		{ IOASID_BE_ID_INVALIDATE, IOASID_BE_IF_INVALIDATE, &vtd_invalidate_ops },
		{ IOASID_BE_ID_FAULT, IOASID_BE_IF_FAULT, &vtd_fault_ops },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(id, all[i].id))
			continue;
		if (!(ctx->interfaces & all[i].bit))
			break;
		*table = all[i].table;
		return 0;
	}
	return IOASID_BE_ENOENT;
}

static int32_t device_caps(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps)
{
	struct ioasid_be_device_caps mine = { 0 };

	decode_caps(dev, &mine);
	return wire_out(caps, &mine, sizeof(mine));
}

static int32_t device_registers(struct ioasid_be_dev *dev, struct ioasid_be_record *registers)
{
	_Static_assert(sizeof(dev->registers) == 24, "the record is the kernel's structure");
	memset(registers, 0, sizeof(*registers));
	registers->type = IOASID_BE_REGS_VTD;
	registers->length = sizeof(dev->registers);
	memcpy(registers->bytes, &dev->registers, sizeof(dev->registers));
	return 0;
}

static int32_t device_report(struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
			     struct ioasid_be_text *text)
{
	struct ioasid_be_report_line mine = { 0 };
	int32_t ret = decode_line(dev, index, &mine, text);

	return ret ? ret : wire_out(line, &mine, sizeof(mine));
}

/* The kernel keeps every attachment over a reset, and what the device can do does not change by it. */
static int32_t device_reset(struct ioasid_be_dev *dev)
{
	(void)dev;
	return 0;
}

static const struct ioasid_be_core_ops core_ops = {
	.struct_size = sizeof(core_ops),
	.open = ctx_open,
	.close = ctx_close,
	.caps = ctx_caps,
	.get_interface = get_interface,
	.device_attach = device_attach,
	.device_detach = device_detach,
	.device_caps = device_caps,
	.device_registers = device_registers,
	.device_report = device_report,
	.device_reset = device_reset,
};

int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *from, struct ioasid_be_reply *reply)
{
	struct ioasid_be_query query;
	struct ioasid_be_reply mine;
	uint32_t minor = IOASID_BE_MINOR;
	int32_t ret = wire_in(&query, sizeof(query), sizeof(query), from);

	ret = ret ? ret : wire_in(&mine, sizeof(mine), sizeof(mine), reply);
	if (ret)
		return ret;
	if (query.major != IOASID_BE_MAJOR || minor < query.minor_min || minor > query.minor_max)
		return wire_why(mine.reason, IOASID_BE_EPROTONOSUPPORT,
				"vtd speaks version %u.%u, the host %u.%u to %u.%u", IOASID_BE_MAJOR, minor,
				query.major, query.minor_min, query.major, query.minor_max);
	mine.minor = minor;
	mine.core = &core_ops;
	mine.name = "vtd";
	mine.vendor = "libioasid";
	return wire_out(reply, &mine, sizeof(mine));
}
