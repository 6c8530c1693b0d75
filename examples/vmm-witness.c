/* A device for vmm-sva; see vmm-witness.h. */
#include "examples/vmm-witness.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/mock/mock_control.h"

enum { LENGTH_MAX = 65536, PAGE = 4096, AHEAD_GROUP = 1 };

struct witness {
	const struct ioasid_mock_control *mock; /* NULL: there is nothing to see */
	struct ioasid_mock_dma dma;
	pthread_t device;
	int over;
	int32_t answer;
	uint32_t ahead;                         /* pages that were asked for in one group */
	unsigned char bytes[LENGTH_MAX];
};

static void must(int ok, const char *what)
{
	printf("%-46s %s\n", what, ok ? "yes" : "NO");
	if (!ok)
		exit(1);
}

/* As devices do, it asks for pages ahead, in one group: most of those that it will write. */
static void ask_ahead(struct witness *w)
{
	struct ioasid_mock_page_request request = {
		.struct_size = sizeof(request), .device = w->dma.device, .pasid = w->dma.pasid, .group = AHEAD_GROUP,
		.address = w->dma.iova, .flags = IOASID_BE_FAULT_READ | IOASID_BE_FAULT_WRITE,
	};
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
	uint32_t pages = (uint32_t)(w->dma.length / PAGE * 5 / 6);

	for (uint32_t i = 0; i < pages && w->answer == 0; i++, request.address += PAGE) {
		request.flags |= i + 1 == pages ? IOASID_BE_FAULT_LAST : 0;
		w->answer = w->mock->page_request(w->mock->mock, &request);
	}
	if (w->answer == 0)
		w->answer = w->mock->page_response(w->mock->mock, request.device, request.pasid, request.group, UINT64_MAX,
						   &answer);
	w->ahead = w->answer == 0 && answer.code == IOASID_BE_RESPOND_SUCCESS ? pages : 0;
}

static void *device_main(void *arg)
{
	struct witness *w = arg;

	ask_ahead(w);
	if (w->answer == 0)
		w->answer = w->mock->dma(w->mock->mock, &w->dma);
	if (eventfd_write(w->over, 1) != 0)
		abort();
	return NULL;
}

struct witness *witness_start(struct ioasid_context *context, ioasid_t pasid, uint64_t address, uint64_t length)
{
	struct witness *w = calloc(1, sizeof(*w));
	const void *control;

	must(w != NULL && length <= LENGTH_MAX, "the device has a buffer");
	w->over = eventfd(0, EFD_CLOEXEC);
	must(w->over >= 0, "the device has a bell");
	if (ioasid_context_interface(context, IOASID_MOCK_CONTROL_ID, &control) != 0) {
		printf("the guest's driver would start DMA now\n");
		must(eventfd_write(w->over, 1) == 0, "and wait for it");
		return w;
	}
	w->mock = control;
	memset(w->bytes, 0xa5, sizeof(w->bytes));
	w->dma = (struct ioasid_mock_dma) {
		.struct_size = sizeof(w->dma), .pasid = pasid, .flags = IOASID_MOCK_DMA_WRITE | IOASID_MOCK_DMA_ASK,
		.iova = address, .length = length, .buffer = w->bytes,
	};
	must(pthread_create(&w->device, NULL, device_main, w) == 0, "the device begins DMA");
	return w;
}

int witness_fd(const struct witness *w)
{
	return w->over;
}

void witness_passed(struct witness *w, const unsigned char *memory)
{
	if (w->mock == NULL)
		return;
	pthread_join(w->device, NULL);
	must(w->answer == 0 && w->dma.fault == IOASID_MOCK_FAULT_NONE, "DMA ended well");
	must(memcmp(memory, w->bytes, w->dma.length) == 0, "all of it is in the guest's memory");
	printf("  the device asked for %u pages ahead, and for %u when it needed them\n", w->ahead, w->dma.asked);
}

void witness_blocked(struct witness *w, const unsigned char *memory)
{
	if (w->mock != NULL) {
		memset(w->bytes, 0x5a, sizeof(w->bytes));
		w->dma.flags = IOASID_MOCK_DMA_WRITE;
		w->dma.done = w->dma.asked = 0;
		must(w->mock->dma(w->mock->mock, &w->dma) == 0 && w->dma.fault == IOASID_MOCK_FAULT_BLOCKED, "DMA is blocked");
		must(memory[0] == 0xa5, "the guest's memory is as it was");
	}
	close(w->over);
	free(w);
}
