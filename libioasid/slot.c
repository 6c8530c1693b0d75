/*
 * Backend calls of one slot, a (device, PASID) or an RID; see record.h. The caller has the turn of that slot,
 * and no lock.
 */
#include <errno.h>

#include "libioasid/be_call.h"
#include "libioasid/device.h"
#include "libioasid/record.h"

_Static_assert(IOASID_BIND_EXEC == IOASID_BE_BIND_EXEC && IOASID_BIND_PRIV == IOASID_BE_BIND_PRIV &&
	       IOASID_BIND_HITLESS == IOASID_BE_BIND_HITLESS, "flags of a bind are the contract's");

static struct be_context *backend_of(const struct binding *b)
{
	return &b->device->context->be;
}

static struct ioasid_be_bind item_of(const struct binding *b)
{
	return (struct ioasid_be_bind) { .dev = b->device->dev, .pasid = b->rec->id };
}

static void item_target(struct ioasid_be_bind *item, const struct target *to, uint32_t flags)
{
	item->flags = flags;
	item->table = to->table != NULL ? to->table->table : NULL;
	item->as = to->space != NULL ? to->space->as : NULL;
}

int ioasid__slot_attach(struct binding *b, struct ioasid_reason *why)
{
	struct ioasid_be_bind item = item_of(b);
	uint64_t deadline = ioasid__device_deadline(b->device);
	uint32_t done;

	item_target(&item, &b->now, b->content->flags);
	if (b->slot == SLOT_HOME)
		return ioasid__be_replace(backend_of(b), &item, 1, deadline, &done, why);
	return ioasid__be_attach(backend_of(b), &item, 1, deadline, &done, why);
}

int ioasid__slot_replace(struct binding *b, const struct target *to, const struct content *content,
			 uint32_t flags,
			 struct ioasid_reason *why)
{
	struct ioasid_be_bind item = item_of(b);
	uint32_t done;

	item_target(&item, to, content->flags | flags);
	return ioasid__be_replace(backend_of(b), &item, 1, ioasid__device_deadline(b->device), &done, why);
}

/* A slot that the backend does not know lets nothing through, so it is as good as blocked, and gone. */
static int unknown_is_done(int rc)
{
	return rc == -ENOENT ? 0 : rc;
}

/* What park does not do, where the backend says so. */
static int slot_drain(struct binding *b, uint64_t deadline)
{
	struct be_context *be = backend_of(b);
	struct ioasid_be_bind item = item_of(b);
	struct ioasid_be_inv inv = {
		.scope = IOASID_BE_SCOPE_PASID, .dev = b->device->dev, .pasid = b->rec->id, .length = UINT64_MAX,
	};
	uint32_t done;
	int rc = 0;

	if (be->caps.flags & (IOASID_BE_CTX_SEPARATE_DRAIN | IOASID_BE_CTX_SEPARATE_INVALIDATE))
		rc = unknown_is_done(ioasid__be_drain(be, &item, 1, deadline, &done));
	if (rc == 0 && (be->caps.flags & IOASID_BE_CTX_SEPARATE_INVALIDATE) != 0)
		rc = ioasid__be_invalidate(be, &inv, 1, deadline, &done);
	return rc;
}

int ioasid__slot_park(struct binding *b, uint64_t deadline)
{
	struct ioasid_be_bind item = item_of(b);
	uint32_t done;
	int rc = unknown_is_done(ioasid__be_park(backend_of(b), &item, 1, deadline, &done));

	return rc != 0 ? rc : slot_drain(b, deadline);
}

/* Does the slot end at the device's home? Relaxed: a home that is reached during a close is left again by it. */
static bool goes_home(const struct binding *b)
{
	return b->rec->id == IOASID_NO_PASID && b->device->home != NULL &&
	       !atomic_load_explicit(&b->device->closing, memory_order_relaxed);
}

/* In one step, without being blocked in between. A slot that the backend knows nothing of is put there anew. */
static int slot_home(struct binding *b, enum slot_state *slot)
{
	const struct target home = { .space = b->device->home };
	uint64_t deadline = ioasid__device_deadline(b->device);
	struct ioasid_be_bind item = item_of(b);
	uint32_t done;
	int rc;

	item_target(&item, &home, 0);
	rc = ioasid__be_replace(backend_of(b), &item, 1, deadline, &done, NULL);
	if (rc == -ENOENT)
		rc = ioasid__be_attach(backend_of(b), &item, 1, deadline, &done, NULL);
	if (rc == 0)
		*slot = SLOT_HOME;
	return rc;
}

/* Sees to it that nothing gets through. */
static int slot_stop(struct binding *b, enum slot_state *slot)
{
	int rc = 0;

	if (*slot == SLOT_ON)
		rc = ioasid__slot_park(b, ioasid__device_deadline(b->device));
	if (rc == 0)
		*slot = SLOT_PARKED;
	return rc;
}

int ioasid__slot_down(struct binding *b, enum slot_state *slot)
{
	struct ioasid_be_bind item = item_of(b);
	uint32_t done;
	int rc;

	if (goes_home(b)) {
		rc = slot_home(b, slot);
		/* Blocked at least; a retry sends it home from there (S9.8). */
		if (rc != 0 && rc != -ENODEV)
			(void)slot_stop(b, slot);
		if (rc != -ENODEV)
			return rc;
	}
	/* The slots of a device that has vanished can only be given up, which is as good (S9.14). */
	rc = slot_stop(b, slot);
	if (rc != 0 && rc != -ENODEV)
		return rc;
	rc = unknown_is_done(ioasid__be_detach(backend_of(b), &item, 1, ioasid__device_deadline(b->device), &done));
	if (rc == 0)
		*slot = SLOT_FREE;
	return rc;
}
