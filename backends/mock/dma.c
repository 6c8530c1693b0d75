/*
 * DMA by devices.
 *
 * Bytes move under the machine's lock, so that what has to have ended when a park answers cannot be half way
 * through.
 */
#include "dma.h"

#include "dirty.h"
#include "event.h"
#include "flight.h"
#include "page.h"
#include "walk.h"

/* A word that may lie anywhere in a program's objects. */
typedef uint64_t __attribute__((may_alias)) word;

/*
 * Moves bytes as a device does: not as a thread of this program, whose accesses a thread sanitizer could
 * compare with others, but with everything that says which memory exists.
 */
static void move(volatile char *to, const volatile char *from, uint64_t length)
	__attribute__((noinline, no_sanitize("thread")));

static void move(volatile char *to, const volatile char *from, uint64_t length)
{
	uint64_t i = 0;

	if (!(((uintptr_t)to | (uintptr_t)from) % sizeof(word))) {
		for (; length - i >= sizeof(word); i += sizeof(word))
			*(volatile word *)(volatile void *)(to + i) =
				*(const volatile word *)(const volatile void *)(from + i);
	}
	for (; i < length; i++)
		to[i] = from[i];
}

static int32_t dma_in(const struct ioasid_mock *mock, struct ioasid_mock_dma *dma,
		      const struct ioasid_mock_dma *from)
{
	const uint32_t known = IOASID_MOCK_DMA_READ | IOASID_MOCK_DMA_WRITE | IOASID_MOCK_DMA_EXEC |
			       IOASID_MOCK_DMA_PRIV | IOASID_MOCK_DMA_ASK;

	/* Not the general way in: what is out is whatever the last DMA left there. */
	if (!from || from->struct_size != sizeof(*from))
		return IOASID_BE_EINVAL;
	*dma = *from;
	dma->done = 0;
	dma->fault = IOASID_MOCK_FAULT_NONE;
	dma->cached = 0;
	dma->fault_address = 0;
	dma->asked = 0;
	dma->answer = IOASID_BE_RESPOND_SUCCESS;
	if (dma->flags & ~known ||
	    !(dma->flags & IOASID_MOCK_DMA_READ) == !(dma->flags & IOASID_MOCK_DMA_WRITE) ||
	    (dma->flags & IOASID_MOCK_DMA_EXEC && !(dma->flags & IOASID_MOCK_DMA_READ)) || !dma->buffer ||
	    !dma->length || dma->length - 1 > UINT64_MAX - dma->iova)
		return IOASID_BE_EINVAL;
	return dma->device < mock->setup->devices ? 0 : IOASID_BE_ENODEV;
}

static uint32_t wanted_by(const struct ioasid_mock_dma *dma)
{
	return (dma->flags & IOASID_MOCK_DMA_READ ? PERM_READ : 0) |
	       (dma->flags & IOASID_MOCK_DMA_WRITE ? PERM_WRITE : 0) |
	       (dma->flags & IOASID_MOCK_DMA_EXEC ? PERM_EXEC : 0) |
	       (dma->flags & IOASID_MOCK_DMA_PRIV ? PERM_PRIV : PERM_USER);
}

/* The device asks its TLB, the IOMMU its own, and only then somebody looks at the tables. */
static bool translate(struct ioasid_mock *mock, struct ioasid_mock_dma *dma, uint64_t page,
		      struct translation *to)
{
	struct device *device = &mock->devices[dma->device];
	const uint32_t wanted = wanted_by(dma);

	if (tlb_find(&device->tlb, device, dma->pasid, page, wanted, to)) {
		dma->cached++;
		return true;
	}
	if (tlb_find(&device->iommu->tlb, device, dma->pasid, page, wanted, to)) {
		dma->cached++;
	} else {
		dma->fault = walk(device, dma->pasid, page, wanted, to, &dma->fault_address);
		if (dma->fault)
			return false;
		dma->fault_address = 0;
		tlb_fill(&device->iommu->tlb, to);
	}
	tlb_fill(&device->tlb, to);
	return true;
}

/* Moves what lies on one page, from byte dma->done of the DMA on. */
static void move_page(struct ioasid_mock *mock, struct ioasid_mock_dma *dma, const struct translation *to)
{
	uint64_t offset = (dma->iova + dma->done) & PAGE_MASK_LOW;
	uint64_t left = dma->length - dma->done;
	uint64_t length = PAGE_BYTES - offset < left ? PAGE_BYTES - offset : left;
	char *buffer = (char *)dma->buffer + dma->done;

	if (dma->flags & IOASID_MOCK_DMA_WRITE) {
		move(to->memory + offset, buffer, length);
		dirty_mark(mock, to);
	} else {
		move(buffer, to->memory + offset, length);
	}
	dma->done += length;
}

static uint32_t fault_flags(const struct ioasid_mock_dma *dma)
{
	return IOASID_BE_FAULT_LAST |
	       (dma->flags & IOASID_MOCK_DMA_WRITE ? IOASID_BE_FAULT_WRITE : IOASID_BE_FAULT_READ) |
	       (dma->flags & IOASID_MOCK_DMA_EXEC ? IOASID_BE_FAULT_EXEC : 0) |
	       (dma->flags & IOASID_MOCK_DMA_PRIV ? IOASID_BE_FAULT_PRIV : 0);
}

/* Asks for the page of a fault, and waits for the answer with the lock let go. Is it worth another try? */
static bool ask(struct ioasid_mock *mock, struct ioasid_mock_dma *dma, uint64_t page)
{
	struct device *device = &mock->devices[dma->device];
	const struct ioasid_mock_page_request request = {
		.struct_size = sizeof(request),
		.device = dma->device,
		.pasid = dma->pasid,
		.group = IOASID_MOCK_GROUP_DMA | (++device->last_group & (IOASID_MOCK_GROUP_DMA - 1)),
		.address = page,
		.flags = fault_flags(dma),
	};
	struct ioasid_mock_page_answer answer;

	if (page_ask(mock, device, &request))
		return false;
	if (page_wait(mock, device, dma->pasid, request.group, UINT64_MAX, &answer)) {
		/* The device reset itself and does not know of it any more. */
		dma->fault = IOASID_MOCK_FAULT_CUT;
		return false;
	}
	dma->asked++;
	dma->answer = answer.code;
	return answer.code == IOASID_BE_RESPOND_SUCCESS;
}

/* Can the device ask for what it was refused? */
static bool may_ask(const struct ioasid_mock *mock, const struct ioasid_mock_dma *dma)
{
	return dma->flags & IOASID_MOCK_DMA_ASK && setup_pri(mock->devices[dma->device].setup) &&
	       (dma->fault == IOASID_MOCK_FAULT_NOT_PRESENT || dma->fault == IOASID_MOCK_FAULT_PERMISSION);
}

/* Translates a page, asking for it as often as a device does. */
static bool get_page(struct ioasid_mock *mock, struct ioasid_mock_dma *dma, struct translation *to)
{
	const uint64_t page = (dma->iova + dma->done) & ~PAGE_MASK_LOW;

	for (uint32_t asked = 0; !translate(mock, dma, page, to); asked++) {
		if (asked == IOASID_MOCK_ASK_MAX || !may_ask(mock, dma) || !ask(mock, dma, page))
			return false;
		dma->fault = IOASID_MOCK_FAULT_NONE;
		dma->fault_address = 0;
	}
	return true;
}

int32_t dma_do(struct ioasid_mock *mock, struct ioasid_mock_dma *from)
{
	struct translation to;
	struct ioasid_mock_dma dma;
	int32_t rc = dma_in(mock, &dma, from);

	if (rc)
		return rc;
	turnstile_enter(&mock->lock);
	rc = mock->devices[dma.device].gone ? IOASID_BE_ENODEV : 0;
	while (!rc && dma.done < dma.length && get_page(mock, &dma, &to))
		move_page(mock, &dma, &to);
	if (!rc)
		event_fault(mock, &dma);
	turnstile_leave(&mock->lock);
	if (!rc)
		*from = dma;
	return rc;
}

static uint64_t pages_of(const struct ioasid_mock_dma *dma)
{
	return ((dma->iova + (dma->length - 1)) >> PAGE_SHIFT) - (dma->iova >> PAGE_SHIFT) + 1;
}

/* Translates all pages; false with the fault in flight->dma. */
static bool take_off(struct ioasid_mock *mock, struct flight *flight)
{
	struct ioasid_mock_dma *dma = &flight->dma;

	for (; flight->count < pages_of(dma); flight->count++) {
		uint64_t page = (dma->iova & ~PAGE_MASK_LOW) + (flight->count << PAGE_SHIFT);

		if (!translate(mock, dma, page, &flight->pages[flight->count]))
			return false;
	}
	flight->token = ++mock->last_flight;
	flight->next = mock->flights;
	mock->flights = flight;
	return true;
}

int32_t dma_begin(struct ioasid_mock *mock, struct ioasid_mock_dma *from, uint64_t *token)
{
	struct ioasid_mock_dma dma;
	struct flight *flight;
	int32_t rc = token ? dma_in(mock, &dma, from) : IOASID_BE_EINVAL;
	bool flies = false;

	if (!rc && dma.flags & IOASID_MOCK_DMA_ASK)
		rc = IOASID_BE_EINVAL;
	if (rc)
		return rc;
	if (pages_of(&dma) > (SIZE_MAX - sizeof(*flight)) / sizeof(flight->pages[0]))
		return IOASID_BE_ENOMEM;
	flight = mock_mem_zalloc(&mock->mem, 1, sizeof(*flight) + pages_of(&dma) * sizeof(flight->pages[0]));
	if (!flight)
		return IOASID_BE_ENOMEM;
	flight->dma = dma;
	turnstile_enter(&mock->lock);
	if (mock->devices[dma.device].gone) {
		rc = IOASID_BE_ENODEV;
	} else {
		flies = take_off(mock, flight);
		*from = flight->dma;
		*token = flight->token;
		if (!flies)
			event_fault(mock, &flight->dma);
	}
	turnstile_leave(&mock->lock);
	if (!flies)
		mock_mem_free(&mock->mem, flight);
	return rc;
}

int32_t dma_finish(struct ioasid_mock *mock, uint64_t token, struct ioasid_mock_dma *to)
{
	struct flight *flight;

	if (!to || to->struct_size != sizeof(*to))
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	for (flight = mock->flights; flight && flight->token != token; flight = flight->next)
		;
	if (!flight) {
		turnstile_leave(&mock->lock);
		return IOASID_BE_ENOENT;
	}
	if (flight->cut) {
		flight->dma.fault = IOASID_MOCK_FAULT_CUT;
		flight->dma.fault_address = flight->dma.iova;
	}
	for (uint64_t i = 0; !flight->cut && i < flight->count; i++)
		move_page(mock, &flight->dma, &flight->pages[i]);
	*to = flight->dma;
	flight_end(mock, flight);
	turnstile_leave(&mock->lock);
	mock_mem_free(&mock->mem, flight);
	return 0;
}
