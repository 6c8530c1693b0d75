/*
 * One unbind (S9.1, S9.2, S9.7): whoever claims a record first tears it down.
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/bind.h"
#include "libioasid/device.h"
#include "libioasid/record.h"

static struct binding_user *user_find(const struct binding *b, uint64_t cookie)
{
	struct binding_user *user = b->users;

	while (user != NULL && (user->cookie != cookie || user->setup))
		user = user->next;
	return user;
}

/* The user that a caller means, if nobody was faster. Lock held. */
static int unbind_find(struct ioasid_device *device, struct ioasid_set *set, struct idrec *rec,
		       uint64_t cookie,
		       struct binding_user **user)
{
	struct binding *b = rec != NULL ? ioasid__record_find(rec, device) : NULL;

	if (b == NULL || b->claim != CLAIM_OPEN)
		return -ENOENT;
	if (b->set != set && !set_is_root(set))
		return -EACCES;
	*user = user_find(b, cookie);
	return *user != NULL ? 0 : -ENOENT;
}

/* Claims the user, waiting for a rebind. Lock held. */
static int unbind_claim(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id, uint64_t cookie,
			struct leave *leave)
{
	struct devices *all = device->all;
	struct binding_user *user;
	struct idrec *rec;
	int rc;

	for (;;) {
		rec = ioasid__record_of(device, id);
		rc = unbind_find(device, set, rec, cookie, &user);
		if (rc != 0 || !rec->rebinding)
			break;
		ioasid__record_hold(rec);
		lock_wait(&all->lock, &rec->cond);
		ioasid__record_release(rec);
	}
	if (rc == 0)
		ioasid__leave_user(all, rec, user->binding->set, user, leave);
	return rc;
}

int ioasid_unbind(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id, uint64_t cookie)
{
	struct leave leave;
	uint32_t refs;
	int rc = ioasid__call_allowed(device != NULL && set != NULL && set->pool == device->pool);

	if (rc == 0 && id != IOASID_NO_PASID)
		rc = ioasid_refs(set, id, &refs);
	if (rc != 0)
		return rc;
	lock(&device->all->lock);
	if (id == IOASID_NO_PASID)
		rc = ioasid__rid_check(device, set);
	if (rc == 0)
		rc = unbind_claim(device, set, id, cookie, &leave);
	unlock(&device->all->lock);
	return rc != 0 ? rc : ioasid__leave_finish(&leave);
}
