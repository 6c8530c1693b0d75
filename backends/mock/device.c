/* The core table's part that is about devices. */
#include <string.h>

#include "flight.h"
#include "page.h"
#include "plug.h"
#include "slot.h"
#include "structs.h"

static struct inject_call call_of(struct ioasid_mock *mock, uint32_t op, const struct device *device)
{
	return (struct inject_call){ .inject = &mock->inject,
				     .op = op,
				     .device = device ? device->number : IOASID_MOCK_NO_DEVICE };
}

/* ---- Attach, detach ---- */

/* The device that a descriptor is of: what can be read there is its name. */
static struct device *device_by_fd(struct ioasid_be_ctx *ctx, int32_t fd)
{
	char name[SETUP_NAME_MAX + 1];
	int64_t length;

	if (fd < 0)
		return NULL;
	length = ctx->host.read(ctx->host.host, fd, name, SETUP_NAME_MAX, 0);
	if (length < 0 || length > (int64_t)SETUP_NAME_MAX)
		return NULL;
	name[length] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return machine_device_by_name(ctx->mock, name);
}

static int32_t find_device(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
			   struct device **device, struct ioasid_be_text *why)
{
	const struct device *named;

	switch (spec->kind) {
	case IOASID_BE_DEVICE_NAME:
		if (!spec->name || spec->fd != -1 || spec->iommufd != -1)
			return IOASID_BE_EINVAL;
		*device = machine_device_by_name(ctx->mock, spec->name);
		if (!*device)
			return wire_why(why, IOASID_BE_ENODEV, "there is no device \"%.64s\"", spec->name);
		return 0;
	case IOASID_BE_DEVICE_FD:
		*device = device_by_fd(ctx, spec->fd);
		if (!*device)
			return wire_why(why, IOASID_BE_EINVAL, "descriptor %d does not name a device",
					spec->fd);
		return 0;
	case IOASID_BE_DEVICE_ADOPTED:
		*device = machine_device(ctx->mock, spec->device_id);
		if (!*device)
			return wire_why(why, IOASID_BE_ENODEV, "there is no device number %u",
					spec->device_id);
		/* Any other descriptor of the owner will do. */
		named = device_by_fd(ctx, spec->fd);
		if (named && named != *device)
			return wire_why(why, IOASID_BE_EINVAL, "descriptor %d is of %s, not of %s", spec->fd,
					named->name, (*device)->name);
		return 0;
	default:
		return IOASID_BE_EINVAL;
	}
}

static int32_t attach_locked(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
			     struct device *device, struct ioasid_be_dev **dev, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = ctx->mock;
	const bool adopts = spec->kind == IOASID_BE_DEVICE_ADOPTED;
	struct ioasid_be_dev *made;

	if (device->gone)
		return wire_why(why, IOASID_BE_ENODEV, "%s is gone", device->name);
	if (device->user)
		return wire_why(why, IOASID_BE_EBUSY, "%s is in use by a context", device->name);
	if (!adopts && device->bound)
		return wire_why(why, IOASID_BE_EBUSY, "%s is bound by somebody else", device->name);
	if (adopts && !device->bound)
		return wire_why(why, IOASID_BE_EINVAL, "%s is not bound, so it cannot be adopted",
				device->name);
	if (mock->setup->max_devices && ctx->devices >= mock->setup->max_devices)
		return wire_why(why, IOASID_BE_ENOSPC, "devices");
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	made->ctx = ctx;
	made->device = device;
	made->cookie = spec->cookie;
	device->user = made;
	ctx->devices++;
	mock->devices_used++;
	*dev = made;
	return 0;
}

int32_t device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *from,
		      struct ioasid_be_dev **dev, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = ctx->mock;
	struct device *device = NULL;
	struct ioasid_be_device spec;
	int32_t injected, rc = wire_struct_in(&spec, sizeof(spec), from);
	struct inject_call call;

	if (!rc && (!dev || spec.flags || spec.reserved[0] || spec.reserved[1]))
		rc = IOASID_BE_EINVAL;
	if (!rc)
		rc = find_device(ctx, &spec, &device, why);
	call = call_of(mock, IOASID_MOCK_OP_DEVICE_ATTACH, device);
	injected = inject_begin(&call);
	if (injected)
		rc = injected;
	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = attach_locked(ctx, &spec, device, dev, why);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

int32_t device_detach(struct ioasid_be_dev *dev)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	struct device *device = dev->device;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_DEVICE_DETACH, device);
	int32_t rc = inject_begin(&call);

	if (rc)
		return inject_end(&call, rc);
	turnstile_enter(&mock->lock);
	if (device->bindings || slot_taken(&device->rid) || device->guest.viommu || device->vdevice) {
		rc = IOASID_BE_EBUSY;
	} else {
		slot_forget(mock, device);
		page_forget(mock, device);
		device->user = NULL;
		dev->ctx->devices--;
		mock->devices_used--;
		mock_mem_free(&mock->mem, dev);
	}
	turnstile_leave(&mock->lock);
	return inject_end(&call, rc);
}

/* ---- What a device can do ---- */

#define BIT(capability) (UINT64_C(1) << (capability))

/* What the hardware has, whatever stands in the way of its use. */
static uint64_t caps_of(const struct ioasid_mock *mock, const struct setup_device *setup)
{
	const uint64_t without = mock->setup->without;
	uint64_t caps = setup->ats ? BIT(IOASID_BE_CAP_ATS) : 0;

	caps |= setup_pri(setup) ? BIT(IOASID_BE_CAP_PRI) : 0;
	caps |= BIT(IOASID_BE_CAP_MAPPING);
	if (without & IOASID_BE_IF_PASID)
		return caps;
	caps |= setup_takes_requests(setup) && !(without & IOASID_BE_IF_FAULT) ? BIT(IOASID_BE_CAP_FAULT) : 0;
	caps |= setup->dirty && !(without & IOASID_BE_IF_DIRTY) ? BIT(IOASID_BE_CAP_DIRTY) : 0;
	if (machine_interfaces(mock) & IOASID_BE_IF_VIOMMU && setup_has_viommu(setup)) {
		caps |= BIT(IOASID_BE_CAP_VIOMMU);
		caps |= setup->event && !(without & IOASID_BE_IF_EVENT) ? BIT(IOASID_BE_CAP_EVENT) : 0;
	}
	caps |= setup->rid ? BIT(IOASID_BE_CAP_RID) : 0;
	caps |= setup->block ? BIT(IOASID_BE_CAP_BLOCK) : 0;
	caps |= setup->hitless ? BIT(IOASID_BE_CAP_HITLESS) : 0;
	caps |= setup->exec ? BIT(IOASID_BE_CAP_EXEC) : 0;
	caps |= setup->priv ? BIT(IOASID_BE_CAP_PRIV) : 0;
	caps |= setup->pasid_bits ? BIT(IOASID_BE_CAP_PASID) : 0;
	caps |= setup->nesting && !(without & IOASID_BE_IF_NESTED) ? BIT(IOASID_BE_CAP_NESTING) : 0;
	return caps;
}

static uint32_t owner_of(const struct setup_device *setup, uint64_t caps)
{
	if (!(caps & BIT(IOASID_BE_CAP_PASID)))
		return IOASID_BE_OWNER_NONE;
	return caps & BIT(IOASID_BE_CAP_VIOMMU) ? (uint32_t)setup->owner : IOASID_BE_OWNER_HOST;
}

int32_t device_caps(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct setup_device *setup = dev->device->setup;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_DEVICE_CAPS, dev->device);
	const uint64_t has = caps_of(mock, setup);
	/* CAP_MAPPING is for the report only. */
	const struct ioasid_be_device_caps told = {
		.pasid_bits = has & BIT(IOASID_BE_CAP_PASID) ? (uint32_t)setup->pasid_bits : 0,
		.flags = has & ~BIT(IOASID_BE_CAP_MAPPING),
		.table_owner = owner_of(setup, has),
		.iova_bits = (uint32_t)setup->iova_bits,
		.iommu = setup->iommu,
		.max_bindings = setup->max_bindings,
		.page_sizes = PAGE_BYTES,
	};
	int32_t rc = inject_begin(&call);

	if (!rc)
		rc = plug_check(mock, dev->device);
	return inject_end(&call, rc ? rc : wire_struct_out(caps, sizeof(told), &told));
}

int32_t device_registers(struct ioasid_be_dev *dev, struct ioasid_be_record *registers)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct setup_device *setup = dev->device->setup;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_DEVICE_REGISTERS, dev->device);
	struct ioasid_mock_registers raw = {
		.device = dev->device->number,
		.iommu = (uint32_t)setup->iommu,
		.pasid_bits = (uint32_t)setup->pasid_bits,
		.iova_bits = (uint32_t)setup->iova_bits,
		.caps = caps_of(mock, setup) & ~BIT(IOASID_BE_CAP_MAPPING),
	};
	int32_t rc = inject_begin(&call);

	if (!rc && !registers)
		rc = IOASID_BE_EINVAL;
	if (!rc)
		rc = plug_check(mock, dev->device);
	if (!rc) {
		turnstile_enter(&mock->lock);
		raw.resets = dev->device->resets;
		turnstile_leave(&mock->lock);
		memset(registers, 0, sizeof(*registers));
		registers->type = IOASID_BE_REGS_MOCK;
		registers->length = sizeof(raw);
		memcpy(registers->bytes, &raw, sizeof(raw));
	}
	return inject_end(&call, rc);
}

int32_t device_reset(struct ioasid_be_dev *dev)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct scope scope = { .kind = SCOPE_DEVICE, .device = dev->device };
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_DEVICE_RESET, dev->device);
	int32_t rc = inject_begin(&call);

	if (!rc)
		rc = plug_check(mock, dev->device);
	if (!rc) {
		turnstile_enter(&mock->lock);
		dev->device->resets++;
		dev->device->pri_off = false;
		tlb_flush(mock, &scope, TLB_DEVICE);
		flight_cut(mock, &scope, 0, UINT64_MAX);
		page_end(mock, &scope, 0, UINT64_MAX);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}
