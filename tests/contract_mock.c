/* The contract suite on the mock: its driver. */
#include "tests/contract_mock.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/mock/mock_control.h"

enum { MOST_SETTINGS = 16, MOST_ANSWERS = 32 };

/* The machine gives an answer out once; the suite asks for it again. */
struct answer {
	unsigned int device;
	uint32_t pasid, group;
	int code;
};

/*
 * A machine is shaped and held by a context of the driver's own, through which it is driven; the suite's
 * contexts, and the library's, share it by its name.
 */
struct machine {
	struct contract_mock_host host;
	const struct ioasid_be_core_ops *core;
	struct ioasid_be_ctx *own;
	const struct ioasid_mock_control *control;
	struct ioasid_mock *mock;
	char name[32];
	struct ioasid_be_pair pair;
	struct ioasid_context_setting setting;
	struct answer answers[MOST_ANSWERS];
	unsigned int answer_count;
	struct ioasid_be_fd queue; /* an eventfd for a queue, or -1 */
};

static const char *mock_config = "";
static bool mock_queue_fd;

static ioasid_be_entry_fn entry(void)
{
	static ioasid_be_entry_fn found;
	const char *folder = getenv("IOASID_BACKEND_PATH");
	char path[4096];
	void *library, *symbol;

	if (found)
		return found;
	snprintf(path, sizeof(path), "%s/mock.so", folder ? folder : "plugins");
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	symbol = library ? dlsym(library, IOASID_BE_ENTRY_NAME) : NULL;
	if (!symbol) {
		printf("# %s\n", dlerror());
		abort();
	}
	memcpy(&found, &symbol, sizeof(found));
	dlclose(library);
	return found;
}

/* ---- Up and down ---- */

/* Cuts "key=value key=value" into pairs, in place. */
static uint32_t cut_pairs(char *text, struct ioasid_be_pair *pairs)
{
	uint32_t count = 0;
	char *rest;

	for (char *at = strtok_r(text, " ", &rest); at && count < MOST_SETTINGS; at = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(at, '=');

		*value = '\0';
		pairs[count++] = (struct ioasid_be_pair){ at, value + 1 };
	}
	return count;
}

static void *up(struct ioasid_be_open *args)
{
	static atomic_uint number;
	const struct ioasid_be_query query = { .struct_size = sizeof(query), .major = IOASID_BE_MAJOR };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };
	struct ioasid_be_pair pairs[MOST_SETTINGS];
	struct machine *m = calloc(1, sizeof(*m));
	struct ioasid_be_open own = *args;
	char config[256];
	const void *table = NULL;

	REQUIRE(m != NULL);
	contract_mock_host_init(&m->host);
	snprintf(m->name, sizeof(m->name), "contract%u", atomic_fetch_add(&number, 1));
	snprintf(config, sizeof(config), "machine=%s devices=2 %s", m->name, mock_config);
	own.host = &m->host.table;
	own.config = (struct ioasid_be_array){ pairs, sizeof(pairs[0]), cut_pairs(config, pairs) };
	REQUIRE_EQ(entry()(&query, &reply), 0);
	m->core = reply.core;
	REQUIRE_EQ(m->core->open(&own, &m->own, NULL), 0);
	REQUIRE_EQ(m->core->get_interface(m->own, IOASID_MOCK_CONTROL_ID, &table), 0);
	m->control = table;
	m->mock = m->control->mock;
	m->pair = (struct ioasid_be_pair){ "machine", m->name };
	m->setting = (struct ioasid_context_setting){ "machine", m->name };
	args->host = &m->host.table;
	args->config = (struct ioasid_be_array){ &m->pair, sizeof(m->pair), 1 };
	m->queue = (struct ioasid_be_fd){ .key = "queue", .fd = -1 };
	if (mock_queue_fd) {
		m->queue.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		REQUIRE(m->queue.fd >= 0);
		args->fds = (struct ioasid_be_array){ &m->queue, sizeof(m->queue), 1 };
	}
	return m;
}

static void down(void *machine)
{
	struct machine *m = machine;
	struct ioasid_mock_live live = { .struct_size = sizeof(live) };

	CHECK_EQ(m->control->live(m->mock, &live), 0);
	CHECK_EQ(live.contexts, 1);
	CHECK_EQ(live.devices, 0);
	CHECK_EQ(live.spaces, 0);
	CHECK_EQ(live.tables, 0);
	CHECK_EQ(live.bindings, 0);
	CHECK_EQ(live.mappings, 0);
	CHECK_EQ(live.files, 0);
	CHECK_EQ(live.queues, 0);
	CHECK_EQ(live.requests, 0);
	CHECK_EQ(m->core->close(m->own), 0);
	/* What was passed in is ours. */
	if (m->queue.fd >= 0)
		CHECK_EQ(close(m->queue.fd), 0);
	free(m);
}

static void settings(void *machine, struct ioasid_context_args *args)
{
	struct machine *m = machine;

	args->settings = &m->setting;
	args->setting_count = 1;
}

/* ---- Devices ---- */

static const char *device(void *machine, unsigned int number)
{
	static const char *const names[] = { "mock0", "mock1", "mock2" };

	(void)machine;
	return names[number];
}

static int32_t device_fd(void *machine, unsigned int number)
{
	const char *name = device(machine, number);
	int fd = memfd_create(name, MFD_CLOEXEC);

	REQUIRE(fd >= 0);
	REQUIRE_EQ(write(fd, name, strlen(name)), strlen(name));
	return fd;
}

static bool fd_alive(void *machine, int32_t fd)
{
	(void)machine;
	return fcntl(fd, F_GETFD) >= 0;
}

static void fd_close(void *machine, int32_t fd)
{
	(void)machine;
	CHECK_EQ(close(fd), 0);
}

static void owner(void *machine, unsigned int number, unsigned char *memory, unsigned int page,
		  struct ioasid_be_device *spec, struct ioasid_be_object *object)
{
	struct machine *m = machine;
	const struct ioasid_be_map map = {
		.struct_size = sizeof(map), .access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE, .iova = CONTRACT_IOVA,
		.length = CONTRACT_PAGE, .source = (uint64_t)(uintptr_t)(memory + (size_t)page * CONTRACT_PAGE), .fd = -1,
	};

	object->type = IOASID_BE_OBJECT_IOAS;
	REQUIRE_EQ(m->control->world_space_create(m->mock, object->type, IOASID_BE_USE_PASID, &object->id), 0);
	REQUIRE_EQ(m->control->world_space_map(m->mock, object->id, &map), 0);
	REQUIRE_EQ(m->control->world_device_bind(m->mock, number, 1), 0);
	REQUIRE_EQ(m->control->world_rid(m->mock, number, object->id), 0);
	spec->kind = IOASID_BE_DEVICE_ADOPTED;
	spec->device_id = number;
}

static void owner_leaves(void *machine, unsigned int number, const struct ioasid_be_device *spec,
			 const struct ioasid_be_object *object)
{
	struct machine *m = machine;

	(void)spec;
	CHECK_EQ(m->control->world_rid(m->mock, number, 0), 0);
	CHECK_EQ(m->control->world_device_bind(m->mock, number, 0), 0);
	CHECK_EQ(m->control->world_space_destroy(m->mock, object->id), 0);
}

/* ---- DMA ---- */

static struct ioasid_mock_dma dma_args(unsigned int number, uint32_t pasid, uint64_t iova, bool write, unsigned char *byte)
{
	return (struct ioasid_mock_dma){
		.struct_size = sizeof(struct ioasid_mock_dma), .device = number, .pasid = pasid, .iova = iova, .length = 1,
		.flags = write ? IOASID_MOCK_DMA_WRITE : IOASID_MOCK_DMA_READ, .buffer = byte,
	};
}

static int dma(void *machine, unsigned int number, uint32_t pasid, uint64_t iova, bool write, unsigned char *byte)
{
	struct machine *m = machine;
	struct ioasid_mock_dma args = dma_args(number, pasid, iova, write, byte);

	int32_t rc = m->control->dma(m->mock, &args);

	/* A device that was unplugged reaches nothing. */
	CHECK(rc == 0 || rc == IOASID_BE_ENODEV);
	return rc == 0 && args.done == 1 ? 0 : CONTRACT_BLOCKED;
}

static uint64_t dma_begin(void *machine, unsigned int number, uint32_t pasid, uint64_t iova, unsigned char *byte)
{
	struct machine *m = machine;
	struct ioasid_mock_dma args = dma_args(number, pasid, iova, true, byte);
	uint64_t token = 0;

	REQUIRE_EQ(m->control->dma_begin(m->mock, &args, &token), 0);
	REQUIRE(token != 0);
	return token;
}

static bool dma_arrives(void *machine, uint64_t token)
{
	struct machine *m = machine;
	struct ioasid_mock_dma args = { .struct_size = sizeof(args) };

	CHECK_EQ(m->control->dma_finish(m->mock, token, &args), 0);
	return args.fault == IOASID_MOCK_FAULT_NONE;
}

/* Four levels in four pages of the table's eight. */
static void guest_table(unsigned char *memory, unsigned int table, unsigned int page, struct ioasid_be_record *out)
{
	const uint64_t all = IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;
	const unsigned int first = CONTRACT_DATA + 8 * table;
	struct ioasid_mock_table mock = {
		.root = CONTRACT_GUEST + (uint64_t)first * CONTRACT_PAGE, .width = IOASID_MOCK_TABLE_WIDTH,
	};

	for (unsigned int level = 0; level < 4; level++) {
		uint64_t to = level < 3 ? first + level + 1 : page, word = (CONTRACT_GUEST + to * CONTRACT_PAGE) | all;
		unsigned char *at = memory + (size_t)(first + level) * CONTRACT_PAGE;

		memset(at, 0, CONTRACT_PAGE);
		memcpy(at + (CONTRACT_IOVA >> (39 - 9 * level) & 511) * sizeof(word), &word, sizeof(word));
	}
	memset(out, 0, sizeof(*out));
	out->type = IOASID_BE_PT_MOCK;
	out->length = sizeof(mock);
	memcpy(out->bytes, &mock, sizeof(mock));
}

static void slow(void *machine)
{
	static const uint32_t ops[] = { IOASID_MOCK_OP_ATTACH, IOASID_MOCK_OP_PARK, IOASID_MOCK_OP_DETACH };
	struct machine *m = machine;

	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		const struct ioasid_mock_rule rule = {
			.struct_size = sizeof(rule), .op = ops[i], .nth = 1, .times = UINT64_MAX, .delay = 1000000,
		};

		CHECK_EQ(m->control->inject(m->mock, &rule), 0);
	}
}

static void unplug(void *machine, unsigned int number)
{
	struct machine *m = machine;

	CHECK_EQ(m->control->unplug(m->mock, number, 1), 0);
}

/* ---- A guest's own table, and its events ---- */

/* A PASID table, in the last page of guest table 0's, in which RID and PASID 1 are on guest table 0. */
static void guest_entry(unsigned char *memory, struct ioasid_be_record *out)
{
	const unsigned int page = CONTRACT_DATA + 7;
	struct ioasid_mock_entry entry = {
		.table = CONTRACT_GUEST + (uint64_t)page * CONTRACT_PAGE, .pasid_bits = 4, .config = IOASID_MOCK_ENTRY_TRANSLATE,
	};
	struct ioasid_mock_pasid_entry of_pasid = { .root = 0 };
	struct ioasid_mock_table table;

	guest_table(memory, 0, 1, out);
	memcpy(&table, out->bytes, sizeof(table));
	of_pasid.root = table.root | IOASID_MOCK_PTE_P;
	memset(memory + (size_t)page * CONTRACT_PAGE, 0, CONTRACT_PAGE);
	for (unsigned int pasid = 0; pasid < 2; pasid++)
		memcpy(memory + (size_t)page * CONTRACT_PAGE + pasid * sizeof(of_pasid), &of_pasid, sizeof(of_pasid));
	memset(out, 0, sizeof(*out));
	out->type = IOASID_MOCK_PT_ENTRY;
	out->length = sizeof(entry);
	memcpy(out->bytes, &entry, sizeof(entry));
}

static int32_t event(void *machine, unsigned int number, uint8_t tag)
{
	struct machine *m = machine;
	const struct ioasid_mock_event event = { .struct_size = sizeof(event), .code = 0x100u + tag, .pasid = 1 };

	return m->control->event(m->mock, number, &event, 0);
}

static bool event_is(const struct ioasid_be_record *data, uint64_t virtual_id, uint8_t tag)
{
	struct ioasid_mock_event event;

	memcpy(&event, data->bytes, sizeof(event));
	return data->type == IOASID_BE_EVENT_MOCK && data->length == sizeof(event) && event.virtual_id == virtual_id &&
	       event.code == 0x100u + tag;
}

/* ---- Page requests ---- */

static unsigned int ready(void *machine, uint64_t cookie)
{
	struct machine *m = machine;

	return contract_mock_host_ready(&m->host, cookie);
}

static int32_t ask(void *machine, const struct contract_ask *what)
{
	struct machine *m = machine;
	const struct ioasid_mock_page_request request = {
		.struct_size = sizeof(request), .device = what->device, .pasid = what->pasid, .group = what->group,
		.address = what->address,
		.flags = (what->last ? IOASID_BE_FAULT_LAST : 0) | (what->write ? IOASID_BE_FAULT_WRITE : IOASID_BE_FAULT_READ),
	};

	return m->control->page_request(m->mock, &request);
}

static int answer(void *machine, unsigned int number, uint32_t pasid, uint32_t group)
{
	struct machine *m = machine;
	struct ioasid_mock_page_answer got = { .struct_size = sizeof(got) };

	for (unsigned int i = 0; i < m->answer_count; i++) {
		const struct answer *a = &m->answers[i];

		if (a->device == number && a->pasid == pasid && a->group == group)
			return a->code;
	}
	if (m->control->page_response(m->mock, number, pasid, group, 0, &got))
		return CONTRACT_NO_ANSWER;
	REQUIRE(m->answer_count < MOST_ANSWERS);
	m->answers[m->answer_count++] = (struct answer){ number, pasid, group, (int)got.code };
	return (int)got.code;
}

int contract_mock_main(const char *config, bool queue_fd, uint64_t interfaces, uint32_t iommus, int argc, char **argv)
{
	const struct contract_driver driver = {
		.name = "contract on the mock", .interfaces = interfaces, .iommus = iommus, .entry = entry, .up = up, .down = down,
		.settings = settings, .device = device, .device_fd = device_fd, .fd_alive = fd_alive, .fd_close = fd_close,
		.owner = owner, .owner_leaves = owner_leaves, .dma = dma, .dma_begin = dma_begin, .dma_arrives = dma_arrives,
		.guest_table = guest_table, .slow = slow, .unplug = unplug, .ask = ask, .answer = answer, .ready = ready,
		.viommu_type = IOASID_BE_VIOMMU_MOCK, .event_type = IOASID_BE_EVENT_MOCK, .guest_entry = guest_entry,
		.event = event, .event_is = event_is,
	};

	mock_config = config;
	mock_queue_fd = queue_fd;
	return contract_main(&driver, argc, argv);
}
