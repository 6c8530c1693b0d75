/* SPDX-License-Identifier: MIT */
/* The interface fault: queues of page requests, read and answered; see queue.h. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

#define AT_ONCE 64u	/* answers that go to the kernel together */

static uint32_t flags_of(const struct uapi_page_fault *fault)
{
	return (fault->flags & UAPI_FAULT_LAST_PAGE ? IOASID_BE_FAULT_LAST : 0) |
	       (fault->flags & UAPI_FAULT_PASID_VALID ? IOASID_BE_FAULT_PASID : 0) |
	       (fault->perm & UAPI_FAULT_READ ? IOASID_BE_FAULT_READ : 0) |
	       (fault->perm & UAPI_FAULT_WRITE ? IOASID_BE_FAULT_WRITE : 0) |
	       (fault->perm & UAPI_FAULT_EXEC ? IOASID_BE_FAULT_EXEC : 0) |
	       (fault->perm & UAPI_FAULT_PRIV ? IOASID_BE_FAULT_PRIV : 0);
}

/* Gives out what is in the buffer, as far as there is room. */
static void give_out(struct ioasid_be_faultq *queue, struct ioasid_be_batch *requests)
{
	for (; queue->next < queue->filled && requests->done < requests->count; queue->next++) {
		const struct uapi_page_fault *fault = &queue->buffer[queue->next];
		const struct ioasid_be_page_request request = {
			.device_cookie = queue->cookies[queue->next],
			.handle = queue->handles[queue->next],
			.address = fault->addr,
			.pasid = fault->flags & UAPI_FAULT_PASID_VALID ? fault->pasid : 0,
			.group = fault->grpid,
			.flags = flags_of(fault),
		};

		wire_put(requests->items, requests->stride, requests->done++, &request, sizeof(request));
	}
}

static int32_t fault_read(struct ioasid_be_faultq *queue, struct ioasid_be_batch *requests)
{
	int32_t ret = wire_batch(requests);

	if (ret)
		return ret;
	pthread_mutex_lock(&queue->lock);
	give_out(queue, requests);
	if (requests->done < requests->count) {
		ret = queue_refill(queue, requests->count - requests->done);
		give_out(queue, requests);
	}
	pthread_mutex_unlock(&queue->lock);
	/* What was read counts; what stopped it is told by the next call, if it still does. */
	return requests->done ? 0 : wire_error(ret);
}

/* ---- Answers ---- */

/* Takes in answers that can be given, from one on. Return: how many; @ret: why no more. */
static uint32_t collect(struct ioasid_be_faultq *queue, const struct ioasid_be_batch *responses,
			struct uapi_page_response answers[AT_ONCE], int32_t *ret)
{
	uint32_t count = 0;

	*ret = 0;
	for (uint32_t i = responses->done; i < responses->count && count < AT_ONCE; i++) {
		struct ioasid_be_page_response response;
		struct vtd_request *open;

		*ret = wire_item(&response, sizeof(response), responses->items, responses->stride, i);
		if (!*ret && (response.reserved || response.code > IOASID_BE_RESPOND_FAILURE))
			*ret = IOASID_BE_EINVAL;
		if (*ret)
			break;
		open = *queue_find(queue, (uint32_t)response.handle);
		if (!open || queue_handle(open) != response.handle) {
			*ret = IOASID_BE_ENOENT;
			break;
		}
		/* The kernel knows no answer that makes a device stop asking. */
		answers[count++] = (struct uapi_page_response){
			.cookie = open->cookie,
			.code = response.code == IOASID_BE_RESPOND_SUCCESS ? UAPI_RESPONSE_SUCCESS :
									     UAPI_RESPONSE_INVALID,
		};
	}
	return count;
}

static int32_t fault_respond(struct ioasid_be_faultq *queue, struct ioasid_be_batch *responses)
{
	struct uapi_page_response answers[AT_ONCE];
	int32_t ret = wire_batch(responses), stop;

	if (ret)
		return ret;
	pthread_mutex_lock(&queue->lock);
	while (!ret && responses->done < responses->count) {
		uint32_t count = collect(queue, responses, answers, &stop);
		int64_t done = count ? iommufd_fault_write(&queue->ctx->iommu, queue->fd, answers, count) : 0;

		/* Not what the kernel waits for: it has answered that group itself. */
		if (done == -EINVAL) {
			queue_close(queue, queue_find(queue, answers[0].cookie));
			done = -ENOENT;
		}
		for (int64_t i = 0; i < done; i++)
			queue_close(queue, queue_find(queue, answers[i].cookie));
		responses->done += done > 0 ? (uint32_t)done : 0;
		if (done < 0)
			ret = wire_error((int32_t)done);
		else if (done == (int64_t)count)
			ret = stop;
		else if (!done)
			ret = IOASID_BE_EIO;
	}
	pthread_mutex_unlock(&queue->lock);
	return ret;
}

/* ---- Life ---- */

void queue_use(struct ioasid_be_faultq *queue)
{
	if (!queue)
		return;
	pthread_mutex_lock(&queue->ctx->lock);
	queue->users++;
	pthread_mutex_unlock(&queue->ctx->lock);
}

void queue_drop(struct ioasid_be_faultq *queue)
{
	if (!queue)
		return;
	pthread_mutex_lock(&queue->ctx->lock);
	queue->users--;
	pthread_mutex_unlock(&queue->ctx->lock);
}

int32_t queue_lock(struct ioasid_be_faultq *queue, uint64_t deadline)
{
	return queue ? vtd_lock(&queue->lock, deadline) : 0;
}

void queue_unlock(struct ioasid_be_faultq *queue)
{
	if (queue)
		pthread_mutex_unlock(&queue->lock);
}

const struct ioasid_be_ctx *queue_ctx(const struct ioasid_be_faultq *queue)
{
	return queue->ctx;
}

uint32_t queue_id(const struct ioasid_be_faultq *queue)
{
	return queue->id;
}

static void queue_free(struct ioasid_be_faultq *queue)
{
	struct vtd_request *next;

	for (uint32_t i = 0; i < QUEUE_BUCKETS; i++)
		while (queue->open[i])
			queue_close(queue, &queue->open[i]);
	for (struct vtd_request *request = queue->spare; request; request = next) {
		next = request->next;
		free(request);
	}
	free(queue->buffer);
	free(queue->handles);
	free(queue->cookies);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* The kernel's queues have no limit that could be set; depth is only a wish. */
static int32_t fault_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_queue_args *from,
			    struct ioasid_be_faultq **result, int32_t *fd)
{
	struct ioasid_be_queue_args args;
	struct ioasid_be_faultq *queue;
	int32_t ret = wire_in(&args, sizeof(args), sizeof(args), from);

	if (ret)
		return ret;
	if (args.type || args.flags || !wire_zero(args.reserved, 2))
		return IOASID_BE_EINVAL;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return IOASID_BE_ENOMEM;
	queue->ctx = ctx;
	pthread_mutex_init(&queue->lock, NULL);
	if (!queue_grow(queue, QUEUE_FIRST_SIZE)) {
		ret = IOASID_BE_ENOMEM;
		goto free_queue;
	}
	ret = wire_error(iommufd_fault_alloc(&ctx->iommu, &queue->id, &queue->fd));
	if (ret)
		goto free_queue;
	pthread_mutex_lock(&ctx->lock);
	ctx->queues++;
	pthread_mutex_unlock(&ctx->lock);
	*result = queue;
	*fd = queue->fd;
	return 0;

free_queue:
	queue_free(queue);
	return ret;
}

static int32_t fault_destroy(struct ioasid_be_faultq *queue)
{
	struct ioasid_be_ctx *ctx = queue->ctx;
	int32_t ret;
	bool busy;

	pthread_mutex_lock(&ctx->lock);
	busy = queue->users > 0;
	pthread_mutex_unlock(&ctx->lock);
	if (busy)
		return IOASID_BE_EBUSY;
	/* The kernel ends a queue only when its file is closed. */
	if (queue->fd >= 0)
		ctx->iommu.host->close(ctx->iommu.host->host, queue->fd);
	queue->fd = -1;
	ret = iommufd_destroy(&ctx->iommu, queue->id);
	if (ret && ret != -ENOENT)
		return wire_error(ret);
	queue_free(queue);
	pthread_mutex_lock(&ctx->lock);
	ctx->queues--;
	pthread_mutex_unlock(&ctx->lock);
	return 0;
}

const struct ioasid_be_fault_ops vtd_fault_ops = {
	.struct_size = sizeof(vtd_fault_ops),
	.create = fault_create,
	.destroy = fault_destroy,
	.read = fault_read,
	.respond = fault_respond,
};
