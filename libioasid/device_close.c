/*
 * How devices end: their bindings, their RID's home, the device itself; see include/ioasid/device.h.
 */
#include <errno.h>

#include "libioasid/be_call.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"

static void device_retire(struct ioasid_device *device)
{
	/* Release pairs with the acquire in ioasid_pool_destroy(), as the two below with theirs. */
	struct ioasid_pool *pool = device->pool;

	if (device->home != NULL)
		address_space_unuse(device->home);
	lock(&device->context->lock);
	link_remove(&device->of_context);
	unlock(&device->context->lock);
	context_unuse(device->context);
	ioasid__device_free(device);
	atomic_fetch_sub_explicit(&pool->contexts, 1, memory_order_release);
}

/* Waits until all that is left of a device is quarantined and at rest, and claims it. Lock held. */
static void claim_rest(struct ioasid_device *device)
{
	struct link *l = device->bindings.next;

	while (l != &device->bindings) {
		struct binding *b = LINK_OWNER(l, struct binding, of_device);

		l = l->next;
		if (b->claim == CLAIM_QUARANTINE && !b->turn)
			continue;
		lock_wait(&device->all->lock, b->turn ? &b->rec->cond : &device->all->changed);
		l = device->bindings.next;
	}
	for (l = device->bindings.next; l != &device->bindings; l = l->next)
		ioasid__binding_take(LINK_OWNER(l, struct binding, of_device));
}

static void home_leave(struct ioasid_device *device)
{
	struct ioasid_be_bind item = { .dev = device->dev };
	uint32_t done;
	int rc;

	if (!device->at_home)
		return;
	rc = ioasid__be_detach(&device->context->be, &item, 1, ioasid__device_deadline(device), &done);
	if (rc == 0 || rc == -ENOENT)
		device->at_home = false;
}

/* The first binding, which quarantine moves to the end; NULL: there is none. */
static struct binding *first_of(const struct ioasid_device *device)
{
	return link_alone(&device->bindings) ? NULL : LINK_OWNER(device->bindings.next, struct binding, of_device);
}

static void abandon(struct ioasid_device *device)
{
	struct devices *all = device->all;
	struct binding *b;

	lock(&all->lock);
	while ((b = first_of(device)) != NULL && b->claim != CLAIM_QUARANTINE)
		ioasid__binding_quarantine(all, b, -EIO);
	link_append(&all->abandoned, &device->member);
	unlock(&all->lock);
	ioasid__log(device->pool, IOASID_LOG_ERROR,
		    "a closed device still has slots that could not be blocked: quarantined");
}

bool ioasid__device_finish(struct ioasid_device *device)
{
	struct devices *all = device->all;
	struct binding *b;
	uint32_t count;
	int rc;

	(void)ioasid__quarantine_retry(all, NULL, IOASID_INVALID, device, &count);
	lock(&all->lock);
	claim_rest(device);
	unlock(&all->lock);
	home_leave(device);
	rc = ioasid__be_device_detach(&device->context->be, device->dev);
	if (rc == -EBUSY) {
		abandon(device);
		return false;
	}
	if (rc != 0)
		ioasid__log(device->pool, IOASID_LOG_WARNING, "letting a device go failed (%d)", rc);
	/* What is left was of a device that is gone. Nobody else has these claims. */
	while ((b = first_of(device)) != NULL)
		ioasid__binding_drop(all, b);
	device_retire(device);
	return true;
}

/*
 * The next binding of a device to take down; with @all_of_it also one that is in other hands. Quarantined
 * ones have been tried. The RID comes last: its home may be one that no PASID can stand beside. Lock held.
 */
static struct binding *clear_next(const struct ioasid_device *device, bool all_of_it)
{
	struct binding *rid = NULL;

	for (const struct link *l = device->bindings.next; l != &device->bindings; l = l->next) {
		struct binding *b = LINK_OWNER(l, struct binding, of_device);

		if (b->claim == CLAIM_QUARANTINE)
			break;
		if (b->claim != CLAIM_OPEN && !all_of_it)
			continue;
		if (b->rec->id != IOASID_NO_PASID)
			return b;
		rid = b;
	}
	return rid;
}

/* Claims a binding that is in use, or waits in a lane. Lock held. */
static bool clear_claim(struct devices *all, struct binding *b, struct leave *leave)
{
	if (b->claim == CLAIM_OPEN) {
		ioasid__leave_binding(all, b, leave);
		return true;
	}
	if (!b->queued)
		return false;
	link_remove(&b->waiting);
	b->queued = false;
	*leave = (struct leave) { .all = all, .end = b, .id = b->rec->id };
	return true;
}

/* Takes down each binding of a device once; with @all_of_it waits for those that are in other hands. */
static int device_clear(struct ioasid_device *device, bool all_of_it)
{
	struct devices *all = device->all;
	struct binding *b;
	struct leave leave;
	int rc = 0, one;

	lock(&all->lock);
	while ((b = clear_next(device, all_of_it)) != NULL) {
		if (!clear_claim(all, b, &leave)) {
			lock_wait(&all->lock, &all->changed);
			continue;
		}
		unlock(&all->lock);
		one = ioasid__leave_finish(&leave);
		if (rc == 0)
			rc = one;
		lock(&all->lock);
	}
	unlock(&all->lock);
	return rc;
}

int ioasid_device_close(struct ioasid_device *device)
{
	int rc = ioasid__call_allowed(device != NULL);

	if (rc != 0)
		return rc;
	lock(&device->all->lock);
	/* Relaxed: who sends the RID home meanwhile may do it either way. */
	atomic_store_explicit(&device->closing, true, memory_order_relaxed);
	device->set = NULL;
	unlock(&device->all->lock);
	(void)device_clear(device, true);
	/* Until here the end of a set that still had the RID saw to it, or waited for us. */
	lock(&device->all->lock);
	link_remove(&device->member);
	unlock(&device->all->lock);
	(void)ioasid__device_finish(device);
	return 0;
}

int ioasid_device_reset_bindings(struct ioasid_device *device)
{
	int rc = ioasid__call_allowed(device != NULL);

	return rc != 0 ? rc : device_clear(device, false);
}

int ioasid_device_was_reset(struct ioasid_device *device)
{
	uint32_t count;
	uint64_t epoch;
	int rc = ioasid__call_allowed(device != NULL), one;

	if (rc != 0)
		return rc;
	epoch = ioasid__faults_epoch(device->context);
	rc = ioasid__be_device_reset(&device->context->be, device->dev);
	ioasid__faults_over(device, IOASID_INVALID, FAULTS_REPLACED, epoch);
	if (rc == 0 || rc == -EOPNOTSUPP)
		rc = ioasid__device_caps_read(device);
	one = ioasid__quarantine_retry(device->all, NULL, IOASID_INVALID, device, &count);
	return ioasid__binding_error(rc != 0 ? rc : one);
}
