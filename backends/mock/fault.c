/* The interface ioasid.be.fault/1. */
#include "fault.h"

#include "structs.h"

#define DEPTH 128u /* where the host leaves it to us */

static struct inject_call call_of(const struct ioasid_be_ctx *ctx, uint32_t op)
{
	return (struct inject_call){ .inject = &ctx->mock->inject,
				     .op = op,
				     .device = IOASID_MOCK_NO_DEVICE };
}

/* ---- The queue ---- */

bool faultq_put(struct ioasid_be_faultq *queue, struct page_group *group)
{
	if (group->count > queue->depth - queue->unread)
		return false;
	group->state = PAGE_UNREAD;
	group->queue = queue;
	group->taken = 0;
	group->younger = NULL;
	if (queue->youngest)
		queue->youngest->younger = group;
	else
		queue->oldest = group;
	queue->youngest = group;
	queue->unread += group->count;
	return true;
}

void faultq_drop(struct page_group *group)
{
	struct ioasid_be_faultq *queue = group->queue;
	struct page_group *before = NULL;

	if (queue->oldest != group) {
		before = queue->oldest;
		while (before->younger != group)
			before = before->younger;
		before->younger = group->younger;
	} else {
		queue->oldest = group->younger;
	}
	if (queue->youngest == group)
		queue->youngest = before;
	queue->unread -= group->count - group->taken;
}

/* ---- Create, destroy ---- */

static int32_t do_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_queue_args *from,
			 struct ioasid_be_faultq **queue, int32_t *fd)
{
	struct ioasid_mock *mock = ctx->mock;
	struct ioasid_be_queue_args args;
	struct ioasid_be_faultq *made;
	int32_t rc = wire_struct_in(&args, sizeof(args), from);

	if (rc)
		return rc;
	if (!queue || !fd || args.type || args.flags || args.reserved[0] || args.reserved[1])
		return IOASID_BE_EINVAL;
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	made->ctx = ctx;
	made->depth = args.depth ? args.depth : DEPTH;
	turnstile_enter(&mock->lock);
	bell_open(&made->bell, ctx, args.cookie);
	ctx->queues++;
	mock->queues++;
	turnstile_leave(&mock->lock);
	*fd = made->bell.fd;
	*queue = made;
	return 0;
}

static int32_t fault_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_queue_args *args,
			    struct ioasid_be_faultq **queue, int32_t *fd)
{
	const struct inject_call call = call_of(ctx, IOASID_MOCK_OP_FAULTQ_CREATE);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_create(ctx, args, queue, fd));
}

static int32_t do_destroy(struct ioasid_be_faultq *queue)
{
	struct ioasid_mock *mock = queue->ctx->mock;
	int32_t rc = IOASID_BE_EBUSY;

	turnstile_enter(&mock->lock);
	if (!queue->uses) {
		/* No slot leads here any more, so nothing is queued; who rang may still be at it. */
		bell_close(&queue->bell);
		queue->ctx->queues--;
		mock->queues--;
		mock_mem_free(&mock->mem, queue);
		rc = 0;
	}
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t fault_destroy(struct ioasid_be_faultq *queue)
{
	const struct inject_call call = call_of(queue->ctx, IOASID_MOCK_OP_FAULTQ_DESTROY);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_destroy(queue));
}

/* ---- Read ---- */

static void put_record(const struct ioasid_be_batch *batch, uint32_t at, const struct page_group *group,
		       uint32_t index)
{
	const struct ioasid_be_page_request told = {
		.device_cookie = group->device->user->cookie,
		.handle = page_handle(group),
		.address = group->pages[index].address,
		.pasid = group->pasid,
		.group = group->number,
		.flags = group->pages[index].flags,
	};

	wire_item_out(batch, at, &told, sizeof(told));
}

/* Hands groups out as a whole; only one that no batch of this size could take is cut. Answers how many
 * records. */
static uint32_t take_groups(struct ioasid_be_faultq *queue, const struct ioasid_be_batch *batch)
{
	uint32_t done = 0;

	while (queue->oldest && done < batch->count) {
		struct page_group *group = queue->oldest;

		if (done && group->count - group->taken > batch->count - done)
			break;
		for (; group->taken < group->count && done < batch->count; done++, queue->unread--)
			put_record(batch, done, group, group->taken++);
		if (group->taken < group->count)
			break;
		faultq_drop(group);
		group->state = PAGE_READ;
	}
	return done;
}

static int32_t do_read(struct ioasid_be_faultq *queue, struct ioasid_be_batch *requests)
{
	struct ioasid_mock *mock = queue->ctx->mock;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, requests);
	bool left;

	if (rc)
		return rc;
	bell_quiet(&queue->bell);
	turnstile_enter(&mock->lock);
	wire_batch_done(requests, take_groups(queue, &batch));
	left = queue->oldest;
	turnstile_leave(&mock->lock);
	if (left)
		bell_left(&queue->bell);
	return 0;
}

static int32_t fault_read(struct ioasid_be_faultq *queue, struct ioasid_be_batch *requests)
{
	const struct inject_call call = call_of(queue->ctx, IOASID_MOCK_OP_FAULT_READ);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_read(queue, requests));
}

/* ---- Respond ---- */

static int32_t do_respond(struct ioasid_be_faultq *queue, const struct ioasid_be_batch *batch, uint32_t index)
{
	const struct ioasid_be_array array = { batch->items, batch->stride, batch->count };
	struct ioasid_mock *mock = queue->ctx->mock;
	struct inject_call call = call_of(queue->ctx, IOASID_MOCK_OP_FAULT_RESPOND);
	struct ioasid_be_page_response response;
	struct page_group *group;
	int32_t injected, rc = wire_item(&response, sizeof(response), &array, index);

	if (!rc && (response.code > IOASID_BE_RESPOND_FAILURE || response.reserved))
		rc = IOASID_BE_EINVAL;
	injected = inject_begin(&call);
	if (injected)
		rc = injected;
	if (!rc) {
		turnstile_enter(&mock->lock);
		group = page_find(mock, queue, response.handle);
		if (group)
			page_answer(mock, group, response.code, IOASID_MOCK_BY_HOST);
		else
			rc = IOASID_BE_ENOENT;
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

static int32_t fault_respond(struct ioasid_be_faultq *queue, struct ioasid_be_batch *responses)
{
	const uint64_t most = queue->ctx->mock->setup->max_batch;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, responses);

	inject_batch(&queue->ctx->mock->inject, IOASID_MOCK_OP_FAULT_RESPOND);
	if (!rc && most && batch.count > most)
		rc = IOASID_BE_EINVAL;
	for (uint32_t i = 0; !rc && i < batch.count; i++) {
		rc = do_respond(queue, &batch, i);
		if (!rc)
			wire_batch_done(responses, i + 1);
	}
	return rc;
}

const struct ioasid_be_fault_ops mock_fault_ops = {
	.struct_size = sizeof(mock_fault_ops),
	.create = fault_create,
	.destroy = fault_destroy,
	.read = fault_read,
	.respond = fault_respond,
};
