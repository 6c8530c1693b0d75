/*
 * Devices: attach, what they say about themselves; see include/ioasid/device.h.
 */
#include "libioasid/device.h"

#include <errno.h>

#include "libioasid/args.h"
#include "libioasid/be_call.h"
#include "libioasid/binding.h"
#include "libioasid/fork.h"
#include "libioasid/mem.h"

_Static_assert(IOASID_DEVICE_NAME == IOASID_BE_DEVICE_NAME && IOASID_DEVICE_FD == IOASID_BE_DEVICE_FD &&
	       IOASID_DEVICE_ADOPTED == IOASID_BE_DEVICE_ADOPTED, "kinds are the contract's");
_Static_assert(IOASID_CAP_RID + 1 == IOASID_BE_CAP_COUNT && IOASID_CAP_HITLESS == IOASID_BE_CAP_HITLESS,
	       "capabilities are the contract's");
_Static_assert(IOASID_TABLE_OWNER_EITHER == IOASID_BE_OWNER_EITHER && IOASID_WHY_OTHER == IOASID_BE_WHY_OTHER,
	       "owners and reasons are the contract's");
_Static_assert(IOASID_RECORD_MAX == IOASID_BE_RECORD_MAX, "records are the contract's");

uint64_t ioasid__context_deadline(const struct ioasid_context *context)
{
	uint64_t now = ioasid__now(), length = context->deadline;

	return length < UINT64_MAX - now ? now + length : UINT64_MAX;
}

uint64_t ioasid__device_deadline(const struct ioasid_device *device)
{
	return ioasid__context_deadline(device->context);
}

int ioasid__device_wait(struct ioasid_device *device, uint64_t *deadline)
{
	struct timespec until;

	if (*deadline == 0)
		*deadline = ioasid__device_deadline(device);
	until = device_timespec(*deadline);
	return -lock_wait_until(&device->all->lock, &device->all->changed, &until);
}

/* ---- what the devices of a pool share ---- */

int ioasid__devices_create(struct ioasid_pool *pool)
{
	struct devices *all = mem_zalloc(sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	all->pool = pool;
	ioasid__lock_init(&all->lock, RANK_BINDING);
	ioasid__cond_init(&all->changed);
	link_init(&all->list);
	link_init(&all->abandoned);
	link_init(&all->quarantine);
	pool->devices = all;
	return 0;
}

void ioasid__devices_destroy(struct ioasid_pool *pool)
{
	struct devices *all = pool->devices;
	struct lane *next;

	if (all == NULL)
		return;
	for (struct lane *lane = all->lanes; lane != NULL; lane = next) {
		next = lane->next;
		mem_free(lane);
	}
	pthread_cond_destroy(&all->changed);
	ioasid__lock_fini(&all->lock);
	mem_free(all);
	pool->devices = NULL;
}

struct lane *ioasid__lane_get(struct devices *all, struct ioasid_context *context)
{
	struct lane *lane, *idle = NULL;

	for (lane = all->lanes; lane != NULL; lane = lane->next) {
		if (lane->context == context && lane->devices != 0) {
			lane->devices++;
			return lane;
		}
		if (lane->devices == 0)
			idle = lane;
	}
	lane = idle;
	if (lane == NULL) {
		lane = mem_zalloc(sizeof(*lane));
		if (lane == NULL)
			return NULL;
		lane->all = all;
		link_init(&lane->ready);
		ioasid__workq_init(&lane->queue, all->pool->executor, WORK_LANES);
		ioasid__executor_grow(all->pool->executor, &lane->worker);
		lane->work.run = ioasid__lane_run;
		lane->work.context = lane;
		lane->next = all->lanes;
		all->lanes = lane;
	}
	lane->context = context;
	lane->devices = 1;
	return lane;
}

void ioasid__lane_put(struct lane *lane)
{
	lane->devices--;
}

/* ---- attach ---- */

static bool spec_ok(const struct ioasid_device_spec *spec)
{
	if (spec->mode > IOASID_DEVICE_MEDIATED)
		return false;
	switch (spec->kind) {
	case IOASID_DEVICE_NAME:
		return spec->name != NULL;
	case IOASID_DEVICE_FD:
		return spec->fd >= 0;
	case IOASID_DEVICE_ADOPTED:
		return spec->fd >= 0 && spec->iommufd >= 0;
	default:
		return false;
	}
}

int ioasid__device_caps_read(struct ioasid_device *device)
{
	struct ioasid_be_device_caps be;
	int rc = ioasid__be_device_caps(&device->context->be, device->dev, &be);

	if (rc != 0)
		return rc;
	lock(&device->all->lock);
	device->caps = (struct ioasid_device_caps) {
		.pasid_bits = be.pasid_bits, .flags = be.flags, .table_owner = be.table_owner,
		.iova_bits = be.iova_bits,
		.iommu = be.iommu, .max_bindings = be.max_bindings, .page_sizes = be.page_sizes,
	};
	unlock(&device->all->lock);
	return 0;
}

/* Lets the backend take the device in. */
static int be_attach(struct ioasid_device *device, const struct ioasid_device_spec *spec,
		     struct ioasid_reason *why)
{
	struct ioasid_be_device be = {
		.kind = spec->kind, .name = spec->name, .fd = -1, .iommufd = -1, .cookie = device->cookie,
	};

	if (spec->kind != IOASID_DEVICE_NAME)
		be.fd = spec->fd;
	if (spec->kind == IOASID_DEVICE_ADOPTED) {
		be.iommufd = spec->iommufd;
		be.device_id = spec->device_id;
	}
	return ioasid__be_device_attach(&device->context->be, &be, &device->dev, why);
}

/* Puts the RID of a new device on its home. */
static int home_attach(struct ioasid_device *device, struct ioasid_reason *why)
{
	struct ioasid_be_bind item = { .dev = device->dev };
	uint32_t done;
	int rc;

	if (device->home == NULL)
		return 0;
	item.as = device->home->as;
	rc = ioasid__be_attach(&device->context->be, &item, 1, ioasid__device_deadline(device), &done, why);
	/* After a failure that says too little it may be there all the same: then it is let go of like that. */
	device->at_home = rc == 0 || rc == -EIO || rc == -ETIMEDOUT;
	return rc;
}

static struct ioasid_device *device_new(struct ioasid_context *context, struct ioasid_pool *pool,
					const struct ioasid_device_spec *spec, struct ioasid_address_space *home)
{
	struct ioasid_device *device = mem_zalloc(sizeof(*device));

	if (device == NULL)
		return NULL;
	device->pool = pool;
	device->all = pool->devices;
	device->context = context;
	device->home = home;
	device->mode = spec->mode;
	link_init(&device->of_context);
	link_init(&device->faults);
	link_init(&device->member);
	link_init(&device->bindings);
	ioasid__record_init(&device->rid, IOASID_NO_PASID);
	lock(&context->lock);
	device->cookie = ++context->cookie;
	unlock(&context->lock);
	lock(&device->all->lock);
	device->lane = ioasid__lane_get(device->all, context);
	unlock(&device->all->lock);
	return device;
}

void ioasid__device_free(struct ioasid_device *device)
{
	if (device->lane != NULL) {
		lock(&device->all->lock);
		ioasid__lane_put(device->lane);
		unlock(&device->all->lock);
	}
	ioasid__record_fini(&device->rid);
	mem_free(device);
}

/* From here on the backend has it: device_finish() is the way back. */
static void device_count(struct ioasid_device *device)
{
	context_use(device->context);
	lock(&device->context->lock);
	link_append(&device->context->devices, &device->of_context);
	unlock(&device->context->lock);
	if (device->home != NULL)
		address_space_use(device->home);
	/* Relaxed: the pool is not destroyed beside this call. */
	atomic_fetch_add_explicit(&device->pool->contexts, 1, memory_order_relaxed);
}

/* From here on everybody can see it. */
static void device_publish(struct ioasid_device *device)
{
	lock(&device->all->lock);
	device->serial = ++device->all->serial;
	link_append(&device->all->list, &device->member);
	unlock(&device->all->lock);
}

static int attach_check(struct ioasid_context *context, struct ioasid_pool *pool,
			const struct ioasid_device_spec *spec,
			const struct ioasid_address_space *home, struct ioasid_device **device)
{
	bool ok = context != NULL && pool != NULL && spec != NULL && device != NULL;
	int rc = 0;

	if (ioasid__forked())
		return -EPERM;
	if (ok)
		rc = args_in(spec, sizeof(*spec));
	if (rc != 0)
		return rc;
	/* At home the RID is nobody's, so nobody would answer its page requests. */
	return ioasid__call_allowed(ok && spec_ok(spec) &&
				    (home == NULL || (home->context == context &&
						      (home->uses & IOASID_USE_FAULT) == 0)));
}

static int attach(struct ioasid_context *context, struct ioasid_pool *pool, const struct ioasid_device_spec *spec,
		  struct ioasid_address_space *home, struct ioasid_device **device, struct ioasid_reason *why)
{
	struct ioasid_device *made;
	int rc;

	made = device_new(context, pool, spec, home);
	if (made == NULL)
		return -ENOMEM;
	rc = made->lane != NULL ? be_attach(made, spec, why) : -ENOMEM;
	if (rc != 0) {
		ioasid__device_free(made);
		return rc;
	}
	device_count(made);
	rc = ioasid__device_caps_read(made);
	if (rc == 0)
		rc = home_attach(made, why);
	if (rc != 0) {
		(void)ioasid__device_finish(made);
		return rc;
	}
	device_publish(made);
	*device = made;
	return 0;
}

int ioasid_device_attach(struct ioasid_context *context, struct ioasid_pool *pool,
			 const struct ioasid_device_spec *spec,
			 struct ioasid_address_space *home, struct ioasid_device **device, struct ioasid_reason *why)
{
	int rc = attach_check(context, pool, spec, home, device);
	bool counted;

	if (rc != 0)
		return rc;
	if (why != NULL)
		why->text[0] = '\0';
	rc = ioasid__seal_attach_begin(pool->devices, context, &counted);
	if (rc != 0) {
		ioasid__reason_set(why, "the pool is sealed, and the context is not");
		return rc;
	}
	rc = attach(context, pool, spec, home, device, why);
	ioasid__seal_attach_end(pool->devices, counted);
	return rc;
}
