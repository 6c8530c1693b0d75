/* SPDX-License-Identifier: MIT */
/*
 * The kernel tables of an address space (S16.1): one serves every device that it fits; for a device that
 * answers EINVAL to all there are, another one is made. A table goes with its last slot, so that it narrows
 * the ranges no longer than needed.
 */
#include "vtd.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t table_flags(const struct ioasid_be_as *as, const struct ioasid_be_dev *dev, bool parent)
{
	/* The uses of an adopted space are not known: what the device may want beside it is made possible. */
	bool pasid = as->adopted ? dev->pasid_bits > 0 : (as->uses & IOASID_BE_USE_PASID) != 0;
	bool dirty = as->adopted ? (dev->info.out_capabilities & UAPI_HW_CAP_DIRTY_TRACKING) != 0 :
				   (as->uses & IOASID_BE_USE_DIRTY) != 0;

	return (pasid ? UAPI_HWPT_PASID : 0) | (dirty ? UAPI_HWPT_DIRTY : 0) |
	       (as->queue ? UAPI_HWPT_FAULT : 0) |
	       (parent || as->uses & IOASID_BE_USE_PARENT ? UAPI_HWPT_NEST_PARENT : 0);
}

/*
 * Destroys a table without slots and takes it out of the list; its space is locked. One that the kernel keeps
 * stays in the list, to be used again or to be tried again when the space ends; and while dirty pages are
 * tracked, so that what it knows of them is not lost.
 */
static void remove_unused(struct ioasid_be_as *as, struct vtd_table *table)
{
	struct vtd_table **link = &as->tables;
	int32_t ret;

	if (table->users || as->adopted_table || as->tracking)
		return;
	ret = iommufd_destroy(&as->ctx->iommu, table->id);
	if (ret && ret != -ENOENT)
		return;
	while (*link != table)
		link = &(*link)->next;
	*link = table->next;
	free(table);
}

void table_purge(struct ioasid_be_as *as)
{
	struct vtd_table *next;

	for (struct vtd_table *table = as->tables; table; table = next) {
		next = table->next;
		remove_unused(as, table);
	}
}

int32_t table_explain(int32_t error, const struct ioasid_be_faultq *queue, struct ioasid_be_text *why)
{
	switch (error) {
	case -EADDRINUSE:
		return wire_why(why, IOASID_BE_EBUSY,
				"mappings or allowed windows lie where the device needs a reserved one");
	case -ENOSPC:
		return wire_why(why, error, "domain ids of the unit");
	case -EFAULT:
		return wire_why(why, error, "something that is mapped has no memory behind it");
	case -ENOENT:
		return wire_why(why, IOASID_BE_EIO, "the table is gone from the kernel");
	case -ENODEV:
		if (queue)
			return wire_why(why, IOASID_BE_EOPNOTSUPP,
					"the device cannot ask for pages, or is gone");
		return wire_why(why, error, "the device is gone");
	default:
		return wire_why(why, wire_error(error), "the kernel does not attach the table");
	}
}

static int32_t explain(const struct ioasid_be_as *as, uint32_t pasid, int32_t error,
		       struct ioasid_be_text *why)
{
	if (error != -EINVAL)
		return table_explain(error, as->queue, why);
	if (as->adopted_table)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "the adopted table does not fit this device%s",
				pasid ? ", or was made without the PASID flag" : "");
	if (pasid)
		return wire_why(why, IOASID_BE_EBUSY, "the RID of the device is on a table without the PASID flag");
	return wire_why(why, IOASID_BE_EBUSY, "PASIDs of the device want its RID on a table with the PASID flag");
}

/* Tries a slot on every table there is; the space is locked. Return: -EINVAL fits none. */
static int32_t try_tables(struct ioasid_be_as *as, struct ioasid_be_dev *dev, uint32_t pasid,
			  struct vtd_table **table)
{
	int32_t ret = -EINVAL;

	for (struct vtd_table *t = as->tables; t && ret == -EINVAL; t = t->next) {
		ret = vfio_attach(&as->ctx->iommu, dev->fd, pasid, t->id);
		if (!ret)
			*table = t;
	}
	return ret;
}

static int32_t make_table(struct ioasid_be_as *as, struct ioasid_be_dev *dev, bool parent,
			  struct vtd_table **result, struct ioasid_be_text *why)
{
	struct vtd_table *table = calloc(1, sizeof(*table));
	struct iommufd_hwpt what = { .dev = dev->id, .parent = as->ioas, .flags = table_flags(as, dev, parent) };
	int32_t ret;

	if (!table)
		return IOASID_BE_ENOMEM;
	if (as->queue)
		what.fault = queue_id(as->queue);
	ret = iommufd_hwpt_alloc(&as->ctx->iommu, &what, &table->id);
	if (ret == -EOPNOTSUPP || ret == -ENOTTY || ret == -E2BIG) {
		ret = wire_why(why, IOASID_BE_EOPNOTSUPP,
			       "the device's IOMMU cannot make a table for these uses%s%s%s",
			       what.flags & UAPI_HWPT_NEST_PARENT ? " (nesting)" : "",
			       what.flags & UAPI_HWPT_DIRTY ? " (dirty tracking)" : "",
			       what.flags & UAPI_HWPT_FAULT ? " (page requests)" : "");
		goto free_table;
	}
	if (ret) {
		ret = wire_why(why, wire_error(ret), "the kernel makes no table");
		goto free_table;
	}
	if (as->tracking) {
		ret = iommufd_dirty_set(&as->ctx->iommu, table->id, true);
		if (ret) {
			ret = wire_why(why, wire_error(ret), "the device's IOMMU does not track dirty pages");
			goto destroy_table;
		}
	}
	table->iommu = dev->iommu;
	table->flags = what.flags;
	table->next = as->tables;
	as->tables = table;
	*result = table;
	return 0;

destroy_table:
	iommufd_destroy(&as->ctx->iommu, table->id);
free_table:
	free(table);
	return ret;
}

int32_t table_attach(struct ioasid_be_as *as, struct ioasid_be_dev *dev, uint32_t pasid, uint64_t deadline,
		     struct vtd_place *place, struct ioasid_be_text *why)
{
	struct vtd_table *table = NULL;
	int32_t ret = vtd_lock(&as->lock, deadline);

	if (ret)
		return ret;
	ret = try_tables(as, dev, pasid, &table);
	if (ret == -EINVAL && !as->adopted_table) {
		ret = make_table(as, dev, false, &table, why);
		if (ret)
			goto unlock;
		ret = vfio_attach(&as->ctx->iommu, dev->fd, pasid, table->id);
		if (ret)
			remove_unused(as, table);
	}
	if (ret) {
		ret = explain(as, pasid, ret, why);
		goto unlock;
	}
	table->users++;
	*place = (struct vtd_place){ .table = table };
unlock:
	pthread_mutex_unlock(&as->lock);
	return ret;
}

int32_t table_parent(struct ioasid_be_as *as, struct ioasid_be_dev *dev, struct vtd_table **result,
		     struct ioasid_be_text *why)
{
	struct vtd_table *table = as->tables;
	int32_t ret = 0;

	/* Of an adopted table only the kernel knows whether it can be one. */
	while (table && !as->adopted_table && (table->iommu != dev->iommu || !(table->flags & UAPI_HWPT_NEST_PARENT)))
		table = table->next;
	if (!table)
		ret = make_table(as, dev, true, &table, why);
	if (ret)
		return ret;
	table->users++;
	*result = table;
	return 0;
}

void table_put_locked(struct ioasid_be_as *as, struct vtd_table *table)
{
	table->users--;
	remove_unused(as, table);
}

void table_put(struct ioasid_be_as *as, struct vtd_table *table)
{
	pthread_mutex_lock(&as->lock);
	table_put_locked(as, table);
	pthread_mutex_unlock(&as->lock);
}
