/* What tests of invalidation share; see invalidate_rig.h. */
#include "tests/invalidate_rig.h"

#include <string.h>

#include "tests/harness.h"

struct ioasid_invalidation inv_all(uint32_t scope)
{
	return (struct ioasid_invalidation){
		.struct_size = sizeof(struct ioasid_invalidation), .scope = scope, .length = IOASID_INVALIDATE_ALL,
	};
}

struct ioasid_invalidation inv_binding(struct ioasid_device *device, ioasid_t id)
{
	struct ioasid_invalidation item = inv_all(IOASID_INVALIDATE_BINDING);

	item.device = device;
	item.id = id;
	return item;
}

struct ioasid_invalidation inv_id(ioasid_t id)
{
	struct ioasid_invalidation item = inv_all(IOASID_INVALIDATE_IOASID);

	item.id = id;
	return item;
}

struct ioasid_invalidation inv_spid(uint32_t spid)
{
	struct ioasid_invalidation item = inv_all(IOASID_INVALIDATE_SPID);

	item.spid = ioasid_spid_make(spid);
	return item;
}

struct ioasid_invalidation inv_domain(uint64_t domain)
{
	struct ioasid_invalidation item = inv_all(IOASID_INVALIDATE_DOMAIN);

	item.domain = domain;
	return item;
}

struct ioasid_invalidation inv_device(struct ioasid_device *device)
{
	struct ioasid_invalidation item = inv_all(IOASID_INVALIDATE_DEVICE);

	item.device = device;
	return item;
}

struct ioasid_invalidation inv_set(void)
{
	return inv_all(IOASID_INVALIDATE_SET);
}

int inv_one(struct ioasid_set *set, struct ioasid_invalidation item)
{
	size_t done = 4711;
	int rc = ioasid_invalidate(set, &item, 1, &done);

	CHECK_EQ(done, rc == 0);
	return rc;
}

bool inv_is_stale(struct drig *r, unsigned int device, uint32_t pasid, unsigned int old)
{
	return drig_read(r, device, pasid) == DRIG_BYTE(old);
}

uint64_t inv_calls(struct drig *r)
{
	return drig_calls(r, IOASID_MOCK_OP_INVALIDATE);
}

int inv_bind_domain(struct drig *r, unsigned int device, ioasid_t id, unsigned int table, uint64_t cookie,
		    uint64_t domain)
{
	struct ioasid_bind_data data = drig_data(r, id, IOASID_SPID_NONE, table, cookie);

	data.flags |= IOASID_BIND_DOMAIN;
	data.domain = domain;
	return ioasid_bind_gpasid(r->device[device], r->set, &data);
}

/* ---- in a thread ---- */

static void run(void *arg)
{
	struct invalidating *c = arg;

	c->answer = ioasid_invalidate(c->set, c->items, c->count, &c->done);
}

void inv_begin(struct invalidating *c, struct drig *r)
{
	memset(c, 0, sizeof(*c));
	c->set = r->set;
	c->answer = 1;
}

void inv_add(struct invalidating *c, struct ioasid_invalidation item)
{
	REQUIRE(c->count < sizeof(c->items) / sizeof(c->items[0]));
	c->items[c->count++] = item;
}

void inv_start(struct invalidating *c, struct drig *r)
{
	drig_stop_begin(&c->stop, r, IOASID_MOCK_OP_INVALIDATE, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	task_start(&c->task, run, c);
	gate_await(&c->stop.gate, 1);
}

void inv_start_id(struct invalidating *c, struct drig *r, ioasid_t id)
{
	inv_begin(c, r);
	inv_add(c, inv_id(id));
	inv_start(c, r);
}

void inv_finish(struct invalidating *c)
{
	gate_open(&c->stop.gate);
	task_join(&c->task);
	drig_stop_end(&c->stop);
	CHECK_EQ(c->answer, 0);
	CHECK_EQ(c->done, c->count);
}
