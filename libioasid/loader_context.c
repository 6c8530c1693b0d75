/*
 * Opening and closing a context of a backend, and the conversion of what the program says into the contract's
 * words.
 */
#include <errno.h>
#include <string.h>

#include "libioasid/be_call.h"
#include "libioasid/be_stubs.h"
#include "libioasid/loader.h"
#include "libioasid/mem.h"

/* What goes to the backend's open: three arrays in one piece of memory. */
struct open_arrays {
	struct ioasid_be_pair *pairs;
	struct ioasid_be_fd *fds;
	struct ioasid_be_object *objects;
};

static int check_args(const struct ioasid_context_args *args, struct ioasid_reason *why)
{
	const char *what = NULL;

	if (args->setting_count > IOASID_CONTEXT_ENTRIES_MAX || args->fd_count > IOASID_CONTEXT_ENTRIES_MAX ||
	    args->object_count > IOASID_CONTEXT_ENTRIES_MAX)
		what = "too many settings, descriptors or objects";
	else if ((args->setting_count && !args->settings) || (args->fd_count && !args->fds) ||
		 (args->object_count && !args->objects))
		what = "an array is NULL, but its count is not 0";
	for (size_t i = 0; !what && i < args->setting_count; i++)
		if (!args->settings[i].key || !args->settings[i].value)
			what = "a setting without a key or value";
	for (size_t i = 0; !what && i < args->fd_count; i++)
		if (!args->fds[i].key || args->fds[i].fd < 0 || args->fds[i].reserved)
			what = "a descriptor without a label, or not open";
	for (size_t i = 0; !what && i < args->object_count; i++)
		if (args->objects[i].type - 1 > IOASID_OBJECT_FAULTQ - 1 || args->objects[i].fd < -1 ||
		    args->objects[i].reserved)
			what = "an object of unknown type, or with a descriptor that cannot be";
	if (what)
		ioasid__reason_set(why, "%s", what);
	return what ? -EINVAL : 0;
}

static int arrays_create(const struct ioasid_context_args *args, struct open_arrays *to)
{
	size_t pairs = args->setting_count * sizeof(*to->pairs), fds = args->fd_count * sizeof(*to->fds);
	size_t objects = args->object_count * sizeof(*to->objects);
	char *memory = mem_zalloc(pairs + fds + objects + 1);

	if (!memory)
		return -ENOMEM;
	to->pairs = (void *)memory;
	to->fds = (void *)(memory + pairs);
	to->objects = (void *)(memory + pairs + fds);
	for (size_t i = 0; i < args->setting_count; i++)
		to->pairs[i] = (struct ioasid_be_pair) {
			.key = args->settings[i].key, .value = args->settings[i].value,
		};
	for (size_t i = 0; i < args->fd_count; i++)
		to->fds[i] = (struct ioasid_be_fd) { .key = args->fds[i].key, .fd = args->fds[i].fd };
	for (size_t i = 0; i < args->object_count; i++)
		to->objects[i] = (struct ioasid_be_object) {
			.key = args->objects[i].key, .type = args->objects[i].type,
			.id = args->objects[i].id, .fd = args->objects[i].fd,
		};
	return 0;
}

static struct ioasid_be_array array_of(const void *items, size_t stride, size_t count)
{
	return (struct ioasid_be_array) {
		.items = count ? items : NULL, .stride = (uint32_t)stride, .count = (uint32_t)count,
	};
}

static int call_open(struct be_context *be, const struct ioasid_context_args *args, struct ioasid_reason *why)
{
	struct open_arrays arrays;
	struct ioasid_be_text text;
	struct ioasid_be_open open = { .struct_size = sizeof(open), .host = &be->host };
	struct ioasid_be_ctx *ctx = NULL;
	int rc = arrays_create(args, &arrays);

	if (rc) {
		ioasid__reason_set(why, "out of memory");
		return rc;
	}
	open.config = array_of(arrays.pairs, sizeof(*arrays.pairs), args->setting_count);
	open.fds = array_of(arrays.fds, sizeof(*arrays.fds), args->fd_count);
	open.objects = array_of(arrays.objects, sizeof(*arrays.objects), args->object_count);
	rc = be->ops.core.open(&open, &ctx, ioasid__text_begin(&text, why));
	mem_free(arrays.pairs);
	rc = ioasid__be_answer(be, "core.open", rc);
	if (!rc && !ctx)
		rc = ioasid__be_violation(be, "core.open", "succeeded without a context");
	if (why)
		ioasid__text_clean(why->text, sizeof(why->text));
	be->ctx = rc ? NULL : ctx;
	return rc;
}

int ioasid__be_open(struct be_context *be, struct ioasid_backend *backend,
		    const struct ioasid_context_args *args, struct ioasid_reason *why)
{
	int rc = check_args(args, why);

	if (!rc)
		rc = ioasid__host_init(be, args->system, why);
	if (!rc)
		rc = ioasid_backend_get(backend);
	if (rc)
		return rc;
	be->backend = backend;
	be->ops = ioasid__be_stubs;
	be->ops.core = backend->core;
	rc = call_open(be, args, why);
	if (rc)
		goto put;
	rc = ioasid__check_interfaces(be, why);
	if (rc)
		goto close;
	if (why)
		why->text[0] = '\0';
	return 0;

close:
	/* The backend is broken; whether it also fails to close changes nothing any more. */
	be->ops.core.close(be->ctx);
	be->ctx = NULL;
put:
	be->backend = NULL;
	ioasid_backend_put(backend);
	return rc;
}

int ioasid__be_close(struct be_context *be)
{
	int rc = ioasid__be_answer(be, "core.close", be->ops.core.close(be->ctx));

	if (rc == -EBUSY)
		return rc;
	if (rc)
		ioasid__be_log(be, IOASID_BE_LOG_WARNING, "%s: closing failed (%d)", be->backend->name, rc);
	be->ctx = NULL;
	ioasid_backend_put(be->backend);
	be->backend = NULL;
	return 0;
}
