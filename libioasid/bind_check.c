/*
 * What the records say against a bind: table, device, users, what the guest was promised, width, SPID, in
 * this order (S0.1).
 */
#include <errno.h>

#include "libioasid/bind.h"
#include "libioasid/caps.h"
#include "libioasid/device.h"

/* May this set have a binding on this device? (S9.12) */
static int check_device(const struct bind_op *op)
{
	const struct ioasid_device *device = op->rq->device;
	const struct link *l;

	if (device->mode != IOASID_DEVICE_DIRECT)
		return 0;
	if (device->set != NULL && device->set != op->owner)
		return -EBUSY;
	for (l = device->bindings.next; l != &device->bindings; l = l->next)
		if (LINK_OWNER(l, struct binding, of_device)->set != op->owner)
			return -EBUSY;
		else if (LINK_OWNER(l, struct binding, of_device)->rec->id != IOASID_NO_PASID)
			break; /* all the others are of the same set */
	return 0;
}

/* Is there room for one more user of a device's binding? (S9.2) */
static int check_users(const struct bind_op *op, const struct binding *b)
{
	if (b == NULL)
		return 0;
	if (b->claim == CLAIM_QUARANTINE || b->error != 0 || op->rq->cookie == IOASID_COOKIE_NONE)
		return -EBUSY;
	for (const struct binding_user *u = b->users; u != NULL; u = u->next)
		if (u->cookie == IOASID_COOKIE_NONE || u->cookie == op->rq->cookie)
			return -EBUSY;
	return 0;
}

/* Users of one slot have one domain id. */
static bool same_domain(const struct bind_request *rq, const struct binding *b)
{
	return b->in_domain == ((rq->flags & IOASID_BIND_DOMAIN) != 0) && (!b->in_domain || b->domain == rq->domain);
}

/* The IOASID has one table (S9.2). @b: the device's binding, NULL: none. */
static int check_table(const struct bind_op *op, const struct binding *b)
{
	const struct idrec *rec = op->rec;

	if (b != NULL && b->claim <= CLAIM_OPEN && !same_domain(op->rq, b))
		return -EINVAL;
	if (rec->live == 0)
		return 0;
	if (!ioasid__content_equal(rec->content, op->content))
		return -EINVAL;
	for (b = rec->bindings; b != NULL; b = b->next)
		if (b->claim <= CLAIM_OPEN && b->device->context == op->rq->device->context &&
		    b->space != op->rq->space)
			return -EINVAL;
	return 0;
}

/* Have other binds attached the guest's PASID, or is this the first to name it? */
static int check_spid(struct bind_op *op)
{
	const struct bind_request *rq = op->rq;

	if ((rq->flags & IOASID_BIND_SPID) == 0)
		return 0;
	if (op->rec->spid_users != 0) {
		op->user->names_spid = op->rec->spid == rq->spid;
		return op->user->names_spid ? 0 : -EBUSY;
	}
	op->spid = SPID_OPENING;
	return 0;
}

static int check_width(struct bind_op *op)
{
	uint32_t bits = op->rq->device->caps.pasid_bits;

	if (bind_is_rid(op))
		return 0;
	op->without_pasids = bits == 0;
	if (bits == 0)
		return -EOPNOTSUPP;
	if (op->rq->id >> bits == 0)
		return 0;
	ioasid__reason_set(op->rq->why, "IOASID %u is too wide: the device's PASIDs have %u bits", op->rq->id, bits);
	return -ERANGE;
}

int ioasid__bind_check(struct bind_op *op, const struct binding *b)
{
	int rc = check_table(op, b);

	if (rc == 0)
		rc = check_device(op);
	if (rc == 0)
		rc = check_users(op, b);
	if (rc == 0)
		rc = ioasid__caps_enough(op->owner, op->rq->device, op->rq->why);
	if (rc == 0)
		rc = check_width(op);
	return rc == 0 ? check_spid(op) : rc;
}
