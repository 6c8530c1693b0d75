/* The contract suite on the VT-d plugin, linked in, on a made-up kernel: two devices behind two units. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/iommufd/uapi.h"
#include "tests/contract.h"
#include "tests/fake-kernel/fake-private.h"

/*
 * pthread_mutex_clocklock() as a thread sanitizer knows it: gcc's does not see the lock that it takes, and
 * then finds races where there are none. The linker puts this in its place.
 */
int __wrap_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until);

int __wrap_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
	struct timespec now, real;

	clock_gettime(clock, &now);
	clock_gettime(CLOCK_REALTIME, &real);
	real.tv_sec += until->tv_sec - now.tv_sec;
	real.tv_nsec += until->tv_nsec - now.tv_nsec;
	if (real.tv_nsec < 0) {
		real.tv_nsec += 1000000000;
		real.tv_sec--;
	} else if (real.tv_nsec >= 1000000000) {
		real.tv_nsec -= 1000000000;
		real.tv_sec++;
	}
	return pthread_mutex_timedlock(mutex, &real);
}

/* The program has opened iommufd itself and hands it over: so it can own other things in it. */
struct machine {
	struct fake_kernel *kernel;
	struct ioasid_be_fd label;
	struct ioasid_context_fd public_label;
	int32_t cdev;
	uint32_t ioas, table;
	int told[CONTRACT_DEVICES][4][16];	/* by PASID and group: an answer, as the made-up kernel tells it once */
};

static ioasid_be_entry_fn entry(void)
{
	return ioasid_backend_entry_v1;
}

static void *up(struct ioasid_be_open *args)
{
	struct machine *m = calloc(1, sizeof(*m));

	REQUIRE(m != NULL);
	m->kernel = fake_create();
	m->label = (struct ioasid_be_fd){ .key = "iommufd", .fd = fake_open(m->kernel, "/dev/iommu") };
	m->public_label = (struct ioasid_context_fd){ .key = "iommufd", .fd = m->label.fd };
	args->host = fake_host(m->kernel);
	args->fds = (struct ioasid_be_array){ &m->label, sizeof(m->label), 1 };
	return m;
}

static void fd_close(void *machine, int32_t fd)
{
	struct machine *m = machine;

	CHECK_EQ(fake_host(m->kernel)->close(m->kernel, fd), 0);
}

static void down(void *machine)
{
	struct machine *m = machine;

	CHECK_EQ(fake_objects(m->kernel), 0);
	fd_close(m, m->label.fd);
	CHECK_EQ(fake_fds(m->kernel), 0);
	fake_destroy(m->kernel);
	free(m);
}

static void settings(void *machine, struct ioasid_context_args *args)
{
	struct machine *m = machine;

	args->fds = &m->public_label;
	args->fd_count = 1;
	args->system = fake_host(m->kernel);
}

static const char *device(void *machine, unsigned int number)
{
	static const char *const names[] = { "0000:00:03.0", "0000:00:04.0", "0000:00:05.0" };

	(void)machine;
	return names[number];
}

static int32_t device_fd(void *machine, unsigned int number)
{
	struct machine *m = machine;
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", number);
	return fake_open(m->kernel, path);
}

static bool fd_alive(void *machine, int32_t fd)
{
	struct machine *m = machine;

	return fake_file(m->kernel, fd) != NULL;
}

/* A VMM before its vIOMMU: an IOAS with its memory, a table of it that PASIDs can stand beside, and the RID
 * on that. */
static void owner(void *machine, unsigned int number, unsigned char *memory, unsigned int page,
		  struct ioasid_be_device *spec, struct ioasid_be_object *object)
{
	struct machine *m = machine;
	struct uapi_vfio_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = m->label.fd };
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct uapi_ioas_map map = {
		.size = sizeof(map), .flags = UAPI_MAP_FIXED_IOVA | UAPI_MAP_READABLE | UAPI_MAP_WRITEABLE, .iova = CONTRACT_IOVA,
		.length = CONTRACT_PAGE, .user_va = (uintptr_t)(memory + (size_t)page * CONTRACT_PAGE),
	};
	struct uapi_hwpt_alloc table = { .size = sizeof(table), .flags = UAPI_HWPT_PASID };
	struct uapi_vfio_attach_pt attach = { .argsz = sizeof(attach) };

	m->cdev = device_fd(m, number);
	REQUIRE_EQ(fake_ioctl(m->kernel, m->cdev, UAPI_VFIO_BIND_IOMMUFD, &bind), 0);
	REQUIRE_EQ(fake_ioctl(m->kernel, m->label.fd, UAPI_IOAS_ALLOC, &alloc), 0);
	map.ioas_id = alloc.out_ioas_id;
	REQUIRE_EQ(fake_ioctl(m->kernel, m->label.fd, UAPI_IOAS_MAP, &map), 0);
	table.dev_id = bind.out_devid;
	table.pt_id = alloc.out_ioas_id;
	REQUIRE_EQ(fake_ioctl(m->kernel, m->label.fd, UAPI_HWPT_ALLOC, &table), 0);
	attach.pt_id = table.out_hwpt_id;
	REQUIRE_EQ(fake_ioctl(m->kernel, m->cdev, UAPI_VFIO_ATTACH_PT, &attach), 0);
	m->ioas = alloc.out_ioas_id;
	m->table = table.out_hwpt_id;
	spec->kind = IOASID_BE_DEVICE_ADOPTED;
	spec->fd = m->cdev;
	spec->iommufd = m->label.fd;
	spec->device_id = bind.out_devid;
	object->type = IOASID_BE_OBJECT_IOAS;
	object->id = m->ioas;
}

static void owner_leaves(void *machine, unsigned int number, const struct ioasid_be_device *spec,
			 const struct ioasid_be_object *object)
{
	struct machine *m = machine;
	struct uapi_destroy destroy = { .size = sizeof(destroy), .id = m->table };

	(void)spec;
	(void)object;
	CHECK_EQ(fake_attached(m->kernel, number, 0), m->table);
	fd_close(m, m->cdev);
	CHECK_EQ(fake_ioctl(m->kernel, m->label.fd, UAPI_DESTROY, &destroy), 0);
	destroy.id = m->ioas;
	CHECK_EQ(fake_ioctl(m->kernel, m->label.fd, UAPI_DESTROY, &destroy), 0);
}

/* The made-up kernel moves no memory, but it knows what is attached. */
static bool attached(void *machine, unsigned int number, uint32_t pasid)
{
	struct machine *m = machine;
	uint32_t table;

	pthread_mutex_lock(&m->kernel->lock);
	table = fake_attached(m->kernel, number, pasid);
	pthread_mutex_unlock(&m->kernel->lock);
	return table != 0;
}

/* Nobody reads the tables here, so that a root of its own is all that one needs. */
static void guest_table(unsigned char *memory, unsigned int table, unsigned int page, struct ioasid_be_record *entry)
{
	const struct uapi_hwpt_vtd_s1 data = { .pgtbl_addr = CONTRACT_GUEST + table * UINT64_C(0x1000), .addr_width = 48 };

	(void)memory;
	(void)page;
	*entry = (struct ioasid_be_record){ .type = IOASID_BE_PT_VTD_S1, .length = sizeof(data) };
	memcpy(entry->bytes, &data, sizeof(data));
}

static int32_t ask(void *machine, const struct contract_ask *request)
{
	struct machine *m = machine;
	const struct fake_ask asked = {
		.device = request->device, .pasid = request->pasid, .group = request->group, .last = request->last,
		.address = request->address, .permissions = request->write ? UAPI_FAULT_WRITE : UAPI_FAULT_READ,
	};
	int32_t ret;

	REQUIRE(request->pasid < 4 && request->group < 16);
	m->told[request->device][request->pasid][request->group] = CONTRACT_NO_ANSWER;
	pthread_mutex_lock(&m->kernel->lock);
	ret = fake_ask(m->kernel, &asked);
	pthread_mutex_unlock(&m->kernel->lock);
	return ret;
}

static int answer(void *machine, unsigned int number, uint32_t pasid, uint32_t group)
{
	struct machine *m = machine;
	int code;

	REQUIRE(pasid < 4 && group < 16);
	pthread_mutex_lock(&m->kernel->lock);
	code = fake_answer(m->kernel, number, pasid, group);
	pthread_mutex_unlock(&m->kernel->lock);
	/* An answer that comes twice is none of the contract's. */
	if (code >= 0 && m->told[number][pasid][group] != CONTRACT_NO_ANSWER)
		return INT_MAX;
	if (code >= 0)
		m->told[number][pasid][group] = code == (int)UAPI_RESPONSE_SUCCESS ? (int)IOASID_BE_RESPOND_SUCCESS :
										     (int)IOASID_BE_RESPOND_INVALID;
	return m->told[number][pasid][group];
}

/* Queues have descriptors, which only the made-up kernel knows. */
static bool readable(void *machine, int32_t fd)
{
	struct machine *m = machine;
	const struct fake_file *file;
	bool found = false;

	pthread_mutex_lock(&m->kernel->lock);
	file = fake_file(m->kernel, fd);
	for (unsigned int i = 0; file && i < FAKE_REQUESTS; i++)
		found = found || (m->kernel->requests[i].state == FAKE_QUEUED && m->kernel->requests[i].queue == file->id);
	pthread_mutex_unlock(&m->kernel->lock);
	return found;
}

int main(int argc, char **argv)
{
	const struct contract_driver driver = {
		.name = "contract on vtd", .iommus = 2,
		.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_DIRTY | IOASID_BE_IF_NESTED |
			      IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_FAULT,
		.guest_table = guest_table, .ask = ask, .answer = answer, .readable = readable,
		.entry = entry,
		.up = up, .down = down, .settings = settings, .device = device, .device_fd = device_fd, .fd_alive = fd_alive,
		.fd_close = fd_close, .owner = owner, .owner_leaves = owner_leaves, .attached = attached,
	};

	return contract_main(&driver, argc, argv);
}
