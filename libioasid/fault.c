/*
 * Reading faults and answering them: the public calls; see include/ioasid/fault.h.
 *
 * A reader has its read in hand alone, and records what it gets before the next one begins. What it gets is
 * looked at under the context's lock and, within it, the lock of the device's pool: a binding that is being
 * taken away, or an IOASID that is marked, is either seen there, or what was recorded is seen by whoever does
 * that.
 */
#include <errno.h>
#include <string.h>

#include "libioasid/be_call.h"
#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/record.h"
#include "libioasid/spid.h"

_Static_assert(IOASID_FAULT_LAST == IOASID_BE_FAULT_LAST && IOASID_FAULT_READ == IOASID_BE_FAULT_READ &&
	       IOASID_FAULT_WRITE == IOASID_BE_FAULT_WRITE && IOASID_FAULT_EXEC == IOASID_BE_FAULT_EXEC &&
	       IOASID_FAULT_PRIV == IOASID_BE_FAULT_PRIV, "flags of a fault are the contract's");
_Static_assert(IOASID_FAULT_SUCCESS == IOASID_BE_RESPOND_SUCCESS && IOASID_FAULT_INVALID == IOASID_BE_RESPOND_INVALID &&
	       IOASID_FAULT_FAILURE == IOASID_BE_RESPOND_FAILURE, "answers are the contract's");

#define READ_BATCH 32u /* of which a backend can give a whole group, if that is not larger */
#define FLAGS_TOLD (IOASID_FAULT_LAST | IOASID_FAULT_READ | IOASID_FAULT_WRITE | IOASID_FAULT_EXEC | IOASID_FAULT_PRIV)

/* ---- Read ---- */

struct reader {
	struct faults *faults;
	char *out;                    /* where the next one goes */
	size_t size;
	uint32_t room;
	uint32_t done;
	uint32_t refused_count;
	uint64_t refused[READ_BATCH]; /* groups that are not delivered: the backend's handles */
	struct ioasid_be_page_request requests[READ_BATCH];
};

static struct ioasid_device *device_of(const struct ioasid_context *context, uint64_t cookie)
{
	for (const struct link *l = context->devices.next; l != &context->devices; l = l->next) {
		struct ioasid_device *device = LINK_OWNER(l, struct ioasid_device, of_context);

		if (device->cookie == cookie)
			return device;
	}
	return NULL;
}

/* What the guest calls it, and what an answer has to. */
static ioasid_spid_t spid_of(const struct binding *b)
{
	ioasid_t id = b->rec->id;

	if (id == IOASID_NO_PASID)
		return ioasid_spid_make(IOASID_SPID_NONE);
	if (b->device->mode == IOASID_DEVICE_DIRECT)
		return ioasid_spid_make(id);
	return ioasid_spid_make(ioasid__spid_number(b->device->pool, id));
}

static struct group_key key_of(const struct binding *b, uint32_t spid, uint32_t group)
{
	bool unnamed = spid == IOASID_SPID_NONE && b->rec->id != IOASID_NO_PASID;

	return (struct group_key) {
		.device = b->device->cookie, .set = b->set->serial, .group = group,
		.number = unnamed ? FAULT_UNNAMED : spid,
	};
}

static void fault_fill(struct ioasid_fault *fault, const struct binding *b, const struct ioasid_be_page_request *request)
{
	*fault = (struct ioasid_fault) {
		.device = b->device, .set = b->set, .id = b->rec->id, .spid = spid_of(b), .group = request->group,
		.flags = request->flags & FLAGS_TOLD, .address = request->address,
	};
	for (const struct binding_user *user = b->users; user != NULL; user = user->next) {
		if (user->cookie == IOASID_COOKIE_NONE)
			continue;
		if (fault->cookie_count < IOASID_FAULT_COOKIES)
			fault->cookies[fault->cookie_count] = user->cookie;
		fault->cookie_count++;
	}
}

/* The binding that a request is about, if it can be delivered. All locks held. */
static struct binding *binding_of(struct ioasid_device *device, const struct ioasid_be_page_request *request)
{
	bool last = (request->flags & IOASID_BE_FAULT_LAST) != 0;
	ioasid_t id = (request->flags & IOASID_BE_FAULT_PASID) != 0 ? request->pasid : IOASID_NO_PASID;
	struct idrec *rec = id < pool_capacity(device->pool) ? ioasid__record_of(device, id) : NULL;
	struct binding *b = rec != NULL ? ioasid__record_find(rec, device) : NULL;

	if (b == NULL || b->set == NULL)
		return NULL;
	if (id != IOASID_NO_PASID && ioasid__binding_marked(device->pool, id)) {
		if (last)
			/* Relaxed: a count. */
			atomic_fetch_add_explicit(&b->set->swallowed, 1, memory_order_relaxed);
		return NULL;
	}
	/* One that is being made may fault before its backend call is over. */
	return b->claim <= CLAIM_OPEN ? b : NULL;
}

/* Delivers a request, or notes that its group is to be refused. The context's lock held. */
static void request_take(struct reader *r, const struct ioasid_be_page_request *request)
{
	struct ioasid_device *device = device_of(r->faults->context, request->device_cookie);
	bool last = (request->flags & IOASID_BE_FAULT_LAST) != 0;
	struct binding *b = NULL;
	struct ioasid_fault fault;
	struct group_key key;

	if (device != NULL) {
		lock(&device->all->lock);
		b = binding_of(device, request);
		if (b != NULL)
			fault_fill(&fault, b, request);
		if (b != NULL && last) {
			key = key_of(b, fault.spid.value, request->group);
			fault.handle = ioasid__group_open(r->faults, &key, b, request->handle)->handle;
		}
		unlock(&device->all->lock);
	}
	if (b != NULL) {
		memset(r->out, 0, r->size);
		memcpy(r->out, &fault, sizeof(fault));
		r->out += r->size;
		r->done++;
	} else if (last) {
		r->refused[r->refused_count++] = request->handle;
	}
}

/* One read of the backend. 1: there may be more; 0: there is none; -EBUSY: no group can be opened; or the
 * backend's errno. */
static int read_batch(struct reader *r)
{
	struct faults *faults = r->faults;
	struct ioasid_context *context = faults->context;
	uint32_t want, got;
	int rc;

	lock(&context->lock);
	while (faults->reading)
		lock_wait(&context->lock, &context->changed);
	want = r->room - r->done;
	if (want > READ_BATCH)
		want = READ_BATCH;
	if (want > ioasid__groups_room(faults))
		want = ioasid__groups_room(faults);
	if (want == 0) {
		unlock(&context->lock);
		return -EBUSY;
	}
	faults->reading = true;
	faults->reading_epoch = faults->epoch;
	unlock(&context->lock);
	ioasid__faults_event(faults, false);
	rc = ioasid__be_fault_read(&context->be, faults->queue, r->requests, want, &got);
	if (rc != 0 || got == want)
		ioasid__faults_event(faults, true);
	lock(&context->lock);
	r->refused_count = 0;
	for (uint32_t i = 0; i < got; i++)
		request_take(r, &r->requests[i]);
	faults->reading = false;
	pthread_cond_broadcast(&context->changed);
	unlock(&context->lock);
	for (uint32_t i = 0; i < r->refused_count; i++)
		ioasid__faults_refuse(faults, r->refused[i]);
	return rc != 0 ? rc : got == want;
}

int ioasid_fault_read(struct ioasid_context *context, struct ioasid_fault *faults, size_t size, uint32_t *count)
{
	struct reader r = { .out = (char *)faults, .size = size };
	int rc = ioasid__call_allowed(context != NULL && faults != NULL && count != NULL && *count != 0 &&
				      size >= sizeof(*faults) && size % 8 == 0);

	if (rc != 0)
		return rc;
	r.room = *count;
	*count = 0;
	r.faults = ioasid__faults_of(context);
	if (r.faults == NULL)
		return 0;
	do {
		rc = read_batch(&r);
	} while (rc > 0 && r.done < r.room);
	*count = r.done;
	/* What stopped it is told by the next call, if it still does. */
	return rc > 0 || r.done != 0 ? 0 : rc;
}

/* ---- Respond ---- */

/* Answers a group, or tells why not. The context's lock held, and given back. */
static int group_answer(struct faults *faults, struct fault_group *group, uint32_t code)
{
	struct ioasid_context *context = faults->context;
	struct ioasid_be_page_response response;
	uint32_t done;
	int rc = 0;

	if (group != NULL && (group->state == GROUP_LATE ||
			      (group->state == GROUP_OPEN && ioasid__group_marked(group))))
		rc = -ENOENT;
	if (rc != 0 || group == NULL || group->state != GROUP_OPEN) {
		unlock(&context->lock);
		return rc;
	}
	group->state = GROUP_ANSWERING;
	response = (struct ioasid_be_page_response) { .handle = group->answer_to, .code = code };
	unlock(&context->lock);
	rc = ioasid__be_fault_respond(&context->be, faults->queue, &response, 1, &done);
	lock(&context->lock);
	/* Park and the like were faster, or have taken the binding meanwhile. */
	if (rc == -ENOENT || group->binding == NULL)
		rc = 0;
	if (rc == 0)
		ioasid__group_done(faults, group);
	else
		group->state = GROUP_OPEN;
	unlock(&context->lock);
	return rc;
}

static bool code_ok(uint32_t code)
{
	return code <= IOASID_FAULT_FAILURE;
}

int ioasid_fault_respond(struct ioasid_device *device, struct ioasid_set *set, ioasid_spid_t spid, uint32_t group,
			 uint32_t code)
{
	bool ok = device != NULL && set != NULL && set->pool == device->pool && code_ok(code);
	struct group_key key = { .number = spid.value, .group = group };
	struct faults *faults;
	int rc;

	if (ok && spid.value != IOASID_SPID_NONE)
		ok = spid.value <= IOASID_SPID_MAX && !set_is_root(set);
	rc = ioasid__call_allowed(ok);
	if (rc != 0)
		return rc;
	faults = ioasid__faults_of(device->context);
	if (faults == NULL)
		return 0;
	key.device = device->cookie;
	key.set = set->serial;
	lock(&device->context->lock);
	return group_answer(faults, ioasid__group_by_key(faults, &key), code);
}

int ioasid_fault_respond_handle(struct ioasid_context *context, uint64_t handle, uint32_t code)
{
	int rc = ioasid__call_allowed(context != NULL && code_ok(code));
	struct faults *faults;

	if (rc != 0)
		return rc;
	faults = ioasid__faults_of(context);
	if (faults == NULL)
		return 0;
	lock(&context->lock);
	return group_answer(faults, ioasid__group_by_handle(faults, handle), code);
}

int ioasid_fault_expire(struct ioasid_context *context, uint64_t age, uint32_t *count)
{
	int rc = ioasid__call_allowed(context != NULL), one;
	uint64_t now = ioasid__now();
	uint32_t expired = 0;
	struct faults *faults;

	if (rc != 0)
		return rc;
	faults = ioasid__faults_of(context);
	for (uint32_t i = 0; faults != NULL && i < IOASID_FAULTS_OPEN_MAX; i++) {
		struct fault_group *group = &faults->groups[i];

		lock(&context->lock);
		if (i >= faults->fresh) {
			unlock(&context->lock);
			break;
		}
		if (group->state != GROUP_OPEN || now < group->read_at || now - group->read_at < age ||
		    ioasid__group_marked(group)) {
			unlock(&context->lock);
			continue;
		}
		one = group_answer(faults, group, IOASID_FAULT_FAILURE);
		expired += one == 0;
		if (rc == 0)
			rc = one;
	}
	if (count != NULL)
		*count = expired;
	return rc;
}
