/* A kernel that is made up: device files of VFIO and the slots of devices; see fake.h. */
#include "tests/fake-kernel/fake-private.h"

#include <errno.h>
#include <stdlib.h>

#include "backends/iommufd/uapi.h"

static struct fake_slot *slot_of(struct fake_kernel *kernel, uint32_t device, uint32_t pasid, bool make_one)
{
	struct fake_slot *empty = NULL;

	for (uint32_t i = 0; i < FAKE_SLOTS; i++) {
		struct fake_slot *slot = &kernel->slots[device][i];

		if (slot->table && slot->pasid == pasid)
			return slot;
		if (!slot->table && !empty)
			empty = slot;
	}
	if (!empty && make_one)
		abort();
	return make_one ? empty : NULL;
}

static void leave(struct fake_kernel *kernel, uint32_t iommufd, uint32_t device, struct fake_slot *slot)
{
	fake_find(kernel, iommufd, slot->table, FAKE_HWPT)->users--;
	fake_faults_end(kernel, device, slot->pasid);
	slot->table = 0;
}

void fake_unbind(struct fake_kernel *kernel, uint32_t device)
{
	for (uint32_t i = 0; i < FAKE_OBJECTS; i++) {
		struct fake_object *object = &kernel->objects[i];

		if (object->type != FAKE_BOUND || object->device != device)
			continue;
		for (uint32_t j = 0; j < FAKE_SLOTS; j++)
			if (kernel->slots[device][j].table)
				leave(kernel, object->iommufd, device, &kernel->slots[device][j]);
		fake_drop(kernel, object);
	}
}

static int32_t bind(struct fake_kernel *kernel, struct fake_file *file, struct uapi_vfio_bind_iommufd *cmd)
{
	struct fake_file *iommufd = fake_file(kernel, cmd->iommufd);
	struct fake_object *object;

	if (file->id)
		return -EINVAL;
	if (!iommufd || iommufd->kind != FAKE_IOMMUFD)
		return -EBADF;
	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		if (kernel->objects[i].type == FAKE_BOUND && kernel->objects[i].device == file->device)
			return -EINVAL;
	object = fake_make(kernel, iommufd->iommufd, FAKE_BOUND);
	object->device = file->device;
	file->iommufd = iommufd->iommufd;
	file->id = object->id;
	cmd->out_devid = object->id;
	return 0;
}

/* The rule that binds RID and PASIDs: beside an attached PASID the RID's table has the flag, or there is
 * none. */
static bool rule_broken(struct fake_kernel *kernel, uint32_t iommufd, uint32_t device, uint32_t pasid,
			const struct fake_object *table)
{
	struct fake_slot *rid = slot_of(kernel, device, 0, false);

	if (pasid)
		return !(table->flags & UAPI_HWPT_PASID) ||
		       (rid && !(fake_find(kernel, iommufd, rid->table, FAKE_HWPT)->flags & UAPI_HWPT_PASID));
	for (uint32_t i = 0; i < FAKE_SLOTS; i++)
		if (kernel->slots[device][i].table && kernel->slots[device][i].pasid)
			return !(table->flags & UAPI_HWPT_PASID);
	return false;
}

static int32_t attach(struct fake_kernel *kernel, struct fake_file *file,
		      const struct uapi_vfio_attach_pt *cmd)
{
	struct fake_object *table = fake_find(kernel, file->iommufd, cmd->pt_id, FAKE_HWPT);
	uint32_t pasid = cmd->flags ? cmd->pasid : 0;
	struct fake_slot *slot;

	if (!table)
		return -ENOENT;
	if (table->faults && !kernel->devices[file->device].asks)
		return -ENODEV;
	if (table->below && table->width != 48 && table->width != 57)
		return -EINVAL;
	if (table->device != file->device || rule_broken(kernel, file->iommufd, file->device, pasid, table))
		return -EINVAL;
	slot = slot_of(kernel, file->device, pasid, true);
	table->users++;
	if (slot->table)
		leave(kernel, file->iommufd, file->device, slot);
	*slot = (struct fake_slot){ .pasid = pasid, .table = table->id };
	return 0;
}

int32_t fake_cdev_ioctl(struct fake_kernel *kernel, struct fake_file *file, uint64_t request,
			  void *argument)
{
	struct uapi_vfio_attach_pt *attach_cmd = argument;
	struct uapi_vfio_detach_pt *detach_cmd = argument;
	struct uapi_vfio_region_info *region = argument;
	struct fake_slot *slot;

	if (request == UAPI_VFIO_REGION_INFO) {
		region->region_size = region->index == UAPI_VFIO_REGION_CONFIG ? 4096 : 0;
		region->offset = FAKE_CONFIG;
		return 0;
	}
	if (request == UAPI_VFIO_BIND_IOMMUFD)
		return bind(kernel, file, argument);
	if (request != UAPI_VFIO_ATTACH_PT && request != UAPI_VFIO_DETACH_PT)
		return -ENOTTY;
	/* Both have their flags in the second word, which old kernels want to be 0. */
	if (!file->id || (attach_cmd->flags && kernel->version < 615))
		return -EINVAL;
	if (request == UAPI_VFIO_ATTACH_PT)
		return attach(kernel, file, attach_cmd);
	slot = slot_of(kernel, file->device, detach_cmd->flags ? detach_cmd->pasid : 0, false);
	if (slot)
		leave(kernel, file->iommufd, file->device, slot);
	return 0;
}

int32_t fake_cdev(const struct fake_kernel *kernel, unsigned int device)
{
	for (int32_t i = 0; i < FAKE_FILES; i++)
		if (kernel->files[i].kind == FAKE_CDEV && kernel->files[i].device == device && kernel->files[i].id)
			return FAKE_FIRST_FD + i;
	return -1;
}

uint32_t fake_attached(const struct fake_kernel *kernel, unsigned int device, uint32_t pasid)
{
	for (uint32_t i = 0; i < FAKE_SLOTS; i++)
		if (kernel->slots[device][i].table && kernel->slots[device][i].pasid == pasid)
			return kernel->slots[device][i].table;
	return 0;
}

struct fake_object *fake_table(struct fake_kernel *kernel, unsigned int device, uint32_t pasid)
{
	const struct fake_slot *slot = slot_of(kernel, device, pasid, false);
	const struct fake_object *bound = NULL;

	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		if (kernel->objects[i].type == FAKE_BOUND && kernel->objects[i].device == device)
			bound = &kernel->objects[i];
	return slot && bound ? fake_find(kernel, bound->iommufd, slot->table, FAKE_HWPT) : NULL;
}
