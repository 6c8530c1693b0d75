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
		    "a device that is let go still has slots that could not be blocked: quarantined");
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

/* How the bindings of a device are cleared. */
struct clear {
	struct ioasid_device *device;
	bool closing;      /* also those of binds that are under way; there is no limit to the wait */
	bool late;         /* who has one in hand is not waited for any more */
	uint64_t deadline;
};

/* Can it be taken down here and now: nobody has it in hand. Lock held. */
static bool claimable(const struct binding *b)
{
	return b->claim == CLAIM_OPEN || b->queued;
}

/*
 * The next binding to take down, or to wait for. Quarantined ones have been tried. The RID comes last: its
 * home may be one that no PASID can stand beside. Lock held.
 */
static struct binding *clear_next(const struct clear *clear)
{
	const struct link *all = &clear->device->bindings;
	struct binding *rid = NULL, *busy = NULL;

	for (const struct link *l = all->next; l != all; l = l->next) {
		struct binding *b = LINK_OWNER(l, struct binding, of_device);

		if (b->claim == CLAIM_QUARANTINE || (b->claim == CLAIM_SETUP && !clear->closing))
			continue;
		if (b->rec->id == IOASID_NO_PASID)
			rid = b;
		else if (claimable(b))
			return b;
		else
			busy = b;
	}
	return busy == NULL || (clear->late && rid != NULL && claimable(rid)) ? rid : busy;
}

/* Claims a binding that is in use, or waits in a lane. Lock held. */
static bool clear_claim(struct devices *all, struct binding *b, struct leave *leave)
{
	if (b->claim == CLAIM_OPEN) {
		ioasid__leave_binding(all, b, leave);
		return true;
	}
	if (!ioasid__lane_take(b))
		return false;
	*leave = (struct leave) { .all = all, .end = b, .id = b->rec->id };
	return true;
}

/* Waits for what another thread has in hand. Lock held. 0, or -ETIMEDOUT: there was time enough. */
static int clear_wait(struct clear *clear)
{
	if (clear->late)
		return -ETIMEDOUT;
	if (clear->closing)
		lock_wait(&clear->device->all->lock, &clear->device->all->changed);
	else
		clear->late = ioasid__device_wait(clear->device, &clear->deadline) != 0;
	return 0;
}

/* What a binding that is quarantined has answered, or 0. Lock held. */
static int quarantine_error(const struct ioasid_device *device)
{
	for (const struct link *l = device->bindings.next; l != &device->bindings; l = l->next) {
		const struct binding *b = LINK_OWNER(l, struct binding, of_device);

		if (b->claim == CLAIM_QUARANTINE)
			return b->error;
	}
	return 0;
}

/* Takes down each binding of a device once, and waits for those that are in other hands. */
static int device_clear(struct ioasid_device *device, bool closing)
{
	struct clear clear = { .device = device, .closing = closing };
	struct devices *all = device->all;
	struct binding *b;
	struct leave leave;
	int rc = 0, one;

	lock(&all->lock);
	while ((b = clear_next(&clear)) != NULL) {
		if (clear_claim(all, b, &leave)) {
			unlock(&all->lock);
			one = ioasid__leave_finish(&leave);
			lock(&all->lock);
			if (rc == 0)
				rc = one;
		} else {
			one = clear_wait(&clear);
			if (one == 0)
				continue;
			rc = rc != 0 ? rc : one;
			break;
		}
	}
	/* Others may have failed with theirs. */
	if (rc == 0)
		rc = quarantine_error(device);
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
