/*
 * The mock's machine as the bind rows use it; the library's private headers stand apart from the benchmark's.
 */
#include <string.h>
#include <sys/mman.h>

#include <ioasid/ioasid.h>

#include "backends/mock/mock_control.h"
#include "bench/mock.h"
#include "libioasid/be_call.h"
#include "libioasid/device.h"

#define PAGE 4096u

/* One machine for all cells; made by the first that needs it, and left to the end of the process. */
static struct rig {
	struct ioasid_context *context;
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_address_space *space;
	struct ioasid_device *device;
	unsigned char *memory;
	ioasid_t id;
	bool tried, there;
} rig;

static int memory_make(void)
{
	struct ioasid_mapping all = {
		.struct_size = sizeof(all), .access = IOASID_MAP_READ | IOASID_MAP_WRITE, .length = 4 * PAGE,
	};

	rig.memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rig.memory == MAP_FAILED)
		return -1;
	all.address = rig.memory;
	return ioasid_address_space_map(rig.space, &all);
}

static bool rig_make(void)
{
	struct ioasid_context_args args = { .struct_size = sizeof(args) };
	struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "mock0", .fd = -1, .iommufd = -1,
		.mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_backend *backend;
	int err;

	if (ioasid_backend_load("mock", 0, &backend, NULL) != 0)
		return false;
	err = ioasid_context_open(backend, &args, &rig.context, NULL);
	ioasid_backend_put(backend);
	return err == 0 && ioasid_pool_create(NULL, &rig.pool) == 0 &&
	       ioasid_set_alloc(rig.pool, IOASID_SET_OPAQUE, 1, 1000, &rig.set) == 0 &&
	       ioasid_address_space_create(rig.context, IOASID_USE_PARENT | IOASID_USE_PASID, &rig.space, NULL) == 0 &&
	       memory_make() == 0 &&
	       ioasid_device_attach(rig.context, rig.pool, &spec, NULL, &rig.device, NULL) == 0 &&
	       ioasid_alloc(rig.set, 1, IOASID_INVALID, NULL, &rig.id) == 0;
}

bool bench_mock_start(void)
{
	if (!rig.tried) {
		rig.tried = true;
		rig.there = rig_make();
	}
	return rig.there;
}

static struct ioasid_be_bind item(bool on)
{
	return (struct ioasid_be_bind) {
		.dev = rig.device->dev, .pasid = rig.id, .as = on ? rig.space->as : NULL,
	};
}

unsigned int bench_mock_direct(uint64_t count)
{
	const struct ioasid_be_pasid_ops *ops = &rig.context->be.ops.pasid;
	unsigned int failed = 0;
	char words[64];
	struct ioasid_be_text why = { .struct_size = sizeof(why), .capacity = sizeof(words), .buffer = words };

	for (; count > 0; count--) {
		struct ioasid_be_bind on = item(true), off = item(false);
		struct ioasid_be_batch batch = {
			.struct_size = sizeof(batch), .stride = sizeof(on), .count = 1, .items = &on,
		};

		failed += ops->attach(rig.context->be.ctx, &batch, &why) != 0;
		batch.items = &off;
		batch.done = 0;
		failed += ops->detach(rig.context->be.ctx, &batch) != 0;
	}
	return failed;
}

unsigned int bench_mock_abi(uint64_t count)
{
	unsigned int failed = 0;
	uint32_t done;

	for (; count > 0; count--) {
		struct ioasid_be_bind on = item(true), off = item(false);

		failed += ioasid__be_attach(&rig.context->be, &on, 1, 0, &done, NULL) != 0;
		failed += ioasid__be_detach(&rig.context->be, &off, 1, 0, &done) != 0;
	}
	return failed;
}

unsigned int bench_mock_bind(uint64_t count)
{
	unsigned int failed = 0;

	for (; count > 0; count--) {
		failed += ioasid_bind_ioas(rig.device, rig.set, rig.id, rig.space, IOASID_COOKIE_NONE) != 0;
		failed += ioasid_unbind(rig.device, rig.set, rig.id, IOASID_COOKIE_NONE) != 0;
	}
	return failed;
}

unsigned int bench_mock_guest(uint64_t count)
{
	struct ioasid_mock_table table = { .width = IOASID_MOCK_TABLE_WIDTH };
	struct ioasid_record entry = { .type = IOASID_BE_PT_MOCK, .length = sizeof(table) };
	struct ioasid_bind_data data = {
		.struct_size = sizeof(data), .flags = IOASID_BIND_SPID, .id = rig.id, .spid = { 7 }, .entry = &entry,
		.parent = rig.space,
	};
	unsigned int failed = 0;

	memcpy(entry.bytes, &table, sizeof(table));
	for (; count > 0; count--) {
		failed += ioasid_bind_gpasid(rig.device, rig.set, &data) != 0;
		failed += ioasid_unbind(rig.device, rig.set, rig.id, IOASID_COOKIE_NONE) != 0;
	}
	return failed;
}
