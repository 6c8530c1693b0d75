/*
 * Binding: the public calls and their arguments; see include/ioasid/binding.h.
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/args.h"
#include "libioasid/bind.h"
#include "libioasid/device.h"
#include "libioasid/fork.h"

bool ioasid__bind_faults(const struct bind_request *rq)
{
	if (rq->entry != NULL)
		return (rq->flags & IOASID_BIND_FAULT) != 0;
	return (rq->space->uses & IOASID_USE_FAULT) != 0;
}

static void why_clear(struct ioasid_reason *why)
{
	if (why != NULL)
		why->text[0] = '\0';
}

static bool record_ok(const struct ioasid_record *entry)
{
	return entry == NULL || entry->length <= IOASID_RECORD_MAX;
}

/* The address space has to be of the device's context, and made for it; what an adopted one is good for only
 * the backend knows. */
static bool space_ok(const struct bind_request *rq)
{
	return rq->space != NULL && rq->space->context == rq->device->context &&
	       (rq->entry == NULL || rq->space->adopted || (rq->space->uses & IOASID_USE_PARENT) != 0);
}

static bool spid_ok(const struct bind_request *rq)
{
	if ((rq->flags & IOASID_BIND_SPID) == 0)
		return true;
	return rq->spid <= IOASID_SPID_MAX && rq->id != IOASID_NO_PASID && !set_is_root(rq->set) &&
	       (rq->device->mode == IOASID_DEVICE_MEDIATED || rq->spid == rq->id);
}

static bool request_ok(const struct bind_request *rq)
{
	return rq->set->pool == rq->device->pool && record_ok(rq->entry) && space_ok(rq) && spid_ok(rq);
}

int ioasid__bind_request(struct ioasid_device *device, struct ioasid_set *set,
			 const struct ioasid_bind_data *data,
			 uint32_t flags, struct bind_request *rq)
{
	bool ok = device != NULL && set != NULL && data != NULL;
	int rc = 0;

	if (ioasid__forked())
		return -EPERM;
	if (ok)
		rc = args_in(data, sizeof(*data));
	if (rc != 0)
		return rc;
	if (ok) {
		*rq = (struct bind_request) {
			.device = device, .set = set, .id = data->id, .flags = data->flags, .spid = data->spid.value,
			.entry = data->entry, .space = data->parent, .cookie = data->cookie, .why = data->why,
			.domain = data->domain,
		};
		why_clear(rq->why);
		ok = rq->entry != NULL && (rq->flags & ~flags) == 0 && request_ok(rq);
	}
	return ioasid__call_allowed(ok);
}

/* Tells the log why, where the caller has no room for it. */
static int bind_logged(const struct bind_request *rq)
{
	int rc = ioasid__bind(rq);

	if (rc != 0 && rq->why->text[0] != '\0')
		ioasid__log(rq->device->pool, IOASID_LOG_WARNING, "bind of IOASID %u failed (%d): %s", rq->id,
			    rc,
			    rq->why->text);
	return rc;
}

int ioasid_bind_gpasid(struct ioasid_device *device, struct ioasid_set *set,
		       const struct ioasid_bind_data *data)
{
	struct ioasid_reason reason = { "" };
	struct bind_request rq;
	int rc = ioasid__bind_request(device, set, data, BIND_FLAGS, &rq);

	if (rc != 0)
		return rc;
	if (rq.why != NULL)
		return ioasid__bind(&rq);
	rq.why = &reason;
	return bind_logged(&rq);
}

int ioasid_bind_ioas(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id,
		     struct ioasid_address_space *space, uint64_t cookie)
{
	struct ioasid_reason reason = { "" };
	struct bind_request rq = {
		.device = device, .set = set, .id = id, .space = space, .cookie = cookie, .why = &reason,
	};
	int rc = ioasid__call_allowed(device != NULL && set != NULL && request_ok(&rq));

	return rc != 0 ? rc : bind_logged(&rq);
}

int ioasid__rid_check(const struct ioasid_device *device, const struct ioasid_set *set)
{
	if (device->set == NULL || (device->set != set && !set_is_root(set)))
		return -EACCES;
	return 0;
}
