/*
 * The library itself, by its public functions. Sets have a limited quota, so that it is exact.
 */
#include <stdlib.h>

#include <ioasid/inline.h>
#include <ioasid/ioasid.h>

#include "bench/peers/peer.h"

#define HANDLERS_MAX 16

static void *lib_open(void)
{
	struct ioasid_pool *pool = NULL;

	return ioasid_pool_create(NULL, &pool) == 0 ? pool : NULL;
}

static void lib_close(void *world)
{
	(void)ioasid_pool_destroy(world);
}

static struct ioasid_set *lib_set_new(void *world, uint32_t quota)
{
	static uint64_t token;
	struct ioasid_set *set = NULL;

	return ioasid_set_alloc(world, IOASID_SET_OPAQUE, ++token, quota, &set) == 0 ? set : NULL;
}

static void lib_set_end(struct ioasid_set *set)
{
	(void)ioasid_set_put(set);
}

static uint64_t lib_find_loop(struct ioasid_set *set, const ioasid_t *ids, uint32_t mask, uint32_t at, uint64_t count)
{
	uint64_t failed = 0;
	void *data;

	for (; count > 0; count--)
		failed += ioasid_find(set, ids[at++ & mask], NULL, &data) != 0;
	return failed;
}

static uint32_t lib_find_many(struct ioasid_set *set, const ioasid_t *ids, uint32_t count, void **data)
{
	return count - (uint32_t)ioasid_find_many(set, ids, count, data, NULL);
}

/* ---- Handlers ---- */

static struct ioasid_notifier blocks[HANDLERS_MAX];
static struct ioasid_set *scope_of[HANDLERS_MAX];
static unsigned int listening;
static uint64_t told;

static int handle(void *context, const struct ioasid_event *event)
{
	(void)event;
	++*(uint64_t *)context;
	return 0;
}

/* In the set's scope; with two scopes every second one is in the pool's. */
static int lib_listen(struct ioasid_set *set, unsigned int handlers, unsigned int scopes)
{
	struct ioasid_set *root = ioasid_pool_root(ioasid_set_pool(set));

	for (listening = 0; listening < handlers && listening < HANDLERS_MAX; listening++) {
		struct ioasid_notifier *b = &blocks[listening];

		b->handler = handle;
		b->context = &told;
		b->events = IOASID_EVENT_BIND | IOASID_EVENT_UNBIND;
		b->priority = listening % 4;
		scope_of[listening] = scopes > 1 && listening % 2 != 0 ? root : set;
		if (ioasid_register_notifier(scope_of[listening], b, IOASID_NOTIFIER_REPLAY) != 0)
			return -1;
	}
	return 0;
}

static void lib_unlisten(struct ioasid_set *set)
{
	(void)set;
	while (listening > 0) {
		listening--;
		(void)ioasid_unregister_notifier(scope_of[listening], &blocks[listening]);
	}
}

const struct peer peer_ioasid = {
	.name = "ioasid",
	.what = "this library, policy IOASID_POLICY_ANY",
	.omits = "",
	.open = lib_open,
	.close = lib_close,
	.set_new = lib_set_new,
	.set_end = lib_set_end,
	.adjust = ioasid_set_adjust_quota,
	.alloc = ioasid_alloc,
	.alloc_range = ioasid_alloc_range,
	.free = ioasid_free,
	.get = ioasid_get,
	.put = ioasid_put,
	.find = ioasid_find,
	.find_by_spid = ioasid_find_by_spid,
	.attach_spid = ioasid_attach_spid,
	.detach_spid = ioasid_detach_spid,
	.listen = lib_listen,
	.unlisten = lib_unlisten,
	.find_loop = lib_find_loop,
	.find_many = lib_find_many,
};
