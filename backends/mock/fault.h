/* Queues of page requests: the host's side of page.h. */
#ifndef MOCK_FAULT_H
#define MOCK_FAULT_H

#include "bell.h"
#include "page.h"

struct ioasid_be_faultq {
	struct ioasid_be_ctx *ctx;
	struct bell bell;
	uint32_t depth;
	uint32_t unread; /* records */
	uint64_t uses;   /* tables, and address spaces */
	struct page_group *oldest;
	struct page_group *youngest;
};

static inline bool faultq_is_of(const struct ioasid_be_faultq *queue, const struct ioasid_be_ctx *ctx)
{
	return !queue || queue->ctx == ctx;
}

/* Counting what was made with a queue, NULL is none. Context: the machine's lock. */
static inline void faultq_use(struct ioasid_be_faultq *queue)
{
	if (queue)
		queue->uses++;
}

static inline void faultq_unuse(struct ioasid_be_faultq *queue)
{
	if (queue)
		queue->uses--;
}

/* faultq_put() - queue a group that is complete, without ringing. Context: the machine's lock. Return: was
 * there room? */
bool faultq_put(struct ioasid_be_faultq *queue, struct page_group *group);

/* faultq_drop() - take out a group that is UNREAD. Context: the machine's lock. */
void faultq_drop(struct page_group *group);

#endif
