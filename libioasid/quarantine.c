/*
 * Parked and quarantined IOASIDs: how they are listed, and tried again (S9.8, S10.3).
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/life.h"
#include "libioasid/record.h"

/* Does the caller mean this one? */
static bool is_meant(const struct binding *b, const struct ioasid_set *set, ioasid_t id,
		     const struct ioasid_device *device)
{
	return (set == NULL || set_is_root(set) || b->set == set) &&
	       (id == IOASID_INVALID || b->rec->id == id) &&
	       (device == NULL || b->device == device);
}

/* Claims the next that this round has not tried; tried ones are at the end of the ring. RIDs come last: their
 * home may be one that no PASID can stand beside. Lock held. */
static struct binding *retry_next(struct devices *all, const struct ioasid_set *set, ioasid_t id,
				  const struct ioasid_device *device, uint64_t round)
{
	struct binding *next = NULL;

	for (struct link *l = all->quarantine.next; l != &all->quarantine; l = l->next) {
		struct binding *b = LINK_OWNER(l, struct binding, waiting);

		if (b->tried >= round)
			break;
		if (!is_meant(b, set, id, device))
			continue;
		if (next == NULL || b->rec->id != IOASID_NO_PASID)
			next = b;
		if (b->rec->id != IOASID_NO_PASID)
			break;
	}
	if (next != NULL) {
		next->tried = round;
		ioasid__binding_take(next);
	}
	return next;
}

int ioasid__quarantine_retry(struct devices *all, const struct ioasid_set *set, ioasid_t id,
			     const struct ioasid_device *device,
			     uint32_t *count)
{
	struct binding *b;
	uint64_t round;
	int rc = 0, one;

	*count = 0;
	lock(&all->lock);
	round = ++all->serial;
	while ((b = retry_next(all, set, id, device, round)) != NULL) {
		unlock(&all->lock);
		one = ioasid__binding_end(all, b);
		if (rc == 0)
			rc = one;
		++*count;
		lock(&all->lock);
	}
	unlock(&all->lock);
	return rc;
}

bool ioasid__quarantine_any(struct ioasid_pool *pool)
{
	struct devices *all = pool->devices;
	bool any;

	lock(&all->lock);
	any = !link_alone(&all->quarantine);
	unlock(&all->lock);
	return any;
}

/* Tries to let go of devices that are closed already. Their number is added to *count. */
static int retry_abandoned(struct devices *all, uint32_t *count)
{
	struct ioasid_device *device;
	uint32_t left = 0;
	int rc = 0;

	lock(&all->lock);
	for (const struct link *l = all->abandoned.next; l != &all->abandoned; l = l->next)
		left++;
	*count += left;
	for (; left > 0 && !link_alone(&all->abandoned); left--) {
		device = LINK_OWNER(all->abandoned.next, struct ioasid_device, member);
		link_remove(&device->member);
		unlock(&all->lock);
		if (!ioasid__device_finish(device) && rc == 0)
			rc = -EIO;
		lock(&all->lock);
	}
	unlock(&all->lock);
	return rc;
}

int ioasid_quarantine_retry(struct ioasid_set *set, ioasid_t id)
{
	struct devices *all;
	uint32_t count = 0, refs;
	int rc = ioasid__call_allowed(set != NULL), one;

	if (rc == 0 && id != IOASID_NO_PASID && id != IOASID_INVALID)
		rc = ioasid_refs(set, id, &refs);
	if (rc != 0)
		return rc;
	all = set->pool->devices;
	if (id == IOASID_INVALID && set_is_root(set))
		rc = retry_abandoned(all, &count);
	one = ioasid__quarantine_retry(all, set, id, NULL, &refs);
	if (count + refs == 0)
		return -ENOENT;
	return rc != 0 ? rc : one;
}

/* What a walk tells of one ID, whose word is @w; false: it is neither parked nor quarantined. */
static bool parked_read(struct ioasid_set *set, ioasid_t id, uint64_t w, struct ioasid_parked *parked)
{
	struct ioasid_pool *pool = set->pool;
	bool pending = word_is(w, W_PENDING);
	uint64_t now, since;
	bool on, quarantined;

	if (!set_owns(set, w) || (!pending && (!word_is(w, W_ACTIVE) || (w & W_BOUND) == 0)))
		return false;
	*parked = (struct ioasid_parked) { .id = id, .refs = word_refs(w) + ((w & W_ALLOC) != 0) };
	parked->bindings = ioasid__binding_count(pool, id, &on, &quarantined);
	if (!pending && !quarantined)
		return false;
	parked->flags = (pending ? IOASID_PARKED_PENDING : 0) | (quarantined ? IOASID_PARKED_QUARANTINED : 0);
	now = ioasid__now();
	since = pending ? ioasid__life_marked_at(pool, id, w) : ioasid__quarantined_since(pool, id);
	parked->age = since != 0 && since < now ? now - since : 0;
	return true;
}

/* The same of one life: what was read by the number may be of the next one, and another set's (S2.6). */
static bool parked_look(struct ioasid_set *set, ioasid_t id, struct ioasid_parked *parked)
{
	struct slot *s = pool_slot(set->pool, id);
	uint64_t w = word_load(s), again;
	bool is;

	for (;;) {
		is = parked_read(set, id, w, parked);
		again = word_load(s);
		if (!is || (word_same_life(w, again) && ((w ^ again) & W_STATE) == 0))
			return is;
		w = again;
	}
}

int ioasid_parked_for_each(struct ioasid_set *set,
			   int (*fn)(void *context, const struct ioasid_parked *parked), void *context)
{
	struct ioasid_parked parked;
	ioasid_t id;
	int rc = ioasid__call_allowed(set != NULL && fn != NULL);

	if (rc != 0)
		return rc;
	for (id = 0; (id = ioasid__set_next_group(set, id + 1)) < pool_capacity(set->pool);) {
		if (!parked_look(set, id, &parked))
			continue;
		rc = fn(context, &parked);
		if (rc != 0)
			return rc;
	}
	return 0;
}
