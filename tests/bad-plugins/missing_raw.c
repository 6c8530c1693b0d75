/* Has virtual IOMMUs, but no way to run the raw commands of their guests. */
#include "plugin.h"

static int32_t scopes(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *batch)
{
	return good_slots(ctx, batch);
}

static int32_t viommu_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_viommu_args *args,
			     struct ioasid_be_viommu **viommu, struct ioasid_be_record *out,
			     struct ioasid_be_text *why)
{
	(void)ctx;
	(void)args;
	(void)viommu;
	(void)out;
	(void)why;
	return IOASID_BE_ENOSPC;
}

static int32_t viommu_destroy(struct ioasid_be_viommu *viommu)
{
	(void)viommu;
	return 0;
}

static const struct ioasid_be_paging_ops paging = { GOOD_PAGING };
static const struct ioasid_be_invalidate_ops invalidate = { .struct_size = sizeof(invalidate), .scopes = scopes };
static const struct ioasid_be_viommu_ops viommu = {
	.struct_size = sizeof(viommu), .create = viommu_create, .destroy = viommu_destroy,
};

static int32_t get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	(void)ctx;
	if (!strcmp(id, IOASID_BE_ID_PAGING))
		*table = &paging;
	else if (!strcmp(id, IOASID_BE_ID_INVALIDATE))
		*table = &invalidate;
	else if (!strcmp(id, IOASID_BE_ID_VIOMMU))
		*table = &viommu;
	else
		return IOASID_BE_ENOENT;
	return 0;
}

PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_VIOMMU)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps, .get_interface = get_interface };

PLUGIN_ENTRY("missing_raw", &core, (void)0)
