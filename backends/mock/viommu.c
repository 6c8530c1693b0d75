/* The interfaces ioasid.be.viommu/1 and ioasid.be.vdevice/1; see viommu.h. */
#include "viommu.h"

#include <string.h>

#include "structs.h"

static struct inject_call call_of(struct ioasid_mock *mock, uint32_t op, const struct device *device)
{
	return (struct inject_call){ .inject = &mock->inject,
				     .op = op,
				     .device = device ? device->number : IOASID_MOCK_NO_DEVICE };
}

/* ---- Virtual IOMMUs ---- */

static int32_t check_args(const struct ioasid_be_ctx *ctx, const struct ioasid_be_viommu_args *args,
			  struct ioasid_be_text *why)
{
	if (args->flags || args->reserved[0] || args->reserved[1] || !args->dev || args->dev->ctx != ctx ||
	    !args->parent || args->parent->ctx != ctx)
		return IOASID_BE_EINVAL;
	if (args->type != IOASID_BE_VIOMMU_MOCK)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "virtual IOMMUs of type 0x%x are not the mock's",
				args->type);
	if (args->data && args->data->length)
		return wire_why(why, IOASID_BE_EINVAL, "the mock's virtual IOMMU takes no data");
	if (!(args->parent->space->uses & IOASID_BE_USE_PARENT))
		return wire_why(why, IOASID_BE_EINVAL, "the parent was made without the use PARENT");
	if (!setup_has_viommu(args->dev->device->setup))
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "the IOMMU of %s has no virtual ones",
				args->dev->device->name);
	return 0;
}

static int32_t do_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_viommu_args *from,
			 struct ioasid_be_viommu **viommu, struct ioasid_be_record *out,
			 struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = ctx->mock;
	struct ioasid_be_viommu_args args;
	struct ioasid_be_viommu *made;
	int32_t rc = wire_struct_in(&args, sizeof(args), from);

	if (!rc)
		rc = viommu ? check_args(ctx, &args, why) : IOASID_BE_EINVAL;
	if (rc)
		return rc;
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	made->ctx = ctx;
	made->parent = args.parent;
	made->iommu = args.dev->device->iommu;
	turnstile_enter(&mock->lock);
	made->id = ++mock->last_id;
	args.parent->tables++;
	ctx->viommus++;
	mock->viommus++;
	turnstile_leave(&mock->lock);
	if (out) {
		memset(out, 0, sizeof(*out));
		out->type = IOASID_BE_VIOMMU_MOCK;
		out->length = sizeof(made->id);
		memcpy(out->bytes, &made->id, sizeof(made->id));
	}
	*viommu = made;
	return 0;
}

static int32_t viommu_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_viommu_args *args,
			     struct ioasid_be_viommu **viommu, struct ioasid_be_record *out,
			     struct ioasid_be_text *why)
{
	const struct inject_call call = call_of(ctx->mock, IOASID_MOCK_OP_VIOMMU_CREATE, NULL);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_create(ctx, args, viommu, out, why));
}

static int32_t viommu_destroy(struct ioasid_be_viommu *viommu)
{
	struct ioasid_mock *mock = viommu->ctx->mock;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_VIOMMU_DESTROY, NULL);
	int32_t rc = inject_begin(&call);

	if (rc)
		return inject_end(&call, rc);
	turnstile_enter(&mock->lock);
	if (viommu->entries || viommu->vdevices || viommu->events) {
		rc = IOASID_BE_EBUSY;
	} else {
		viommu->parent->tables--;
		viommu->ctx->viommus--;
		mock->viommus--;
		mock_mem_free(&mock->mem, viommu);
	}
	turnstile_leave(&mock->lock);
	return inject_end(&call, rc);
}

const struct ioasid_be_viommu_ops mock_viommu_ops = {
	.struct_size = sizeof(mock_viommu_ops),
	.create = viommu_create,
	.destroy = viommu_destroy,
};

/* ---- Virtual devices ---- */

struct device *viommu_device(struct ioasid_mock *mock, const struct ioasid_be_viommu *viommu,
			     uint64_t virtual_id)
{
	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		const struct ioasid_be_vdevice *vdevice = mock->devices[i].vdevice;

		if (vdevice && vdevice->viommu == viommu && vdevice->virtual_id == virtual_id)
			return &mock->devices[i];
	}
	return NULL;
}

static int32_t create_locked(struct ioasid_be_viommu *viommu, struct device *device, uint64_t virtual_id,
			     struct ioasid_be_vdevice **vdevice, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = viommu->ctx->mock;
	struct ioasid_be_vdevice *made;

	if (device->gone)
		return IOASID_BE_ENODEV;
	if (device->iommu != viommu->iommu)
		return wire_why(why, IOASID_BE_EINVAL, "%s is behind another IOMMU", device->name);
	if (device->vdevice)
		return wire_why(why, IOASID_BE_EEXIST, "%s has a virtual id", device->name);
	if (viommu_device(mock, viommu, virtual_id))
		return wire_why(why, IOASID_BE_EEXIST, "virtual id 0x%llx is taken",
				(unsigned long long)virtual_id);
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	made->viommu = viommu;
	made->device = device;
	made->virtual_id = virtual_id;
	device->vdevice = made;
	viommu->vdevices++;
	mock->vdevices++;
	*vdevice = made;
	return 0;
}

static int32_t vdevice_create(struct ioasid_be_viommu *viommu, struct ioasid_be_dev *dev, uint64_t virtual_id,
			      struct ioasid_be_vdevice **vdevice, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = viommu->ctx->mock;
	const struct inject_call call =
		call_of(mock, IOASID_MOCK_OP_VDEVICE_CREATE, dev ? dev->device : NULL);
	int32_t rc = inject_begin(&call);

	if (!rc && (!dev || dev->ctx != viommu->ctx || !vdevice))
		rc = IOASID_BE_EINVAL;
	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = create_locked(viommu, dev->device, virtual_id, vdevice, why);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

static int32_t vdevice_destroy(struct ioasid_be_vdevice *vdevice)
{
	struct ioasid_mock *mock = vdevice->viommu->ctx->mock;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_VDEVICE_DESTROY, vdevice->device);
	int32_t rc = inject_begin(&call);

	if (rc)
		return inject_end(&call, rc);
	turnstile_enter(&mock->lock);
	if (viommu_translates(vdevice->device)) {
		rc = IOASID_BE_EBUSY;
	} else {
		vdevice->device->vdevice = NULL;
		vdevice->viommu->vdevices--;
		mock->vdevices--;
		mock_mem_free(&mock->mem, vdevice);
	}
	turnstile_leave(&mock->lock);
	return inject_end(&call, rc);
}

const struct ioasid_be_vdevice_ops mock_vdevice_ops = {
	.struct_size = sizeof(mock_vdevice_ops),
	.create = vdevice_create,
	.destroy = vdevice_destroy,
};
