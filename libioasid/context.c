/*
 * Contexts: the public calls; see include/ioasid/context.h.
 */
#include "libioasid/context.h"

#include <errno.h>
#include <string.h>

#include "libioasid/be_call.h"
#include "libioasid/fault.h"
#include "libioasid/loader_search.h"
#include "libioasid/mem.h"

/* What is wrong with the head of the arguments, NULL if nothing is. */
static const char *head_fault(const struct ioasid_context_args *args)
{
	if (args && args->struct_size < sizeof(*args))
		return "the arguments' struct_size is too small";
	return args && args->reserved ? "the arguments' reserved word is not 0" : NULL;
}

/* The caller's arguments, whose head is good, as this version knows them. */
static int read_args(const struct ioasid_context_args *from, struct ioasid_context_args *to,
		     struct ioasid_reason *why)
{
	const unsigned char *bytes = (const void *)from;

	memset(to, 0, sizeof(*to));
	for (uint32_t i = sizeof(*to); from && i < from->struct_size; i++) {
		if (bytes[i]) {
			ioasid__reason_set(why, "the arguments go beyond what this version knows");
			return -E2BIG;
		}
	}
	if (from)
		*to = *from;
	return 0;
}

static struct ioasid_context *context_new(const struct ioasid_context_args *known)
{
	struct ioasid_context *made = mem_zalloc(sizeof(*made));

	if (!made)
		return NULL;
	made->deadline = known->deadline ? known->deadline : IOASID_CONTEXT_DEADLINE_DEFAULT;
	made->be.log = known->log;
	made->be.log_arg = known->log_context;
	made->be.ready = ioasid__faults_ready;
	made->be.ready_arg = made;
	ioasid__lock_init(&made->lock, RANK_CONTEXT);
	ioasid__cond_init(&made->changed);
	link_init(&made->devices);
	atomic_store_explicit(&made->faults_event, -1, memory_order_relaxed);
	return made;
}

static void context_free(struct ioasid_context *context)
{
	pthread_cond_destroy(&context->changed);
	ioasid__lock_fini(&context->lock);
	mem_free(context);
}

int ioasid_context_open(struct ioasid_backend *backend, const struct ioasid_context_args *args,
			struct ioasid_context **context, struct ioasid_reason *why)
{
	struct ioasid_context_args known;
	struct ioasid_context *made;
	int rc;

	rc = ioasid__backend_call_allowed(!backend ? "backend is NULL" : !context ? "context is NULL" :
					  head_fault(args), why);
	if (!rc)
		rc = read_args(args, &known, why);
	if (rc)
		return rc;
	made = context_new(&known);
	if (!made) {
		ioasid__reason_set(why, "out of memory");
		return -ENOMEM;
	}
	rc = ioasid__be_open(&made->be, backend, &known, why);
	if (rc) {
		context_free(made);
		return rc;
	}
	*context = made;
	return 0;
}

/* Opens a context of what lies in one file, unless it is a software IOMMU. */
static int open_found(const struct backend_found *found, const struct ioasid_context_args *args,
		      struct ioasid_context **context, struct ioasid_reason *why)
{
	struct ioasid_backend *backend;
	int rc = ioasid__backend_load_path(found->path, found->name, &backend, why);

	if (rc)
		return rc;
	if (ioasid_backend_is_software(backend)) {
		ioasid__reason_set(why, "a software IOMMU is only used when asked for");
		rc = -ENODEV;
	} else {
		rc = ioasid_context_open(backend, args, context, why);
	}
	ioasid_backend_put(backend);
	return rc;
}

/* Adds "name: words; " to a reason that has several. */
static void reason_add(struct ioasid_reason *all, const char *name, const struct ioasid_reason *one)
{
	struct ioasid_reason before;

	if (!all)
		return;
	before = *all;
	ioasid__reason_set(all, "%s%s%s: %s", before.text, before.text[0] ? "; " : "", name, one->text);
}

int ioasid_context_open_any(uint32_t flags, const struct ioasid_context_args *args,
			    struct ioasid_context **context, struct ioasid_reason *why)
{
	struct ioasid_context_args known;
	struct backend_found *found;
	int first = -ENODEV, rc;
	size_t count;

	rc = ioasid__backend_call_allowed(!context ? "context is NULL" :
					  flags & ~IOASID_BACKEND_NO_ENVIRONMENT ? "unknown flag" :
					  head_fault(args), why);
	if (!rc)
		rc = read_args(args, &known, why);
	if (!rc)
		rc = ioasid__search(flags, &found, &count);
	if (rc)
		return rc;
	ioasid__reason_set(why, "%s", count ? "" : "no backend is installed");
	rc = -ENODEV;
	for (size_t i = 0; rc && i < count; i++) {
		struct ioasid_reason one = { "" };

		rc = open_found(&found[i], args, context, &one);
		if (rc)
			reason_add(why, found[i].name, &one);
		if (rc && rc != -ENODEV && first == -ENODEV)
			first = rc;
	}
	ioasid__search_free(found, count);
	if (!rc)
		ioasid__reason_set(why, "%s", "");
	return rc ? first : 0;
}

int ioasid_context_close(struct ioasid_context *context)
{
	int rc;

	rc = ioasid__backend_call_allowed(context ? NULL : "context is NULL", NULL);
	if (rc)
		return rc;
	/* Acquire: what the last user did to the context comes before its end. */
	if (atomic_load_explicit(&context->users, memory_order_acquire))
		return -EBUSY;
	rc = ioasid__faults_destroy(context);
	if (!rc)
		rc = ioasid__be_close(&context->be);
	if (!rc)
		context_free(context);
	return rc;
}

struct ioasid_backend *ioasid_context_backend(const struct ioasid_context *context)
{
	return context ? context->be.backend : NULL;
}

int ioasid_context_interface(struct ioasid_context *context, const char *id, const void **table)
{
	static const char own[] = "ioasid.be.";
	const void *found = NULL;
	int rc;

	rc = ioasid__backend_call_allowed(!context || !id || !table || !strncmp(id, own, sizeof(own) - 1) ?
					  "a NULL argument, or an interface that is the library's" : NULL, NULL);
	if (rc)
		return rc;
	rc = ioasid__be_answer(&context->be, "core.get_interface",
			       context->be.ops.core.get_interface(context->be.ctx, id, &found));
	if (!rc && !found)
		rc = ioasid__be_violation(&context->be, "core.get_interface", "succeeded without a table");
	if (!rc)
		*table = found;
	return rc;
}

uint64_t ioasid_context_violations(const struct ioasid_context *context)
{
	return context ? atomic_load_explicit(&context->be.violations, memory_order_relaxed) : 0;
}
