/*
 * A kernel that is made up: queues of page requests; see fake.h. As the kernel does it, a group is delivered
 * when it is whole and read as a whole or not at all, its cookie is the lowest free number and free again
 * with its answer, and whatever a slot has asked is answered when it leaves its table. A queue's file is an
 * eventfd, so that it can be polled.
 */
#include "tests/fake-kernel/fake-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Makes a queue's file readable if there is something to be read, and only then. */
static void show(struct fake_kernel *kernel, uint32_t iommufd, uint32_t queue)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < FAKE_REQUESTS; i++)
		count += kernel->requests[i].state == FAKE_QUEUED && kernel->requests[i].iommufd == iommufd &&
			 kernel->requests[i].queue == queue;
	for (int32_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &kernel->files[i];
		uint64_t old;

		if (file->kind != FAKE_QUEUE || file->iommufd != iommufd || file->id != queue)
			continue;
		if (read(FAKE_FIRST_FD + i, &old, sizeof(old)) < 0 && errno != EAGAIN)
			abort();
		if (count && write(FAKE_FIRST_FD + i, &count, sizeof(count)) < 0)
			abort();
	}
}

int32_t fake_faults_alloc(struct fake_kernel *kernel, uint32_t iommufd, struct uapi_fault_alloc *cmd)
{
	struct fake_file file = { .kind = FAKE_QUEUE, .iommufd = iommufd };
	struct fake_object *queue;
	int32_t fd;
	int event;

	if (kernel->version < 611)
		return -ENOTTY;
	if (cmd->flags)
		return -EOPNOTSUPP;
	queue = fake_make(kernel, iommufd, FAKE_FAULTS);
	file.id = queue->id;
	fd = fake_new_fd(kernel, file);
	event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0 || event < 0 || dup3(event, fd, O_CLOEXEC) < 0)
		abort();
	close(event);
	queue->users = 1;
	cmd->out_fault_id = queue->id;
	cmd->out_fault_fd = (uint32_t)fd;
	return 0;
}

static void tell(struct fake_kernel *kernel, uint32_t device, uint32_t pasid, uint32_t group, int code)
{
	kernel->told[kernel->told_count++ % FAKE_ANSWERS] = (struct fake_told){
		.device = device, .pasid = pasid, .group = group, .code = code, .used = true,
	};
}

int fake_answer(struct fake_kernel *kernel, unsigned int device, uint32_t pasid, uint32_t group)
{
	for (uint32_t i = 0; i < FAKE_ANSWERS; i++) {
		struct fake_told *told = &kernel->told[i];

		if (!told->used || told->device != device || told->pasid != pasid || told->group != group)
			continue;
		told->used = false;
		return told->code;
	}
	return -1;
}

static bool same_group(const struct fake_request *a, const struct fake_request *b)
{
	return a->state == b->state && a->order == b->order && a->ask.device == b->ask.device &&
	       a->ask.pasid == b->ask.pasid && a->ask.group == b->ask.group;
}

int32_t fake_ask(struct fake_kernel *kernel, const struct fake_ask *ask)
{
	const struct fake_object *table = fake_table(kernel, ask->device, ask->pasid);
	struct fake_request *request = kernel->requests, like;
	const struct fake_object *bound = NULL;

	for (uint32_t i = 0; i < FAKE_OBJECTS; i++)
		if (kernel->objects[i].type == FAKE_BOUND && kernel->objects[i].device == ask->device)
			bound = &kernel->objects[i];
	if (!table || !table->faults || !bound) {
		if (ask->last)
			tell(kernel, ask->device, ask->pasid, ask->group, (int)UAPI_RESPONSE_INVALID);
		return -ENOENT;
	}
	while (request < kernel->requests + FAKE_REQUESTS && request->state != FAKE_FREE)
		request++;
	if (request == kernel->requests + FAKE_REQUESTS)
		abort();
	*request = (struct fake_request){
		.state = FAKE_PARTIAL, .iommufd = table->iommufd, .queue = table->faults, .device = bound->id, .ask = *ask,
	};
	like = *request;
	if (!ask->last)
		return 0;
	kernel->groups++;
	for (uint32_t i = 0; i < FAKE_REQUESTS; i++) {
		if (!same_group(&kernel->requests[i], &like))
			continue;
		kernel->requests[i].order = kernel->groups;
		kernel->requests[i].state = FAKE_QUEUED;
	}
	show(kernel, table->iommufd, table->faults);
	return 0;
}

/* The group that waits longest, as one of its requests, and how many it has. */
static const struct fake_request *first_group(const struct fake_kernel *kernel, const struct fake_file *file,
					      uint32_t *count)
{
	const struct fake_request *first = NULL;

	for (uint32_t i = 0; i < FAKE_REQUESTS; i++) {
		const struct fake_request *request = &kernel->requests[i];

		if (request->state == FAKE_QUEUED && request->iommufd == file->iommufd && request->queue == file->id &&
		    (!first || request->order < first->order))
			first = request;
	}
	*count = 0;
	for (uint32_t i = 0; first && i < FAKE_REQUESTS; i++)
		*count += same_group(&kernel->requests[i], first);
	return first;
}

static uint32_t free_cookie(const struct fake_kernel *kernel, const struct fake_file *file)
{
	uint32_t cookie = 1, i = 0;

	while (i < FAKE_REQUESTS) {
		const struct fake_request *request = &kernel->requests[i++];

		if (request->state == FAKE_READ && request->iommufd == file->iommufd && request->queue == file->id &&
		    request->cookie == cookie) {
			cookie++;
			i = 0;
		}
	}
	return cookie;
}

/* Hands out a group; the order of its requests is that of their coming, which need not be that of their
 * places. */
static void hand_out(struct fake_kernel *kernel, const struct fake_request *first, uint32_t cookie,
		     struct uapi_page_fault *faults)
{
	const struct fake_request like = *first;
	struct fake_request *last = NULL;

	for (uint32_t i = 0; i < FAKE_REQUESTS; i++) {
		struct fake_request *request = &kernel->requests[i];

		if (!same_group(request, &like))
			continue;
		request->state = FAKE_READ;
		request->cookie = cookie;
		if (request->ask.last) {
			last = request;
			continue;
		}
		*faults++ = (struct uapi_page_fault){
			.flags = request->ask.pasid ? UAPI_FAULT_PASID_VALID : 0, .dev_id = request->device,
			.pasid = request->ask.pasid, .grpid = request->ask.group, .perm = request->ask.permissions,
			.addr = request->ask.address, .cookie = cookie,
		};
	}
	*faults = (struct uapi_page_fault){
		.flags = (last->ask.pasid ? UAPI_FAULT_PASID_VALID : 0) | UAPI_FAULT_LAST_PAGE, .dev_id = last->device,
		.pasid = last->ask.pasid, .grpid = last->ask.group, .perm = last->ask.permissions,
		.addr = last->ask.address, .cookie = cookie,
	};
}

int64_t fake_faults_read(struct fake_kernel *kernel, const struct fake_file *file, void *buffer, uint64_t size)
{
	struct uapi_page_fault *faults = buffer;
	uint64_t room = size / sizeof(*faults), done = 0;
	const struct fake_request *first;
	uint32_t count;

	if (size % sizeof(*faults))
		return -ESPIPE;
	while ((first = first_group(kernel, file, &count)) != NULL && count <= room - done) {
		hand_out(kernel, first, free_cookie(kernel, file), faults + done);
		done += count;
	}
	show(kernel, file->iommufd, file->id);
	return (int64_t)(done * sizeof(*faults));
}

/* Ends a group that was read. Return: whether there is one of that cookie. */
static bool answer(struct fake_kernel *kernel, const struct fake_file *file, const struct uapi_page_response *response)
{
	bool found = false;

	for (uint32_t i = 0; i < FAKE_REQUESTS; i++) {
		struct fake_request *request = &kernel->requests[i];

		if (request->state != FAKE_READ || request->iommufd != file->iommufd || request->queue != file->id ||
		    request->cookie != response->cookie)
			continue;
		if (request->ask.last)
			tell(kernel, request->ask.device, request->ask.pasid, request->ask.group, (int)response->code);
		request->state = FAKE_FREE;
		found = true;
	}
	return found;
}

int64_t fake_faults_write(struct fake_kernel *kernel, const struct fake_file *file, const void *buffer, uint64_t size)
{
	const struct uapi_page_response *responses = buffer;
	uint64_t count = size / sizeof(*responses), done = 0;

	if (size % sizeof(*responses))
		return -ESPIPE;
	while (done < count && responses[done].code <= UAPI_RESPONSE_INVALID && answer(kernel, file, &responses[done]))
		done++;
	return done || !count ? (int64_t)(done * sizeof(*responses)) : -EINVAL;
}

void fake_faults_end(struct fake_kernel *kernel, uint32_t device, uint32_t pasid)
{
	for (uint32_t i = 0; i < FAKE_REQUESTS; i++) {
		struct fake_request *request = &kernel->requests[i];

		if (request->state == FAKE_FREE || request->ask.device != device || request->ask.pasid != pasid)
			continue;
		if (request->ask.last)
			tell(kernel, device, pasid, request->ask.group, (int)UAPI_RESPONSE_INVALID);
		request->state = FAKE_FREE;
		show(kernel, request->iommufd, request->queue);
	}
}
