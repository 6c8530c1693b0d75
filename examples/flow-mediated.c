/*
 * Flow 2 of docs/flows.md: sub-devices of one PF in two VMs (mediated devices, scalable IOV). The host writes
 * PASIDs into the device, guests have numbers of their own; page requests name the sub-devices; one of two
 * goes away while the other works.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/flow.h"

/* The guest's number of its process; both guests use the same. And the sub-devices, as the VMM calls them. */
enum { GUEST_PASID = 5, SUB_1A = 11, SUB_1B = 12, SUB_2A = 21 };

struct vm {
	struct ioasid_set *set;
	ioasid_t pasid;             /* on the wire: of the host's pool */
	struct ioasid_record table;
	unsigned int page;          /* where the guest's table leads */
};

struct host {
	struct flow flow;
	struct ioasid_pool *pool;
	struct ioasid_device *pf;
	struct ioasid_address_space *memory;
	struct vm vm[2];
};

/* A sub-device is told that a guest uses its PASID 5 on it. The first one of an IOASID programs the hardware. */
static int sub_bind(struct host *h, struct vm *vm, uint64_t cookie)
{
	const struct ioasid_bind_data data = {
		.struct_size = sizeof(data), .flags = IOASID_BIND_SPID | IOASID_BIND_FAULT, .id = vm->pasid,
		.spid = ioasid_spid_make(GUEST_PASID), .entry = &vm->table, .parent = h->memory, .cookie = cookie,
	};

	return ioasid_bind_gpasid(h->pf, vm->set, &data);
}

static void vm_begin(struct host *h, unsigned int number)
{
	struct vm *vm = &h->vm[number];

	vm->page = number;
	vm->table = flow_table(&h->flow, 2 + FLOW_TABLE_PAGES * number, vm->page);
	flow_is("ioasid_set_alloc: what this guest may have, at most 16",
		ioasid_set_alloc(h->pool, IOASID_SET_OPAQUE, number + 1, 16, &vm->set), 0);
	flow_is("ioasid_alloc: the number on the wire is the host's",
		ioasid_alloc(vm->set, 1, IOASID_CAPACITY_MAX - 1, NULL, &vm->pasid), 0);
}

/* ---- Page requests ---- */

/* What the VMM's event loop does when ioasid_context_fault_fd() is readable. */
static struct ioasid_fault next_fault(struct host *h)
{
	struct ioasid_fault fault = { .group = 0 };
	uint32_t count = 1;

	flow_is("ioasid_fault_read", ioasid_fault_read(h->flow.context, &fault, sizeof(fault), &count), 0);
	flow_is("page requests", count, 1);
	return fault;
}

static void page_requests(struct host *h)
{
	struct vm *vm = &h->vm[0];
	struct ioasid_fault fault;

	flow_ask(&h->flow, 0, vm->pasid, 3);
	fault = next_fault(h);
	flow_true("it is about VM 1's set", fault.set == vm->set);
	flow_is("and about the guest's PASID", fault.spid.value, GUEST_PASID);
	flow_is("shared by so many sub-devices", fault.cookie_count, 2);
	flow_true("which are named", fault.cookies[0] + fault.cookies[1] == SUB_1A + SUB_1B);
	flow_is("ioasid_fault_respond by VM 2, for the same PASID and group: without effect",
		ioasid_fault_respond(h->pf, h->vm[1].set, fault.spid, 3, IOASID_FAULT_FAILURE), 0);
	flow_is("the device has not been told anything", flow_told(&h->flow, 0, vm->pasid, 3), -1);
	flow_is("ioasid_fault_respond by VM 1",
		ioasid_fault_respond(h->pf, vm->set, fault.spid, 3, IOASID_FAULT_SUCCESS), 0);
	flow_is("the device was told: success", flow_told(&h->flow, 0, vm->pasid, 3), IOASID_FAULT_SUCCESS);
}

/* ---- One of two goes, under load ---- */

struct load {
	struct host *host;
	struct vm *vm;
	atomic_bool stop;
	atomic_uint arrived, lost;
};

static void *work(void *arg)
{
	struct load *load = arg;

	while (!atomic_load(&load->stop))
		atomic_fetch_add(flow_write(&load->host->flow, 0, load->vm->pasid, 0x77) ? &load->arrived : &load->lost, 1);
	return NULL;
}

static void one_of_two_goes(struct host *h)
{
	struct load load = { .host = h, .vm = &h->vm[0] };
	pthread_t thread;

	flow_is("a thread that keeps the device busy", pthread_create(&thread, NULL, work, &load), 0);
	while (atomic_load(&load.arrived) < 100)
		sched_yield();
	flow_is("ioasid_unbind of sub-device 11", ioasid_unbind(h->pf, h->vm[0].set, h->vm[0].pasid, SUB_1A), 0);
	flow_is("ioasid_unbind of it again: -ENOENT", ioasid_unbind(h->pf, h->vm[0].set, h->vm[0].pasid, SUB_1A), -ENOENT);
	for (unsigned int seen = atomic_load(&load.arrived); atomic_load(&load.arrived) < seen + 100;)
		sched_yield();
	atomic_store(&load.stop, true);
	flow_is("the load is over", pthread_join(thread, NULL), 0);
	flow_is("writes that did not arrive, as sub-device 12 still uses the IOASID", atomic_load(&load.lost), 0);
}

static void the_last_goes(struct host *h)
{
	struct vm *vm = &h->vm[0];
	unsigned char byte = 0xee;
	struct ioasid_fault fault;
	uint64_t token;

	flow_ask(&h->flow, 0, vm->pasid, 4);
	fault = next_fault(h);
	token = flow_begin(&h->flow, 0, vm->pasid, &byte);
	flow_is("ioasid_unbind of sub-device 12, the last one", ioasid_unbind(h->pf, vm->set, vm->pasid, SUB_1B), 0);
	flow_true("the write that was under way did not arrive", !flow_arrives(&h->flow, token));
	flow_is("the open page request was answered: failure", flow_told(&h->flow, 0, vm->pasid, 4), IOASID_FAULT_FAILURE);
	flow_is("ioasid_fault_respond, late: without effect",
		ioasid_fault_respond(h->pf, vm->set, fault.spid, 4, IOASID_FAULT_SUCCESS), 0);
	flow_is("DMA of VM 1: FLOW_BLOCKED", flow_read(&h->flow, 0, vm->pasid), FLOW_BLOCKED);
	flow_true("DMA of VM 2 works on", flow_write(&h->flow, 0, h->vm[1].pasid, 0x22) && *flow_page(&h->flow, 1) == 0x22);
}

int main(void)
{
	static const struct ioasid_context_setting settings[] = { { "ats", "on" }, { "pri", "on" } };
	static struct host h;

	flow_open(&h.flow, settings, 2, 2 + 2 * FLOW_TABLE_PAGES);
	flow_title("The host: one pool for all of it, and the PF in it, MEDIATED");
	flow_is("ioasid_pool_create", ioasid_pool_create(NULL, &h.pool), 0);
	h.pf = flow_attach(&h.flow, h.pool, "mock0", IOASID_DEVICE_MEDIATED);
	h.memory = flow_memory(&h.flow);
	flow_title("Two VMs, one guest PASID, two IOASIDs");
	vm_begin(&h, 0);
	vm_begin(&h, 1);
	flow_is("sub-device 11 of VM 1 binds", sub_bind(&h, &h.vm[0], SUB_1A), 0);
	flow_is("sub-device 12 of VM 1 binds the same", sub_bind(&h, &h.vm[0], SUB_1B), 0);
	flow_is("sub-device 12 again: -EBUSY", sub_bind(&h, &h.vm[0], SUB_1B), -EBUSY);
	flow_is("sub-device 21 of VM 2 binds", sub_bind(&h, &h.vm[1], SUB_2A), 0);
	flow_true("VM 1's DMA reaches VM 1's page",
		  flow_write(&h.flow, 0, h.vm[0].pasid, 0x11) && *flow_page(&h.flow, 0) == 0x11);
	flow_true("VM 2's DMA reaches VM 2's page",
		  flow_write(&h.flow, 0, h.vm[1].pasid, 0x21) && *flow_page(&h.flow, 1) == 0x21);

	flow_title("A sub-device asks for a page");
	page_requests(&h);
	flow_title("Sub-device 11 goes away while 12 works");
	one_of_two_goes(&h);
	flow_title("Sub-device 12 goes, too");
	the_last_goes(&h);

	flow_title("The end");
	for (unsigned int i = 0; i < 2; i++)
		flow_is("ioasid_set_put: what was left is torn down", ioasid_set_put(h.vm[i].set), 1);
	for (unsigned int i = 0; i < 2; i++)
		flow_is("ioasid_wait_reclaimed", ioasid_wait_reclaimed(h.pool, h.vm[i].pasid, IOASID_FOREVER), 0);
	flow_is("ioasid_device_close", ioasid_device_close(h.pf), 0);
	flow_is("ioasid_address_space_destroy", ioasid_address_space_destroy(h.memory), 0);
	flow_is("ioasid_pool_destroy", ioasid_pool_destroy(h.pool), 0);
	flow_close(&h.flow);
	return EXIT_SUCCESS;
}
