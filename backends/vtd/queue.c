/* SPDX-License-Identifier: MIT */
/* Queues of page requests: what was read and is not answered, and reading; see queue.h. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

/* ---- What was read and is not answered; the queue is locked ---- */

struct vtd_request **queue_find(struct ioasid_be_faultq *queue, uint32_t cookie)
{
	struct vtd_request **at = &queue->open[cookie % QUEUE_BUCKETS];

	while (*at && (*at)->cookie != cookie)
		at = &(*at)->next;
	return at;
}

void queue_close(struct ioasid_be_faultq *queue, struct vtd_request **at)
{
	struct vtd_request *request = *at;

	*at = request->next;
	request->next = queue->spare;
	queue->spare = request;
	queue->spares++;
}

uint64_t queue_handle(const struct vtd_request *request)
{
	return (uint64_t)request->serial << 32 | request->cookie;
}

/* Notes a group, for which there is a spare one. What had its cookie before was answered by the kernel. */
static uint64_t open_request(struct ioasid_be_faultq *queue, const struct uapi_page_fault *fault)
{
	struct vtd_request **at = queue_find(queue, fault->cookie), *request = *at;

	if (!request) {
		request = queue->spare;
		queue->spare = request->next;
		queue->spares--;
		request->next = NULL;
		*at = request;
	}
	request->cookie = fault->cookie;
	request->serial = ++queue->serial;
	request->dev = fault->dev_id;
	request->pasid = fault->flags & UAPI_FAULT_PASID_VALID ? fault->pasid : 0;
	return queue_handle(request);
}

static bool have_spares(struct ioasid_be_faultq *queue, uint32_t count)
{
	while (queue->spares < count) {
		struct vtd_request *request = calloc(1, sizeof(*request));

		if (!request)
			return false;
		request->next = queue->spare;
		queue->spare = request;
		queue->spares++;
	}
	return true;
}

void queue_forget(struct ioasid_be_faultq *queue, const struct ioasid_be_dev *dev, uint32_t pasid)
{
	uint32_t kept;

	if (!queue)
		return;
	for (uint32_t i = 0; i < QUEUE_BUCKETS; i++) {
		for (struct vtd_request **at = &queue->open[i]; *at;) {
			if ((*at)->dev == dev->id && (*at)->pasid == pasid)
				queue_close(queue, at);
			else
				at = &(*at)->next;
		}
	}
	kept = queue->next;
	for (uint32_t i = queue->next; i < queue->filled; i++) {
		const struct uapi_page_fault *fault = &queue->buffer[i];
		uint32_t slot = fault->flags & UAPI_FAULT_PASID_VALID ? fault->pasid : 0;

		if (fault->dev_id == dev->id && slot == pasid)
			continue;
		queue->buffer[kept] = queue->buffer[i];
		queue->cookies[kept] = queue->cookies[i];
		queue->handles[kept++] = queue->handles[i];
	}
	queue->filled = kept;
}

/* ---- Reading ---- */

bool queue_grow(struct ioasid_be_faultq *queue, uint32_t size)
{
	struct uapi_page_fault *buffer = calloc(size, sizeof(*buffer));
	uint64_t *handles = calloc(size, sizeof(*handles)), *cookies = calloc(size, sizeof(*cookies));

	if (!buffer || !handles || !cookies) {
		free(buffer);
		free(handles);
		free(cookies);
		return false;
	}
	free(queue->buffer);
	free(queue->handles);
	free(queue->cookies);
	queue->buffer = buffer;
	queue->handles = handles;
	queue->cookies = cookies;
	queue->size = size;
	queue->next = queue->filled = 0;
	return true;
}

static bool find_cookie(struct ioasid_be_ctx *ctx, uint32_t id, uint64_t *cookie)
{
	struct ioasid_be_dev *dev;

	pthread_mutex_lock(&ctx->lock);
	for (dev = ctx->devices; dev && dev->id != id; dev = dev->next)
		;
	if (dev)
		*cookie = dev->cookie;
	pthread_mutex_unlock(&ctx->lock);
	return dev != NULL;
}

/* Notes what was read. A request of a device that is none of ours cannot be given out, so it is answered. */
static void take(struct ioasid_be_faultq *queue, uint32_t count)
{
	queue->next = queue->filled = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct uapi_page_fault fault = queue->buffer[i];
		struct uapi_page_response refusal = { .cookie = fault.cookie, .code = UAPI_RESPONSE_INVALID };
		bool begins = !i || queue->buffer[i - 1].cookie != fault.cookie;
		uint64_t cookie;

		if (!find_cookie(queue->ctx, fault.dev_id, &cookie)) {
			if (fault.flags & UAPI_FAULT_LAST_PAGE)
				iommufd_fault_write(&queue->ctx->iommu, queue->fd, &refusal, 1);
			continue;
		}
		/* All records of a group stand side by side. */
		queue->handles[queue->filled] = begins ? open_request(queue, &fault) :
							 queue_handle(*queue_find(queue, fault.cookie));
		queue->cookies[queue->filled] = cookie;
		queue->buffer[queue->filled++] = fault;
	}
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Reads up to @room records. Return: how many, or -errno. */
static int64_t fill(struct ioasid_be_faultq *queue, uint32_t room)
{
	int64_t got;

	if (!have_spares(queue, room))
		return -ENOMEM;
	got = iommufd_fault_read(&queue->ctx->iommu, queue->fd, queue->buffer, room);
	if (got > (int64_t)room)
		return -EIO;
	if (got > 0)
		take(queue, (uint32_t)got);
	return got;
}

/*
 * No more than needed is taken out of the kernel, whose file tells that there is something: what fits in the
 * reader's room, else the first group alone, or little more.
 */
int32_t queue_refill(struct ioasid_be_faultq *queue, uint32_t room)
{
	uint32_t size = least(room, queue->size);
	int64_t got = fill(queue, size);

	while (!got && size < queue->size) {
		size = least(size * 2, queue->size);
		got = fill(queue, size);
		/* Most often there is nothing; who finds the file readable asks again. */
		got = got == -ENOMEM ? 0 : got;
	}
	if (!got && queue->empty++ && queue->size < QUEUE_MAX_SIZE && queue_grow(queue, queue->size * 2))
		got = fill(queue, queue->size);
	if (got > 0)
		queue->empty = 0;
	return got < 0 ? (int32_t)got : 0;
}
