/* A kernel that is made up: objects and ioctls of iommufd, as Linux 7.2 answers them; see fake.h. */
#include "tests/fake-kernel/fake-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/iommufd/uapi.h"

struct fake_object *fake_find(struct fake_kernel *kernel, uint32_t iommufd, uint32_t id,
				enum fake_type type)
{
	for (uint32_t i = 0; i < FAKE_OBJECTS; i++) {
		struct fake_object *object = &kernel->objects[i];

		if (object->type == type && object->iommufd == iommufd && object->id == id)
			return object;
	}
	return NULL;
}

/* The lowest number that no object of that iommufd has: those of two of them often are the same. */
static uint32_t free_id(struct fake_kernel *kernel, uint32_t iommufd)
{
	uint32_t id = 1;

	while (fake_find(kernel, iommufd, id, FAKE_IOAS) || fake_find(kernel, iommufd, id, FAKE_HWPT) ||
	       fake_find(kernel, iommufd, id, FAKE_BOUND) || fake_find(kernel, iommufd, id, FAKE_FAULTS))
		id++;
	return id;
}

struct fake_object *fake_make(struct fake_kernel *kernel, uint32_t iommufd, enum fake_type type)
{
	uint32_t id = free_id(kernel, iommufd);

	for (uint32_t i = 0; i < FAKE_OBJECTS; i++) {
		if (kernel->objects[i].type == FAKE_NONE) {
			kernel->objects[i].type = type;
			kernel->objects[i].iommufd = iommufd;
			kernel->objects[i].id = id;
			return &kernel->objects[i];
		}
	}
	abort();
}

void fake_drop(struct fake_kernel *kernel, struct fake_object *object)
{
	if (object->type == FAKE_HWPT && object->below)
		fake_find(kernel, object->iommufd, object->below, FAKE_HWPT)->users--;
	else if (object->type == FAKE_HWPT)
		fake_find(kernel, object->iommufd, object->ioas, FAKE_IOAS)->users--;
	if (object->faults)
		fake_find(kernel, object->iommufd, object->faults, FAKE_FAULTS)->users--;
	*object = (struct fake_object){ .type = FAKE_NONE };
}

/* What stands on others first. */
void fake_release(struct fake_kernel *kernel, uint32_t iommufd)
{
	static const enum fake_type types[] = { FAKE_HWPT, FAKE_HWPT, FAKE_FAULTS, FAKE_IOAS };

	for (uint32_t i = 0; i < 4 * FAKE_OBJECTS; i++) {
		struct fake_object *object = &kernel->objects[i % FAKE_OBJECTS];

		if (object->type == types[i / FAKE_OBJECTS] && object->iommufd == iommufd &&
		    (i >= FAKE_OBJECTS || object->below))
			fake_drop(kernel, object);
	}
}

static int32_t destroy(struct fake_kernel *kernel, uint32_t iommufd, struct uapi_destroy *cmd)
{
	struct fake_object *object = fake_find(kernel, iommufd, cmd->id, FAKE_IOAS);

	object = object ? object : fake_find(kernel, iommufd, cmd->id, FAKE_HWPT);
	object = object ? object : fake_find(kernel, iommufd, cmd->id, FAKE_FAULTS);
	if (!object)
		return -ENOENT;
	if (object->users)
		return -EBUSY;
	fake_drop(kernel, object);
	return 0;
}

/* A space without tables is all usable; with tables, what the narrowest of them covers but for the
 * interrupts' window. */
static uint32_t usable(const struct fake_object *ioas, struct uapi_iova_range ranges[2])
{
	ranges[0] = (struct uapi_iova_range){ 0, ioas->users ? UINT64_C(0xfedfffff) : UINT64_MAX };
	ranges[1] = (struct uapi_iova_range){ UINT64_C(0xfef00000), (UINT64_C(1) << 47) - 1 };
	return ioas->users ? 2 : 1;
}

static int32_t list_ranges(struct fake_object *ioas, struct uapi_ioas_iova_ranges *cmd)
{
	struct uapi_iova_range ranges[2], *to = (struct uapi_iova_range *)(uintptr_t)cmd->allowed_iovas;
	uint32_t room = cmd->num_iovas;

	cmd->num_iovas = usable(ioas, ranges);
	cmd->out_iova_alignment = 4096;
	for (uint32_t i = 0; i < room && i < cmd->num_iovas; i++)
		to[i] = ranges[i];
	return room < cmd->num_iovas ? -EMSGSIZE : 0;
}

static bool is_usable(const struct fake_object *ioas, uint64_t first, uint64_t last)
{
	struct uapi_iova_range ranges[2];
	uint32_t count = usable(ioas, ranges);

	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].start <= first && last <= ranges[i].last)
			return true;
	return false;
}

static int32_t allow(struct fake_object *ioas, const struct uapi_ioas_allow_iovas *cmd)
{
	const struct uapi_iova_range *ranges = (const struct uapi_iova_range *)(uintptr_t)cmd->allowed_iovas;

	for (uint32_t i = 0; i < cmd->num_iovas; i++)
		if (!is_usable(ioas, ranges[i].start, ranges[i].last))
			return -EADDRINUSE;
	return 0;
}

static int32_t map(struct fake_object *ioas, uint32_t flags, uint64_t iova, uint64_t length)
{
	uint64_t last = iova + (length - 1);

	if (!(flags & UAPI_MAP_FIXED_IOVA) || !(flags & (UAPI_MAP_READABLE | UAPI_MAP_WRITEABLE)) ||
	    !length ||
	    !is_usable(ioas, iova, last))
		return -EINVAL;
	for (uint32_t i = 0; i < ioas->count; i++)
		if (ioas->mappings[i].first <= last && iova <= ioas->mappings[i].last)
			return -EEXIST;
	if (ioas->count == FAKE_MAPPINGS)
		abort();
	ioas->mappings[ioas->count++] = (struct fake_mapping){ .first = iova, .last = last };
	return 0;
}

static int32_t copy(struct fake_object *to, const struct fake_object *from, const struct uapi_ioas_copy *cmd)
{
	uint64_t last = cmd->src_iova + (cmd->length - 1);

	for (uint32_t i = 0; from && i < from->count; i++)
		if (from->mappings[i].first <= cmd->src_iova && last <= from->mappings[i].last)
			return map(to, cmd->flags, cmd->dst_iova, cmd->length);
	return -ENOENT;
}

/* The first mapping that reaches into a window, or NULL. */
static struct fake_mapping *first_mapping(struct fake_object *ioas, uint64_t from, uint64_t last)
{
	struct fake_mapping *found = NULL;

	for (uint32_t i = 0; i < ioas->count; i++) {
		struct fake_mapping *mapping = &ioas->mappings[i];

		if (mapping->last >= from && mapping->first <= last && (!found || mapping->first < found->first))
			found = mapping;
	}
	return found;
}

/* In the order of addresses, up to one that cannot go; what has gone by then stays so. */
static int32_t unmap(struct fake_object *ioas, struct uapi_ioas_unmap *cmd)
{
	bool all = !cmd->iova && cmd->length == UINT64_MAX;
	uint64_t last = all ? UINT64_MAX : cmd->iova + (cmd->length - 1), bytes = 0;
	struct fake_mapping *mapping;

	while ((mapping = first_mapping(ioas, cmd->iova, last)) != NULL) {
		if (mapping->locked)
			return -EBUSY;
		if (mapping->first < cmd->iova || last < mapping->last)
			return -ENOENT;
		bytes += mapping->last - mapping->first + 1;
		*mapping = ioas->mappings[--ioas->count];
	}
	cmd->length = bytes;
	return bytes || all ? 0 : -ENOENT;
}

void fake_lock(struct fake_kernel *kernel, uint64_t iova, bool locked)
{
	for (uint32_t i = 0; i < FAKE_OBJECTS; i++) {
		struct fake_object *ioas = &kernel->objects[i];
		struct fake_mapping *mapping = ioas->type == FAKE_IOAS ? first_mapping(ioas, iova, iova) : NULL;

		if (mapping)
			mapping->locked = locked;
	}
}

static int32_t hw_info(struct fake_kernel *kernel, uint32_t iommufd, struct uapi_hw_info *cmd)
{
	struct fake_object *object = fake_find(kernel, iommufd, cmd->dev_id, FAKE_BOUND);
	struct uapi_hw_info_vtd registers = { .flags = UAPI_HW_INFO_VTD_ERRATA_772415_SPR17 };
	const struct fake_device *device;

	if (!object)
		return -ENOENT;
	device = &kernel->devices[object->device];
	registers.cap_reg = device->cap;
	registers.ecap_reg = device->ecap;
	memcpy((void *)(uintptr_t)cmd->data_uptr, &registers,
	       cmd->data_len < sizeof(registers) ? cmd->data_len : sizeof(registers));
	cmd->data_len = sizeof(registers);
	cmd->out_data_type = device->type;
	cmd->out_max_pasid_log2 = (uint8_t)(kernel->version < 615 ? 0 : device->pasid_bits);
	cmd->out_capabilities = device->capabilities;
	return 0;
}

/* The first words of both are the size and, but for ranges of values, something that names an object. */
int32_t fake_iommufd_ioctl(struct fake_kernel *kernel, uint32_t iommufd, uint64_t request, void *argument)
{
	struct uapi_ioas_alloc *alloc = argument;
	struct uapi_ioas_map *map_cmd = argument;
	struct uapi_ioas_map_file *file_cmd = argument;
	struct uapi_ioas_copy *copy_cmd = argument;
	struct uapi_ioas_unmap *unmap_cmd = argument;
	struct fake_object *ioas, *from;

	switch (request) {
	case UAPI_DESTROY:
		return destroy(kernel, iommufd, argument);
	case UAPI_IOAS_ALLOC:
		alloc->out_ioas_id = fake_make(kernel, iommufd, FAKE_IOAS)->id;
		return 0;
	case UAPI_HWPT_ALLOC:
	case UAPI_HWPT_GET_DIRTY:
	case UAPI_HWPT_SET_DIRTY:
	case UAPI_HWPT_INVALIDATE:
		return fake_hwpt_ioctl(kernel, iommufd, request, argument);
	case UAPI_FAULT_QUEUE_ALLOC:
		return fake_faults_alloc(kernel, iommufd, argument);
	case UAPI_GET_HW_INFO:
		return hw_info(kernel, iommufd, argument);
	case UAPI_IOAS_MAP:
		ioas = fake_find(kernel, iommufd, map_cmd->ioas_id, FAKE_IOAS);
		return ioas ? map(ioas, map_cmd->flags, map_cmd->iova, map_cmd->length) : -ENOENT;
	case UAPI_IOAS_MAP_FILE:
		ioas = fake_find(kernel, iommufd, file_cmd->ioas_id, FAKE_IOAS);
		if (kernel->version <= 613)
			return -ENOTTY;
		return ioas ? map(ioas, file_cmd->flags, file_cmd->iova, file_cmd->length) : -ENOENT;
	case UAPI_IOAS_COPY:
		ioas = fake_find(kernel, iommufd, copy_cmd->dst_ioas_id, FAKE_IOAS);
		from = fake_find(kernel, iommufd, copy_cmd->src_ioas_id, FAKE_IOAS);
		return ioas ? copy(ioas, from, copy_cmd) : -ENOENT;
	default:
		/* The others name their address space in the second word. */
		ioas = fake_find(kernel, iommufd, unmap_cmd->ioas_id, FAKE_IOAS);
		if (request != UAPI_IOAS_UNMAP && request != UAPI_IOAS_IOVA_RANGES &&
		    request != UAPI_IOAS_ALLOW_IOVAS)
			return -ENOTTY;
		if (!ioas)
			return -ENOENT;
		return request == UAPI_IOAS_UNMAP ? unmap(ioas, argument) :
		       request == UAPI_IOAS_IOVA_RANGES ? list_ranges(ioas, argument) : allow(ioas, argument);
	}
}

static unsigned int count(const struct fake_kernel *kernel, bool all)
{
	unsigned int found = 0;

	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		found += kernel->objects[i].type == FAKE_HWPT ||
			(all && (kernel->objects[i].type == FAKE_IOAS || kernel->objects[i].type == FAKE_FAULTS));
	return found;
}

unsigned int fake_objects(const struct fake_kernel *kernel)
{
	return count(kernel, true);
}

unsigned int fake_tables(const struct fake_kernel *kernel)
{
	return count(kernel, false);
}
