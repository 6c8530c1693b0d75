/* What the cases of the test on the kernel's mock devices share; see mock-lab.h. */
#include "tests/vm/mock-lab.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/harness.h"

int lab_open(struct lab *lab)
{
	struct ioasid_context_args args = { .struct_size = sizeof(args), .system = bridge_host(lab->bridge) };
	struct ioasid_backend *backend;
	int rc = ioasid_backend_load("vtd", 0, &backend, &lab->why);

	if (rc)
		return rc;
	rc = ioasid__be_open(&lab->be, backend, &args, &lab->why);
	ioasid_backend_put(backend);
	lab->open = !rc;
	return rc;
}

int lab_device(struct lab *lab, unsigned int number)
{
	char name[8];
	struct ioasid_be_device spec = {
		.struct_size = sizeof(spec), .kind = IOASID_BE_DEVICE_NAME, .name = name, .fd = -1, .iommufd = -1,
		.cookie = LAB_COOKIE + number,
	};

	snprintf(name, sizeof(name), "vfio%u", number);
	return ioasid__be_device_attach(&lab->be, &spec, &lab->dev[number], &lab->why);
}

int lab_space(struct lab *lab, unsigned int number, uint32_t uses)
{
	struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses };

	args.faultq = uses & IOASID_BE_USE_FAULT ? lab->queue : NULL;
	return ioasid__be_as_create(&lab->be, &args, &lab->as[number], &lab->why);
}

int lab_map(struct lab *lab, unsigned int number, unsigned int page)
{
	const struct ioasid_be_map map = {
		.struct_size = sizeof(map), .fd = -1, .iova = LAB_IOVA + page * LAB_PAGE, .length = LAB_PAGE,
		.source = (uintptr_t)lab->pages + number * LAB_PAGE, .access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE,
	};

	return ioasid__be_map(&lab->be, lab->as[number], &map);
}

int lab_queue(struct lab *lab)
{
	const struct ioasid_be_queue_args args = { .struct_size = sizeof(args) };

	return ioasid__be_faultq_create(&lab->be, &args, &lab->queue, &lab->queue_fd);
}

int lab_table(struct lab *lab, unsigned int number, unsigned int parent)
{
	const uint64_t root = LAB_ROOT;
	const uint32_t width = 48;
	struct ioasid_be_record entry = { .type = IOASID_BE_PT_VTD_S1, .length = 24 };
	const struct ioasid_be_table_args args = {
		.struct_size = sizeof(args), .dev = lab->dev[0], .parent = lab->as[parent], .faultq = lab->queue, .entry = &entry,
	};

	memcpy(entry.bytes + 8, &root, sizeof(root));
	memcpy(entry.bytes + 16, &width, sizeof(width));
	return ioasid__be_table_create(&lab->be, &args, &lab->table[number], &lab->why);
}

int onto_space(lab_onto fn, struct lab *lab, unsigned int device, uint32_t pasid, unsigned int space)
{
	struct ioasid_be_bind bind = { .dev = lab->dev[device], .pasid = pasid, .as = lab->as[space] };
	uint32_t done;

	return fn(&lab->be, &bind, 1, 0, &done, &lab->why);
}

int onto_table(lab_onto fn, struct lab *lab, unsigned int device, uint32_t pasid, unsigned int table)
{
	struct ioasid_be_bind bind = { .dev = lab->dev[device], .pasid = pasid, .table = lab->table[table] };
	uint32_t done;

	return fn(&lab->be, &bind, 1, 0, &done, &lab->why);
}

int off(lab_off fn, struct lab *lab, unsigned int device, uint32_t pasid)
{
	struct ioasid_be_bind bind = { .dev = lab->dev[device], .pasid = pasid };
	uint32_t done;

	return fn(&lab->be, &bind, 1, 0, &done);
}

int lab_get(struct lab *lab, struct ioasid_be_page_request *requests, uint32_t room, uint32_t *got)
{
	return ioasid__be_fault_read(&lab->be, lab->queue, requests, room, got);
}

int lab_respond(struct lab *lab, uint64_t handle, uint32_t code)
{
	struct ioasid_be_page_response response = { .handle = handle, .code = code };
	uint32_t done;

	return ioasid__be_fault_respond(&lab->be, lab->queue, &response, 1, &done);
}

/* ---- Up and down ---- */

void lab_init(struct lab *lab)
{
	memset(lab, 0, sizeof(*lab));
	lab->bridge = bridge_create();
	lab->pages = mmap(NULL, LAB_SPACES * LAB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	REQUIRE(lab->pages != MAP_FAILED);
}

/* The queue, two devices, and address spaces: one that is a parent, one for page requests, one plain. */
void lab_up(struct lab *lab)
{
	static const uint32_t uses[LAB_SPACES] = {
		IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT | IOASID_BE_USE_DIRTY, IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT, 0,
	};

	lab_init(lab);
	if (!CHECK_EQ(lab_open(lab), 0))
		printf("# %s\n", lab->why.text);
	REQUIRE(lab->open);
	for (unsigned int i = 0; i < BRIDGE_DEVICES; i++)
		REQUIRE_EQ(lab_device(lab, i), 0);
	REQUIRE_EQ(lab_queue(lab), 0);
	for (unsigned int i = 0; i < LAB_SPACES; i++) {
		REQUIRE_EQ(lab_space(lab, i, uses[i]), 0);
		REQUIRE_EQ(lab_map(lab, i, 0), 0);
	}
	REQUIRE_EQ(lab_table(lab, 0, 0), 0);
}

/* Ends whatever there is, in any state. Each step has to succeed. */
void lab_down(struct lab *lab)
{
	bridge_fail(lab->bridge, 0);
	for (unsigned int i = 0; i < BRIDGE_DEVICES; i++)
		for (uint32_t pasid = 0; lab->dev[i] && pasid < 16; pasid++)
			(void)off(ioasid__be_detach, lab, i, pasid);
	for (unsigned int i = 0; i < LAB_TABLES; i++)
		if (lab->table[i])
			CHECK_EQ(ioasid__be_table_destroy(&lab->be, lab->table[i]), 0);
	for (unsigned int i = 0; i < LAB_SPACES; i++)
		if (lab->as[i])
			CHECK_EQ(ioasid__be_as_destroy(&lab->be, lab->as[i]), 0);
	if (lab->queue)
		CHECK_EQ(ioasid__be_faultq_destroy(&lab->be, lab->queue), 0);
	for (unsigned int i = 0; i < BRIDGE_DEVICES; i++)
		if (lab->dev[i])
			CHECK_EQ(ioasid__be_device_detach(&lab->be, lab->dev[i]), 0);
	if (lab->open)
		CHECK_EQ(ioasid__be_close(&lab->be), 0);
	CHECK(bridge_destroy(lab->bridge));
	munmap(lab->pages, LAB_SPACES * LAB_PAGE);
}

/* Whether a slot is on a table of an address space that leads to its page. */
bool reaches(struct lab *lab, unsigned int device, uint32_t pasid, unsigned int space)
{
	int64_t table = bridge_on(lab->bridge, device, pasid);

	return table > 0 && bridge_maps(lab->bridge, (uint32_t)table, LAB_IOVA, lab->pages + space * LAB_PAGE);
}

bool blocked(struct lab *lab, unsigned int device, uint32_t pasid)
{
	return bridge_on(lab->bridge, device, pasid) == 0;
}

/* The number of the nested table that a slot is on, 0 if it is not on one. */
uint32_t nested_on(struct lab *lab, unsigned int device, uint32_t pasid)
{
	int64_t table = bridge_on(lab->bridge, device, pasid);

	return table > 0 && bridge_below(lab->bridge, (uint32_t)table) ? (uint32_t)table : 0;
}

bool readable_within(const struct lab *lab, int milliseconds)
{
	struct pollfd fd = { .fd = lab->queue_fd, .events = POLLIN };

	/* The kernel reports a request by a thread of its own. */
	return poll(&fd, 1, milliseconds) == 1;
}

bool readable(const struct lab *lab)
{
	return readable_within(lab, 100000);
}
