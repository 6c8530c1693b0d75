/*
 * The IDs that a context's IOMMU hands out, as a custom allocator of a pool; see include/ioasid/allocator.h.
 */
#include <errno.h>

#include "libioasid/address_space.h"
#include "libioasid/be_call.h"
#include "libioasid/context.h"

static int ids_alloc(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	struct ioasid_context *ctx = context;

	return ioasid__be_id_alloc(&ctx->be, min, max, id);
}

static void ids_free(void *context, ioasid_t id)
{
	struct ioasid_context *ctx = context;
	int rc = ioasid__be_id_free(&ctx->be, id);

	if (rc != 0)
		ioasid__be_log(&ctx->be, IOASID_BE_LOG_WARNING, "ID %u was not taken back (%d)", id, rc);
}

/* Claims the context for a pool. */
static int claim(struct ioasid_context *context, struct ioasid_pool *pool)
{
	int rc = 0;

	lock(&context->lock);
	if (context->ids_pool != NULL) {
		rc = context->ids_pool == pool ? -EEXIST : -EBUSY;
	} else {
		context->ids_pool = pool;
		context->ids = (struct ioasid_allocator) { ids_alloc, ids_free, context };
		context_use(context);
	}
	unlock(&context->lock);
	return rc;
}

static void release(struct ioasid_context *context)
{
	lock(&context->lock);
	context->ids_pool = NULL;
	unlock(&context->lock);
	context_unuse(context);
}

int ioasid_register_context_allocator(struct ioasid_pool *pool, struct ioasid_context *context)
{
	int rc = ioasid__call_allowed(pool != NULL && context != NULL);

	if (rc == 0 && (context->be.caps.interfaces & IOASID_BE_IF_ID) == 0)
		rc = -EOPNOTSUPP;
	if (rc == 0)
		rc = claim(context, pool);
	if (rc != 0)
		return rc;
	rc = ioasid_register_allocator(pool, &context->ids);
	if (rc < 0 && rc != -EAGAIN)
		release(context);
	return rc;
}

int ioasid_unregister_context_allocator(struct ioasid_pool *pool, struct ioasid_context *context)
{
	int rc = ioasid__call_allowed(pool != NULL && context != NULL);

	if (rc == 0)
		rc = ioasid_unregister_allocator(pool, &context->ids);
	if (rc == 0)
		release(context);
	return rc;
}
