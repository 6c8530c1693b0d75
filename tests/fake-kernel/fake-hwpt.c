/* A kernel that is made up: tables, nested ones, what is invalidated of them, and dirty pages; see fake.h. */
#include "tests/fake-kernel/fake-private.h"

#include <errno.h>
#include <string.h>

#define ECAP_NEST (UINT64_C(1) << 26)

static int32_t check_table(const struct fake_kernel *kernel, const struct uapi_hwpt_alloc *cmd,
			   const struct fake_device *device)
{
	const uint32_t known = UAPI_HWPT_PASID | UAPI_HWPT_NEST_PARENT | UAPI_HWPT_DIRTY | UAPI_HWPT_FAULT;

	if (cmd->flags & ~known || (cmd->flags & UAPI_HWPT_PASID && kernel->version < 615))
		return -EOPNOTSUPP;
	if (cmd->flags & UAPI_HWPT_NEST_PARENT && (cmd->flags & UAPI_HWPT_FAULT || !(device->ecap & ECAP_NEST)))
		return -EOPNOTSUPP;
	if (cmd->flags & UAPI_HWPT_DIRTY && !(device->capabilities & UAPI_HW_CAP_DIRTY_TRACKING))
		return -EOPNOTSUPP;
	return 0;
}

static int32_t check_nested(const struct uapi_hwpt_alloc *cmd, const struct fake_device *device,
			    const struct fake_object *below)
{
	const struct uapi_hwpt_vtd_s1 *data = (const struct uapi_hwpt_vtd_s1 *)(uintptr_t)cmd->data_uptr;

	if (cmd->flags & ~(UAPI_HWPT_PASID | UAPI_HWPT_FAULT) || !cmd->data_len)
		return -EOPNOTSUPP;
	if (!(below->flags & UAPI_HWPT_NEST_PARENT))
		return -EINVAL;
	if (!(device->ecap & ECAP_NEST) || cmd->data_type != UAPI_HWPT_DATA_VTD_S1)
		return -EOPNOTSUPP;
	return cmd->data_len < sizeof(*data) || data->reserved ? -EINVAL : 0;
}

static int32_t hwpt_alloc(struct fake_kernel *kernel, uint32_t iommufd, struct uapi_hwpt_alloc *cmd)
{
	struct fake_object *ioas = fake_find(kernel, iommufd, cmd->pt_id, FAKE_IOAS), *table;
	struct fake_object *below = fake_find(kernel, iommufd, cmd->pt_id, FAKE_HWPT);
	struct fake_object *device = fake_find(kernel, iommufd, cmd->dev_id, FAKE_BOUND);
	struct fake_object *faults = fake_find(kernel, iommufd, cmd->fault_id, FAKE_FAULTS);
	int32_t ret;

	if (kernel->version < 607 && cmd->data_type)
		return -E2BIG;
	if (!cmd->data_type != !cmd->data_len)
		return -EINVAL;
	if (!device)
		return -ENOENT;
	if (!ioas && !below)
		return -EINVAL;
	ret = ioas ? check_table(kernel, cmd, &kernel->devices[device->device]) :
		     check_nested(cmd, &kernel->devices[device->device], below);
	if (ret)
		return ret;
	if (cmd->flags & UAPI_HWPT_FAULT && !faults)
		return -ENOENT;
	table = fake_make(kernel, iommufd, FAKE_HWPT);
	table->device = device->device;
	table->flags = cmd->flags;
	table->ioas = ioas ? cmd->pt_id : 0;
	table->below = ioas ? 0 : cmd->pt_id;
	table->width = ioas ? 0 : ((const struct uapi_hwpt_vtd_s1 *)(uintptr_t)cmd->data_uptr)->addr_width;
	(ioas ? ioas : below)->users++;
	if (cmd->flags & UAPI_HWPT_FAULT) {
		table->faults = cmd->fault_id;
		faults->users++;
	}
	cmd->out_hwpt_id = table->id;
	return 0;
}

static int32_t set_dirty(struct fake_object *table, const struct uapi_hwpt_set_dirty *cmd)
{
	if (cmd->flags & ~UAPI_SET_DIRTY_ENABLE || !(table->flags & UAPI_HWPT_DIRTY))
		return -EOPNOTSUPP;
	table->tracking = cmd->flags & UAPI_SET_DIRTY_ENABLE;
	table->dirty_count = 0;
	return 0;
}

/* Up to where a window is mapped without a gap. */
static uint64_t mapped_end(const struct fake_object *ioas, uint64_t at)
{
	for (uint32_t i = 0; i < ioas->count;) {
		if (ioas->mappings[i].first <= at && at <= ioas->mappings[i].last) {
			at = ioas->mappings[i].last + 1;
			i = 0;
		} else {
			i++;
		}
	}
	return at;
}

/* Bits of what is dirty are set, no other is touched. The first page that is not mapped ends it, in silence. */
static int32_t get_dirty(struct fake_object *table, const struct fake_object *ioas, const struct uapi_hwpt_get_dirty *cmd)
{
	uint64_t end = mapped_end(ioas, cmd->iova);
	unsigned char *bits = (unsigned char *)(uintptr_t)cmd->data;
	uint32_t kept = 0;

	if (!cmd->length || !cmd->page_size || cmd->iova % cmd->page_size || cmd->length % cmd->page_size)
		return -EINVAL;
	if (!(table->flags & UAPI_HWPT_DIRTY))
		return -EOPNOTSUPP;
	if (!table->tracking)
		return -EINVAL;
	for (uint32_t i = 0; i < table->dirty_count; i++) {
		uint64_t bit = (table->dirty[i] - cmd->iova) / cmd->page_size;

		if (table->dirty[i] < cmd->iova || table->dirty[i] - cmd->iova >= cmd->length || table->dirty[i] >= end) {
			table->dirty[kept++] = table->dirty[i];
			continue;
		}
		bits[bit / 8] |= (unsigned char)(1u << bit % 8);
		if (cmd->flags & UAPI_GET_DIRTY_NO_CLEAR)
			table->dirty[kept++] = table->dirty[i];
	}
	table->dirty_count = kept;
	return 0;
}

unsigned int fake_tracking(const struct fake_kernel *kernel)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		count += kernel->objects[i].type == FAKE_HWPT && kernel->objects[i].tracking;
	return count;
}

bool fake_write(struct fake_kernel *kernel, unsigned int device, uint32_t pasid, uint64_t iova)
{
	struct fake_object *table = fake_table(kernel, device, pasid);

	if (table && table->below)
		table = fake_find(kernel, table->iommufd, table->below, FAKE_HWPT);
	for (uint32_t i = 0; table && i < table->dirty_count; i++)
		if (table->dirty[i] == iova)
			return true;
	if (table && table->tracking && table->dirty_count < FAKE_DIRTY)
		table->dirty[table->dirty_count++] = iova;
	return table != NULL;
}

/* One entry. Return: 0 or why it, and what follows it, is not done. */
static int32_t flush(struct fake_kernel *kernel, const struct fake_object *table,
		     const struct uapi_vtd_s1_invalidate *entry)
{
	if (kernel->flush_stop && !--kernel->flush_stop)
		return kernel->flush_error;
	if (entry->flags & ~UAPI_VTD_INVALIDATE_LEAF || entry->reserved)
		return -EOPNOTSUPP;
	if (entry->addr % 4096 || (entry->npages == UINT64_MAX && entry->addr))
		return -EINVAL;
	kernel->flushes[kernel->flush_count % FAKE_FLUSHES] = (struct fake_flush){
		.table = table->id, .address = entry->addr, .pages = entry->npages, .flags = entry->flags,
	};
	kernel->flush_count++;
	return 0;
}

static int32_t invalidate(struct fake_kernel *kernel, uint32_t iommufd, struct uapi_hwpt_invalidate *cmd)
{
	const struct fake_object *table = fake_find(kernel, iommufd, cmd->hwpt_id, FAKE_HWPT);
	const char *data = (const char *)(uintptr_t)cmd->data_uptr;
	uint32_t count = cmd->entry_num;
	int32_t ret = 0;

	cmd->entry_num = 0;
	if (cmd->reserved)
		return -EOPNOTSUPP;
	if (count && (!data || !cmd->entry_len))
		return -EINVAL;
	if (!table)
		return -ENOENT;
	if (!table->below || cmd->data_type != UAPI_INVALIDATE_VTD_S1)
		return -EINVAL;
	if (kernel->flush_most && count > kernel->flush_most)
		count = kernel->flush_most;
	while (cmd->entry_num < count && !ret) {
		struct uapi_vtd_s1_invalidate entry;

		memcpy(&entry, data + (size_t)cmd->entry_num * cmd->entry_len, sizeof(entry));
		ret = flush(kernel, table, &entry);
		cmd->entry_num += !ret;
	}
	return ret;
}

int32_t fake_hwpt_ioctl(struct fake_kernel *kernel, uint32_t iommufd, uint64_t request, void *argument)
{
	const struct uapi_hwpt_get_dirty *get = argument;
	const struct uapi_hwpt_set_dirty *set = argument;
	struct fake_object *table;

	if (request == UAPI_HWPT_ALLOC)
		return hwpt_alloc(kernel, iommufd, argument);
	if (kernel->version < (request == UAPI_HWPT_INVALIDATE ? 608 : 607))
		return -ENOTTY;
	if (request == UAPI_HWPT_INVALIDATE)
		return invalidate(kernel, iommufd, argument);
	table = fake_find(kernel, iommufd, request == UAPI_HWPT_SET_DIRTY ? set->hwpt_id : get->hwpt_id, FAKE_HWPT);
	if (!table || table->below)
		return -ENOENT;
	if (request == UAPI_HWPT_SET_DIRTY)
		return set_dirty(table, set);
	return get_dirty(table, fake_find(kernel, iommufd, table->ioas, FAKE_IOAS), get);
}

unsigned int fake_flushes(struct fake_kernel *kernel, struct fake_flush flushes[FAKE_FLUSHES])
{
	unsigned int count = kernel->flush_count;

	memcpy(flushes, kernel->flushes, sizeof(kernel->flushes));
	kernel->flush_count = 0;
	return count;
}

void fake_flush_stop(struct fake_kernel *kernel, unsigned int after, int32_t error)
{
	kernel->flush_stop = error ? after + 1 : 0;
	kernel->flush_error = error;
}

void fake_flush_most(struct fake_kernel *kernel, unsigned int most)
{
	kernel->flush_most = most;
}

static const struct fake_object *any_table(const struct fake_kernel *kernel, uint32_t table)
{
	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		if (kernel->objects[i].type == FAKE_HWPT && kernel->objects[i].id == table)
			return &kernel->objects[i];
	return NULL;
}

uint32_t fake_table_flags(const struct fake_kernel *kernel, uint32_t table)
{
	const struct fake_object *object = any_table(kernel, table);

	return object ? object->flags : 0;
}

uint32_t fake_below(const struct fake_kernel *kernel, uint32_t table)
{
	const struct fake_object *object = any_table(kernel, table);

	return object ? object->below : 0;
}
