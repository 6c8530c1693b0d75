/*
 * What a VMM does with an IOASID of its guest, on any backend: everything that was opened is passed in, a set
 * stands for the guest, a guest's PASID is bound to an address space, pages are mapped when the device asks
 * for them, and the IOASID goes again:
 * by a guest that behaves, or by one that frees it while its device uses it.
 *
 * usage: vmm-sva [-m] mock
 *        vmm-sva [-m] vtd PCI-ADDRESS        (a device that vfio-pci has, as root)
 *
 *   -m  the guest misbehaves
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ioasid/ioasid.h>

#include "examples/vmm-witness.h"

enum { GUEST_PASID = 5, PAGES = 12, PAGE = 4096, READ_MAX = 8 };
#define GUEST_ADDRESS UINT64_C(0x40000000)

struct vmm {
	struct ioasid_context *context;
	struct ioasid_pool *pool;
	struct ioasid_set *guest;              /* everything of this guest; its last put takes all of it away */
	struct ioasid_device *device;
	struct ioasid_address_space *memory;   /* what the guest's PASID is to reach */
	struct ioasid_notifier table;          /* KVM's part: the CPU's table from guest PASIDs to host ones */
	unsigned char *pages;
	ioasid_t id;
	int iommufd, device_fd;                /* -1 where the backend has none */
	bool faults;                           /* the device can ask for pages */
};

static void check(const char *what, int answer, int wanted, const struct ioasid_reason *why)
{
	printf("%-46s %s\n", what, answer < 0 ? strerror(-answer) : "done");
	if (answer == wanted)
		return;
	fprintf(stderr, "vmm-sva: %s: %d, not %d%s%s\n", what, answer, wanted, why != NULL ? ": " : "",
		why != NULL ? why->text : "");
	exit(1);
}

/* ---- What libvirt or another launcher does before: it has the rights that the VMM does not need any more
 * ---- */

static int open_device(const char *address)
{
	char path[512];
	struct dirent *entry;
	int fd = -1;
	DIR *names;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", address);
	names = opendir(path);
	while (fd < 0 && names != NULL && (entry = readdir(names)) != NULL) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		if (entry->d_name[0] != '.')
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (names != NULL)
		closedir(names);
	return fd;
}

static void launch(struct vmm *vmm, const char *backend, const char *address)
{
	vmm->iommufd = vmm->device_fd = -1;
	if (strcmp(backend, "mock") == 0)
		return;
	vmm->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	vmm->device_fd = open_device(address);
	if (vmm->iommufd < 0 || vmm->device_fd < 0) {
		fprintf(stderr, "vmm-sva: /dev/iommu or %s cannot be opened\n", address);
		exit(1);
	}
}

/* ---- The VMM's start ---- */

static void open_context(struct vmm *vmm, const char *name)
{
	const struct ioasid_context_fd fd = { .key = "iommufd", .fd = vmm->iommufd };
	/* The mock's device is to have page requests; VT-d needs no settings. */
	const struct ioasid_context_setting settings[] = { { "ats", "on" }, { "pri", "on" } };
	const bool software = vmm->iommufd < 0;
	const struct ioasid_context_args args = {
		.struct_size = sizeof(args), .fds = &fd, .fd_count = !software,
		.settings = settings, .setting_count = software ? 2 : 0,
	};
	struct ioasid_reason why = { "" };
	struct ioasid_backend *backend;

	check("load the backend", ioasid_backend_load(name, 0, &backend, &why), 0, &why);
	check("open a context on what was passed in", ioasid_context_open(backend, &args, &vmm->context, &why), 0, &why);
	ioasid_backend_put(backend);
}

/* DIRECT would be for a guest that writes PASIDs into the device itself; here the VMM writes them for it. */
static void attach_device(struct vmm *vmm)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = vmm->device_fd < 0 ? IOASID_DEVICE_NAME : IOASID_DEVICE_FD,
		.name = vmm->device_fd < 0 ? "mock0" : NULL, .fd = vmm->device_fd, .mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_reason why = { "" };

	check("attach the device", ioasid_device_attach(vmm->context, vmm->pool, &spec, NULL, &vmm->device, &why), 0, &why);
	check("ask what it can do", ioasid_device_caps(vmm->device, &caps), 0, NULL);
	vmm->faults = (caps.flags & UINT64_C(1) << IOASID_CAP_FAULT) != 0;
	printf("  %u bits of PASID, %s page requests\n", caps.pasid_bits, vmm->faults ? "with" : "without");
}

/* Called for each change of a guest PASID, before whatever follows from it: KVM's table is right at any time. */
static int table_changes(void *context, const struct ioasid_event *event)
{
	static const char *const names[] = { "ALLOC", "FREE", "BIND", "UNBIND" };
	unsigned int i = 0;

	(void)context;
	while (event->event >> (i + 1) != 0)
		i++;
	if (event->spid.value == IOASID_SPID_NONE)
		printf("  %s of %u\n", names[i], event->id);
	else
		printf("  %s of %u: the guest's %u\n", names[i], event->id, event->spid.value);
	return 0;
}

static void map_page(struct vmm *vmm, uint64_t address)
{
	const struct ioasid_mapping mapping = {
		.struct_size = sizeof(mapping), .access = IOASID_MAP_READ | IOASID_MAP_WRITE, .iova = address, .length = PAGE,
		.address = vmm->pages + (address - GUEST_ADDRESS),
	};
	int rc;

	rc = ioasid_address_space_map(vmm->memory, &mapping);
	/* Devices ask for pages ahead, and again: what is there already is what they want. */
	check("map a page of the guest", rc == -EEXIST ? 0 : rc, 0, NULL);
}

static void start(struct vmm *vmm, const char *backend)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .flags = IOASID_POOL_NO_WORKER, .name = "vmm-sva" };
	struct ioasid_reason why = { "" };

	open_context(vmm, backend);
	check("make the pool of the host", ioasid_pool_create(&attr, &vmm->pool), 0, NULL);
	attach_device(vmm);
	check("make the guest's set", ioasid_set_alloc(vmm->pool, IOASID_SET_OPAQUE, 1, 100, &vmm->guest), 0, NULL);
	vmm->table = (struct ioasid_notifier) {
		.handler = table_changes, .context = vmm, .events = IOASID_EVENT_ALL, .priority = IOASID_PRIO_CPU,
	};
	check("subscribe as KVM", ioasid_register_notifier(vmm->guest, &vmm->table, 0), 0, NULL);
	check("make an address space",
	      ioasid_address_space_create(vmm->context, IOASID_USE_PASID | (vmm->faults ? IOASID_USE_FAULT : 0), &vmm->memory,
					  &why), 0, &why);
	vmm->pages = aligned_alloc(PAGE, PAGES * PAGE);
	if (vmm->pages == NULL)
		exit(1);
	memset(vmm->pages, 0, PAGES * PAGE);
	/* Where devices cannot ask for pages, all of them are there from the start. */
	for (uint64_t i = 0; i < (vmm->faults ? 1 : PAGES); i++)
		map_page(vmm, GUEST_ADDRESS + i * PAGE);
}

/* ---- While it runs: one turn of the VMM's event loop ---- */

static void serve_fault(struct vmm *vmm, const struct ioasid_fault *fault)
{
	uint64_t address = fault->address & ~(uint64_t)(PAGE - 1);
	bool known = address >= GUEST_ADDRESS && address < GUEST_ADDRESS + PAGES * PAGE;

	if (known)
		map_page(vmm, address);
	/* If another page of the group is not there, the device asks for that alone. */
	if (fault->flags & IOASID_FAULT_LAST)
		check("answer them", ioasid_fault_respond(fault->device, vmm->guest, fault->spid, fault->group,
							  known ? IOASID_FAULT_SUCCESS : IOASID_FAULT_INVALID), 0, NULL);
}

/* Until there are fewer than fit in: a group may have more requests than there is room for. */
static void serve_faults(struct vmm *vmm)
{
	struct ioasid_fault fault[READ_MAX];
	uint32_t count;

	do {
		count = READ_MAX;
		check("read page requests", ioasid_fault_read(vmm->context, fault, sizeof(fault[0]), &count), 0, NULL);
		for (uint32_t i = 0; i < count; i++)
			serve_fault(vmm, &fault[i]);
	} while (count == READ_MAX);
}

/* Until the device's DMA is over: page requests, and the library's own work, since the pool has no workers. */
static void run(struct vmm *vmm, struct witness *witness)
{
	struct pollfd fds[] = {
		{ .fd = vmm->faults ? ioasid_context_fault_fd(vmm->context) : -1, .events = POLLIN },
		{ .fd = ioasid_pool_fd(vmm->pool), .events = POLLIN },
		{ .fd = witness_fd(witness), .events = POLLIN },
	};

	while (poll(fds, 3, -1) > 0 && !(fds[2].revents & POLLIN)) {
		if (fds[0].revents & POLLIN)
			serve_faults(vmm);
		if (fds[1].revents & POLLIN)
			(void)ioasid_pool_dispatch(vmm->pool);
	}
}

/* ---- The guest's PASID: comes, is used, and goes ---- */

static void guest_binds(struct vmm *vmm)
{
	check("allocate", ioasid_alloc(vmm->guest, 1, IOASID_INVALID, NULL, &vmm->id), 0, NULL);
	check("bind to the address space",
	      ioasid_bind_ioas(vmm->device, vmm->guest, vmm->id, vmm->memory, IOASID_COOKIE_NONE), 0, NULL);
	check("give it the guest's number",
	      ioasid_attach_spid(vmm->guest, vmm->id, ioasid_spid_make(GUEST_PASID)), 0, NULL);
}

static void guest_ends(struct vmm *vmm, bool misbehaves)
{
	if (!misbehaves) {
		check("take the number away", ioasid_detach_spid(vmm->guest, vmm->id), 0, NULL);
		check("unbind", ioasid_unbind(vmm->device, vmm->guest, vmm->id, IOASID_COOKIE_NONE), 0, NULL);
		check("free", ioasid_free(vmm->guest, vmm->id), 0, NULL);
		return;
	}
	/* When free has returned the device reaches nothing through it; the rest is queued. */
	check("free, bound and in use", ioasid_free(vmm->guest, vmm->id), 0, NULL);
	check("unbind, too late", ioasid_unbind(vmm->device, vmm->guest, vmm->id, IOASID_COOKIE_NONE), -ENOENT, NULL);
	(void)ioasid_pool_dispatch(vmm->pool);
	check("its number is back", ioasid_wait_reclaimed(vmm->pool, vmm->id, 0), 0, NULL);
}

static void stop(struct vmm *vmm)
{
	struct ioasid_reason why = { "" };

	check("put the guest's set", ioasid_set_put(vmm->guest), 1, NULL);
	check("close the device", ioasid_device_close(vmm->device), 0, NULL);
	check("destroy the address space", ioasid_address_space_destroy(vmm->memory), 0, &why);
	check("destroy the pool", ioasid_pool_destroy(vmm->pool), 0, NULL);
	check("close the context", ioasid_context_close(vmm->context), 0, NULL);
	free(vmm->pages);
	if (vmm->iommufd >= 0)
		close(vmm->iommufd);
	if (vmm->device_fd >= 0)
		close(vmm->device_fd);
}

int main(int argc, char **argv)
{
	bool misbehaves = argc > 1 && strcmp(argv[1], "-m") == 0;
	struct witness *witness;
	struct vmm vmm = { 0 };
	const char *backend;

	argc -= misbehaves;
	argv += misbehaves;
	if (argc < 2 || (strcmp(argv[1], "mock") != 0) != (argc == 3)) {
		fprintf(stderr, "usage: vmm-sva [-m] mock | vmm-sva [-m] vtd PCI-ADDRESS\n");
		return 2;
	}
	backend = argv[1];
	launch(&vmm, backend, argc == 3 ? argv[2] : NULL);
	start(&vmm, backend);
	guest_binds(&vmm);
	witness = witness_start(vmm.context, vmm.id, GUEST_ADDRESS, PAGES * PAGE);
	run(&vmm, witness);
	witness_passed(witness, vmm.pages);
	guest_ends(&vmm, misbehaves);
	witness_blocked(witness, vmm.pages);
	stop(&vmm);
	return 0;
}
