/*
 * The fault queue of a context: made on demand, told by a descriptor, ended with the context; see fault.h.
 *
 * The library has an event of its own, made before the queue exists: a reader clears it before it looks, and
 * sets it again unless it has seen the end. A backend without a descriptor rings it, too, by calling ready.
 * Where the backend has one, a caller polls both at once: the backend's may say nothing of the rest of a
 * group that was read in part, since what comes from a kernel comes in whole groups.
 */
#include <errno.h>
#include <sys/epoll.h>
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

static void event_set(int fd)
{
	uint64_t one = 1;
	int cancel = cancel_off();

	/* Full is readable, too. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	cancel_restore(cancel);
}

static void event_clear(int fd)
{
	uint64_t count;
	int cancel = cancel_off();

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	cancel_restore(cancel);
}

void ioasid__faults_ready(void *arg, uint64_t cookie)
{
	struct ioasid_context *context = arg;
	/* Acquire: the descriptor was made before its number was written. */
	int fd = atomic_load_explicit(&context->faults_event, memory_order_acquire);

	if (cookie == FAULTS_COOKIE && fd >= 0)
		event_set(fd);
}

void ioasid__faults_event(struct faults *faults, bool readable)
{
	/* Nobody but readers rings it beside a backend's descriptor, so mostly it is as it should be. */
	if (faults->fd != faults->event && faults->left == readable)
		return;
	faults->left = readable;
	if (readable)
		event_set(faults->event);
	else
		event_clear(faults->event);
}

/* No backend rings it from here on. */
static void event_mute(struct ioasid_context *context)
{
	atomic_store_explicit(&context->faults_event, -1, memory_order_release);
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

static int watch(int set, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return errno == ENOMEM || errno == ENOSPC ? -errno : -EIO;
}

/* A descriptor that is readable when one of two is. */
static int both_of(int one, int other)
{
	int set = epoll_create1(EPOLL_CLOEXEC), rc, cancel;

	if (set < 0)
		return -errno;
	rc = watch(set, one);
	if (rc == 0)
		rc = watch(set, other);
	if (rc == 0)
		return set;
	cancel = cancel_off();
	close(set);
	cancel_restore(cancel);
	return rc;
}

static void descriptors_close(struct faults *faults)
{
	int cancel = cancel_off();

	event_mute(faults->context);
	if (faults->fd >= 0 && faults->fd != faults->event)
		close(faults->fd);
	close(faults->event);
	cancel_restore(cancel);
}

/* Makes a queue. Lock not held; nobody else does. */
static int make(struct ioasid_context *context, struct faults **made)
{
	const struct ioasid_be_queue_args args = { .cookie = FAULTS_COOKIE };
	struct faults *faults = mem_zalloc(sizeof(*faults));
	int fd, rc;

	if (faults == NULL)
		return -ENOMEM;
	faults->context = context;
	faults->fd = -1;
	faults->event = event_create(context);
	rc = faults->event < 0 ? faults->event : 0;
	if (rc != 0)
		goto free_memory;
	rc = ioasid__be_faultq_create(&context->be, &args, &faults->queue, &fd);
	if (rc != 0)
		goto close_descriptors;
	faults->fd = faults->event;
	if (fd >= 0) {
		event_mute(context);
		faults->fd = rc = both_of(fd, faults->event);
	}
	if (rc < 0)
		goto end_queue;
	ioasid__groups_init(faults);
	*made = faults;
	return 0;

end_queue:
	(void)ioasid__be_faultq_destroy(&context->be, faults->queue);
close_descriptors:
	descriptors_close(faults);
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
	descriptors_close(faults);
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
