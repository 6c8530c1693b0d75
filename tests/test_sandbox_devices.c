/* Work on devices of a sealed pool under the system calls of docs/sandbox.md, and no others (S14.5). */
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/harness.h"
#include "tests/sandboxed.h"

enum { WORKERS = 3 };

#define CONFIG "devices=3 iommus=2 ats=on pri=on"

struct world {
	struct drig r;
	int device_fd; /* of mock2, which is plugged in later */
	bool workers;
};

/* Until everything is reclaimed: the event loop, or the workers. */
static void settle(struct world *w, ioasid_t id)
{
	struct pollfd p = { .events = POLLIN };

	if (w->workers) {
		CHECK_EQ(ioasid_wait_reclaimed(w->r.pool, id, IOASID_FOREVER), 0);
		return;
	}
	p.fd = ioasid_pool_fd(w->r.pool);
	while (!drig_free_id(&w->r, id)) {
		CHECK_EQ(poll(&p, 1, -1), 1);
		CHECK(ioasid_pool_dispatch(w->r.pool) > 0);
	}
}

static void binds(struct world *w)
{
	struct drig *r = &w->r;
	struct ioasid_bind_data data;
	ioasid_t id = id_make(r->set);
	int fd;

	CHECK_EQ(drig_bind(r, 0, id, 5, 1, 1), 0);
	CHECK_EQ(drig_bind(r, 0, id, 5, 1, 2), 0);
	CHECK_EQ(drig_bind(r, 1, id, 5, 1, 0), 0);
	CHECK_EQ(drig_read(r, 1, id), DRIG_BYTE(1));
	data = drig_data(r, id, IOASID_SPID_NONE, 2, 1);
	CHECK_EQ(ioasid_rebind(r->device[0], r->set, &data), 0);
	CHECK_EQ(drig_read(r, 1, id), DRIG_BYTE(2));
	CHECK_EQ(drig_unbind(r, 0, id, 2), 0);
	CHECK_EQ(ioasid_free(r->set, id), 0);
	fd = ioasid_reclaim_fd(r->pool, id);
	CHECK(fd >= 0);
	settle(w, id);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(drig_read(r, 0, id), DRIG_BLOCKED);
}

/* A page request, from the descriptor to the answer. */
static void faults(struct world *w)
{
	struct drig *r = &w->r;
	const struct ioasid_mock_page_request ask = {
		.struct_size = sizeof(ask), .device = 0, .pasid = 77, .group = 3,
		.flags = IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST, .address = 0x5000,
	};
	struct pollfd p = { .fd = ioasid_context_fault_fd(r->on.context), .events = POLLIN };
	struct ioasid_bind_data data = drig_data(r, id_make_at(r->set, 77), 9, 1, 0);
	struct ioasid_fault fault;
	uint32_t count = 1;

	data.flags |= IOASID_BIND_FAULT;
	CHECK_EQ(ioasid_bind_gpasid(r->device[0], r->set, &data), 0);
	CHECK_EQ(r->on.control->page_request(r->on.mock, &ask), 0);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(ioasid_fault_read(r->on.context, &fault, sizeof(fault), &count), 0);
	CHECK_EQ(count, 1);
	CHECK_EQ(fault.group, 3);
	CHECK_EQ(ioasid_fault_respond(r->device[0], r->set, ioasid_spid_make(9), 3, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(r->on.control->page_request(r->on.mock, &ask), 0);
	CHECK_EQ(ioasid_free(r->set, 77), 0);
	settle(w, 77);
}

static void told(void *context, int result)
{
	int *answer = context;

	__atomic_store_n(answer, result, __ATOMIC_RELEASE);
}

/* A device that is plugged in by descriptor, a reset, a quarantine that ends with the device. */
static void hot_plug(struct world *w)
{
	struct ioasid_device_spec spec = drig_spec(NULL);
	struct drig *r = &w->r;
	int answer = 1;
	ioasid_t id;

	spec.kind = IOASID_DEVICE_FD;
	spec.fd = w->device_fd;
	REQUIRE_EQ(ioasid_device_attach(r->on.context, r->pool, &spec, r->parent, &r->device[2], NULL), 0);
	CHECK_EQ(ioasid_device_assign(r->device[2], r->set), 0);
	CHECK_EQ(drig_bind(r, 2, IOASID_NO_PASID, IOASID_SPID_NONE, 1, 0), 0);
	id = id_make(r->set);
	CHECK_EQ(drig_bind(r, 2, id, IOASID_SPID_NONE, 1, 0), 0);
	CHECK_EQ(ioasid_set_reset(r->set), 0);
	settle(w, id);
	id = id_make(r->set);
	CHECK_EQ(drig_bind(r, 2, id, IOASID_SPID_NONE, 1, 0), 0);
	drig_fail(r, IOASID_MOCK_OP_PARK, 1, 3, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r->set, id), -EIO);
	drig_heal(r);
	CHECK_EQ(ioasid_device_close_async(r->device[2], told, &answer), 0);
	r->device[2] = NULL;
	settle(w, id);
	while (__atomic_load_n(&answer, __ATOMIC_ACQUIRE) == 1)
		if (!w->workers)
			CHECK(ioasid_pool_dispatch(r->pool) >= 0);
		else
			sched_yield();
	CHECK_EQ(answer, 0);
}

static int write_nowhere(void *context, const char *text, size_t length)
{
	(void)text;
	*(size_t *)context += length;
	return 0;
}

static void reports(struct world *w)
{
	size_t length = 0;

	CHECK_EQ(ioasid_device_report_write(w->r.device[0], IOASID_DUMP_JSON, write_nowhere, &length), 0);
	CHECK_EQ(ioasid_pool_dump(w->r.pool, IOASID_DUMP_TEXT, write_nowhere, &length), 0);
	CHECK(length > 500);
	CHECK_EQ(ioasid_caps_freeze(w->r.set, w->r.device, 2, NULL), 0);
}

static void work_on_devices(bool workers)
{
	static struct world w;

	w.workers = workers;
	drig_open_with(&w.r, CONFIG, 2, workers ? 0 : IOASID_POOL_NO_WORKER, 0);
	if (workers) {
		const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .max_workers = WORKERS };

		/* One that starts three threads, and not thirty-two. */
		for (unsigned int i = 0; i < 2; i++)
			CHECK_EQ(ioasid_device_close(w.r.device[i]), 0);
		set_end(w.r.set);
		pool_end(w.r.pool);
		REQUIRE_EQ(ioasid_pool_create(&attr, &w.r.pool), 0);
		w.r.set = set_make(w.r.pool, 100);
		REQUIRE_EQ(drig_attach(&w.r, "mock0", IOASID_DEVICE_MEDIATED, NULL, &w.r.device[0]), 0);
		REQUIRE_EQ(drig_attach(&w.r, "mock1", IOASID_DEVICE_MEDIATED, NULL, &w.r.device[1]), 0);
	}
	drig_listen(&w.r);
	w.device_fd = drig_device_fd("mock2");
	w.r.devices = 3;
	CHECK_EQ(ioasid_pool_seal(w.r.pool, NULL), 0);
	sandbox_close();
	binds(&w);
	faults(&w);
	hot_plug(&w);
	reports(&w);
	drig_close(&w.r);
}

static void devices_with_workers(void)
{
	work_on_devices(true);
}

static void devices_without_workers(void)
{
	work_on_devices(false);
}

static void work_on_devices_with_workers(void)
{
	CHECK_EQ(sandboxed(devices_with_workers), SANDBOXED_WELL);
}

static void work_on_devices_in_ones_own_loop(void)
{
	CHECK_EQ(sandboxed(devices_without_workers), SANDBOXED_WELL);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "work on devices gets by, with workers (S14.5)", work_on_devices_with_workers },
		{ "work on devices gets by, in one's own event loop (S14.4, S14.5)",
		  work_on_devices_in_ones_own_loop },
	};

	sandbox_needed();
	return TEST_MAIN("sandbox_devices", cases, argc, argv);
}
