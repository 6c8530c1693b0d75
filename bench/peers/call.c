/*
 * Calls of functions that do nothing: what measuring itself costs, in every other contestant's numbers too.
 */
#include "bench/peers/peer.h"

static int nothing;

static void *call_open(void)
{
	return &nothing;
}

static void call_close(void *world)
{
	(void)world;
}

static struct ioasid_set *call_set_new(void *world, uint32_t quota)
{
	(void)quota;
	return world;
}

static void call_set_end(struct ioasid_set *set)
{
	(void)set;
}

static int call_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id)
{
	(void)set;
	(void)max;
	(void)data;
	*id = min;
	return 0;
}

static int call_id(struct ioasid_set *set, ioasid_t id)
{
	(void)set;
	(void)id;
	return 0;
}

static int call_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	(void)id;
	(void)getter;
	*data = set;
	return 0;
}

static int call_find_by_spid(struct ioasid_set *set, ioasid_spid_t spid, ioasid_t *id)
{
	(void)set;
	*id = spid.value;
	return 0;
}

static int call_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid)
{
	(void)set;
	(void)id;
	(void)spid;
	return 0;
}

const struct peer peer_call = {
	.name = "call",
	.what = "empty functions",
	.omits = "everything",
	.open = call_open,
	.close = call_close,
	.set_new = call_set_new,
	.set_end = call_set_end,
	.alloc = call_alloc,
	.free = call_id,
	.get = call_id,
	.put = call_id,
	.find = call_find,
	.find_by_spid = call_find_by_spid,
	.attach_spid = call_attach_spid,
	.detach_spid = call_id,
};
