/*
 * Page requests of the counting backend: a queue in memory, and how often each group was answered; see
 * counting_backend.h.
 */
#include "counting_backend.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ASKED_MAX = 1 << 16 };

struct ioasid_be_faultq {
	uint64_t cookie;
	int fd;
};

static struct {
	pthread_mutex_t lock;
	const struct ioasid_be_host *host;
	struct ioasid_be_faultq queue;
	struct {
		struct ioasid_be_page_request request;
		uint32_t answers;
		uint32_t code;
		bool by_host;
	} asked[ASKED_MAX];  /* a handle is an index and 1 */
	uint32_t count;
	uint32_t read;       /* those before were read, or need not be */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

void counting_faults_begin(const struct ioasid_be_host *host)
{
	pthread_mutex_lock(&state.lock);
	state.host = host;
	memset(state.asked, 0, state.count * sizeof(state.asked[0]));
	state.count = 0;
	state.read = 0;
	pthread_mutex_unlock(&state.lock);
}

void counting_faults_setup(void)
{
	counting_setup.ctx_caps.interfaces |= IOASID_BE_IF_FAULT;
	counting_setup.device_caps.flags |= 1u << IOASID_BE_CAP_FAULT | 1u << IOASID_BE_CAP_PRI;
}

/* A request that was answered before it was read is not read. Lock held. */
static void skip(void)
{
	while (state.read < state.count && state.asked[state.read].answers > 0)
		state.read++;
}

uint32_t counting_queued(void)
{
	uint32_t queued;

	pthread_mutex_lock(&state.lock);
	skip();
	queued = state.count - state.read;
	pthread_mutex_unlock(&state.lock);
	return queued;
}

/* Whether what is read next is the rest of a group. Lock held. */
static bool part_read(void)
{
	return state.read > 0 && !(state.asked[state.read - 1].request.flags & IOASID_BE_FAULT_LAST);
}

/* The descriptor says what there is. Lock held. */
static void tell(void)
{
	uint64_t count = 1;

	skip();
	if (state.queue.fd < 0)
		return;
	/* A kernel's file knows whole groups: it has given out one of which something was read. */
	if (state.read < state.count && (counting_setup.faults_fd < 2 || !part_read()))
		(void)!write(state.queue.fd, &count, sizeof(count));
	else
		(void)!read(state.queue.fd, &count, sizeof(count));
}

uint64_t counting_ask(uint64_t device_cookie, uint32_t pasid, uint32_t group, uint64_t address, uint32_t flags)
{
	uint64_t handle = 0;
	bool ready = false;

	pthread_mutex_lock(&state.lock);
	if (state.count < ASKED_MAX) {
		state.asked[state.count].request = (struct ioasid_be_page_request) {
			.device_cookie = device_cookie, .handle = handle = state.count + 1, .address = address,
			.pasid = pasid, .group = group, .flags = flags | (pasid ? IOASID_BE_FAULT_PASID : 0),
		};
		state.count++;
		tell();
		ready = state.queue.fd < 0;
	}
	pthread_mutex_unlock(&state.lock);
	if (ready)
		state.host->ready(state.host->host, state.queue.cookie);
	return handle;
}

uint32_t counting_answers(uint64_t handle, uint32_t *code)
{
	uint32_t answers;

	pthread_mutex_lock(&state.lock);
	answers = state.asked[handle - 1].answers;
	if (code)
		*code = state.asked[handle - 1].code;
	pthread_mutex_unlock(&state.lock);
	return answers;
}

void counting_faults_slot(uint64_t device_cookie, uint32_t pasid)
{
	pthread_mutex_lock(&state.lock);
	for (uint32_t i = 0; counting_setup.faults_answered && i < state.count; i++) {
		const struct ioasid_be_page_request *request = &state.asked[i].request;

		if (request->device_cookie != device_cookie || request->pasid != pasid || state.asked[i].answers)
			continue;
		state.asked[i].answers = 1;
		state.asked[i].code = IOASID_BE_RESPOND_FAILURE;
	}
	tell();
	pthread_mutex_unlock(&state.lock);
}

static int32_t create(struct ioasid_be_ctx *ctx, const struct ioasid_be_queue_args *args,
		      struct ioasid_be_faultq **queue, int32_t *fd)
{
	int32_t rc = counting_enter(COUNTING_FAULTQ_CREATE, args);

	(void)ctx;
	if (rc)
		return rc;
	pthread_mutex_lock(&state.lock);
	state.queue.cookie = args->cookie;
	state.queue.fd = counting_setup.faults_fd ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	rc = counting_setup.faults_fd && state.queue.fd < 0 ? IOASID_BE_ENOMEM : 0;
	*fd = state.queue.fd;
	*queue = &state.queue;
	pthread_mutex_unlock(&state.lock);
	if (rc)
		return rc;
	counting_count_live(COUNTING_FAULTQS, 1);
	return 0;
}

static int32_t destroy(struct ioasid_be_faultq *queue)
{
	int32_t rc = counting_enter(COUNTING_FAULTQ_DESTROY, queue);

	if (rc)
		return rc;
	if (queue->fd >= 0)
		close(queue->fd);
	counting_count_live(COUNTING_FAULTQS, -1);
	return 0;
}

/* The hook runs when the requests are on their way: they are out of the queue and not yet with the host. */
static int32_t read_requests(struct ioasid_be_faultq *queue, struct ioasid_be_batch *batch)
{
	struct ioasid_be_page_request *requests = batch->items;

	(void)queue;
	batch->done = 0;
	pthread_mutex_lock(&state.lock);
	for (skip(); batch->done < batch->count && state.read < state.count; skip())
		requests[batch->done++] = state.asked[state.read++].request;
	tell();
	pthread_mutex_unlock(&state.lock);
	return counting_enter(COUNTING_FAULT_READ, batch);
}

static int32_t respond(struct ioasid_be_faultq *queue, struct ioasid_be_batch *batch)
{
	const struct ioasid_be_page_response *responses = batch->items;
	int32_t rc = counting_enter(COUNTING_RESPOND, batch);

	(void)queue;
	batch->done = 0;
	pthread_mutex_lock(&state.lock);
	for (uint32_t i = 0; !rc && i < batch->count; i++) {
		uint64_t index = responses[i].handle - 1;

		if (index < state.count && state.asked[index].by_host)
			state.asked[index].answers++;
		if (index >= state.count || state.asked[index].answers) {
			rc = IOASID_BE_ENOENT;
			break;
		}
		state.asked[index].answers = 1;
		state.asked[index].code = responses[i].code;
		state.asked[index].by_host = true;
		batch->done++;
	}
	pthread_mutex_unlock(&state.lock);
	return rc;
}

const struct ioasid_be_fault_ops counting_fault_ops = {
	.struct_size = sizeof(counting_fault_ops),
	.create = create,
	.destroy = destroy,
	.read = read_requests,
	.respond = respond,
};
