/*
 * Flow 5 of docs/flows.md: a VMM that may nothing. A launcher with rights passes it every descriptor; it
 * opens its contexts on them, seals its pool, closes its sandbox, and then serves a guest from an event loop
 * of its own, with the library's work done in it. A device is plugged in and pulled out meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "backends/mock/mock_control.h"
#include "examples/flow.h"
#include "examples/sandbox.h"

enum { GUEST_PASID = 5, PAGES = 8, TABLE = 1, DATA = 6, GROUP = 3, READ_MAX = 8 };

/* What the launcher passes: nothing has a name any more. */
struct passed {
	int machine;   /* the software IOMMU's; /dev/iommu on hardware */
	int queue;     /* where it says that devices ask for pages; on hardware the kernel makes it */
	int device[2]; /* /dev/vfio/devices/... on hardware; the second one is plugged in later */
};

struct vmm {
	struct flow f;
	struct passed passed;
	struct ioasid_pool *pool;
	struct ioasid_set *guest;
	struct ioasid_address_space *memory;
	struct ioasid_device *device[2];
	struct ioasid_record table;
	ioasid_t pasid;
	unsigned int answered; /* page requests */
	unsigned int done;     /* calls that were left to the loop */
	int answer;            /* of the last of them */
};

/* ---- The launcher: has the rights, and gives what comes of them ---- */

static int open_named(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || write(fd, name, strlen(name)) != (ssize_t)strlen(name)) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	return fd;
}

static struct passed launch(void)
{
	return (struct passed){
		.machine = open_named("hall"), .queue = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.device = { open_named("mock0"), open_named("mock1") },
	};
}

/* ---- Before the sandbox ---- */

static struct ioasid_device *plug(struct vmm *vmm, unsigned int slot)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_FD, .fd = vmm->passed.device[slot],
		.mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_device *device = NULL;
	struct ioasid_reason why = { "" };

	flow_is("ioasid_device_attach, IOASID_DEVICE_FD",
		ioasid_device_attach(vmm->f.context, vmm->pool, &spec, NULL, &device, &why), 0);
	return device;
}

static void open_all(struct vmm *vmm)
{
	const struct ioasid_context_setting settings[] = { { "devices", "2" }, { "ats", "on" }, { "pri", "on" } };
	const struct ioasid_context_fd fds[] = { { "machine", vmm->passed.machine, 0 }, { "queue", vmm->passed.queue, 0 } };
	const struct ioasid_context_args args = {
		.struct_size = sizeof(args), .settings = settings, .setting_count = 3, .fds = fds, .fd_count = 2,
	};
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .flags = IOASID_POOL_NO_WORKER };

	flow_open_with(&vmm->f, &args, PAGES);
	flow_is("ioasid_pool_create, IOASID_POOL_NO_WORKER", ioasid_pool_create(&attr, &vmm->pool), 0);
	vmm->memory = flow_memory(&vmm->f);
	vmm->table = flow_table(&vmm->f, TABLE, DATA);
	vmm->device[0] = plug(vmm, 0);
	flow_is("ioasid_set_alloc", ioasid_set_alloc(vmm->pool, IOASID_SET_OPAQUE, 1, 100, &vmm->guest), 0);
	flow_is("ioasid_caps_freeze: what the guest will see", ioasid_caps_freeze(vmm->guest, vmm->device, 1, NULL), 0);
}

/* What the VMM itself goes on to need: to end, and to show that the sandbox is closed. */
static void close_sandbox(struct vmm *vmm)
{
	const long mine[] = { SYS_exit_group, SYS_prctl };
	struct ioasid_reason why = { "" };
	int rc;

	flow_is("ioasid_pool_seal", ioasid_pool_seal(vmm->pool, &why), 0);
	rc = sandbox_enter(SECCOMP_RET_KILL_PROCESS, mine, sizeof(mine) / sizeof(mine[0]));
	flow_is("sandbox_enter: whatever is not in docs/sandbox.md kills from here on", rc, 0);
	flow_is("a filter is in force (PR_GET_SECCOMP)", prctl(PR_GET_SECCOMP, 0, 0, 0, 0), SECCOMP_MODE_FILTER);
}

/* ---- The event loop ---- */

/* Until there are fewer than fit in: a group may have more requests than there is room for. */
static void serve_faults(struct vmm *vmm)
{
	struct ioasid_fault fault[READ_MAX];
	uint32_t count;

	do {
		count = READ_MAX;
		if (ioasid_fault_read(vmm->f.context, fault, sizeof(fault[0]), &count) != 0)
			return;
		for (uint32_t i = 0; i < count; i++)
			if ((fault[i].flags & IOASID_FAULT_LAST) != 0 &&
			    ioasid_fault_respond(fault[i].device, vmm->guest, fault[i].spid, fault[i].group,
						 IOASID_FAULT_SUCCESS) == 0)
				vmm->answered++;
	} while (count == READ_MAX);
}

/* One turn: what there is to do, if there is any. */
static int turn(struct vmm *vmm)
{
	struct pollfd fds[] = {
		{ .fd = ioasid_pool_fd(vmm->pool), .events = POLLIN },
		{ .fd = ioasid_context_fault_fd(vmm->f.context), .events = POLLIN },
	};
	int ready = poll(fds, 2, 60000);

	if ((fds[0].revents & POLLIN) != 0)
		(void)ioasid_pool_dispatch(vmm->pool);
	if ((fds[1].revents & POLLIN) != 0)
		serve_faults(vmm);
	return ready;
}

static void call_done(void *context, int result)
{
	struct vmm *vmm = context;

	vmm->done++;
	vmm->answer = result;
}

/* The answer of a call that was left to the loop. */
static int wait_done(struct vmm *vmm)
{
	unsigned int before = vmm->done;

	while (vmm->done == before && turn(vmm) > 0)
		;
	return vmm->done != before ? vmm->answer : -ETIMEDOUT;
}

/* ---- What the guest does ---- */

static int bind_on(struct vmm *vmm, unsigned int slot)
{
	const struct ioasid_bind_data data = {
		.struct_size = sizeof(data), .flags = IOASID_BIND_SPID | IOASID_BIND_FAULT, .id = vmm->pasid,
		.spid = ioasid_spid_make(GUEST_PASID), .entry = &vmm->table, .parent = vmm->memory,
	};

	return ioasid_bind_gpasid(vmm->device[slot], vmm->guest, &data);
}

static void guest_binds(struct vmm *vmm)
{
	flow_is("ioasid_alloc", ioasid_alloc(vmm->guest, 1, IOASID_CAPACITY_MAX - 1, NULL, &vmm->pasid), 0);
	flow_is("ioasid_bind_gpasid", bind_on(vmm, 0), 0);
	flow_true("its DMA arrives", flow_write(&vmm->f, 0, vmm->pasid, 0x5a) && *flow_page(&vmm->f, DATA) == 0x5a);
	flow_ask(&vmm->f, 0, vmm->pasid, GROUP);
	while (vmm->answered == 0 && turn(vmm) > 0)
		;
	flow_is("a page request came through the loop; the device is told (IOASID_FAULT_SUCCESS)",
		flow_told(&vmm->f, 0, vmm->pasid, GROUP), IOASID_FAULT_SUCCESS);
}

/* Nothing has to be opened for it: the launcher has passed its descriptor, over a socket for instance. */
static void hot_plug(struct vmm *vmm)
{
	vmm->device[1] = plug(vmm, 1);
	flow_is("ioasid_caps_check: it has what the guest was promised",
		ioasid_caps_check(vmm->guest, vmm->device[1], NULL), 0);
	flow_is("ioasid_bind_gpasid", bind_on(vmm, 1), 0);
	flow_is("its DMA reads what the other one wrote", flow_read(&vmm->f, 1, vmm->pasid), 0x5a);
	flow_is("it is pulled out", vmm->f.control->unplug(vmm->f.control->mock, 1, 1), 0);
	flow_is("ioasid_device_close_async", ioasid_device_close_async(vmm->device[1], call_done, vmm), 0);
	flow_is("and its answer, from the loop", wait_done(vmm), 0);
	flow_is("the first device does not notice", flow_read(&vmm->f, 0, vmm->pasid), 0x5a);
}

static void guest_misbehaves(struct vmm *vmm)
{
	ioasid_t pasid = vmm->pasid;

	flow_is("ioasid_free, while it is bound", ioasid_free(vmm->guest, pasid), 0);
	flow_is("its DMA: FLOW_BLOCKED", flow_read(&vmm->f, 0, pasid), FLOW_BLOCKED);
	while (ioasid_wait_reclaimed(vmm->pool, pasid, 0) != 0 && turn(vmm) > 0)
		;
	flow_is("the teardown was done in the loop: the number is back", ioasid_wait_reclaimed(vmm->pool, pasid, 0), 0);
	flow_is("ioasid_unbind, too late: -ENOENT", ioasid_unbind(vmm->device[0], vmm->guest, pasid, IOASID_COOKIE_NONE),
		-ENOENT);
	flow_is("ioasid_set_reset_async, for the guest reboots", ioasid_set_reset_async(vmm->guest, call_done, vmm), 0);
	flow_is("and its answer, from the loop", wait_done(vmm), 0);
}

int main(void)
{
	static struct vmm vmm;

	vmm.passed = launch();
	flow_title("With rights: everything is opened, on descriptors that were passed in");
	open_all(&vmm);
	flow_title("The rights are given up");
	close_sandbox(&vmm);
	flow_title("The guest binds a PASID; its device asks for a page");
	guest_binds(&vmm);
	flow_title("A device is plugged in, and pulled out");
	hot_plug(&vmm);
	flow_title("The guest frees what it has bound, and reboots");
	guest_misbehaves(&vmm);
	flow_title("The end, still in the sandbox");
	flow_is("ioasid_device_close", ioasid_device_close(vmm.device[0]), 0);
	flow_is("ioasid_set_put", ioasid_set_put(vmm.guest), 1);
	flow_is("ioasid_pool_destroy", ioasid_pool_destroy(vmm.pool), 0);
	flow_is("ioasid_address_space_destroy", ioasid_address_space_destroy(vmm.memory), 0);
	flow_close(&vmm.f);
	/* What libraries have registered for the end of the process is not for the sandbox. */
	_exit(EXIT_SUCCESS);
}
