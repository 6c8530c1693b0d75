/*
 * Page requests: devices that have PRI ask for pages, in groups that want one answer each.
 *
 * A group collects requests until one has LAST. Then the IOMMU looks at the slot: if it has a table with a
 * queue, the group is queued there, and stays until somebody answers it, once: the host by respond, or
 * whatever takes the table away. If not, or if the queue is full, the IOMMU answers at once. The answer stays
 * until the device looks at it, or begins another group of that number.
 */
#ifndef MOCK_PAGE_H
#define MOCK_PAGE_H

#include "machine.h"
#include "tlb.h"

struct ioasid_be_faultq;

struct page {
	uint64_t address;
	uint32_t flags; /* IOASID_BE_FAULT_* */
};

enum page_state {
	PAGE_OPEN,   /* LAST has not come */
	PAGE_UNREAD, /* in its queue */
	PAGE_READ,   /* the host has it */
	PAGE_ANSWERED,
};

struct page_group {
	struct page_group *next;    /* of the device */
	struct page_group *younger; /* UNREAD: next in the queue */
	struct device *device;
	uint32_t pasid;
	uint32_t number;
	uint64_t serial; /* of all groups of the machine, ascending */
	enum page_state state;
	uint32_t count;
	uint32_t taken; /* UNREAD: how many the host has */
	bool lost;      /* the device does not know of it any more; ends with its answer */
	struct ioasid_be_faultq *queue;
	struct ioasid_mock_page_answer answer;
	struct page pages[IOASID_MOCK_GROUP_MAX];
};

/* What the host answers to: the serial number, and the device in the low bits to find the group by. */
static inline uint64_t page_handle(const struct page_group *group)
{
	return group->serial << 8 | group->device->number;
}
_Static_assert(SETUP_DEVICES_MAX <= 1 << 8, "a handle has room for the device");

/*
 * page_ask() - a device sends one request.
 *
 * Context: the machine's lock, which is let go to ring the queue's bell.
 * Return: 0; ENODEV: the device is gone; EOPNOTSUPP: it has no PRI now; EBUSY: a group of that number is not
 * answered yet; E2BIG: the group is full; ENOMEM.
 */
int32_t page_ask(struct ioasid_mock *mock, struct device *device,
		 const struct ioasid_mock_page_request *request);

/* page_wait() - take the answer to a group, waiting up to @deadline. The same as control's page_response.
 * Context: the machine's lock, which is let go. */
int32_t page_wait(struct ioasid_mock *mock, struct device *device, uint32_t pasid, uint32_t number,
		  uint64_t deadline, struct ioasid_mock_page_answer *answer);

/* page_answer() - end a group that has no answer yet. Context: the machine's lock. */
void page_answer(struct ioasid_mock *mock, struct page_group *group, uint32_t code, uint32_t by);

/* page_end() - answer with failure what a scope of a slot or device has asked and has serial numbers in
 * (@after, @until]. Context: the machine's lock. */
void page_end(struct ioasid_mock *mock, const struct scope *scope, uint64_t after, uint64_t until);

/* page_lose() - the device reset itself: it waits for no answer any more, but the host may have to give one.
 * Context: the machine's lock. */
void page_lose(struct ioasid_mock *mock, struct device *device);

/* page_find() - the group that the host has by this handle, from this queue; NULL: none. Context: the
 * machine's lock. */
struct page_group *page_find(struct ioasid_mock *mock, const struct ioasid_be_faultq *queue, uint64_t handle);

/* page_forget() - drop all groups of a device; none of them is in a queue. An answer that DMA waits for stays
 * until that has taken it. Context: the machine's lock, or nobody else. */
void page_forget(struct ioasid_mock *mock, struct device *device);

/* page_open_groups() - how many of a device have no answer yet. Context: the machine's lock. */
uint64_t page_open_groups(const struct device *device);

/* The control interface's part. Nothing held. */
int32_t page_request(struct ioasid_mock *mock, const struct ioasid_mock_page_request *request);
int32_t page_response(struct ioasid_mock *mock, uint32_t device, uint32_t pasid, uint32_t group,
		      uint64_t deadline, struct ioasid_mock_page_answer *answer);
int32_t page_tell(struct ioasid_mock *mock, uint32_t device, struct ioasid_mock_pages *pages);

#endif
