/* SPDX-License-Identifier: MIT */
/*
 * The interface nested: a guest's first-stage tables, each one HWPT that stands on a table of its parent,
 * made for the IOMMU of its first device; see vtd.h.
 */
#include "vtd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The record of the contract is the kernel's structure. */
static int32_t read_entry(const struct ioasid_be_record *entry, struct uapi_hwpt_vtd_s1 *data,
			  struct ioasid_be_text *why)
{
	_Static_assert(sizeof(*data) == 24, "the record is the kernel's structure");
	if (!entry || entry->length > IOASID_BE_RECORD_MAX)
		return IOASID_BE_EINVAL;
	for (uint32_t i = entry->length; i < IOASID_BE_RECORD_MAX; i++)
		if (entry->bytes[i])
			return IOASID_BE_EINVAL;
	if (entry->type != IOASID_BE_PT_VTD_S1)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "page tables of type 0x%x are not of VT-d", entry->type);
	if (entry->length != sizeof(*data))
		return wire_why(why, IOASID_BE_EINVAL, "the record has %u bytes, not %u", entry->length,
				(unsigned int)sizeof(*data));
	memcpy(data, entry->bytes, sizeof(*data));
	return data->reserved ? IOASID_BE_EINVAL : 0;
}

static int32_t check_args(const struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *args,
			  struct ioasid_be_text *why)
{
	const struct ioasid_be_as *parent = args->parent;

	if (args->flags || !wire_zero(args->reserved, 2) || !args->dev || args->dev->ctx != ctx || !parent ||
	    parent->ctx != ctx || (args->faultq && queue_ctx(args->faultq) != ctx))
		return IOASID_BE_EINVAL;
	if (!parent->adopted && !(parent->uses & IOASID_BE_USE_PARENT))
		return wire_why(why, IOASID_BE_EINVAL, "the parent was made without the use PARENT");
	return 0;
}

/* Makes the table where its parent is locked. */
static int32_t make_nested(struct ioasid_be_table *table, struct ioasid_be_dev *dev,
			   const struct uapi_hwpt_vtd_s1 *data, struct ioasid_be_text *why)
{
	struct ioasid_be_as *parent = table->parent;
	struct iommufd_hwpt what = {
		.dev = dev->id,
		.flags = (table->pasid ? UAPI_HWPT_PASID : 0) | (table->queue ? UAPI_HWPT_FAULT : 0),
		.fault = table->queue ? queue_id(table->queue) : 0,
		.data_type = UAPI_HWPT_DATA_VTD_S1,
		.data_size = sizeof(*data),
		.data = data,
	};
	int32_t ret = table_parent(parent, dev, &table->below, why);

	if (ret)
		return ret;
	what.parent = table->below->id;
	ret = iommufd_hwpt_alloc(&parent->ctx->iommu, &what, &table->id);
	if (!ret) {
		parent->nested++;
		return 0;
	}
	table_put_locked(parent, table->below);
	if (ret == -EOPNOTSUPP || ret == -ENOTTY || ret == -E2BIG)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "the device's IOMMU or the kernel nests no such tables%s",
				table->queue ? " with page requests" : "");
	if (ret == -EINVAL && parent->adopted_table)
		return wire_why(why, IOASID_BE_EINVAL, "the adopted table was not made to be a parent");
	return wire_why(why, wire_error(ret), "the kernel makes no nested table of this root, width and flags");
}

static int32_t nested_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *from,
			     struct ioasid_be_table **result, struct ioasid_be_text *why)
{
	struct ioasid_be_table_args args;
	struct ioasid_be_table *table;
	struct uapi_hwpt_vtd_s1 data;
	int32_t ret = wire_in(&args, sizeof(args), sizeof(args), from);

	ret = ret ? ret : check_args(ctx, &args, why);
	ret = ret ? ret : read_entry(args.entry, &data, why);
	if (ret)
		return ret;
	table = calloc(1, sizeof(*table));
	if (!table)
		return IOASID_BE_ENOMEM;
	table->parent = args.parent;
	table->queue = args.faultq;
	/* One table may come to serve devices with and without PASIDs; the flag costs nothing. */
	table->pasid = args.dev->knows_pasid;
	pthread_mutex_lock(&args.parent->lock);
	ret = make_nested(table, args.dev, &data, why);
	pthread_mutex_unlock(&args.parent->lock);
	if (ret) {
		free(table);
		return ret;
	}
	queue_use(table->queue);
	*result = table;
	return 0;
}

static int32_t nested_destroy(struct ioasid_be_table *table)
{
	struct ioasid_be_as *parent = table->parent;
	int32_t ret;

	pthread_mutex_lock(&parent->lock);
	ret = table->users ? -EBUSY : iommufd_destroy(&parent->ctx->iommu, table->id);
	if (!ret || ret == -ENOENT) {
		ret = 0;
		table_put_locked(parent, table->below);
		parent->nested--;
	}
	pthread_mutex_unlock(&parent->lock);
	if (ret)
		return wire_error(ret);
	queue_drop(table->queue);
	free(table);
	return 0;
}

/*
 * Whether what stands beside the slot on its device may be why the kernel minds: beside PASIDs the RID is on
 * a table with the PASID flag, or on none. A foreign RID and an adopted table might be anything.
 */
static bool other_slots_mind(const struct ioasid_be_table *table, struct ioasid_be_dev *dev, uint32_t pasid)
{
	const struct vtd_slot *rid = slot_find(dev, 0);

	if (!pasid)
		return !table->pasid && dev->taken > (rid->state == VTD_FREE ? 0u : 1u);
	if (dev->foreign_rid)
		return true;
	if (rid->state != VTD_ATTACHED)
		return false;
	return rid->nested ? !rid->nested->pasid : rid->as->adopted_table || !(rid->table->flags & UAPI_HWPT_PASID);
}

int32_t nested_attach(struct ioasid_be_table *table, struct ioasid_be_dev *dev, uint32_t pasid, uint64_t deadline,
		      struct vtd_place *place, struct ioasid_be_text *why)
{
	struct ioasid_be_as *parent = table->parent;
	int32_t ret;

	if (pasid && !table->pasid)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "the table was made where the kernel knew no PASIDs");
	ret = vtd_lock(&parent->lock, deadline);
	if (ret)
		return ret;
	ret = vfio_attach(&parent->ctx->iommu, dev->fd, pasid, table->id);
	if (!ret) {
		table->users++;
		*place = (struct vtd_place){ .nested = table };
	}
	pthread_mutex_unlock(&parent->lock);
	if (ret != -EINVAL)
		return ret ? table_explain(ret, table->queue, why) : 0;
	if (other_slots_mind(table, dev, pasid))
		return wire_why(why, IOASID_BE_EBUSY, pasid ?
				"the RID of the device is on a table without the PASID flag" :
				"PASIDs of the device want its RID on a table with the PASID flag");
	return wire_why(why, IOASID_BE_EINVAL,
			"the device's unit does not take this table: its width or flags, or it was made for another one");
}

void nested_put(struct ioasid_be_table *table)
{
	pthread_mutex_lock(&table->parent->lock);
	table->users--;
	pthread_mutex_unlock(&table->parent->lock);
}

const struct ioasid_be_nested_ops vtd_nested_ops = {
	.struct_size = sizeof(vtd_nested_ops),
	.create = nested_create,
	.destroy = nested_destroy,
};
