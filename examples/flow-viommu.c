/*
 * Flow 1 of docs/flows.md: an emulated IOMMU whose guest has a device passed through and shares its
 * processes' page tables with it (guest SVA). The VMM was there first: iommufd, device and memory are its
 * own, and are adopted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/ioasid_backend.h"
#include "backends/mock/mock_control.h"
#include "examples/flow.h"

/* Pages: data of two processes; then two page tables of the guest. The guest's domain id tells its entries
 * apart. */
enum { PAGE_A, PAGE_B, TABLE_A, TABLE_B = TABLE_A + FLOW_TABLE_PAGES, PAGES = TABLE_B + FLOW_TABLE_PAGES };
enum { PASID = 7, DOMAIN = 42 };

struct vmm {
	struct flow flow;
	uint32_t ioas;                       /* the VMM's own number of its guest's memory */
	int iommufd, cdev;                   /* its descriptors; for the software IOMMU files with the device's name do */
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_address_space *memory;
	struct ioasid_device *device;
	struct ioasid_record table[2];
};

/* ---- What every VMM has done before its vIOMMU starts ---- */

static int stand_in(void)
{
	int fd = memfd_create("mock0", MFD_CLOEXEC);

	flow_true("a descriptor", fd >= 0 && write(fd, "mock0", 5) == 5);
	return fd;
}

static void vmm_before(struct vmm *v)
{
	const struct ioasid_mock_control *c = v->flow.control;
	const struct ioasid_be_map map = {
		.struct_size = sizeof(map), .access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE,
		.length = (uint64_t)PAGES * FLOW_PAGE, .source = (uint64_t)(uintptr_t)v->flow.memory, .fd = -1,
	};

	v->iommufd = stand_in();
	v->cdev = stand_in();
	flow_is("an IOAS for the guest's memory",
		c->world_space_create(c->mock, IOASID_BE_OBJECT_IOAS, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT, &v->ioas), 0);
	flow_is("mapped", c->world_space_map(c->mock, v->ioas, &map), 0);
	flow_is("the device bound", c->world_device_bind(c->mock, 0, 1), 0);
	flow_is("its RID on the guest's memory", c->world_rid(c->mock, 0, v->ioas), 0);
}

static void vmm_after(struct vmm *v)
{
	const struct ioasid_mock_control *c = v->flow.control;

	flow_is("its RID is as it was: the VMM takes it away", c->world_rid(c->mock, 0, 0), 0);
	flow_is("the device is still bound: it lets it go", c->world_device_bind(c->mock, 0, 0), 0);
	flow_is("its descriptors are still open", close(v->cdev) + close(v->iommufd), 0);
	flow_is("the IOAS is still there: it destroys it", c->world_space_destroy(c->mock, v->ioas), 0);
}

static void adopt(struct vmm *v)
{
	const struct ioasid_context_object object = { .type = IOASID_OBJECT_IOAS, .id = v->ioas, .fd = -1 };
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_ADOPTED, .fd = v->cdev, .iommufd = v->iommufd, .device_id = 0,
		.mode = IOASID_DEVICE_DIRECT,
	};

	flow_is("ioasid_pool_create: the guest's PASIDs", ioasid_pool_create(NULL, &v->pool), 0);
	flow_is("ioasid_set_alloc", ioasid_set_alloc(v->pool, IOASID_SET_OPAQUE, 1, IOASID_QUOTA_UNLIMITED, &v->set), 0);
	flow_is("ioasid_address_space_adopt: the IOAS",
		ioasid_address_space_adopt(v->flow.context, &object, &v->memory, NULL), 0);
	flow_is("ioasid_device_attach: the device, its RID left as it is",
		ioasid_device_attach(v->flow.context, v->pool, &spec, NULL, &v->device, NULL), 0);
	flow_is("ioasid_device_assign", ioasid_device_assign(v->device, v->set), 0);
}

/* ---- What the guest's invalidation queue makes the VMM do ---- */

static struct ioasid_bind_data entry_of(struct vmm *v, unsigned int table)
{
	return (struct ioasid_bind_data){
		.struct_size = sizeof(struct ioasid_bind_data), .flags = IOASID_BIND_FAULT | IOASID_BIND_DOMAIN, .id = PASID,
		.entry = &v->table[table], .parent = v->memory, .domain = DOMAIN,
	};
}

/* PASID-cache invalidation, and the entry is present: it was set. The IOASID stays with the VMM for the next
 * time. */
static int entry_set(struct vmm *v, unsigned int table)
{
	struct ioasid_bind_data data = entry_of(v, table);
	uint32_t refs;
	ioasid_t id;
	int rc = ioasid_refs(v->set, PASID, &refs) == 0 ? 0 : ioasid_alloc(v->set, PASID, PASID, NULL, &id);

	data.flags |= IOASID_BIND_SPID;
	data.spid = ioasid_spid_make(PASID);
	return rc != 0 ? rc : ioasid_bind_gpasid(v->device, v->set, &data);
}

/* The entry is present, and was before: it was changed. */
static int entry_change(struct vmm *v, unsigned int table)
{
	const struct ioasid_bind_data data = entry_of(v, table);

	return ioasid_rebind(v->device, v->set, &data);
}

/* The entry is not present any more. */
static int entry_clear(struct vmm *v)
{
	return ioasid_unbind(v->device, v->set, PASID, IOASID_COOKIE_NONE);
}

/* IOTLB invalidation. Its wait descriptor may complete when this returns. */
static int invalidate(struct vmm *v, uint32_t scope, uint64_t length)
{
	const struct ioasid_invalidation item = {
		.struct_size = sizeof(item), .scope = scope, .id = PASID, .spid = ioasid_spid_make(PASID), .device = v->device,
		.domain = DOMAIN, .address = FLOW_IOVA, .length = length,
	};

	return ioasid_invalidate(v->set, &item, 1, NULL);
}

static void entries_come_and_go(struct vmm *v)
{
	flow_is("set: ioasid_alloc, ioasid_bind_gpasid", entry_set(v, 0), 0);
	flow_true("DMA with PASID 7 reaches process A",
		  flow_write(&v->flow, 0, PASID, 0x0a) && *flow_page(&v->flow, PAGE_A) == 0x0a);
	flow_is("changed: ioasid_rebind", entry_change(v, 1), 0);
	flow_true("now process B",
		  flow_write(&v->flow, 0, PASID, 0x0b) && *flow_page(&v->flow, PAGE_B) == 0x0b &&
			  *flow_page(&v->flow, PAGE_A) == 0x0a);
	flow_is("cleared: ioasid_unbind", entry_clear(v), 0);
	flow_is("DMA: FLOW_BLOCKED", flow_read(&v->flow, 0, PASID), FLOW_BLOCKED);
	for (unsigned int i = 0; i < 1000; i++)
		if (entry_set(v, i % 2) != 0 || flow_read(&v->flow, 0, PASID) != (i % 2 ? 0x0b : 0x0a) || entry_clear(v) != 0)
			flow_is("set and cleared again within microseconds (S3.5), round", i, -1);
	flow_is("set and cleared a thousand times, and set", entry_set(v, 0), 0);
}

static void guest_invalidates(struct vmm *v)
{
	static const struct {
		const char *name;
		uint32_t scope;
		uint64_t length;
	} all[] = {
		{ "one page of a PASID", IOASID_INVALIDATE_BINDING, FLOW_PAGE },
		{ "a PASID on every device", IOASID_INVALIDATE_SPID, IOASID_INVALIDATE_ALL },
		{ "a domain", IOASID_INVALIDATE_DOMAIN, IOASID_INVALIDATE_ALL },
		{ "a device's TLB", IOASID_INVALIDATE_DEVICE, IOASID_INVALIDATE_ALL },
		{ "everything", IOASID_INVALIDATE_SET, IOASID_INVALIDATE_ALL },
	};

	*flow_page(&v->flow, PAGE_A) = 0x0a;
	*flow_page(&v->flow, PAGE_B) = 0x0b;
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		unsigned int page = i % 2 ? PAGE_A : PAGE_B;

		/* The device has seen the old page; then the guest writes its table. */
		(void)flow_read(&v->flow, 0, PASID);
		(void)flow_table(&v->flow, TABLE_A, page);
		flow_is(all[i].name, invalidate(v, all[i].scope, all[i].length), 0);
		flow_is("the device sees what the guest wrote", flow_read(&v->flow, 0, PASID), page == PAGE_A ? 0x0a : 0x0b);
	}
}

static void page_request(struct vmm *v)
{
	struct ioasid_fault fault = { .group = 0 };
	uint32_t count = 1;

	flow_ask(&v->flow, 0, PASID, 9);
	flow_is("ioasid_fault_read: for the guest's page request queue",
		ioasid_fault_read(v->flow.context, &fault, sizeof(fault), &count), 0);
	flow_true("device, PASID, group, address are what the guest has to know",
		  count == 1 && fault.device == v->device && fault.spid.value == PASID && fault.group == 9 &&
			  fault.address == FLOW_IOVA);
	flow_is("page group response: ioasid_fault_respond by device, PASID, group",
		ioasid_fault_respond(v->device, v->set, ioasid_spid_make(PASID), 9, IOASID_FAULT_SUCCESS), 0);
	flow_is("the device was told: success", flow_told(&v->flow, 0, PASID, 9), IOASID_FAULT_SUCCESS);
}

static void resets(struct vmm *v)
{
	flow_is("FLR: ioasid_device_reset_bindings", ioasid_device_reset_bindings(v->device), 0);
	flow_is("and ioasid_device_was_reset, when it is over", ioasid_device_was_reset(v->device), 0);
	flow_is("DMA: FLOW_BLOCKED", flow_read(&v->flow, 0, PASID), FLOW_BLOCKED);
	flow_is("the guest sets its entry again", entry_set(v, 1), 0);
	flow_true("it works", flow_write(&v->flow, 0, PASID, 0x0c));
	flow_is("the guest is reset: ioasid_set_reset", ioasid_set_reset(v->set), 0);
	flow_is("DMA: FLOW_BLOCKED", flow_read(&v->flow, 0, PASID), FLOW_BLOCKED);
	flow_is("IOTLB invalidation by a guest that is late: a success", invalidate(v, IOASID_INVALIDATE_SPID, FLOW_PAGE), 0);
	flow_is("ioasid_wait_reclaimed", ioasid_wait_reclaimed(v->pool, PASID, IOASID_FOREVER), 0);
	flow_is("it boots again, and sets its entry", entry_set(v, 0), 0);
	flow_true("it works", flow_read(&v->flow, 0, PASID) >= 0);
}

int main(void)
{
	static const struct ioasid_context_setting settings[] = { { "ats", "on" }, { "pri", "on" } };
	static struct vmm v;

	flow_open(&v.flow, settings, 2, PAGES);
	v.table[0] = flow_table(&v.flow, TABLE_A, PAGE_A);
	v.table[1] = flow_table(&v.flow, TABLE_B, PAGE_B);
	flow_title("What the VMM has before its vIOMMU starts");
	vmm_before(&v);
	flow_title("The vIOMMU takes over: nothing of it is made anew");
	adopt(&v);
	flow_title("The guest sets, changes and clears an entry of its PASID table");
	entries_come_and_go(&v);
	flow_title("The guest changes its page table and invalidates");
	guest_invalidates(&v);
	flow_title("The device asks for a page");
	page_request(&v);
	flow_title("FLR, and reset of the guest");
	resets(&v);
	flow_title("Hot unplug: close never fails");
	flow_is("ioasid_device_close", ioasid_device_close(v.device), 0);
	flow_is("DMA: FLOW_BLOCKED", flow_read(&v.flow, 0, PASID), FLOW_BLOCKED);
	flow_is("ioasid_set_put: the last one", ioasid_set_put(v.set), 1);
	flow_is("ioasid_wait_reclaimed", ioasid_wait_reclaimed(v.pool, PASID, IOASID_FOREVER), 0);
	flow_is("ioasid_pool_destroy", ioasid_pool_destroy(v.pool), 0);
	flow_is("ioasid_address_space_destroy: the library's use of it ends", ioasid_address_space_destroy(v.memory), 0);
	flow_title("What was adopted is as it was");
	vmm_after(&v);
	flow_close(&v.flow);
	return EXIT_SUCCESS;
}
