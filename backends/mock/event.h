/* Queues of events for a guest; see event.c. */
#ifndef MOCK_EVENT_H
#define MOCK_EVENT_H

#include "bell.h"

/*
 * event_report() - tell the guest of a device that DMA of it faulted, or what else happened to it.
 * @lost: events before this one that nobody saw
 *
 * Context: the machine's lock, which is let go to ring the queue's bell.
 * Return: 0; ENOENT: the device is on no guest's table, or its virtual IOMMU has no queue.
 */
int32_t event_report(struct ioasid_mock *mock, const struct device *device,
		     const struct ioasid_mock_event *event, uint32_t lost);

/* event_fault() - report what ended DMA. Context: the same. */
void event_fault(struct ioasid_mock *mock, const struct ioasid_mock_dma *dma);

/* The control interface's part. Nothing held. */
int32_t event_inject(struct ioasid_mock *mock, uint32_t device, const struct ioasid_mock_event *event,
		     uint32_t lost);

#endif
