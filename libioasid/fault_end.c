/*
 * Page requests that the library answers, with failure: of IOASIDs that are being freed (S10.2), of bindings
 * that go or change (S18.3), of what is not delivered; see fault.h.
 *
 * A backend answers what is open when a slot is parked, detached, replaced or reset, and then says that it
 * knows nothing of our answer. So each group gets one, whoever is first.
 */
#include <errno.h>

#include "libioasid/be_call.h"
#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/record.h"

#define OVER_BATCH 16u

void ioasid__faults_refuse(struct faults *faults, uint64_t answer_to)
{
	struct ioasid_be_page_response response = { .handle = answer_to, .code = IOASID_BE_RESPOND_FAILURE };
	struct be_context *be = &faults->context->be;
	uint32_t done;
	int rc = ioasid__be_fault_respond(be, faults->queue, &response, 1, &done);

	if (rc != 0 && rc != -ENOENT)
		ioasid__be_log(be, IOASID_BE_LOG_WARNING, "a page request could not be refused (%d)", rc);
}

uint64_t ioasid__faults_epoch(struct ioasid_context *context)
{
	struct faults *faults = ioasid__faults_of(context);
	uint64_t epoch;

	if (faults == NULL)
		return 0;
	lock(&context->lock);
	epoch = ++faults->epoch;
	unlock(&context->lock);
	return epoch;
}

/* Takes groups that are meant out of the hands of others, up to a batch. Lock held. How many. */
static uint32_t over_take(struct ioasid_device *device, ioasid_t id, enum faults_over over, uint64_t epoch,
			  struct fault_group **taken)
{
	struct link *l = device->faults.next;
	uint32_t count = 0;

	while (l != &device->faults && count < OVER_BATCH) {
		struct fault_group *group = LINK_OWNER(l, struct fault_group, where);

		l = l->next;
		if ((id != IOASID_INVALID && group->id != id) || group->epoch >= epoch)
			continue;
		if (group->state == GROUP_OPEN) {
			if (over == FAULTS_MARKED)
				/* Relaxed: a count. */
				atomic_fetch_add_explicit(&group->set->swallowed, 1, memory_order_relaxed);
			group->state = over == FAULTS_MARKED ? GROUP_LATE : GROUP_ANSWERING;
			taken[count++] = group;
			ioasid__group_detach(group);
		} else if (over == FAULTS_GONE) {
			ioasid__group_detach(group);
		}
	}
	return count;
}

void ioasid__faults_over(struct ioasid_device *device, ioasid_t id, enum faults_over over, uint64_t epoch)
{
	struct ioasid_context *context = device->context;
	struct faults *faults = ioasid__faults_of(context);
	struct fault_group *taken[OVER_BATCH];
	uint32_t count;

	if (faults == NULL)
		return;
	lock(&context->lock);
	/* What comes out of that read may be older than the epoch, so it is either seen here or refused
	 * there. */
	while (over != FAULTS_MARKED && faults->reading && faults->reading_epoch < epoch)
		lock_wait(&context->lock, &context->changed);
	while ((count = over_take(device, id, over, epoch, taken)) != 0) {
		unlock(&context->lock);
		for (uint32_t i = 0; i < count; i++)
			ioasid__faults_refuse(faults, taken[i]->answer_to);
		lock(&context->lock);
		for (uint32_t i = 0; i < count; i++) {
			if (over == FAULTS_MARKED)
				ioasid__group_late(faults, taken[i]);
			else
				ioasid__group_done(faults, taken[i]);
		}
	}
	unlock(&context->lock);
}

/* A binding of a marked ID with open groups, pinned, so that it stays. Lock held. */
static struct binding *answer_next(struct idrec *rec)
{
	for (struct binding *b = rec->bindings; b != NULL; b = b->next) {
		/* Relaxed: it grows under this lock only, and not after the mark. */
		if (b->marked || atomic_load_explicit(&b->faults_open, memory_order_relaxed) == 0)
			continue;
		b->marked = true;
		b->pins++;
		return b;
	}
	return NULL;
}

void ioasid__binding_answer(struct ioasid_pool *pool, uint32_t id)
{
	struct devices *all = pool->devices;
	struct binding *b;
	struct idrec *rec;

	if (all == NULL)
		return;
	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	while (rec != NULL && (b = answer_next(rec)) != NULL) {
		unlock(&all->lock);
		ioasid__faults_over(b->device, id, FAULTS_MARKED, UINT64_MAX);
		lock(&all->lock);
		b->pins--;
		pthread_cond_broadcast(&rec->cond);
	}
	unlock(&all->lock);
}
