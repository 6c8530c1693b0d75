/* Calls in threads of their own, how far they have come, and places in the backend where they stop; see
 * device_rig.h. */
#include <sched.h>

#include "libioasid/device.h"
#include "libioasid/record.h"
#include "tests/device_rig.h"
#include "tests/harness.h"

/* ---- Calls ---- */

void drig_call_bind(void *call)
{
	struct drig_call *c = call;

	c->answer = drig_bind(c->r, c->device, c->id, c->spid, 1, 0);
}

void drig_call_unbind(void *call)
{
	struct drig_call *c = call;

	c->answer = drig_unbind(c->r, c->device, c->id, 0);
}

void drig_call_rebind(void *call)
{
	struct drig_call *c = call;
	const struct ioasid_bind_data data = drig_data(c->r, c->id, IOASID_SPID_NONE, 2, 0);

	c->answer = ioasid_rebind(c->r->device[c->device], c->r->set, &data);
}

void drig_call_free(void *call)
{
	struct drig_call *c = call;

	c->answer = ioasid_free(c->r->set, c->id);
}

void drig_call_close(void *call)
{
	struct drig_call *c = call;

	c->answer = ioasid_device_close(c->r->device[c->device]);
}

void drig_start(struct drig_call *c, struct drig *r, void (*fn)(void *), unsigned int device, ioasid_t id,
		uint32_t spid)
{
	*c = (struct drig_call){ .r = r, .device = device, .id = id, .spid = spid, .answer = 1 };
	task_start(&c->task, fn, c);
}

int drig_finish(struct drig_call *c)
{
	task_join(&c->task);
	return c->answer;
}

/* ---- How far they are ---- */

void drig_quiet(struct drig *r)
{
	ioasid__executor_drain(r->pool->executor);
}

void drig_await_mark(struct drig *r, ioasid_t id)
{
	void *data;

	while (ioasid_find(r->set, id, NULL, &data) == 0)
		sched_yield();
}

/* No call tells who has claimed a binding, so the record is looked at. */
static bool claimed(struct drig *r, ioasid_t id)
{
	struct devices *all = r->pool->devices;
	struct idrec *rec;
	bool open;

	lock(&all->lock);
	rec = atomic_load_explicit(&r->pool->recs[id], memory_order_acquire);
	open = rec != NULL && rec->live != 0;
	unlock(&all->lock);
	return !open;
}

void drig_await_claim(struct drig *r, ioasid_t id)
{
	while (!claimed(r, id))
		sched_yield();
}

/* ---- Stops ---- */

static int32_t stop_hook(void *cookie, const struct ioasid_mock_call *call)
{
	struct drig_stop *stop = cookie;

	if (call->phase == stop->phase && (stop->device == IOASID_MOCK_NO_DEVICE ||
					   stop->device == call->device))
		gate_pass(&stop->gate);
	return 0;
}

void drig_stop_begin(struct drig_stop *stop, struct drig *r, uint32_t op, uint32_t phase, uint32_t device)
{
	*stop = (struct drig_stop){ .rig = r, .op = op, .phase = phase, .device = device, .gate = GATE_CLOSED };
	CHECK_EQ(r->on.control->hook(r->on.mock, op, stop_hook, stop), 0);
}

void drig_stop_end(struct drig_stop *stop)
{
	gate_open(&stop->gate);
	CHECK_EQ(stop->rig->on.control->hook(stop->rig->on.mock, stop->op, NULL, NULL), 0);
}
