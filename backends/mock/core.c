/* The core table: contexts and their interfaces. device.c and report.c have the devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ids.h"
#include "machine.h"
#include "space.h"
#include "structs.h"

static struct inject_call call_of(struct ioasid_mock *mock, uint32_t op)
{
	return (struct inject_call){ .inject = &mock->inject, .op = op, .device = IOASID_MOCK_NO_DEVICE };
}

/* ---- Open ---- */

static int32_t take_host(struct ioasid_be_host *to, const struct ioasid_be_host *from,
			 struct ioasid_be_text *why)
{
	int32_t rc = wire_struct_in(to, sizeof(*to), from);

	if (!rc && (!to->log || !to->ready || !to->open_by_name || !to->close || !to->ioctl || !to->read ||
		    !to->write || !to->mmap || !to->munmap || !to->list))
		rc = wire_why(why, IOASID_BE_EINVAL, "the host table lacks an operation");
	return rc;
}

/* What an open has been given, read. */
struct opening {
	struct ioasid_be_open args;
	struct ioasid_be_host host;
	struct setup *setup;
	int32_t queue_fds[CTX_QUEUE_FDS];
	bool taken; /* the machine owns the setup */
};

static int32_t take_machine_fd(struct opening *o, int32_t fd, struct ioasid_be_text *why)
{
	char *name = o->setup->machine;
	int64_t length = o->host.read(o->host.host, fd, name, SETUP_NAME_MAX, 0);

	if (length <= 0 || length > (int64_t)SETUP_NAME_MAX)
		return wire_why(why, IOASID_BE_EINVAL, "descriptor %d does not name a machine", fd);
	name[length] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

static int32_t take_queue_fd(struct opening *o, int32_t fd, struct ioasid_be_text *why)
{
	for (uint32_t i = 0; i < CTX_QUEUE_FDS; i++) {
		if (o->queue_fds[i] < 0) {
			o->queue_fds[i] = fd;
			return 0;
		}
	}
	return wire_why(why, IOASID_BE_EINVAL, "there are more than %u descriptors labelled \"queue\"",
			CTX_QUEUE_FDS);
}

/* Descriptors: "machine" names a machine, "queue" is the bell of a queue (bell.h). */
static int32_t take_fds(struct opening *o, struct ioasid_be_text *why)
{
	const struct ioasid_be_array *fds = &o->args.fds;
	int32_t rc = wire_array(fds);

	for (uint32_t i = 0; i < CTX_QUEUE_FDS; i++)
		o->queue_fds[i] = -1;
	for (uint32_t i = 0; !rc && i < fds->count; i++) {
		struct ioasid_be_fd fd;

		rc = wire_item(&fd, sizeof(fd), fds, i);
		if (rc)
			break;
		if (!fd.key || fd.reserved || fd.fd < 0)
			return IOASID_BE_EINVAL;
		if (!strcmp(fd.key, "machine"))
			rc = take_machine_fd(o, fd.fd, why);
		else if (!strcmp(fd.key, "queue"))
			rc = take_queue_fd(o, fd.fd, why);
		else
			rc = wire_why(why, IOASID_BE_EINVAL,
				      "a descriptor's label is neither \"machine\" nor \"queue\"");
	}
	return rc;
}

/* Objects to adopt have to be there; adopt takes them later. */
static int32_t check_objects(struct ioasid_mock *mock, const struct ioasid_be_array *objects,
			     struct ioasid_be_text *why)
{
	int32_t rc = wire_array(objects);

	for (uint32_t i = 0; !rc && i < objects->count; i++) {
		struct ioasid_be_object object;
		const struct space *space;

		rc = wire_item(&object, sizeof(object), objects, i);
		if (rc)
			break;
		turnstile_enter(&mock->lock);
		space = space_find(mock, object.id);
		if (!space || space->type != object.type)
			rc = wire_why(why, IOASID_BE_ENOENT, "there is no object %u of type %u", object.id,
				      object.type);
		turnstile_leave(&mock->lock);
	}
	return rc;
}

/* A machine and a context of it. */
static int32_t open_context(struct opening *o, struct ioasid_be_ctx **ctx, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock;
	struct ioasid_be_ctx *made;
	struct inject_call call;
	int32_t rc = machine_get(o->setup, &o->taken, &mock, why);

	if (rc)
		return rc;
	call = call_of(mock, IOASID_MOCK_OP_OPEN);
	rc = inject_begin(&call);
	if (!rc)
		rc = check_objects(mock, &o->args.objects, why);
	made = rc ? NULL : mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!rc && !made)
		rc = IOASID_BE_ENOMEM;
	rc = inject_end(&call, rc);
	if (rc) {
		machine_put(mock);
		return rc;
	}
	made->mock = mock;
	made->host = o->host;
	memcpy(made->queue_fds, o->queue_fds, sizeof(made->queue_fds));
	control_init(&made->control, mock);
	*ctx = made;
	return 0;
}

static void tell_open(const struct ioasid_be_ctx *ctx)
{
	const struct setup *setup = ctx->mock->setup;
	char text[128];

	snprintf(text, sizeof(text), "mock: machine \"%s\" of %u devices behind %u IOMMUs", setup->machine,
		 (unsigned int)setup->devices, (unsigned int)setup->iommus);
	ctx->host.log(ctx->host.host, IOASID_BE_LOG_DEBUG, text);
}

static int32_t core_open(const struct ioasid_be_open *from, struct ioasid_be_ctx **ctx,
			 struct ioasid_be_text *why)
{
	struct opening o = { .taken = false };
	int32_t rc = wire_struct_in(&o.args, sizeof(o.args), from);

	if (rc)
		return rc;
	if (!ctx || o.args.flags || o.args.reserved[0] || o.args.reserved[1])
		return IOASID_BE_EINVAL;
	rc = take_host(&o.host, o.args.host, why);
	if (rc)
		return rc;
	o.setup = malloc(sizeof(*o.setup));
	if (!o.setup)
		return IOASID_BE_ENOMEM;
	rc = setup_parse(o.setup, &o.args.config, why);
	if (!rc)
		rc = take_fds(&o, why);
	if (!rc)
		rc = open_context(&o, ctx, why);
	if (!o.taken)
		free(o.setup);
	if (!rc)
		tell_open(*ctx);
	return rc;
}

/* ---- Close, caps, interfaces ---- */

/* Only EBUSY leaves a context open: a host that gets any other error does not come back to it. */
static int32_t core_close(struct ioasid_be_ctx *ctx)
{
	struct ioasid_mock *mock = ctx->mock;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_CLOSE);
	int32_t rc = inject_begin(&call);

	turnstile_enter(&mock->lock);
	if (ctx->devices || ctx->handles || ctx->tables || ctx->queues || ctx->viommus)
		rc = IOASID_BE_EBUSY;
	if (rc != IOASID_BE_EBUSY)
		ids_drop(mock, ctx);
	turnstile_leave(&mock->lock);
	inject_end(&call, rc);
	if (rc != IOASID_BE_EBUSY) {
		mock_mem_free(&mock->mem, ctx);
		machine_put(mock);
	}
	return rc;
}

static int32_t core_caps(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *caps)
{
	const struct setup *setup = ctx->mock->setup;
	const struct inject_call call = call_of(ctx->mock, IOASID_MOCK_OP_CAPS);
	const struct ioasid_be_ctx_caps told = {
		.max_batch = (uint32_t)setup->max_batch,
		.interfaces = machine_interfaces(ctx->mock),
		.flags = (setup->separate_drain ? IOASID_BE_CTX_SEPARATE_DRAIN : 0) |
			 (setup->separate_invalidate ? IOASID_BE_CTX_SEPARATE_INVALIDATE : 0) |
			 (setup->shares_tables ? IOASID_BE_CTX_SHARES_TABLES : 0),
		.max_devices = setup->max_devices,
		.max_address_spaces = setup->max_spaces,
		.max_tables = setup->max_tables,
		.max_bindings = setup->max_bindings,
	};
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : wire_struct_out(caps, sizeof(told), &told));
}

static int32_t find_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	const struct {
		const char *id;
		uint64_t bit;
		const void *table;
	} interfaces[] = {
		{ IOASID_BE_ID_PAGING, IOASID_BE_IF_PAGING, &mock_paging_ops },
		{ IOASID_BE_ID_PASID, IOASID_BE_IF_PASID, &mock_pasid_ops },
		{ IOASID_BE_ID_NESTED, IOASID_BE_IF_NESTED, &mock_nested_ops },
		{ IOASID_BE_ID_INVALIDATE, IOASID_BE_IF_INVALIDATE, &mock_invalidate_ops },
		{ IOASID_BE_ID_VIOMMU, IOASID_BE_IF_VIOMMU, &mock_viommu_ops },
		{ IOASID_BE_ID_VDEVICE, IOASID_BE_IF_VDEVICE, &mock_vdevice_ops },
		{ IOASID_BE_ID_TABLE, IOASID_BE_IF_TABLE, &mock_table_ops },
		{ IOASID_BE_ID_EVENT, IOASID_BE_IF_EVENT, &mock_event_ops },
		{ IOASID_BE_ID_ID, IOASID_BE_IF_ID, &mock_id_ops },
		{ IOASID_BE_ID_DIRTY, IOASID_BE_IF_DIRTY, &mock_dirty_ops },
		{ IOASID_BE_ID_FAULT, IOASID_BE_IF_FAULT, &mock_fault_ops },
	};

	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++) {
		if (!strcmp(id, interfaces[i].id) && machine_interfaces(ctx->mock) & interfaces[i].bit) {
			*table = interfaces[i].table;
			return 0;
		}
	}
	return IOASID_BE_ENOENT;
}

static int32_t core_get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	const struct inject_call call = call_of(ctx->mock, IOASID_MOCK_OP_GET_INTERFACE);
	int32_t rc;

	if (!id || !table)
		return IOASID_BE_EINVAL;
	/* Whoever drives the machine must get at it, whatever rules he set. */
	if (!strcmp(id, IOASID_MOCK_CONTROL_ID)) {
		*table = &ctx->control;
		return 0;
	}
	rc = inject_begin(&call);
	return inject_end(&call, rc ? rc : find_interface(ctx, id, table));
}

const struct ioasid_be_core_ops mock_core_ops = {
	.struct_size = sizeof(mock_core_ops),
	.open = core_open,
	.close = core_close,
	.caps = core_caps,
	.get_interface = core_get_interface,
	.device_attach = device_attach,
	.device_detach = device_detach,
	.device_caps = device_caps,
	.device_registers = device_registers,
	.device_report = device_report,
	.device_reset = device_reset,
};
