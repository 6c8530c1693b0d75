/*
 * Flow 4 of docs/flows.md: two VMs with two devices each, behind two IOMMUs. One of them dies while the other
 * works.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/flow.h"

enum { VM_DEVICES = 2, PROCESSES = 4, VM_PAGES = 16 };

/*
 * A VM has a pool of its own: its devices are DIRECT, so the guest writes PASIDs into them, and the numbers
 * are the guest's. Device n of VM v is number 2 * v + n, and behind IOMMU n.
 */
struct vm {
	struct flow *flow;
	unsigned int number;
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_address_space *memory;
	struct ioasid_device *device[VM_DEVICES];
	struct ioasid_record table[PROCESSES];
	ioasid_t pasid[PROCESSES];
};

static uint32_t device_number(const struct vm *vm, unsigned int device)
{
	return VM_DEVICES * vm->number + device;
}

static unsigned int data_page(const struct vm *vm, unsigned int process)
{
	return vm->number * VM_PAGES * 2 + process;
}

/* A process of the guest: the guest has written its table and its PASID, and asks the VMM for a binding on
 * each device. */
static int process_begin(struct vm *vm, unsigned int process)
{
	int rc = ioasid_alloc(vm->set, process + 1, process + 1, NULL, &vm->pasid[process]);

	for (unsigned int d = 0; d < VM_DEVICES && rc == 0; d++) {
		const struct ioasid_bind_data data = {
			.struct_size = sizeof(data), .flags = IOASID_BIND_SPID, .id = vm->pasid[process],
			.spid = ioasid_spid_make(vm->pasid[process]), .entry = &vm->table[process], .parent = vm->memory,
		};

		rc = ioasid_bind_gpasid(vm->device[d], vm->set, &data);
	}
	return rc;
}

static int process_end(struct vm *vm, unsigned int process)
{
	int rc = 0;

	for (unsigned int d = 0; d < VM_DEVICES && rc == 0; d++)
		rc = ioasid_unbind(vm->device[d], vm->set, vm->pasid[process], IOASID_COOKIE_NONE);
	return rc != 0 ? rc : ioasid_free(vm->set, vm->pasid[process]);
}

static void vm_begin(struct vm *vm, struct flow *flow, unsigned int number)
{
	static const char *const names[] = { "mock0", "mock1", "mock2", "mock3" };
	int rc = 0;

	*vm = (struct vm){ .flow = flow, .number = number };
	flow_is("ioasid_pool_create", ioasid_pool_create(NULL, &vm->pool), 0);
	flow_is("ioasid_set_alloc: the guest's numbers, at most 64 of them",
		ioasid_set_alloc(vm->pool, IOASID_SET_OPAQUE, number + 1, 64, &vm->set), 0);
	vm->memory = flow_memory(flow);
	for (unsigned int d = 0; d < VM_DEVICES; d++) {
		vm->device[d] = flow_attach(flow, vm->pool, names[device_number(vm, d)], IOASID_DEVICE_DIRECT);
		flow_is("ioasid_device_assign: its RID is this guest's", ioasid_device_assign(vm->device[d], vm->set), 0);
	}
	for (unsigned int p = 0; p < PROCESSES && rc == 0; p++) {
		vm->table[p] = flow_table(flow, data_page(vm, 4 + FLOW_TABLE_PAGES * p), data_page(vm, p));
		rc = process_begin(vm, p);
	}
	flow_is("its processes, each bound on both devices", rc, 0);
}

static unsigned char mark_of(const struct vm *vm, unsigned int process)
{
	return (unsigned char)(16 * (vm->number + 1) + process);
}

/* How many of its bindings work, and reach its own pages. */
static unsigned int vm_works(struct vm *vm)
{
	unsigned int good = 0;

	for (unsigned int p = 0; p < PROCESSES; p++)
		for (unsigned int d = 0; d < VM_DEVICES; d++)
			if (flow_write(vm->flow, device_number(vm, d), vm->pasid[p], mark_of(vm, p)) &&
			    *flow_page(vm->flow, data_page(vm, p)) == mark_of(vm, p))
				good++;
	return good;
}

/* ---- The VM that lives: it works, and its processes come and go, until it is told to stop ---- */

struct life {
	struct vm *vm;
	atomic_bool stop;
	atomic_uint rounds;
	atomic_uint failures;
};

static void *live(void *arg)
{
	struct life *life = arg;

	while (!atomic_load(&life->stop)) {
		unsigned int which = atomic_load(&life->rounds) % PROCESSES;

		if (process_end(life->vm, which) != 0 ||
		    ioasid_wait_reclaimed(life->vm->pool, which + 1, IOASID_FOREVER) != 0 || process_begin(life->vm, which) != 0 ||
		    vm_works(life->vm) != PROCESSES * VM_DEVICES)
			atomic_fetch_add(&life->failures, 1);
		atomic_fetch_add(&life->rounds, 1);
	}
	return NULL;
}

static void wait_for_rounds(struct life *life, unsigned int count)
{
	unsigned int from = atomic_load(&life->rounds);

	while (atomic_load(&life->rounds) - from < count)
		sched_yield();
}

/* ---- The one that dies ---- */

static void vm_dies(struct vm *vm)
{
	unsigned char byte = 0xee;
	uint64_t first = flow_begin(vm->flow, device_number(vm, 0), vm->pasid[0], &byte);
	uint64_t second = flow_begin(vm->flow, device_number(vm, 1), vm->pasid[1], &byte);

	flow_is("ioasid_set_put: blocks all of its DMA on both IOMMUs, frees its IOASIDs", ioasid_set_put(vm->set), 1);
	flow_true("what was under way did not arrive",
		  !flow_arrives(vm->flow, first) && !flow_arrives(vm->flow, second));
	flow_is("bindings that still reach memory", vm_works(vm), 0);
	for (unsigned int d = 0; d < VM_DEVICES; d++)
		flow_is("ioasid_device_close: never fails", ioasid_device_close(vm->device[d]), 0);
	for (unsigned int p = 0; p < PROCESSES; p++)
		flow_is("ioasid_wait_reclaimed", ioasid_wait_reclaimed(vm->pool, vm->pasid[p], IOASID_FOREVER), 0);
	flow_is("ioasid_pool_destroy", ioasid_pool_destroy(vm->pool), 0);
	flow_is("ioasid_address_space_destroy: its memory is nobody's now", ioasid_address_space_destroy(vm->memory), 0);
}

int main(void)
{
	static const struct ioasid_context_setting settings[] = { { "devices", "4" }, { "iommus", "2" }, { "ats", "on" } };
	struct life life = { .rounds = 0 };
	struct vm one, two;
	struct flow f;
	pthread_t thread;

	flow_open(&f, settings, 3, 4 * VM_PAGES);
	flow_title("VM 1: mock0 and mock1");
	vm_begin(&one, &f, 0);
	flow_title("VM 2: mock2 and mock3; the guest uses the same numbers");
	vm_begin(&two, &f, 1);
	flow_is("bindings of VM 1 that work", vm_works(&one), PROCESSES * VM_DEVICES);
	flow_is("bindings of VM 2 that work", vm_works(&two), PROCESSES * VM_DEVICES);

	flow_title("VM 1 dies while VM 2 works");
	life.vm = &two;
	flow_is("a thread for VM 2", pthread_create(&thread, NULL, live, &life), 0);
	wait_for_rounds(&life, 20);
	vm_dies(&one);
	wait_for_rounds(&life, 20);
	atomic_store(&life.stop, true);
	flow_is("VM 2's work is over", pthread_join(thread, NULL), 0);
	flow_is("rounds of VM 2 in which something went wrong", atomic_load(&life.failures), 0);

	flow_title("VM 2 is shut down in order");
	for (unsigned int p = 0; p < PROCESSES; p++)
		flow_is("unbind, free", process_end(&two, p), 0);
	for (unsigned int d = 0; d < VM_DEVICES; d++)
		flow_is("ioasid_device_close", ioasid_device_close(two.device[d]), 0);
	flow_is("ioasid_set_put: the last", ioasid_set_put(two.set), 1);
	flow_is("ioasid_pool_destroy", ioasid_pool_destroy(two.pool), 0);
	flow_is("ioasid_address_space_destroy", ioasid_address_space_destroy(two.memory), 0);
	flow_close(&f);
	return EXIT_SUCCESS;
}
