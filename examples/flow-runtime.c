/*
 * Flow 3 of docs/flows.md: a runtime gives each tenant an address space of its own, by PASID, on one device.
 * Then a tenant crashes while its DMA runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/flow.h"

enum { TENANTS = 1000, VICTIM = 500 };

struct tenant {
	struct ioasid_set *set;
	struct ioasid_address_space *space;
	ioasid_t pasid;
};

/* What a tenant needs: an owner with a quota of one, a number, memory, and the number on the memory. */
static int tenant_begin(struct flow *f, struct ioasid_pool *pool, struct ioasid_device *device, struct tenant *t,
			unsigned int page)
{
	int rc = ioasid_set_alloc(pool, IOASID_SET_OPAQUE, page + 1, 1, &t->set);

	if (rc == 0)
		rc = ioasid_alloc(t->set, 1, IOASID_CAPACITY_MAX - 1, NULL, &t->pasid);
	if (rc != 0)
		return rc;
	t->space = flow_space(f, page);
	return ioasid_bind_ioas(device, t->set, t->pasid, t->space, IOASID_COOKIE_NONE);
}

/* The orderly way: device work is over, then unbind, free, and the memory can go. */
static int tenant_end(struct ioasid_device *device, struct tenant *t)
{
	int rc = ioasid_unbind(device, t->set, t->pasid, IOASID_COOKIE_NONE);

	if (rc == 0)
		rc = ioasid_free(t->set, t->pasid);
	if (rc == 0)
		rc = ioasid_set_put(t->set) == 1 ? 0 : -1;
	return rc != 0 ? rc : ioasid_address_space_destroy(t->space);
}

static unsigned char mark_of(unsigned int tenant)
{
	return (unsigned char)(tenant % 251 + 1);
}

/* Each tenant's work reaches its own page and no other. */
static unsigned int right_ones(struct flow *f, struct tenant *tenants)
{
	unsigned int right = 0;

	for (unsigned int i = 0; i < TENANTS; i++)
		if (tenants[i].set != NULL && flow_write(f, 0, tenants[i].pasid, mark_of(i)) &&
		    *flow_page(f, i) == mark_of(i) && flow_read(f, 0, tenants[i].pasid) == mark_of(i))
			right++;
	return right;
}

static void crash(struct flow *f, struct ioasid_pool *pool, struct ioasid_device *device, struct tenant *victim)
{
	unsigned char byte = 0xee;
	uint64_t token = flow_begin(f, 0, victim->pasid, &byte);

	flow_title("Tenant 500 crashes; a write of the device is under way");
	flow_is("ioasid_set_put: the last one blocks its DMA and frees what it has", ioasid_set_put(victim->set), 1);
	flow_true("the write that was under way did not arrive", !flow_arrives(f, token));
	flow_is("a new one: FLOW_BLOCKED", flow_read(f, 0, victim->pasid), FLOW_BLOCKED);
	flow_is("its page still has what it wrote itself", *flow_page(f, VICTIM), mark_of(VICTIM));
	flow_is("ioasid_wait_reclaimed: the worker has taken the binding down",
		ioasid_wait_reclaimed(pool, victim->pasid, IOASID_FOREVER), 0);
	flow_is("ioasid_unbind by a late destructor: -ENOENT, without effect",
		ioasid_unbind(device, ioasid_pool_root(pool), victim->pasid, IOASID_COOKIE_NONE), -ENOENT);
	flow_is("ioasid_address_space_destroy: its memory can be given to others",
		ioasid_address_space_destroy(victim->space), 0);
	victim->set = NULL;
}

int main(void)
{
	static struct tenant tenants[TENANTS];
	struct ioasid_pool *pool;
	struct ioasid_device *device;
	struct flow f;
	int rc = 0;

	flow_open(&f, NULL, 0, TENANTS + 1);
	flow_title("The runtime takes a device; it writes PASIDs into it itself, so tenants share it (MEDIATED)");
	flow_is("ioasid_pool_create", ioasid_pool_create(NULL, &pool), 0);
	device = flow_attach(&f, pool, "mock0", IOASID_DEVICE_MEDIATED);

	flow_title("A thousand tenants: set, IOASID, address space, bind");
	for (unsigned int i = 0; i < TENANTS && rc == 0; i++)
		rc = tenant_begin(&f, pool, device, &tenants[i], i);
	flow_is("all of them", rc, 0);
	flow_is("tenants whose DMA reaches their page, and is read back there", right_ones(&f, tenants), TENANTS);

	crash(&f, pool, device, &tenants[VICTIM]);
	flow_is("tenants that did not notice", right_ones(&f, tenants), TENANTS - 1);

	flow_title("Another one takes its place, then all end");
	flow_is("a new tenant", tenant_begin(&f, pool, device, &tenants[VICTIM], VICTIM), 0);
	flow_is("all right", right_ones(&f, tenants), TENANTS);
	for (unsigned int i = 0; i < TENANTS && rc == 0; i++)
		rc = tenant_end(device, &tenants[i]);
	flow_is("unbind, free, set_put, destroy of each", rc, 0);
	flow_is("ioasid_device_close", ioasid_device_close(device), 0);
	flow_is("ioasid_pool_destroy", ioasid_pool_destroy(pool), 0);
	flow_close(&f);
	return EXIT_SUCCESS;
}
