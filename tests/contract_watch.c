/*
 * The contract suite: a backend around another one that watches what the host does with it.
 *
 * It passes every call on and keeps a list of what is under way: which slot, which object. So it sees two
 * calls for one slot at a time, a last call that was not the last, and arguments of the wrong size. One
 * context at a time.
 */
#include "tests/contract.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_BUSY = 4096 };

/* One call, or item of a batch, that is under way: with an object, and for a slot if it is one that takes the
 * turn. */
struct busy {
	const void *object;
	uint32_t pasid;
	bool slot, last;
};

static struct {
	pthread_mutex_t lock;
	struct busy busy[MOST_BUSY];
	unsigned int count;
	struct contract_watch seen;
	uint32_t max_batch;
	/* The backend's tables, and the copies in which some operations are ours. */
	const struct ioasid_be_core_ops *core;
	const struct ioasid_be_paging_ops *paging;
	const struct ioasid_be_pasid_ops *pasid;
	const struct ioasid_be_nested_ops *nested;
	struct ioasid_be_core_ops my_core;
	struct ioasid_be_paging_ops my_paging;
	struct ioasid_be_pasid_ops my_pasid;
	struct ioasid_be_nested_ops my_nested;
} watch = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct contract_watch contract_seen(void)
{
	struct contract_watch seen;

	pthread_mutex_lock(&watch.lock);
	seen = watch.seen;
	pthread_mutex_unlock(&watch.lock);
	return seen;
}

static void enter(struct busy call)
{
	pthread_mutex_lock(&watch.lock);
	for (unsigned int i = 0; i < watch.count; i++) {
		const struct busy *other = &watch.busy[i];

		if (other->object != call.object)
			continue;
		if (other->slot && call.slot && other->pasid == call.pasid)
			watch.seen.crowded++;
		if (other->last || call.last)
			watch.seen.early++;
	}
	if (watch.count == MOST_BUSY)
		abort();
	watch.busy[watch.count++] = call;
	watch.seen.calls += call.slot;
	pthread_mutex_unlock(&watch.lock);
}

static void leave(struct busy call)
{
	pthread_mutex_lock(&watch.lock);
	for (unsigned int i = 0; i < watch.count; i++) {
		const struct busy *b = &watch.busy[i];

		if (b->object == call.object && b->pasid == call.pasid && b->slot == call.slot && b->last == call.last) {
			watch.busy[i] = watch.busy[--watch.count];
			break;
		}
	}
	pthread_mutex_unlock(&watch.lock);
}

static struct busy using(const void *object)
{
	return (struct busy){ .object = object };
}

static struct busy ending(const void *object)
{
	return (struct busy){ .object = object, .last = true };
}

static void check_size(bool right)
{
	pthread_mutex_lock(&watch.lock);
	watch.seen.sizes += !right;
	pthread_mutex_unlock(&watch.lock);
}

/* ---- Batches of slots ---- */

typedef void (*each)(struct busy call);

static void each_item(const struct ioasid_be_batch *batch, each fn)
{
	const struct ioasid_be_bind *binds = batch->items;

	for (uint32_t i = 0; i < batch->count; i++) {
		fn((struct busy){ .object = binds[i].dev, .pasid = binds[i].pasid, .slot = true });
		if (binds[i].as)
			fn(using(binds[i].as));
		if (binds[i].table)
			fn(using(binds[i].table));
	}
}

static void enter_batch(const struct ioasid_be_batch *batch)
{
	check_size(batch->struct_size == sizeof(*batch) && batch->stride == sizeof(struct ioasid_be_bind) &&
		   !batch->reserved[0] && !batch->reserved[1]);
	pthread_mutex_lock(&watch.lock);
	watch.seen.large += !batch->count || (watch.max_batch && batch->count > watch.max_batch);
	pthread_mutex_unlock(&watch.lock);
	each_item(batch, enter);
}

/* As hardware would: a call takes its time, in which another one can come too early. */
static void linger(void)
{
	const struct timespec moment = { .tv_nsec = 20000 };
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	nanosleep(&moment, NULL);
	pthread_setcancelstate(cancel, NULL);
}

/* The items are the host's, and stay as they are: the backend changes `done` only. */
#define AROUND_BATCH(name, parameters, arguments) \
	static int32_t my_##name parameters \
	{ \
		int32_t rc; \
\
		enter_batch(binds); \
		linger(); \
		rc = watch.pasid->name arguments; \
		each_item(binds, leave); \
		return rc; \
	}

AROUND_BATCH(attach, (struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds, struct ioasid_be_text *why), (ctx, binds, why))
AROUND_BATCH(replace, (struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds, struct ioasid_be_text *why), (ctx, binds, why))
AROUND_BATCH(detach, (struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds), (ctx, binds))
AROUND_BATCH(park, (struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds), (ctx, binds))
AROUND_BATCH(drain, (struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds), (ctx, binds))

/* ---- Other operations: one object that is used, or ended ---- */

#define AROUND(table, name, how, object, parameters, arguments) \
	static int32_t my_##table##_##name parameters \
	{ \
		int32_t rc; \
\
		enter(how(object)); \
		rc = watch.table->name arguments; \
		leave(how(object)); \
		return rc; \
	}

AROUND(core, close, ending, ctx, (struct ioasid_be_ctx *ctx), (ctx))
AROUND(core, device_detach, ending, dev, (struct ioasid_be_dev *dev), (dev))
AROUND(core, device_reset, using, dev, (struct ioasid_be_dev *dev), (dev))
AROUND(core, device_caps, using, dev, (struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps), (dev, caps))
AROUND(pasid, device_block, using, dev, (struct ioasid_be_dev *dev, uint64_t deadline), (dev, deadline))
AROUND(paging, destroy, ending, as, (struct ioasid_be_as *as), (as))
AROUND(paging, unmap, using, as, (struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped),
       (as, iova, length, unmapped))
AROUND(nested, destroy, ending, table, (struct ioasid_be_table *table), (table))

static int32_t my_paging_map(struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	int32_t rc;

	check_size(map->struct_size == sizeof(*map) && !map->reserved[0] && !map->reserved[1]);
	enter(using(as));
	rc = watch.paging->map(as, map);
	leave(using(as));
	return rc;
}

static int32_t my_nested_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *args,
				struct ioasid_be_table **table, struct ioasid_be_text *why)
{
	int32_t rc;

	check_size(args->struct_size == sizeof(*args) && !args->reserved[0] && !args->reserved[1] && !args->flags);
	enter(using(args->dev));
	enter(using(args->parent));
	rc = watch.nested->create(ctx, args, table, why);
	leave(using(args->parent));
	leave(using(args->dev));
	return rc;
}

static int32_t my_device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec, struct ioasid_be_dev **dev,
				struct ioasid_be_text *why)
{
	check_size(spec->struct_size == sizeof(*spec) && !spec->reserved[0] && !spec->reserved[1] && !spec->flags);
	return watch.core->device_attach(ctx, spec, dev, why);
}

static int32_t my_caps(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *caps)
{
	int32_t rc = watch.core->caps(ctx, caps);

	check_size(caps->struct_size == sizeof(*caps));
	if (!rc)
		watch.max_batch = caps->max_batch;
	return rc;
}

static int32_t my_get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	int32_t rc = watch.core->get_interface(ctx, id, table);

	if (rc)
		return rc;
	if (!strcmp(id, IOASID_BE_ID_PAGING)) {
		watch.paging = *table;
		watch.my_paging = *watch.paging;
		watch.my_paging.destroy = my_paging_destroy;
		watch.my_paging.map = my_paging_map;
		watch.my_paging.unmap = my_paging_unmap;
		*table = &watch.my_paging;
	} else if (!strcmp(id, IOASID_BE_ID_PASID)) {
		watch.pasid = *table;
		watch.my_pasid = *watch.pasid;
		watch.my_pasid.attach = my_attach;
		watch.my_pasid.replace = my_replace;
		watch.my_pasid.detach = my_detach;
		watch.my_pasid.park = my_park;
		watch.my_pasid.device_block = my_pasid_device_block;
		if (watch.pasid->drain)
			watch.my_pasid.drain = my_drain;
		*table = &watch.my_pasid;
	} else if (!strcmp(id, IOASID_BE_ID_NESTED)) {
		watch.nested = *table;
		watch.my_nested = *watch.nested;
		watch.my_nested.create = my_nested_create;
		watch.my_nested.destroy = my_nested_destroy;
		*table = &watch.my_nested;
	}
	return 0;
}

static int32_t my_entry(const struct ioasid_be_query *query, struct ioasid_be_reply *reply)
{
	int32_t rc = contract_driver()->entry()(query, reply);

	if (rc)
		return rc;
	watch.core = reply->core;
	watch.my_core = *reply->core;
	watch.my_core.close = my_core_close;
	watch.my_core.caps = my_caps;
	watch.my_core.get_interface = my_get_interface;
	watch.my_core.device_attach = my_device_attach;
	watch.my_core.device_detach = my_core_device_detach;
	watch.my_core.device_caps = my_core_device_caps;
	if (reply->core->device_reset)
		watch.my_core.device_reset = my_core_device_reset;
	reply->core = &watch.my_core;
	return 0;
}

ioasid_be_entry_fn contract_watched(void)
{
	memset(&watch.seen, 0, sizeof(watch.seen));
	return my_entry;
}
