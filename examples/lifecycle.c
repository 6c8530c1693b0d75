/* The life cycles of S11.1 to S11.4, step by step; see lifecycle.h. */
#include "examples/lifecycle.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { GUEST_PASID = 5, HOST_PASID = 100 };

static int result(const struct run *run)
{
	return run->wrong[0] == '\0' ? 0 : -EPROTO;
}

/* A step that is a call of the VMM, or of a native process. */
static void did(struct run *run, struct machine *m, const char *what, int answer, int wanted)
{
	run_expect(run, what, answer, wanted);
	run_step(run, m->pool, HOST_PASID, run->native ? "process" : "VMM", what);
}

static void check_dma(struct run *run, struct machine *m, ioasid_t id, bool reaches)
{
	run_expect(run, reaches ? "DMA reaches memory" : "DMA is blocked", machine_dma(m, id, 0xa5), reaches);
	run_step(run, m->pool, id, "device", reaches ? "DMA reaches memory" : "DMA is blocked");
}

/* A machine in which the caller's thread does all the work. */
static int begin(struct machine *m, struct run *run)
{
	if (machine_open(m, run, IOASID_POOL_NO_WORKER) != 0)
		return -EPROTO;
	if (run->opened != NULL)
		run_expect(run, "give up rights", run->opened(m), 0);
	return 0;
}

/* ---- Native SVA ---- */

/* What names the process is read from a file, so it comes before rights are given up. */
static int native_begin(struct run *run, struct machine *m, uint64_t *token)
{
	run_expect(run, "token of the process", ioasid_token_of_process(0, token), 0);
	return begin(m, run);
}

/* A process with its set, and an IOASID that stands for the process' memory. */
static ioasid_t native_bind(struct run *run, struct machine *m, uint64_t token, struct ioasid_set **set)
{
	ioasid_t id = IOASID_INVALID;

	run_expect(run, "set of the process", ioasid_set_alloc(m->pool, IOASID_SET_MM, token, 10, set), 0);
	run->native = true;
	did(run, m, "opens the device", machine_attach(m), 0);
	did(run, m, "alloc", ioasid_alloc(*set, HOST_PASID, HOST_PASID, NULL, &id), 0);
	did(run, m, "bind", ioasid_bind_ioas(m->device, *set, id, m->memory, IOASID_COOKIE_NONE), 0);
	check_dma(run, m, id, true);
	return id;
}

int lifecycle_native(struct run *run)
{
	struct ioasid_set *set;
	uint64_t token = 0;
	struct machine m;
	ioasid_t id;

	if (native_begin(run, &m, &token) != 0)
		return -EPROTO;
	id = native_bind(run, &m, token, &set);
	/* The process closes its file of the device; the device's driver stops DMA and undoes what was done
	 * for it. */
	did(run, &m, "close, DMA stopped: unbind", ioasid_unbind(m.device, set, id, IOASID_COOKIE_NONE), 0);
	check_dma(run, &m, id, false);
	did(run, &m, "free", ioasid_free(set, id), 0);
	run_expect(run, "put the set", ioasid_set_put(set), 1);
	machine_close(&m, run);
	return result(run);
}

/* The kernel, or a monitor, sees the process die and puts its set; the device's file is closed after that. */
int lifecycle_native_dies(struct run *run)
{
	struct ioasid_set *set;
	uint64_t token = 0;
	struct machine m;
	ioasid_t id;

	if (native_begin(run, &m, &token) != 0)
		return -EPROTO;
	id = native_bind(run, &m, token, &set);
	did(run, &m, "dies: its set is put", ioasid_set_put(set), 1);
	check_dma(run, &m, id, false);
	run_expect(run, "teardown", ioasid_pool_dispatch(m.pool) >= 1, 1);
	run_step(run, m.pool, id, "library", "teardown: detaches, drops its reference");
	run_expect(run, "close the device", ioasid_device_close(m.device), 0);
	m.device = NULL;
	run_step(run, m.pool, id, "driver", "closes the device");
	machine_close(&m, run);
	return result(run);
}

/* ---- Guest SVA ---- */

struct guest {
	struct machine m;
	struct ioasid_set *set;
	struct kvm kvm;
	struct vdcm vdcm;
	ioasid_t id;
};

/* Subscribers, alloc, bind, and the guest PASID in the device: the same in all of them. */
static int guest_begin(struct guest *g, struct run *run)
{
	if (begin(&g->m, run) != 0)
		return -EPROTO;
	run_expect(run, "attach the device", machine_attach(&g->m), 0);
	run_expect(run, "set of the VM", ioasid_set_alloc(g->m.pool, IOASID_SET_OPAQUE, 1, 10, &g->set), 0);
	run_expect(run, "KVM subscribes", kvm_start(&g->kvm, run, g->set), 0);
	run_expect(run, "VDCM subscribes", vdcm_start(&g->vdcm, run, g->set), 0);
	did(run, &g->m, "alloc", ioasid_alloc(g->set, HOST_PASID, HOST_PASID, NULL, &g->id), 0);
	did(run, &g->m, "bind", machine_bind(&g->m, g->set, g->id, GUEST_PASID), 0);
	run_expect(run, "VDCM finds the guest PASID", vdcm_set_pasid(&g->vdcm, GUEST_PASID), 0);
	check_dma(run, &g->m, g->id, true);
	return 0;
}

static void guest_end(struct guest *g, struct run *run)
{
	run_expect(run, "VDCM unsubscribes", vdcm_exit(&g->vdcm), 0);
	run_expect(run, "put the set", ioasid_set_put(g->set), 1);
	machine_close(&g->m, run);
}

int lifecycle_guest(struct run *run)
{
	struct guest g;

	if (guest_begin(&g, run) != 0)
		return -EPROTO;
	run_expect(run, "VDCM clears the PASID", vdcm_clear_pasid(&g.vdcm), 0);
	did(run, &g.m, "unbind", machine_unbind(&g.m, g.set, g.id), 0);
	check_dma(run, &g.m, g.id, false);
	did(run, &g.m, "free", ioasid_free(g.set, g.id), 0);
	run_expect(run, "KVM ends", kvm_exit(&g.kvm), 0);
	guest_end(&g, run);
	return result(run);
}

/* Is the number back? Another guest waits for it with a descriptor. */
static bool is_back(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, 0) == 1;
}

int lifecycle_misbehaving(struct run *run)
{
	struct ioasid_set *other = NULL;
	ioasid_t theirs = IOASID_INVALID;
	struct guest g;
	int fd;

	if (guest_begin(&g, run) != 0)
		return -EPROTO;
	run_expect(run, "set of the other VM", ioasid_set_alloc(g.m.pool, IOASID_SET_OPAQUE, 2, 10, &other),
		   0);
	did(run, &g.m, "free, while bound and in use", ioasid_free(g.set, g.id), 0);
	check_dma(run, &g.m, g.id, false);
	fd = ioasid_reclaim_fd(g.m.pool, g.id);
	run_expect(run, "wait for the number", fd >= 0 && !is_back(fd), 1);
	run_expect(run, "another guest asks for it", ioasid_alloc(other, g.id, g.id, NULL, &theirs), -EBUSY);
	run_step(run, g.m.pool, g.id, "guest 2", "asks for that number: -EBUSY");
	run_expect(run, "work and teardown", ioasid_pool_dispatch(g.m.pool) >= 2, 1);
	run_step(run, g.m.pool, g.id, "library", "teardown: detaches, drops its reference");
	did(run, &g.m, "unbind, too late: -ENOENT",
	    machine_unbind(&g.m, g.set, g.id), -ENOENT);
	run_expect(run, "the number is back", is_back(fd), 1);
	close(fd);
	run_expect(run, "another guest gets it", ioasid_alloc(other, g.id, g.id, NULL, &theirs), 0);
	run_step(run, g.m.pool, g.id, "guest 2", "gets that number");
	check_dma(run, &g.m, g.id, false);
	run_expect(run, "KVM ends", kvm_exit(&g.kvm), 0);
	run_expect(run, "put the other set", ioasid_set_put(other), 1);
	guest_end(&g, run);
	return result(run);
}

int lifecycle_kvm_exit(struct run *run)
{
	struct guest g;

	if (guest_begin(&g, run) != 0)
		return -EPROTO;
	run_expect(run, "KVM ends", kvm_exit(&g.kvm), 0);
	run_expect(run, "VDCM clears the PASID", vdcm_clear_pasid(&g.vdcm), 0);
	did(run, &g.m, "unbind", machine_unbind(&g.m, g.set, g.id), 0);
	did(run, &g.m, "free", ioasid_free(g.set, g.id), 0);
	guest_end(&g, run);
	return result(run);
}
