/* The forms of the calls of devices and bindings that do not wait (S14.4). */
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

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "each call has a form that tells the answer later (S14.4)",
		  each_call_has_a_form_that_tells_the_answer_later },
		{ "bad arguments are told at once (S14.4)", bad_arguments_are_told_at_once },
		{ "a handler can leave a bind to a worker (S14.4, S7.6)", a_handler_can_leave_a_bind_to_a_worker },
	};

	return TEST_MAIN("device_async", cases, argc, argv);
}
