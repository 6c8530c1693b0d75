/* The forms of the calls of devices and bindings that do not wait (S14.4). */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

struct answer {
	unsigned int told;
	int result;
};

static void done(void *context, int result)
{
	struct answer *answer = context;

	answer->told++;
	answer->result = result;
}

/* Dispatches, and checks that one answer was told, and which. */
static void expect(struct drig *r, struct answer *answer, int result)
{
	CHECK_EQ(answer->told, 0);
	CHECK(ioasid_pool_dispatch(r->pool) >= 1);
	CHECK_EQ(answer->told, 1);
	CHECK_EQ(answer->result, result);
	answer->told = 0;
}

static void each_call_has_a_form_that_tells_the_answer_later(void)
{
	struct answer a = { 0 };
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=2", 2, IOASID_POOL_NO_WORKER, 0);
	id = id_make(r.set);
	data = drig_data(&r, id, 4, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid_async(r.device[0], r.set, &data, done, &a), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	expect(&r, &a, 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(ioasid_bind_gpasid_async(r.device[0], r.set, &data, done, &a), 0);
	expect(&r, &a, -EBUSY);
	data = drig_data(&r, id, IOASID_SPID_NONE, 2, 0);
	CHECK_EQ(ioasid_rebind_async(r.device[0], r.set, &data, done, &a), 0);
	expect(&r, &a, 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(2));
	CHECK_EQ(ioasid_unbind_async(r.device[0], r.set, id, 0, done, &a), 0);
	expect(&r, &a, 0);
	CHECK_EQ(ioasid_bind_ioas_async(r.device[0], r.set, id, r.parent, 0, done, &a), 0);
	expect(&r, &a, 0);
	CHECK_EQ(ioasid_device_reset_bindings_async(r.device[0], done, &a), 0);
	expect(&r, &a, 0);
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(ioasid_device_was_reset_async(r.device[0], done, &a), 0);
	expect(&r, &a, 0);
	CHECK_EQ(ioasid_quarantine_retry_async(r.set, IOASID_INVALID, done, &a), 0);
	expect(&r, &a, -ENOENT);
	CHECK_EQ(ioasid_device_close_async(r.device[0], done, &a), 0);
	expect(&r, &a, 0);
	r.device[0] = NULL;
	CHECK_EQ(drig_live(&r).devices, 1);
	drig_close(&r);
}

static void bad_arguments_are_told_at_once(void)
{
	struct answer a = { 0 };
	struct ioasid_bind_data data;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	data = drig_data(&r, 5, IOASID_SPID_NONE, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid_async(NULL, r.set, &data, done, &a), -EINVAL);
	CHECK_EQ(ioasid_rebind_async(r.device[0], NULL, &data, done, &a), -EINVAL);
	data.entry = NULL;
	CHECK_EQ(ioasid_bind_gpasid_async(r.device[0], r.set, &data, done, &a), -EINVAL);
	CHECK_EQ(ioasid_bind_ioas_async(r.device[0], r.set, 5, NULL, 0, done, &a), -EINVAL);
	CHECK_EQ(ioasid_unbind_async(r.device[0], NULL, 5, 0, done, &a), -EINVAL);
	CHECK_EQ(ioasid_device_close_async(NULL, done, &a), -EINVAL);
	CHECK_EQ(ioasid_device_reset_bindings_async(NULL, done, &a), -EINVAL);
	CHECK_EQ(ioasid_device_was_reset_async(NULL, done, &a), -EINVAL);
	CHECK_EQ(ioasid_quarantine_retry_async(NULL, 5, done, &a), -EINVAL);
	ioasid_pool_dispatch(r.pool);
	CHECK_EQ(a.told, 0);
	drig_close(&r);
}

struct later {
	struct drig *r;
	struct answer bind;
};

/* A guest's PASID is told of in ALLOC, and bound from there: the call itself would answer -EDEADLK. */
static int bind_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	struct later *later = self->context;
	struct ioasid_record entry = later->r->entry[1];
	struct ioasid_bind_data data = drig_data(later->r, event->id, IOASID_SPID_NONE, 1, 0);

	if (event->event != IOASID_EVENT_ALLOC)
		return 0;
	data.entry = &entry;
	CHECK_EQ(ioasid_bind_gpasid(later->r->device[0], event->set, &data), -EDEADLK);
	CHECK_EQ(ioasid_bind_gpasid_async(later->r->device[0], event->set, &data, done, &later->bind), 0);
	/* It was copied. */
	memset(&entry, 0xff, sizeof(entry));
	memset(&data, 0xff, sizeof(data));
	return 0;
}

static void a_handler_can_leave_a_bind_to_a_worker(void)
{
	struct later later = { 0 };
	struct drig r;
	ioasid_t id;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	drig_listen(&r);
	later.r = &r;
	r.kvm.hook = bind_in_handler;
	r.kvm.context = &later;
	id = id_make_at(r.set, 9);
	expect(&r, &later.bind, 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	drig_close(&r);
}

/* ---- Whose wait it is ---- */

enum { WAIT_MS = 200 };

/* A device whose unbind hangs until the deadline, once, in a pool without workers. */
static ioasid_t hanging(struct drig *r)
{
	ioasid_t id;

	drig_open_with(r, "devices=1", 1, IOASID_POOL_NO_WORKER, WAIT_MS * DRIG_MS);
	id = drig_bound(r, 1);
	drig_hang(r, IOASID_MOCK_OP_PARK, 1);
	return id;
}

static void dispatcher(void *arg)
{
	struct drig *r = arg;
	struct pollfd p = { .fd = ioasid_pool_fd(r->pool), .events = POLLIN };

	CHECK_EQ(poll(&p, 1, 10000), 1);
	CHECK(ioasid_pool_dispatch(r->pool) >= 1);
}

/* docs/flows.md, "Loops that must not stop": the call does not wait, its dispatch does. */
static void without_workers_the_dispatch_waits(void)
{
	struct answer a = { 0 };
	struct task task;
	struct drig r;
	ioasid_t id = hanging(&r);
	uint64_t begin = drig_now();

	/* It has to wait, since nobody else does; so a slow machine makes it later only. */
	CHECK_EQ(ioasid_unbind_async(r.device[0], r.set, id, 0, done, &a), 0);
	CHECK_EQ(a.told, 0);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK(drig_now() - begin >= WAIT_MS * DRIG_MS);
	CHECK(a.told == 1 && a.result == -ETIMEDOUT);
	CHECK_EQ(ioasid_quarantine_retry(r.set, IOASID_INVALID), 0);
	drig_close(&r);
	/* A thread that does nothing else can do it for the loop. */
	id = hanging(&r);
	a.told = 0;
	task_start(&task, dispatcher, &r);
	CHECK_EQ(ioasid_unbind_async(r.device[0], r.set, id, 0, done, &a), 0);
	task_join(&task);
	CHECK(a.told == 1 && a.result == -ETIMEDOUT);
	CHECK_EQ(ioasid_quarantine_retry(r.set, IOASID_INVALID), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "each call has a form that tells the answer later (S14.4)",
		  each_call_has_a_form_that_tells_the_answer_later },
		{ "bad arguments are told at once (S14.4)", bad_arguments_are_told_at_once },
		{ "a handler can leave a bind to a worker (S14.4, S7.6)", a_handler_can_leave_a_bind_to_a_worker },
		{ "without workers it is the dispatch that waits (S14.4)", without_workers_the_dispatch_waits },
	};

	return TEST_MAIN("device_async", cases, argc, argv);
}
