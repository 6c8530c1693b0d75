/*
 * Whose a device's RID is, and how it goes home when that set goes (S2.7, S9.11).
 */
#include <errno.h>

#include <ioasid/stats.h>

#include "libioasid/binding.h"
#include "libioasid/caps.h"
#include "libioasid/device.h"

/* Has another set bindings of PASIDs on this device? Lock held. */
static bool used_by_other(const struct ioasid_device *device, const struct ioasid_set *set)
{
	for (const struct link *l = device->bindings.next; l != &device->bindings; l = l->next) {
		const struct binding *b = LINK_OWNER(l, struct binding, of_device);

		if (b->rec->id != IOASID_NO_PASID)
			return b->set != set;
	}
	return false;
}

static int assign_locked(struct ioasid_device *device, struct ioasid_set *set, struct ioasid_reason *why)
{
	int rc;

	if (device->set == set)
		return 0;
	/* Acquire: death says so before it takes devices away, under this lock. */
	if ((atomic_load_explicit(&set->slow, memory_order_acquire) & SET_DEAD) != 0)
		return -ENOENT;
	if (device->rid.bindings != NULL)
		return -EBUSY;
	if (device->mode == IOASID_DEVICE_DIRECT && used_by_other(device, set))
		return -EBUSY;
	rc = ioasid__caps_enough(set, device, why);
	if (rc == 0)
		device->set = set;
	return rc;
}

int ioasid_device_assign(struct ioasid_device *device, struct ioasid_set *set)
{
	struct ioasid_reason why = { "" };
	int rc = ioasid__call_allowed(device != NULL && set != NULL && !set_is_root(set) &&
				      set->pool == device->pool);

	if (rc != 0)
		return rc;
	lock(&device->all->lock);
	rc = assign_locked(device, set, &why);
	unlock(&device->all->lock);
	if (rc == -EOPNOTSUPP)
		ioasid__log(device->pool, IOASID_LOG_WARNING, "a device was not assigned: the guest was promised more: %s",
			    why.text);
	return rc;
}

int ioasid_device_unassign(struct ioasid_device *device)
{
	int rc = ioasid__call_allowed(device != NULL);

	if (rc != 0)
		return rc;
	lock(&device->all->lock);
	if (device->rid.bindings != NULL)
		rc = -EBUSY;
	else
		device->set = NULL;
	unlock(&device->all->lock);
	return rc;
}

/* The binding of the RID of a device, if the set has it, and it is not quarantined. Lock held. */
static struct binding *rid_of(const struct ioasid_device *device, const struct ioasid_set *set)
{
	struct binding *b = device->rid.bindings;

	return b != NULL && b->set == set && b->claim != CLAIM_QUARANTINE ? b : NULL;
}

/* A binding of the set's that is on its way out: the home may be one that no PASID can stand beside. One that
 * nobody has begun with, if there is any. Lock held. */
static struct binding *going_beside(const struct ioasid_device *device, const struct ioasid_set *set)
{
	struct binding *going = NULL;

	for (const struct link *l = device->bindings.next; l != &device->bindings; l = l->next) {
		struct binding *b = LINK_OWNER(l, struct binding, of_device);

		if (b->set != set || b->claim != CLAIM_TAKEN)
			continue;
		going = b;
		if (b->queued)
			break;
	}
	return going;
}

/* What is to be taken down next before all RIDs of the set are at home, or waited for. Lock held. */
static struct binding *home_next(const struct devices *all, const struct ioasid_set *set, bool late)
{
	struct binding *busy = NULL;

	for (const struct link *l = all->list.next; l != &all->list; l = l->next) {
		const struct ioasid_device *device = LINK_OWNER(l, struct ioasid_device, member);
		struct binding *rid = rid_of(device, set), *b = NULL;

		if (rid == NULL)
			continue;
		if (rid->claim == CLAIM_OPEN && device->home != NULL)
			b = going_beside(device, set);
		if (b == NULL || (late && !b->queued))
			b = rid;
		if (b->claim == CLAIM_OPEN || b->queued)
			return b;
		busy = b;
	}
	return busy;
}

/* Takes down one that nobody has in hand. What a PASID answers is its own free's business. Lock held, given
 * back meanwhile. */
static int home_take(struct devices *all, struct binding *b)
{
	bool is_rid = b->rec->id == IOASID_NO_PASID;
	int rc;

	if (!ioasid__lane_take(b))
		ioasid__binding_take(b);
	unlock(&all->lock);
	rc = ioasid__binding_end(all, b);
	lock(&all->lock);
	return is_rid ? rc : 0;
}

/* What an RID of the set has answered that is quarantined, also on a device that is closed; or 0. Lock held. */
static int quarantined_rid(const struct devices *all, const struct ioasid_set *set)
{
	for (const struct link *l = all->quarantine.next; l != &all->quarantine; l = l->next) {
		const struct binding *b = LINK_OWNER(l, struct binding, waiting);

		if (b->rec->id == IOASID_NO_PASID && b->set == set)
			return b->error;
	}
	return 0;
}

/*
 * Sends the RIDs home, one after the other; waits for what other threads have in hand as a free does, at most
 * a context's deadline (S9.15).
 */
static int rids_home(struct devices *all, const struct ioasid_set *set)
{
	uint64_t deadline = 0;
	struct binding *b;
	bool late = false;
	int rc = 0, one;

	lock(&all->lock);
	while ((b = home_next(all, set, late)) != NULL) {
		if (b->claim == CLAIM_OPEN || b->queued) {
			one = home_take(all, b);
			rc = rc != 0 ? rc : one;
		} else if (!late) {
			late = ioasid__device_wait(b->device, &deadline) != 0;
		} else {
			rc = rc != 0 ? rc : -ETIMEDOUT;
			break;
		}
	}
	/* Others may have failed with theirs. */
	if (rc == 0)
		rc = quarantined_rid(all, set);
	unlock(&all->lock);
	return rc;
}

int ioasid__device_set_reset(struct ioasid_set *set)
{
	struct devices *all = set->pool->devices;

	return all != NULL ? rids_home(all, set) : 0;
}

/* What is quarantined, also on devices that are closed, is nobody's from here on: the set need not wait for
 * it. */
static void rids_forget(struct devices *all, struct ioasid_set *set)
{
	lock(&all->lock);
	for (struct link *l = all->quarantine.next; l != &all->quarantine; l = l->next) {
		struct binding *b = LINK_OWNER(l, struct binding, waiting);

		if (b->rec->id != IOASID_NO_PASID || b->set != set)
			continue;
		b->set = NULL;
		ioasid__set_release(set);
	}
	unlock(&all->lock);
}

int ioasid__device_set_gone(struct ioasid_set *set)
{
	struct devices *all = set->pool->devices;
	int rc;

	if (all == NULL)
		return 0;
	/* First take the right away, so that a bind that is under way sees it and undoes itself. */
	lock(&all->lock);
	for (struct link *l = all->list.next; l != &all->list; l = l->next) {
		struct ioasid_device *device = LINK_OWNER(l, struct ioasid_device, member);

		if (device->set == set)
			device->set = NULL;
	}
	unlock(&all->lock);
	rc = rids_home(all, set);
	rids_forget(all, set);
	return rc;
}
