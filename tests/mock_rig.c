/* What tests need to drive the mock; see mock_rig.h. */
#include "tests/mock_rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness.h"

/* ---- Host ---- */

static void host_log(void *host, uint32_t level, const char *text)
{
	(void)host;
	CHECK(level <= IOASID_BE_LOG_DEBUG);
	CHECK(text && !strchr(text, '\n'));
}

static void host_ready(void *host, uint64_t cookie)
{
	struct rig_host *rig = host;

	atomic_store(&rig->ready_cookie, cookie);
	if (rig->on_ready)
		rig->on_ready(rig->on_ready_arg);
	atomic_fetch_add(&rig->ready, 1);
}

static int32_t host_no_open(void *host, const char *path, uint32_t flags)
{
	(void)host;
	(void)path;
	(void)flags;
	test_check(false, "the mock opens nothing", __FILE__, __LINE__);
	return IOASID_BE_EPERM;
}

static int32_t host_close(void *host, int32_t fd)
{
	atomic_fetch_add(&((struct rig_host *)host)->closed, 1);
	return close(fd) ? -errno : 0;
}

static int32_t host_no_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	(void)host;
	(void)fd;
	(void)request;
	(void)argument;
	test_check(false, "the mock has no kernel", __FILE__, __LINE__);
	return IOASID_BE_ENOTTY;
}

static int64_t host_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	ssize_t got = offset == IOASID_BE_OFFSET_NONE ? read(fd, buffer, size)
						      : pread(fd, buffer, size, (off_t)offset);

	(void)host;
	return got < 0 ? -errno : got;
}

/* Only to the descriptors of queues. */
static int64_t host_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	ssize_t put = write(fd, buffer, size);

	(void)host;
	test_check(offset == IOASID_BE_OFFSET_NONE, "an eventfd has no offsets", __FILE__, __LINE__);
	return put < 0 ? -errno : put;
}

static int32_t host_mmap(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access,
			 void **address)
{
	struct rig_host *rig = host;
	int prot = (access & IOASID_BE_MAP_READ ? PROT_READ : 0) |
		   (access & IOASID_BE_MAP_WRITE ? PROT_WRITE : 0);
	void *mapped = rig->fail_mmap ? MAP_FAILED : mmap(NULL, size, prot, MAP_SHARED, fd, (off_t)offset);

	if (mapped == MAP_FAILED)
		return rig->fail_mmap ? IOASID_BE_ENOMEM : -errno;
	atomic_fetch_add(&rig->mapped, 1);
	*address = mapped;
	return 0;
}

static int32_t host_munmap(void *host, void *address, uint64_t size)
{
	atomic_fetch_sub(&((struct rig_host *)host)->mapped, 1);
	return munmap(address, size) ? -errno : 0;
}

static int64_t host_no_list(void *host, const char *path, char *buffer, uint64_t size)
{
	(void)host;
	(void)path;
	(void)buffer;
	(void)size;
	test_check(false, "the mock lists nothing", __FILE__, __LINE__);
	return IOASID_BE_EPERM;
}

static void host_init(struct rig_host *host)
{
	memset(host, 0, sizeof(*host));
	host->table = (struct ioasid_be_host){
		.struct_size = sizeof(host->table),
		.host = host,
		.log = host_log,
		.ready = host_ready,
		.open_by_name = host_no_open,
		.close = host_close,
		.ioctl = host_no_ioctl,
		.read = host_read,
		.write = host_write,
		.mmap = host_mmap,
		.munmap = host_munmap,
		.list = host_no_list,
	};
}

/* ---- Open, close ---- */

ioasid_be_entry_fn rig_entry(void)
{
	const char *folder = getenv("IOASID_BACKEND_PATH");
	char path[4096];
	ioasid_be_entry_fn entry;
	void *library, *symbol;

	snprintf(path, sizeof(path), "%s/mock.so", folder ? folder : "plugins");
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!CHECK(library != NULL)) {
		printf("# %s\n", dlerror());
		test_abandon();
	}
	symbol = dlsym(library, IOASID_BE_ENTRY_NAME);
	REQUIRE(symbol != NULL);
	memcpy(&entry, &symbol, sizeof(entry));
	dlclose(library);
	return entry;
}

void rig_core(struct rig *rig)
{
	const struct ioasid_be_query query = { .struct_size = sizeof(query),
					       .major = IOASID_BE_MAJOR,
					       .host = "test" };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };

	memset(rig, 0, sizeof(*rig));
	host_init(&rig->host);
	rig->why = (struct ioasid_be_text){ .struct_size = sizeof(rig->why),
					    .capacity = RIG_TEXT,
					    .buffer = rig->text };
	REQUIRE_EQ(rig_entry()(&query, &reply), 0);
	rig->core = reply.core;
}

/* Cuts "key=value key=value" into pairs, in place. */
static uint32_t cut_pairs(char *text, struct ioasid_be_pair *pairs, uint32_t most)
{
	uint32_t count = 0;
	char *rest;

	for (char *at = strtok_r(text, " ", &rest); at; at = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(at, '=');

		REQUIRE(value && count < most);
		*value = '\0';
		pairs[count++] = (struct ioasid_be_pair){ at, value + 1 };
	}
	return count;
}

static const void *look_up(struct rig *rig, const char *id)
{
	const void *table = NULL;
	int32_t rc = rig->core->get_interface(rig->ctx, id, &table);

	CHECK_EQ(rc, table ? 0 : IOASID_BE_ENOENT);
	return table;
}

int32_t rig_try(struct rig *rig, const char *config)
{
	char text[1024];
	struct ioasid_be_pair pairs[32];
	struct ioasid_be_open args = { .struct_size = sizeof(args), .host = &rig->host.table };
	int32_t rc;

	REQUIRE(strlen(config) < sizeof(text));
	strcpy(text, config);
	args.fds = (struct ioasid_be_array){ rig->fds, sizeof(rig->fds[0]), rig->fd_count };
	args.config = (struct ioasid_be_array){ pairs, sizeof(pairs[0]), cut_pairs(text, pairs, 32) };
	rc = rig->core->open(&args, &rig->ctx, &rig->why);
	if (rc)
		return rc;
	rig->control = look_up(rig, IOASID_MOCK_CONTROL_ID);
	REQUIRE(rig->control != NULL);
	rig->mock = rig->control->mock;
	rig->paging = look_up(rig, IOASID_BE_ID_PAGING);
	rig->pasid = look_up(rig, IOASID_BE_ID_PASID);
	rig->nested = look_up(rig, IOASID_BE_ID_NESTED);
	rig->invalidate = look_up(rig, IOASID_BE_ID_INVALIDATE);
	rig->fault = look_up(rig, IOASID_BE_ID_FAULT);
	rig->dirty = look_up(rig, IOASID_BE_ID_DIRTY);
	rig->id = look_up(rig, IOASID_BE_ID_ID);
	rig->viommu = look_up(rig, IOASID_BE_ID_VIOMMU);
	rig->vdevice = look_up(rig, IOASID_BE_ID_VDEVICE);
	rig->table = look_up(rig, IOASID_BE_ID_TABLE);
	rig->event = look_up(rig, IOASID_BE_ID_EVENT);
	return 0;
}

int32_t rig_attach_device(struct rig *rig, const char *name, struct ioasid_be_dev **dev)
{
	const struct ioasid_be_device spec = { .struct_size = sizeof(spec),
					       .kind = IOASID_BE_DEVICE_NAME,
					       .name = name,
					       .fd = -1,
					       .iommufd = -1 };

	return rig->core->device_attach(rig->ctx, &spec, dev, &rig->why);
}

void rig_start(struct rig *rig, const char *config, uint32_t devices)
{
	if (!CHECK_EQ(rig_try(rig, config), 0)) {
		printf("# %s\n", rig->text);
		test_abandon();
	}
	rig->memory = aligned_alloc(RIG_PAGE, RIG_PAGES * RIG_PAGE);
	REQUIRE(rig->memory != NULL);
	for (unsigned int i = 0; i < RIG_PAGES; i++)
		memset(rig_page(rig, i), (int)i + 1, RIG_PAGE);
	for (; rig->devices < devices; rig->devices++) {
		char name[16];

		snprintf(name, sizeof(name), "mock%u", rig->devices);
		REQUIRE_EQ(rig_attach_device(rig, name, &rig->dev[rig->devices]), 0);
	}
}

void rig_open(struct rig *rig, const char *config, uint32_t devices)
{
	rig_core(rig);
	rig_start(rig, config, devices);
}

void rig_close(struct rig *rig)
{
	struct ioasid_mock_live live;

	while (rig->devices)
		CHECK_EQ(rig->core->device_detach(rig->dev[--rig->devices]), 0);
	live = rig_live(rig);
	CHECK_EQ(live.devices, 0);
	CHECK_EQ(live.spaces, 0);
	CHECK_EQ(live.tables, 0);
	CHECK_EQ(live.bindings, 0);
	CHECK_EQ(live.files, 0);
	CHECK_EQ(live.queues, 0);
	CHECK_EQ(live.ids, 0);
	CHECK_EQ(live.viommus, 0);
	CHECK_EQ(live.vdevices, 0);
	CHECK_EQ(live.entries, 0);
	CHECK_EQ(live.requests, 0);
	CHECK_EQ(rig->core->close(rig->ctx), 0);
	CHECK_EQ(rig->host.closed, 0);
	CHECK_EQ(rig->host.mapped, 0);
	free(rig->memory);
}

unsigned char *rig_page(const struct rig *rig, unsigned int page)
{
	return rig->memory + (size_t)page * RIG_PAGE;
}

/* ---- Time ---- */

uint64_t rig_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * RIG_MS + (uint64_t)now.tv_nsec;
}
