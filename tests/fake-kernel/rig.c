/* The VT-d plugin on a made-up kernel; see rig.h. */
#include "tests/fake-kernel/rig.h"

#include <stdio.h>
#include <string.h>

void rig_init(struct rig *rig)
{
	struct ioasid_be_query query = { .struct_size = sizeof(query), .major = IOASID_BE_MAJOR };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };

	memset(rig, 0, sizeof(*rig));
	rig->kernel = fake_create();
	rig->text = (struct ioasid_be_text){
		.struct_size = sizeof(rig->text), .capacity = sizeof(rig->why), .buffer = rig->why,
	};
	if (!ioasid_backend_entry_v1(&query, &reply))
		rig->core = reply.core;
}

static const void *interface(struct rig *rig, const char *id)
{
	const void *table = NULL;

	return rig->core->get_interface(rig->ctx, id, &table) ? NULL : table;
}

int32_t rig_open(struct rig *rig, int32_t iommufd)
{
	struct ioasid_be_fd fd = { .key = "iommufd", .fd = iommufd };
	struct ioasid_be_open args = { .struct_size = sizeof(args), .host = fake_host(rig->kernel) };
	const void *table;
	int32_t ret;

	if (iommufd >= 0)
		args.fds = (struct ioasid_be_array){ .items = &fd, .stride = sizeof(fd), .count = 1 };
	ret = rig->core->open(&args, &rig->ctx, &rig->text);
	if (ret)
		return ret;
	ret = rig->core->get_interface(rig->ctx, IOASID_BE_ID_PAGING, &table);
	rig->paging = table;
	ret = ret ? ret : rig->core->get_interface(rig->ctx, IOASID_BE_ID_PASID, &table);
	rig->pasid = table;
	rig->dirty = interface(rig, IOASID_BE_ID_DIRTY);
	rig->nested = interface(rig, IOASID_BE_ID_NESTED);
	rig->invalidate = interface(rig, IOASID_BE_ID_INVALIDATE);
	rig->fault = interface(rig, IOASID_BE_ID_FAULT);
	return ret;
}

int32_t rig_take(struct rig *rig, unsigned int index, uint32_t kind, int32_t fd, int32_t iommufd, uint32_t id)
{
	char name[16];
	struct ioasid_be_device spec = {
		.struct_size = sizeof(spec), .kind = kind, .name = name, .fd = fd, .iommufd = iommufd,
			.device_id = id,
	};

	snprintf(name, sizeof(name), "0000:00:%02x.0", index + 3);
	return rig->core->device_attach(rig->ctx, &spec, &rig->dev[index], &rig->text);
}

int32_t rig_attach(struct rig *rig, unsigned int index)
{
	return rig_take(rig, index, IOASID_BE_DEVICE_NAME, -1, -1, 0);
}

int32_t rig_space(struct rig *rig, unsigned int index, uint32_t uses)
{
	struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses };

	if (uses & IOASID_BE_USE_FAULT)
		args.faultq = rig->queue;
	return rig->paging->create(rig->ctx, &args, &rig->as[index], &rig->text);
}

int32_t rig_map(struct rig *rig, unsigned int index, uint64_t iova, uint64_t length)
{
	struct ioasid_be_map map = {
		.struct_size = sizeof(map), .access = IOASID_BE_MAP_READ, .iova = iova, .length = length,
		.source = UINT64_C(0x10000), .fd = -1,
	};

	return rig->paging->map(rig->as[index], &map);
}

static struct ioasid_be_batch batch_of(struct ioasid_be_bind *bind)
{
	return (struct ioasid_be_batch){
		.struct_size = sizeof(struct ioasid_be_batch),
		.stride = sizeof(*bind),
		.count = 1,
		.items = bind,
	};
}

int32_t rig_put_on(struct rig *rig, rig_onto fn, unsigned int device, uint32_t pasid, unsigned int space)
{
	struct ioasid_be_bind bind = { .dev = rig->dev[device], .pasid = pasid, .as = rig->as[space] };
	struct ioasid_be_batch batch = batch_of(&bind);

	return fn(rig->ctx, &batch, &rig->text);
}

int32_t rig_queue(struct rig *rig)
{
	struct ioasid_be_queue_args args = { .struct_size = sizeof(args) };

	return rig->fault->create(rig->ctx, &args, &rig->queue, &rig->queue_fd);
}

int32_t rig_nest(struct rig *rig, unsigned int index, unsigned int device, unsigned int space)
{
	const uint32_t width = 48;
	struct ioasid_be_record entry = { .type = IOASID_BE_PT_VTD_S1, .length = 24 };
	struct ioasid_be_table_args args = {
		.struct_size = sizeof(args), .dev = rig->dev[device], .parent = rig->as[space], .faultq = rig->queue,
		.entry = &entry,
	};

	memcpy(entry.bytes + 16, &width, sizeof(width));
	return rig->nested->create(rig->ctx, &args, &rig->table[index], &rig->text);
}

int32_t rig_put_on_table(struct rig *rig, rig_onto fn, unsigned int device, uint32_t pasid, unsigned int table)
{
	struct ioasid_be_bind bind = { .dev = rig->dev[device], .pasid = pasid, .table = rig->table[table] };
	struct ioasid_be_batch batch = batch_of(&bind);

	return fn(rig->ctx, &batch, &rig->text);
}

int32_t rig_take_off(struct rig *rig, rig_off fn, unsigned int device, uint32_t pasid)
{
	struct ioasid_be_bind bind = { .dev = rig->dev[device], .pasid = pasid };
	struct ioasid_be_batch batch = batch_of(&bind);

	return fn(rig->ctx, &batch);
}

/* Frees every slot that a test uses: those of small numbers and the last one. */
static void free_slots(struct rig *rig, unsigned int device)
{
	for (uint32_t pasid = 0; pasid < 16; pasid++)
		rig_take_off(rig, rig->pasid->detach, device, pasid);
	rig_take_off(rig, rig->pasid->detach, device, (1u << 20) - 1);
}

bool rig_down(struct rig *rig)
{
	bool clean = true;

	fake_fail(rig->kernel, 0, 0);
	fake_fail_request(rig->kernel, 0, 0);
	for (unsigned int i = 0; i < FAKE_DEVICES; i++)
		if (rig->dev[i])
			free_slots(rig, i);
	for (unsigned int i = 0; i < RIG_SPACES; i++)
		clean = (!rig->table[i] || !rig->nested->destroy(rig->table[i])) && clean;
	for (unsigned int i = 0; i < RIG_SPACES; i++)
		clean = (!rig->as[i] || !rig->paging->destroy(rig->as[i])) && clean;
	clean = (!rig->queue || !rig->fault->destroy(rig->queue)) && clean;
	for (unsigned int i = 0; i < FAKE_DEVICES; i++)
		clean = (!rig->dev[i] || !rig->core->device_detach(rig->dev[i])) && clean;
	clean = (!rig->ctx || !rig->core->close(rig->ctx)) && clean;
	clean = !fake_fds(rig->kernel) && !fake_objects(rig->kernel) && clean;
	fake_destroy(rig->kernel);
	return clean;
}
