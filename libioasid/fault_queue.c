/*
 * The fault queue of a context: made on demand, told by a descriptor, ended with the context; see fault.h.
 *
 * The backend gives a descriptor, or calls ready. For the second the library makes one of its own before the
 * queue exists, so that no call is missed. It is level-triggered like the backend's: a reader clears it
 * before it looks, and sets it again unless it has seen the end.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libioasid/be_call.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/mem.h"

#define FAULTS_COOKIE UINT64_C(1) /* what the backend tells ready by */

struct faults *ioasid__faults_of(struct ioasid_context *context)
{
	/* Acquire pairs with the release of who made it. */
	return atomic_load_explicit(&context->faults, memory_order_acquire);
}

void ioasid__faults_ready(void *arg, uint64_t cookie)
{
	struct ioasid_context *context = arg;
	/* Acquire: the descriptor was made before its number was written. */
	int fd = atomic_load_explicit(&context->faults_event, memory_order_acquire), cancel;
	uint64_t one = 1;

	if (cookie != FAULTS_COOKIE || fd < 0)
		return;
	cancel = cancel_off();
	/* Full is readable, too. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	cancel_restore(cancel);
}

void ioasid__faults_event(struct faults *faults, bool readable)
{
	uint64_t count;
	int cancel;

	if (faults->event < 0)
		return;
	if (readable) {
		ioasid__faults_ready(faults->context, FAULTS_COOKIE);
		return;
	}
	cancel = cancel_off();
	while (read(faults->event, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	cancel_restore(cancel);
}

static int event_create(struct ioasid_context *context)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	/* Release pairs with the acquire in ready. */
	atomic_store_explicit(&context->faults_event, fd, memory_order_release);
	return fd;
}

static void event_close(struct ioasid_context *context)
{
	int fd = atomic_exchange_explicit(&context->faults_event, -1, memory_order_acq_rel), cancel;

	if (fd < 0)
		return;
	cancel = cancel_off();
	close(fd);
	cancel_restore(cancel);
}

/* Makes a queue. Lock not held; nobody else does. */
static int make(struct ioasid_context *context, struct faults **made)
{
	const struct ioasid_be_queue_args args = { .cookie = FAULTS_COOKIE };
	struct faults *faults = mem_zalloc(sizeof(*faults));
	int rc;

	if (faults == NULL)
		return -ENOMEM;
	faults->context = context;
	faults->event = event_create(context);
	rc = faults->event < 0 ? faults->event : 0;
	if (rc != 0)
		goto free_memory;
	rc = ioasid__be_faultq_create(&context->be, &args, &faults->queue, &faults->fd);
	if (rc != 0)
		goto close_event;
	if (faults->fd >= 0) {
		event_close(context);
		faults->event = -1;
	} else {
		faults->fd = faults->event;
	}
	ioasid__groups_init(faults);
	*made = faults;
	return 0;

close_event:
	event_close(context);
free_memory:
	mem_free(faults);
	return rc;
}

int ioasid__faults_get(struct ioasid_context *context, struct faults **faults, struct ioasid_reason *why)
{
	struct faults *made = NULL;
	int rc = 0;

	if ((context->be.caps.interfaces & IOASID_BE_IF_FAULT) == 0) {
		ioasid__reason_set(why, "the backend has no page requests");
		return -EOPNOTSUPP;
	}
	lock(&context->lock);
	while (context->faults_making)
		lock_wait(&context->lock, &context->changed);
	*faults = ioasid__faults_of(context);
	if (*faults != NULL) {
		unlock(&context->lock);
		return 0;
	}
	context->faults_making = true;
	unlock(&context->lock);
	rc = make(context, &made);
	lock(&context->lock);
	context->faults_making = false;
	/* Release: who sees it sees it whole. */
	atomic_store_explicit(&context->faults, made, memory_order_release);
	pthread_cond_broadcast(&context->changed);
	unlock(&context->lock);
	if (rc != 0)
		ioasid__reason_set(why, "the backend made no queue for page requests (%d)", rc);
	*faults = made;
	return rc;
}

int ioasid__faults_destroy(struct ioasid_context *context)
{
	struct faults *faults = ioasid__faults_of(context);
	int rc;

	if (faults == NULL)
		return 0;
	rc = ioasid__be_faultq_destroy(&context->be, faults->queue);
	if (rc == -EBUSY)
		return rc;
	if (rc != 0)
		ioasid__be_log(&context->be, IOASID_BE_LOG_WARNING, "ending the queue of page requests failed (%d)", rc);
	event_close(context);
	/* Relaxed: nobody else is in a call with the context. */
	atomic_store_explicit(&context->faults, NULL, memory_order_relaxed);
	mem_free(faults);
	return 0;
}

static bool has_cap(const struct ioasid_device *device, uint32_t capability)
{
	return (device->caps.flags >> capability & 1) != 0;
}

bool ioasid__faults_possible(const struct ioasid_device *device)
{
	return has_cap(device, IOASID_CAP_PRI) && has_cap(device, IOASID_CAP_FAULT);
}

int ioasid__faults_capable(struct ioasid_device *device, struct ioasid_reason *why)
{
	bool possible, pri;

	lock(&device->all->lock);
	possible = ioasid__faults_possible(device);
	pri = has_cap(device, IOASID_CAP_PRI);
	unlock(&device->all->lock);
	if (!possible)
		ioasid__report_reason(device, pri ? IOASID_CAP_FAULT : IOASID_CAP_PRI, "no page requests",
				      pri ? "the backend cannot" : "the device cannot", why);
	return possible ? 0 : -EOPNOTSUPP;
}

int ioasid_context_fault_fd(struct ioasid_context *context)
{
	struct faults *faults;
	int rc = ioasid__call_allowed(context != NULL);

	if (rc == 0)
		rc = ioasid__faults_get(context, &faults, NULL);
	return rc != 0 ? rc : faults->fd;
}
