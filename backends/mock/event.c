/*
 * The interface ioasid.be.event/1.
 *
 * Room is made when the queue is: an event needs no memory. One that finds no room is lost, and a mark says
 * so behind what is queued: there is one mark, which moves on with the last event that was lost, so that a
 * reader sees in the sequence how many there were, and from the mark that there was no room.
 */
#include "event.h"

#include <string.h>

#include "structs.h"
#include "viommu.h"

#define DEPTH     64u /* where the host leaves it to us */
#define DEPTH_MAX (1u << 16)
#define SEQUENCE  INT32_MAX /* the last before 0 */

struct event {
	bool lost; /* the mark */
	uint32_t sequence;
	struct ioasid_mock_event event;
};

struct ioasid_be_eventq {
	struct ioasid_be_viommu *viommu;
	struct bell bell;
	uint32_t depth;
	uint32_t next;       /* sequence number, once SEQUENCE is behind it taken down to 0 */
	uint32_t count;      /* events and the mark */
	uint32_t events;     /* events */
	struct event list[]; /* depth + 1, the oldest first */
};

/* ---- Put ---- */

static void put(struct ioasid_be_eventq *queue, const struct ioasid_mock_event *event)
{
	const uint32_t sequence = queue->next++;

	if (queue->events < queue->depth) {
		queue->list[queue->count++] = (struct event){ .sequence = sequence, .event = *event };
		queue->events++;
		return;
	}
	/* The mark, if there is one, moves to the end. */
	for (uint32_t i = 0; i < queue->count; i++) {
		if (queue->list[i].lost) {
			memmove(&queue->list[i], &queue->list[i + 1],
				(queue->count - i - 1) * sizeof(queue->list[0]));
			queue->count--;
			break;
		}
	}
	queue->list[queue->count++] = (struct event){ .lost = true, .sequence = sequence };
}

int32_t event_report(struct ioasid_mock *mock, const struct device *device,
		     const struct ioasid_mock_event *event, uint32_t lost)
{
	struct ioasid_be_eventq *queue = viommu_translates(device) ? device->guest.viommu->events : NULL;
	struct ioasid_mock_event told = *event;

	(void)mock;
	if (!queue)
		return IOASID_BE_ENOENT;
	told.virtual_id = device->vdevice->virtual_id;
	queue->next = (uint32_t)(((uint64_t)queue->next + lost) % ((uint64_t)SEQUENCE + 1));
	put(queue, &told);
	bell_ring(&queue->bell);
	return 0;
}

void event_fault(struct ioasid_mock *mock, const struct ioasid_mock_dma *dma)
{
	const struct ioasid_mock_event event = { .struct_size = sizeof(event),
						 .code = dma->fault,
						 .pasid = dma->pasid,
						 .flags = dma->flags,
						 .address = dma->fault_address };

	if (dma->fault != IOASID_MOCK_FAULT_NONE && dma->fault != IOASID_MOCK_FAULT_CUT)
		event_report(mock, &mock->devices[dma->device], &event, 0);
}

int32_t event_inject(struct ioasid_mock *mock, uint32_t number, const struct ioasid_mock_event *from,
		     uint32_t lost)
{
	const struct device *device = machine_device(mock, number);
	struct ioasid_mock_event event;
	int32_t rc = wire_struct_in(&event, sizeof(event), from);

	if (rc)
		return rc;
	if (!device)
		return IOASID_BE_ENODEV;
	turnstile_enter(&mock->lock);
	rc = event_report(mock, device, &event, lost);
	turnstile_leave(&mock->lock);
	return rc;
}

/* ---- Create, destroy ---- */

static struct inject_call call_of(const struct ioasid_be_viommu *viommu, uint32_t op)
{
	return (struct inject_call){ .inject = &viommu->ctx->mock->inject,
				     .op = op,
				     .device = IOASID_MOCK_NO_DEVICE };
}

static int32_t do_create(struct ioasid_be_viommu *viommu, const struct ioasid_be_queue_args *from,
			 struct ioasid_be_eventq **queue, int32_t *fd)
{
	struct ioasid_mock *mock = viommu->ctx->mock;
	struct ioasid_be_queue_args args;
	struct ioasid_be_eventq *made;
	int32_t rc = wire_struct_in(&args, sizeof(args), from);

	if (rc)
		return rc;
	if (!queue || !fd || args.flags || args.reserved[0] || args.reserved[1] || args.depth > DEPTH_MAX)
		return IOASID_BE_EINVAL;
	if (args.type != IOASID_BE_EVENT_MOCK)
		return IOASID_BE_EOPNOTSUPP;
	args.depth = args.depth ? args.depth : DEPTH;
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made) + (args.depth + 1) * sizeof(made->list[0]));
	if (!made)
		return IOASID_BE_ENOMEM;
	made->viommu = viommu;
	made->depth = args.depth;
	turnstile_enter(&mock->lock);
	if (viommu->events) {
		rc = IOASID_BE_EEXIST;
	} else {
		viommu->events = made;
		bell_open(&made->bell, viommu->ctx, args.cookie);
		viommu->ctx->queues++;
		mock->queues++;
		*fd = made->bell.fd;
		*queue = made;
	}
	turnstile_leave(&mock->lock);
	if (rc)
		mock_mem_free(&mock->mem, made);
	return rc;
}

static int32_t event_create(struct ioasid_be_viommu *viommu, const struct ioasid_be_queue_args *args,
			    struct ioasid_be_eventq **queue, int32_t *fd)
{
	const struct inject_call call = call_of(viommu, IOASID_MOCK_OP_EVENTQ_CREATE);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_create(viommu, args, queue, fd));
}

static int32_t event_destroy(struct ioasid_be_eventq *queue)
{
	struct ioasid_mock *mock = queue->viommu->ctx->mock;
	const struct inject_call call = call_of(queue->viommu, IOASID_MOCK_OP_EVENTQ_DESTROY);
	int32_t rc = inject_begin(&call);

	if (!rc) {
		turnstile_enter(&mock->lock);
		queue->viommu->events = NULL;
		bell_close(&queue->bell);
		queue->viommu->ctx->queues--;
		mock->queues--;
		turnstile_leave(&mock->lock);
		mock_mem_free(&mock->mem, queue);
	}
	return inject_end(&call, rc);
}

/* ---- Read ---- */

static void tell(const struct ioasid_be_batch *batch, uint32_t at, const struct event *event)
{
	struct ioasid_be_event_record told = { .flags = event->lost ? IOASID_BE_EVENT_LOST : 0,
					       .sequence = event->sequence };

	if (!event->lost) {
		told.data.type = IOASID_BE_EVENT_MOCK;
		told.data.length = sizeof(event->event);
		memcpy(told.data.bytes, &event->event, sizeof(event->event));
	}
	wire_item_out(batch, at, &told, sizeof(told));
}

static int32_t do_read(struct ioasid_be_eventq *queue, struct ioasid_be_batch *events)
{
	struct ioasid_mock *mock = queue->viommu->ctx->mock;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, events);
	uint32_t done = 0;
	bool left;

	if (rc)
		return rc;
	bell_quiet(&queue->bell);
	turnstile_enter(&mock->lock);
	for (; done < queue->count && done < batch.count; done++) {
		tell(&batch, done, &queue->list[done]);
		queue->events -= !queue->list[done].lost;
	}
	memmove(&queue->list[0], &queue->list[done], (queue->count - done) * sizeof(queue->list[0]));
	queue->count -= done;
	wire_batch_done(events, done);
	left = queue->count;
	turnstile_leave(&mock->lock);
	if (left)
		bell_left(&queue->bell);
	return 0;
}

static int32_t event_read(struct ioasid_be_eventq *queue, struct ioasid_be_batch *events)
{
	const struct inject_call call = call_of(queue->viommu, IOASID_MOCK_OP_EVENT_READ);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_read(queue, events));
}

const struct ioasid_be_event_ops mock_event_ops = {
	.struct_size = sizeof(mock_event_ops),
	.create = event_create,
	.destroy = event_destroy,
	.read = event_read,
};
