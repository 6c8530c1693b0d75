/* Page requests of DMA that waits for its pages, from the mock's devices to the caller and back (S18, S10.2). */
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

#define CONFIG "devices=2 ats=on pri=on"
#define NONE IOASID_SPID_NONE
#define PAGE UINT64_C(0x100000)

struct scene {
	struct drig r;
	struct ioasid_address_space *space; /* for faults, empty */
	ioasid_t id;                        /* on it, on device 0 */
};

static void begin(struct scene *s)
{
	drig_open(&s->r, CONFIG, 2);
	REQUIRE_EQ(ioasid_address_space_create(s->r.on.context, IOASID_USE_PASID | IOASID_USE_FAULT, &s->space, NULL), 0);
	s->id = id_make(s->r.set);
	REQUIRE_EQ(ioasid_bind_ioas(s->r.device[0], s->r.set, s->id, s->space, 0), 0);
}

static struct ioasid_mock_pages pages_of(struct drig *r, unsigned int device)
{
	struct ioasid_mock_pages pages = { .struct_size = sizeof(pages) };

	CHECK_EQ(r->on.control->pages(r->on.mock, device, &pages), 0);
	return pages;
}

static void finish(struct scene *s)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (s->r.device[i] != NULL)
			CHECK_EQ(ioasid_device_close(s->r.device[i]), 0);
		s->r.device[i] = NULL;
		CHECK_EQ(pages_of(&s->r, i).read, 0);
		CHECK_EQ(pages_of(&s->r, i).unread, 0);
	}
	CHECK_EQ(ioasid_address_space_destroy(s->space), 0);
	drig_close(&s->r);
}

/* DMA of one byte that asks for its page. */
struct asker {
	struct drig *r;
	struct task task;
	struct ioasid_mock_dma dma;
	unsigned char byte;
};

static void asks(void *arg)
{
	struct asker *a = arg;

	CHECK_EQ(a->r->on.control->dma(a->r->on.mock, &a->dma), 0);
}

static void ask(struct asker *a, struct drig *r, uint32_t pasid)
{
	*a = (struct asker){ .r = r };
	a->dma = (struct ioasid_mock_dma){
		.struct_size = sizeof(a->dma), .device = 0, .pasid = pasid, .flags = IOASID_MOCK_DMA_READ | IOASID_MOCK_DMA_ASK,
		.iova = PAGE, .length = 1, .buffer = &a->byte,
	};
	task_start(&a->task, asks, a);
}

/* Waits for the descriptor, as an event loop does, and reads one. */
static struct ioasid_fault wait_for(struct drig *r)
{
	struct pollfd p = { .fd = ioasid_context_fault_fd(r->on.context), .events = POLLIN };
	struct ioasid_fault fault = { 0 };
	uint32_t count = 0;

	while (count == 0) {
		REQUIRE_EQ(poll(&p, 1, -1), 1);
		count = 1;
		REQUIRE_EQ(ioasid_fault_read(r->on.context, &fault, sizeof(fault), &count), 0);
	}
	return fault;
}

static void map_page(struct scene *s, unsigned int page)
{
	const struct ioasid_mapping one = {
		.struct_size = sizeof(one), .access = IOASID_MAP_READ, .iova = PAGE, .length = DRIG_PAGE,
		.address = s->r.memory + (size_t)page * DRIG_PAGE,
	};

	CHECK_EQ(ioasid_address_space_map(s->space, &one), 0);
}

/* S18.1, S18.2 */
static void dma_goes_on_when_its_page_is_there(void)
{
	struct ioasid_fault fault;
	struct scene s;
	struct asker a;

	begin(&s);
	ask(&a, &s.r, s.id);
	fault = wait_for(&s.r);
	CHECK(fault.device == s.r.device[0]);
	CHECK_EQ(fault.id, s.id);
	CHECK_EQ(fault.address, PAGE);
	CHECK_EQ(fault.flags, IOASID_FAULT_LAST | IOASID_FAULT_READ);
	CHECK(task_blocked(&a.task));
	map_page(&s, 3);
	CHECK_EQ(ioasid_fault_respond_handle(s.r.on.context, fault.handle, IOASID_FAULT_SUCCESS), 0);
	task_join(&a.task);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(a.byte, 4);
	CHECK_EQ(pages_of(&s.r, 0).by_host, 1);
	finish(&s);
}

/* S18.2 */
static void dma_ends_where_there_is_no_page(void)
{
	static const uint32_t codes[] = { IOASID_FAULT_INVALID, IOASID_FAULT_FAILURE };

	for (unsigned int i = 0; i < 2; i++) {
		struct scene s;
		struct asker a;

		begin(&s);
		ask(&a, &s.r, s.id);
		CHECK_EQ(ioasid_fault_respond_handle(s.r.on.context, wait_for(&s.r).handle, codes[i]), 0);
		task_join(&a.task);
		CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NOT_PRESENT);
		CHECK_EQ(a.dma.answer, codes[i]);
		finish(&s);
	}
}

/* S18.1, S9.11: a guest's own table behind the RID of its device; it makes the page present. */
static void a_guest_makes_its_page_present(void)
{
	struct ioasid_bind_data data;
	struct ioasid_fault fault;
	struct scene s;
	struct asker a;
	uint64_t *entry, present;

	begin(&s);
	REQUIRE_EQ(ioasid_device_assign(s.r.device[0], s.r.set), 0);
	data = drig_data(&s.r, IOASID_NO_PASID, NONE, 1, 0);
	data.flags = IOASID_BIND_FAULT;
	/* Table 1 has its last level in page 8 + 4 * 1 + 3; its first entry maps DRIG_IOVA. */
	entry = (uint64_t *)(void *)(s.r.memory + (size_t)15 * DRIG_PAGE);
	present = __atomic_exchange_n(entry, 0, __ATOMIC_RELAXED);
	REQUIRE_EQ(ioasid_bind_gpasid(s.r.device[0], s.r.set, &data), 0);
	a = (struct asker){ .r = &s.r };
	ask(&a, &s.r, IOASID_NO_PASID);
	/* That is another address, which the table has not at all. */
	fault = wait_for(&s.r);
	CHECK_EQ(fault.id, IOASID_NO_PASID);
	CHECK_EQ(fault.spid.value, NONE);
	CHECK_EQ(ioasid_fault_respond(s.r.device[0], s.r.set, fault.spid, fault.group, IOASID_FAULT_INVALID), 0);
	task_join(&a.task);
	a.dma.iova = DRIG_IOVA;
	task_start(&a.task, asks, &a);
	fault = wait_for(&s.r);
	CHECK_EQ(fault.address, DRIG_IOVA);
	__atomic_store_n(entry, present, __ATOMIC_RELEASE);
	CHECK_EQ(ioasid_fault_respond(s.r.device[0], s.r.set, fault.spid, fault.group, IOASID_FAULT_SUCCESS), 0);
	task_join(&a.task);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(a.byte, DRIG_BYTE(1));
	finish(&s);
}

enum way { FREE, UNBIND, REBIND, RESET_BINDINGS, WAS_RESET, SET_RESET, CLOSE, WAYS };

static void go(struct scene *s, enum way way)
{
	struct drig *r = &s->r;
	struct ioasid_bind_data data = drig_data(r, s->id, NONE, 2, 0);

	switch (way) {
	case FREE:
		CHECK_EQ(ioasid_free(r->set, s->id), 0);
		break;
	case UNBIND:
		CHECK_EQ(drig_unbind(r, 0, s->id, 0), 0);
		break;
	case REBIND:
		CHECK_EQ(ioasid_rebind(r->device[0], r->set, &data), 0);
		break;
	case RESET_BINDINGS:
		CHECK_EQ(ioasid_device_reset_bindings(r->device[0]), 0);
		break;
	case WAS_RESET:
		CHECK_EQ(ioasid_device_was_reset(r->device[0]), 0);
		break;
	case SET_RESET:
		CHECK_EQ(ioasid_set_reset(r->set), 0);
		break;
	default:
		CHECK_EQ(ioasid_device_close(r->device[0]), 0);
		r->device[0] = NULL;
	}
}

/* S18.3, S10.2: read or not, whatever waits for a page ends, and each group was answered once. */
static void nothing_waits_for_a_page_of_a_binding_that_is_gone(void)
{
	for (unsigned int i = 0; i < WAYS * 2; i++) {
		enum way way = (enum way)(i / 2);
		bool read = (i & 1) != 0, freed = way == FREE || way == SET_RESET;
		struct ioasid_mock_pages pages;
		struct ioasid_fault fault = { 0 };
		struct scene s;
		struct asker a;

		begin(&s);
		ask(&a, &s.r, s.id);
		if (read)
			fault = wait_for(&s.r);
		else
			while (pages_of(&s.r, 0).unread == 0)
				sched_yield();
		go(&s, way);
		task_join(&a.task);
		CHECK(a.dma.fault != IOASID_MOCK_FAULT_NONE);
		CHECK_EQ(a.dma.answer, IOASID_FAULT_FAILURE);
		if (read)
			CHECK_EQ(ioasid_fault_respond_handle(s.r.on.context, fault.handle, IOASID_FAULT_SUCCESS),
				 freed ? -ENOENT : 0);
		pages = pages_of(&s.r, 0);
		CHECK_EQ(pages.by_host + pages.by_teardown, 1);
		/* At the mark the library is first, else the backend. */
		CHECK_EQ(pages.by_host, read && freed);
		CHECK_EQ(stats_of(s.r.set).faults_swallowed, read && freed);
		finish(&s);
	}
}

/* S18.1: the backend's own limit; nobody waits for ever. */
static void requests_that_the_queue_has_no_room_for_are_the_iommus(void)
{
	struct ioasid_mock_page_request request = {
		.struct_size = sizeof(request), .flags = IOASID_BE_FAULT_LAST | IOASID_BE_FAULT_WRITE,
	};
	struct ioasid_fault faults[64];
	uint32_t count, total = 0;
	struct scene s;

	begin(&s);
	request.pasid = s.id;
	for (request.group = 1; request.group <= 300; request.group++)
		CHECK_EQ(s.r.on.control->page_request(s.r.on.mock, &request), 0);
	do {
		count = 64;
		CHECK_EQ(ioasid_fault_read(s.r.on.context, faults, sizeof(faults[0]), &count), 0);
		total += count;
	} while (count != 0);
	CHECK(total > 0);
	CHECK_EQ(pages_of(&s.r, 0).by_full, 300 - total);
	CHECK_EQ(stats_of(s.r.set).faults_open, total);
	finish(&s);
}

/* S9.10, S18.1 */
static void the_devices_report_says_why_there_are_no_page_requests(void)
{
	static const char *const lacks[] = {
		"devices=1 ats=on pri=off", "devices=1 pri=on", "devices=1 ats=on pri=on without=fault",
	};

	for (unsigned int i = 0; i < 3; i++) {
		struct ioasid_reason why = { "" };
		struct ioasid_bind_data data;
		struct drig r;

		drig_open(&r, lacks[i], 1);
		data = drig_data(&r, id_make(r.set), NONE, 1, 0);
		data.flags = IOASID_BIND_FAULT;
		data.why = &why;
		CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EOPNOTSUPP);
		CHECK(strncmp(why.text, "no page requests: ", 18) == 0);
		CHECK(strlen(why.text) > 24);
		drig_close(&r);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "DMA goes on when its page is there (S18.1, S18.2)", dma_goes_on_when_its_page_is_there },
		{ "DMA ends where there is no page (S18.2)", dma_ends_where_there_is_no_page },
		{ "a guest makes its page present (S18.1, S9.11)", a_guest_makes_its_page_present },
		{ "nothing waits for a page of a binding that is gone (S18.3, S10.2)",
		  nothing_waits_for_a_page_of_a_binding_that_is_gone },
		{ "requests that the queue has no room for are the IOMMU's (S18.1)",
		  requests_that_the_queue_has_no_room_for_are_the_iommus },
		{ "the device's report says why there are no page requests (S9.10, S18.1)",
		  the_devices_report_says_why_there_are_no_page_requests },
	};

	return TEST_MAIN("fault_mock", cases, argc, argv);
}
