/* Page requests of devices; see page.h. */
#include "page.h"

#include <string.h>

#include "fault.h"
#include "slot.h"
#include "structs.h"
#include "viommu.h"

/* The device's group of that number, answered or not. */
static struct page_group **find(struct device *device, uint32_t pasid, uint32_t number)
{
	struct page_group **at = &device->groups;

	while (*at && ((*at)->pasid != pasid || (*at)->number != number || (*at)->lost))
		at = &(*at)->next;
	return at;
}

static void take_out(struct ioasid_mock *mock, struct page_group **at)
{
	struct page_group *group = *at;

	*at = group->next;
	mock_mem_free(&mock->mem, group);
}

void page_answer(struct ioasid_mock *mock, struct page_group *group, uint32_t code, uint32_t by)
{
	if (group->state == PAGE_UNREAD)
		faultq_drop(group);
	group->state = PAGE_ANSWERED;
	group->queue = NULL;
	group->answer.code = code;
	group->answer.by = by;
	switch (by) {
	case IOASID_MOCK_BY_HOST:
		group->device->pages.host++;
		break;
	case IOASID_MOCK_BY_IOMMU:
		group->device->pages.iommu++;
		break;
	case IOASID_MOCK_BY_FULL:
		group->device->pages.overflow++;
		break;
	default:
		group->device->pages.teardown++;
		break;
	}
	turnstile_notify(&mock->lock);
	if (!group->lost)
		return;
	for (struct page_group **at = &group->device->groups;; at = &(*at)->next) {
		if (*at == group) {
			take_out(mock, at);
			return;
		}
	}
}

/* Who takes page requests of a slot now? */
static struct ioasid_be_faultq *queue_of(struct device *device, uint32_t pasid)
{
	const struct guest_entry *guest = &device->guest;
	const struct slot *slot = slot_in_range(device, pasid) ? slot_find(device, pasid) : NULL;
	const struct target target = slot ? slot_target(slot) : (struct target){ .space = NULL };

	if (guest->viommu)
		return viommu_translates(device) && !(pasid >> guest->pasid_bits) ? guest->faultq : NULL;
	return slot && slot->state == IOASID_MOCK_SLOT_ATTACHED ? target_faultq(&target) : NULL;
}

/* The group is complete. */
static void submit(struct ioasid_mock *mock, struct page_group *group)
{
	struct ioasid_be_faultq *queue = queue_of(group->device, group->pasid);

	if (!queue)
		page_answer(mock, group, IOASID_BE_RESPOND_INVALID, IOASID_MOCK_BY_IOMMU);
	else if (!faultq_put(queue, group))
		page_answer(mock, group, IOASID_BE_RESPOND_INVALID, IOASID_MOCK_BY_FULL);
	else
		bell_ring(&queue->bell);
}

/* The group that a request belongs to, or a new one. */
static int32_t group_for(struct ioasid_mock *mock, struct device *device,
			 const struct ioasid_mock_page_request *request, struct page_group **found)
{
	struct page_group **at = find(device, request->pasid, request->group);
	struct page_group *made;

	if (*at && (*at)->state == PAGE_OPEN) {
		*found = *at;
		return (*at)->count < IOASID_MOCK_GROUP_MAX ? 0 : IOASID_BE_E2BIG;
	}
	if (*at && (*at)->state != PAGE_ANSWERED)
		return IOASID_BE_EBUSY;
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	if (*at)
		take_out(mock, at);
	made->device = device;
	made->pasid = request->pasid;
	made->number = request->group;
	made->serial = ++mock->last_group;
	made->answer.struct_size = sizeof(made->answer);
	made->next = device->groups;
	device->groups = made;
	*found = made;
	return 0;
}

int32_t page_ask(struct ioasid_mock *mock, struct device *device,
		 const struct ioasid_mock_page_request *request)
{
	struct page_group *group;
	int32_t rc;

	if (device->gone)
		return IOASID_BE_ENODEV;
	if (!setup_pri(device->setup) || device->pri_off)
		return IOASID_BE_EOPNOTSUPP;
	rc = group_for(mock, device, request, &group);
	if (rc)
		return rc;
	group->pages[group->count++] = (struct page){
		.address = request->address,
		.flags = request->flags | (request->pasid ? IOASID_BE_FAULT_PASID : 0),
	};
	if (request->flags & IOASID_BE_FAULT_LAST)
		submit(mock, group);
	return 0;
}

int32_t page_wait(struct ioasid_mock *mock, struct device *device, uint32_t pasid, uint32_t number,
		  uint64_t deadline, struct ioasid_mock_page_answer *answer)
{
	bool late = false;

	for (;;) {
		struct page_group **at = find(device, pasid, number);

		if (!*at)
			return IOASID_BE_ENOENT;
		if ((*at)->state == PAGE_ANSWERED) {
			*answer = (*at)->answer;
			take_out(mock, at);
			return 0;
		}
		if (!deadline)
			return IOASID_BE_EAGAIN;
		if (late)
			return IOASID_BE_ETIMEDOUT;
		late = turnstile_wait(&mock->lock, deadline);
	}
}

static bool is_in(const struct page_group *group, const struct scope *scope)
{
	return scope->kind == SCOPE_SLOT ? group->pasid == scope->pasid : group->pasid || !scope->but_rid;
}

void page_end(struct ioasid_mock *mock, const struct scope *scope, uint64_t after, uint64_t until)
{
	/* Only its owner changes a device's groups, and that is the lock; slots lead here by their device. */
	struct device *device = &mock->devices[scope->device->number];

	for (struct page_group *g = device->groups, *next; g; g = next) {
		next = g->next;
		if (g->state != PAGE_ANSWERED && g->serial > after && g->serial <= until && is_in(g, scope))
			page_answer(mock, g, IOASID_BE_RESPOND_FAILURE, IOASID_MOCK_BY_TEARDOWN);
	}
}

void page_lose(struct ioasid_mock *mock, struct device *device)
{
	struct page_group **at = &device->groups;

	while (*at) {
		(*at)->lost = (*at)->state == PAGE_UNREAD || (*at)->state == PAGE_READ;
		if ((*at)->lost)
			at = &(*at)->next;
		else
			take_out(mock, at);
	}
	turnstile_notify(&mock->lock);
}

struct page_group *page_find(struct ioasid_mock *mock, const struct ioasid_be_faultq *queue, uint64_t handle)
{
	struct device *device = machine_device(mock, (uint32_t)(handle & 0xff));
	struct page_group *group = device ? device->groups : NULL;

	while (group && page_handle(group) != handle)
		group = group->next;
	return group && group->state == PAGE_READ && group->queue == queue ? group : NULL;
}

void page_forget(struct ioasid_mock *mock, struct device *device)
{
	struct page_group **at = &device->groups;

	while (*at) {
		if ((*at)->number & IOASID_MOCK_GROUP_DMA && (*at)->state == PAGE_ANSWERED)
			at = &(*at)->next;
		else
			take_out(mock, at);
	}
	turnstile_notify(&mock->lock);
}

uint64_t page_open_groups(const struct device *device)
{
	uint64_t count = 0;

	for (const struct page_group *g = device->groups; g; g = g->next)
		count += g->state != PAGE_ANSWERED;
	return count;
}

/* ---- Control ---- */

int32_t page_request(struct ioasid_mock *mock, const struct ioasid_mock_page_request *from)
{
	const uint32_t known = IOASID_BE_FAULT_LAST | IOASID_BE_FAULT_READ | IOASID_BE_FAULT_WRITE |
			       IOASID_BE_FAULT_EXEC | IOASID_BE_FAULT_PRIV;
	struct ioasid_mock_page_request request;
	struct device *device;
	int32_t rc = wire_struct_in(&request, sizeof(request), from);

	if (rc)
		return rc;
	if (request.flags & ~known || request.reserved || request.group >= IOASID_MOCK_GROUP_DMA)
		return IOASID_BE_EINVAL;
	device = machine_device(mock, request.device);
	if (!device)
		return IOASID_BE_ENODEV;
	turnstile_enter(&mock->lock);
	rc = page_ask(mock, device, &request);
	turnstile_leave(&mock->lock);
	return rc;
}

int32_t page_response(struct ioasid_mock *mock, uint32_t number, uint32_t pasid, uint32_t group,
		      uint64_t deadline, struct ioasid_mock_page_answer *answer)
{
	struct device *device = machine_device(mock, number);
	struct ioasid_mock_page_answer told;
	int32_t rc;

	if (!device)
		return IOASID_BE_ENODEV;
	if (!answer)
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	rc = page_wait(mock, device, pasid, group, deadline, &told);
	turnstile_leave(&mock->lock);
	return rc ? rc : wire_struct_out(answer, sizeof(told), &told);
}

int32_t page_tell(struct ioasid_mock *mock, uint32_t number, struct ioasid_mock_pages *pages)
{
	struct ioasid_mock_pages told = { .struct_size = sizeof(told) };
	const struct device *device = machine_device(mock, number);

	if (!device)
		return IOASID_BE_ENODEV;
	turnstile_enter(&mock->lock);
	for (const struct page_group *g = device->groups; g; g = g->next) {
		told.open += g->state == PAGE_OPEN;
		told.unread += g->state == PAGE_UNREAD;
		told.read += g->state == PAGE_READ;
	}
	told.by_host = device->pages.host;
	told.by_iommu = device->pages.iommu;
	told.by_full = device->pages.overflow;
	told.by_teardown = device->pages.teardown;
	turnstile_leave(&mock->lock);
	return wire_struct_out(pages, sizeof(told), &told);
}
