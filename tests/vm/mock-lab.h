/*
 * What the cases of the test on the kernel's mock devices share: a context of the VT-d plugin on the bridge,
 * steps to take with it, and what the kernel says of a slot.
 */
#ifndef IOASID_TESTS_VM_MOCK_LAB_H
#define IOASID_TESTS_VM_MOCK_LAB_H

#include "libioasid/be_call.h"
#include "tests/kernel-mock/bridge.h"

#define LAB_IOVA UINT64_C(0x40000000)
#define LAB_PAGE 4096u
#define LAB_ROOT 0x1234u	/* what the IOTLB of a nested table holds at first */

enum { LAB_SPACES = 3, LAB_TABLES = 2, LAB_COOKIE = 0x77 };

struct lab {
	struct bridge *bridge;
	struct be_context be;
	bool open;
	struct ioasid_be_dev *dev[BRIDGE_DEVICES];
	struct ioasid_be_as *as[LAB_SPACES];
	struct ioasid_be_table *table[LAB_TABLES];
	struct ioasid_be_faultq *queue;
	int32_t queue_fd;
	unsigned char *pages;	/* address space n maps LAB_IOVA to page n */
	struct ioasid_reason why;
};

/* lab_init() - a bridge and pages, nothing is open; lab_up() - the queue, two devices, and address spaces:
 * one that is a parent and tracks dirty pages, one for page requests, one plain; and a guest's table.
 * lab_down() - end whatever there is, in any state. */
void lab_init(struct lab *lab);
void lab_up(struct lab *lab);
void lab_down(struct lab *lab);

/* Steps; each answers 0 or -errno, and can be tried again. */
int lab_open(struct lab *lab);
int lab_device(struct lab *lab, unsigned int number);
int lab_space(struct lab *lab, unsigned int number, uint32_t uses);
int lab_map(struct lab *lab, unsigned int number, unsigned int page);
int lab_queue(struct lab *lab);
int lab_table(struct lab *lab, unsigned int number, unsigned int parent);
int lab_get(struct lab *lab, struct ioasid_be_page_request *requests, uint32_t room, uint32_t *got);
int lab_respond(struct lab *lab, uint64_t handle, uint32_t code);

typedef int (*lab_onto)(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
			uint32_t *done, struct ioasid_reason *why);
typedef int (*lab_off)(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		       uint32_t *done);

/* One operation of the interface pasid on one slot. */
int onto_space(lab_onto fn, struct lab *lab, unsigned int device, uint32_t pasid, unsigned int space);
int onto_table(lab_onto fn, struct lab *lab, unsigned int device, uint32_t pasid, unsigned int table);
int off(lab_off fn, struct lab *lab, unsigned int device, uint32_t pasid);

/* readable() - whether the queue becomes readable; the kernel reports a request by a thread of its own, which
 * gets all the time that it may need. readable_within(): for what may as well not come. */
bool readable(const struct lab *lab);
bool readable_within(const struct lab *lab, int milliseconds);

/* reaches() - whether a slot is on a table of an address space that leads to its page; blocked() - whether it
 * is on none;
 * nested_on() - the number of the nested table that it is on, 0: none. */
bool reaches(struct lab *lab, unsigned int device, uint32_t pasid, unsigned int space);
bool blocked(struct lab *lab, unsigned int device, uint32_t pasid);
uint32_t nested_on(struct lab *lab, unsigned int device, uint32_t pasid);

/* events_come_in_order() - a case, in mock-events.c. */
void events_come_in_order(void);

#endif
