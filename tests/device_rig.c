/* What tests of devices and bindings share; see device_rig.h. */
#include "tests/device_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness.h"

/* ---- Context ---- */

/* Cuts "key=value key=value" into settings, in place. */
static size_t cut_settings(char *text, struct ioasid_context_setting *settings, size_t most)
{
	size_t count = 0;
	char *rest;

	for (char *at = strtok_r(text, " ", &rest); at != NULL; at = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(at, '=');

		REQUIRE(value != NULL && count < most);
		*value = '\0';
		settings[count++] = (struct ioasid_context_setting){ at, value + 1 };
	}
	return count;
}

void drig_context_open(struct drig_context *c, const char *config, uint64_t deadline)
{
	struct ioasid_context_setting settings[32];
	struct ioasid_context_args args = {
		.struct_size = sizeof(args), .settings = settings, .deadline = deadline ? deadline : 600000 * DRIG_MS,
	};
	struct ioasid_backend *backend;
	struct ioasid_reason why = { "" };
	const void *table = NULL;
	char text[512];
	int rc;

	REQUIRE(strlen(config) < sizeof(text));
	strcpy(text, config);
	args.setting_count = cut_settings(text, settings, 32);
	rc = ioasid_backend_load("mock", 0, &backend, &why);
	if (rc == 0) {
		rc = ioasid_context_open(backend, &args, &c->context, &why);
		ioasid_backend_put(backend);
	}
	if (!CHECK_EQ(rc, 0)) {
		printf("# %s\n", why.text);
		test_abandon();
	}
	c->violations = 0;
	REQUIRE_EQ(ioasid_context_interface(c->context, IOASID_MOCK_CONTROL_ID, &table), 0);
	c->control = table;
	c->mock = c->control->mock;
}

void drig_context_close(struct drig_context *c)
{
	CHECK_EQ(ioasid_context_violations(c->context), c->violations);
	CHECK_EQ(ioasid_context_close(c->context), 0);
}

/* ---- Memory and tables ---- */

static unsigned char *page_of(struct drig *r, unsigned int page)
{
	return r->memory + (size_t)page * DRIG_PAGE;
}

static void put_entry(struct drig *r, unsigned int page, unsigned int index, uint64_t to)
{
	uint64_t word = to * DRIG_PAGE | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;

	memcpy(page_of(r, page) + index * sizeof(word), &word, sizeof(word));
}

/* Four levels in four pages; DRIG_IOVA is index 1 in the third, 0 in the others. */
static void make_table(struct drig *r, unsigned int t)
{
	struct ioasid_mock_table table = { .width = IOASID_MOCK_TABLE_WIDTH };
	unsigned int first = 8 + 4 * t;

	memset(page_of(r, first), 0, (size_t)4 * DRIG_PAGE);
	put_entry(r, first, 0, first + 1);
	put_entry(r, first + 1, 1, first + 2);
	put_entry(r, first + 2, 0, first + 3);
	put_entry(r, first + 3, 0, t);
	table.root = (uint64_t)first * DRIG_PAGE;
	r->entry[t].type = IOASID_BE_PT_MOCK;
	r->entry[t].length = sizeof(table);
	memcpy(r->entry[t].bytes, &table, sizeof(table));
}

static void make_memory(struct drig *r)
{
	r->memory = aligned_alloc(DRIG_PAGE, (size_t)DRIG_PAGES * DRIG_PAGE);
	REQUIRE(r->memory != NULL);
	for (unsigned int i = 0; i < DRIG_PAGES; i++)
		memset(page_of(r, i), (int)i + 1, DRIG_PAGE);
	for (unsigned int t = 0; t < DRIG_TABLES; t++)
		make_table(r, t);
}

struct ioasid_address_space *drig_space(struct drig *r, struct ioasid_context *context, uint32_t uses)
{
	const struct ioasid_mapping all = {
		.struct_size = sizeof(all), .access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.length = (uint64_t)DRIG_PAGES * DRIG_PAGE, .address = r->memory,
	};
	struct ioasid_address_space *space;

	REQUIRE_EQ(ioasid_address_space_create(context, uses, &space, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(space, &all), 0);
	return space;
}

/* ---- The rig ---- */

struct ioasid_device_spec drig_spec(const char *name)
{
	return (struct ioasid_device_spec){
		.struct_size = sizeof(struct ioasid_device_spec), .kind = IOASID_DEVICE_NAME, .name = name,
		.fd = -1, .iommufd = -1, .mode = IOASID_DEVICE_MEDIATED,
	};
}

int drig_device_fd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	REQUIRE(fd >= 0);
	REQUIRE_EQ(write(fd, name, strlen(name)), strlen(name));
	return fd;
}

int drig_attach(struct drig *r, const char *name, uint32_t mode, struct ioasid_address_space *home,
		struct ioasid_device **device)
{
	struct ioasid_device_spec spec = drig_spec(name);

	spec.mode = mode;
	return ioasid_device_attach(r->on.context, r->pool, &spec, home, device, NULL);
}

void drig_open_with(struct drig *r, const char *config, uint32_t devices, uint32_t flags, uint64_t deadline)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->journal.mutex, NULL);
	drig_context_open(&r->on, config, deadline);
	r->pool = pool_make_with(0, IOASID_POLICY_ANY, flags);
	r->set = set_make(r->pool, 100);
	make_memory(r);
	r->parent = drig_space(r, r->on.context, IOASID_USE_PARENT | IOASID_USE_PASID);
	for (; r->devices < devices; r->devices++) {
		char name[16];

		snprintf(name, sizeof(name), "mock%u", r->devices);
		REQUIRE_EQ(drig_attach(r, name, IOASID_DEVICE_MEDIATED, NULL, &r->device[r->devices]), 0);
	}
}

void drig_open(struct drig *r, const char *config, uint32_t devices)
{
	drig_open_with(r, config, devices, 0, 0);
}

void drig_listen(struct drig *r)
{
	subscriber_init(&r->kvm, "kvm", &r->journal, IOASID_PRIO_CPU);
	REQUIRE_EQ(ioasid_register_notifier(r->set, &r->kvm.block, 0), 0);
}

void drig_close(struct drig *r)
{
	struct ioasid_mock_live live;

	drig_heal(r);
	while (r->devices > 0) {
		r->devices--;
		if (r->device[r->devices] != NULL)
			CHECK_EQ(ioasid_device_close(r->device[r->devices]), 0);
	}
	if (r->set != NULL)
		set_end(r->set);
	pool_end(r->pool);
	CHECK_EQ(ioasid_address_space_destroy(r->parent), 0);
	live = drig_live(r);
	CHECK_EQ(live.devices, 0);
	CHECK_EQ(live.spaces, 0);
	CHECK_EQ(live.tables, 0);
	CHECK_EQ(live.bindings, 0);
	drig_context_close(&r->on);
	free(r->memory);
	pthread_mutex_destroy(&r->journal.mutex);
}

/* ---- Binds ---- */

struct ioasid_bind_data drig_data(struct drig *r, ioasid_t id, uint32_t spid, unsigned int table,
				  uint64_t cookie)
{
	return (struct ioasid_bind_data){
		.struct_size = sizeof(struct ioasid_bind_data), .id = id, .entry = &r->entry[table],
		.parent = r->parent,
		.flags = spid != IOASID_SPID_NONE ? IOASID_BIND_SPID : 0, .spid = ioasid_spid_make(spid),
		.cookie = cookie,
	};
}

int drig_bind(struct drig *r, unsigned int device, ioasid_t id, uint32_t spid, unsigned int table,
	      uint64_t cookie)
{
	const struct ioasid_bind_data data = drig_data(r, id, spid, table, cookie);

	return ioasid_bind_gpasid(r->device[device], r->set, &data);
}

int drig_unbind(struct drig *r, unsigned int device, ioasid_t id, uint64_t cookie)
{
	return ioasid_unbind(r->device[device], r->set, id, cookie);
}

ioasid_t drig_bound(struct drig *r, unsigned int devices)
{
	ioasid_t id = id_make(r->set);

	for (unsigned int i = 0; i < devices; i++)
		CHECK_EQ(drig_bind(r, i, id, IOASID_SPID_NONE, 1, 0), 0);
	return id;
}

int drig_list_one(void *listing, const struct ioasid_parked *parked)
{
	struct drig_listing *l = listing;

	l->count++;
	l->last = *parked;
	return 0;
}

struct drig_listing drig_list(struct ioasid_set *set)
{
	struct drig_listing listing = { 0 };

	CHECK_EQ(ioasid_parked_for_each(set, drig_list_one, &listing), 0);
	return listing;
}

/* ---- The machine ---- */

int drig_read(struct drig *r, unsigned int device, uint32_t pasid)
{
	unsigned char byte = 0;
	struct ioasid_mock_dma dma = {
		.struct_size = sizeof(dma), .device = device, .pasid = pasid, .flags = IOASID_MOCK_DMA_READ,
		.iova = DRIG_IOVA, .length = 1, .buffer = &byte,
	};

	CHECK_EQ(r->on.control->dma(r->on.mock, &dma), 0);
	return dma.fault == IOASID_MOCK_FAULT_NONE ? byte : -(int)dma.fault;
}

void drig_move(struct drig *r, unsigned int table, unsigned int page)
{
	uint64_t word = (uint64_t)page * DRIG_PAGE | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;

	__atomic_store_n((uint64_t *)(void *)page_of(r, 8 + 4 * table + 3), word, __ATOMIC_RELEASE);
}

uint32_t drig_slot(struct drig *r, unsigned int device, uint32_t pasid)
{
	struct ioasid_mock_slot slot = { .struct_size = sizeof(slot) };

	CHECK_EQ(r->on.control->slot(r->on.mock, device, pasid, &slot), 0);
	return slot.state;
}

struct ioasid_mock_live drig_live(struct drig *r)
{
	struct ioasid_mock_live live = { .struct_size = sizeof(live) };

	CHECK_EQ(r->on.control->live(r->on.mock, &live), 0);
	return live;
}

uint64_t drig_calls(struct drig *r, uint32_t op)
{
	uint64_t calls = 0, items = 0;

	CHECK_EQ(r->on.control->count(r->on.mock, op, &calls, &items), 0);
	return items;
}

static void set_rule(struct drig *r, const struct ioasid_mock_rule *rule)
{
	CHECK_EQ(r->on.control->inject(r->on.mock, rule), 0);
}

void drig_fail(struct drig *r, uint32_t op, uint64_t nth, uint64_t times, int32_t error)
{
	const struct ioasid_mock_rule rule = {
		.struct_size = sizeof(rule), .op = op, .nth = nth, .times = times, .error = error,
	};

	set_rule(r, &rule);
}

void drig_hang(struct drig *r, uint32_t op, uint64_t times)
{
	const struct ioasid_mock_rule rule = {
		.struct_size = sizeof(rule), .op = op, .nth = 1, .times = times, .flags = IOASID_MOCK_RULE_TIMEOUT,
	};

	set_rule(r, &rule);
}

void drig_heal(struct drig *r)
{
	for (uint32_t op = 0; op < IOASID_MOCK_OP_COUNT; op++) {
		const struct ioasid_mock_rule none = { .struct_size = sizeof(none), .op = op, .nth = 1 };

		set_rule(r, &none);
	}
}

bool drig_free_id(struct drig *r, ioasid_t id)
{
	return ioasid_wait_reclaimed(r->pool, id, 0) == 0;
}

void drig_settle(struct drig *r, ioasid_t id)
{
	if (ioasid_pool_fd(r->pool) >= 0)
		CHECK(ioasid_pool_dispatch(r->pool) >= 0);
	else
		CHECK_EQ(ioasid_wait_reclaimed(r->pool, id, IOASID_FOREVER), 0);
}

uint64_t drig_now(void)
{
	struct timespec now;

	CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (uint64_t)now.tv_sec * 1000 * DRIG_MS + (uint64_t)now.tv_nsec;
}
