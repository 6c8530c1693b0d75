/*
 * What the counting backend counts, and what it is told to do; see counting_backend.h.
 */
#include "counting_backend.h"

#include <pthread.h>
#include <string.h>

struct counting_setup counting_setup;

static struct {
	pthread_mutex_t lock;
	uint64_t calls[COUNTING_OPS];
	uint64_t fail_at[COUNTING_OPS];  /* the count at which the call fails; 0: none */
	int32_t fail_with[COUNTING_OPS];
	void (*hook[COUNTING_OPS])(void *arg, const void *what);
	void *hook_arg[COUNTING_OPS];
	int64_t live[COUNTING_OBJECTS];
	struct ioasid_be_bind last_bind;
	uint64_t last_deadline;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The hook runs without the lock: it may stand still while others call. */
int32_t counting_enter(enum counting_op op, const void *what)
{
	void (*hook)(void *arg, const void *what);
	void *arg;
	int32_t answer = 0;

	pthread_mutex_lock(&state.lock);
	state.calls[op]++;
	if (state.fail_at[op] == state.calls[op])
		answer = state.fail_with[op];
	hook = state.hook[op];
	arg = state.hook_arg[op];
	pthread_mutex_unlock(&state.lock);
	if (hook)
		hook(arg, what);
	return answer;
}

void counting_count_live(enum counting_object kind, int64_t by)
{
	pthread_mutex_lock(&state.lock);
	state.live[kind] += by;
	pthread_mutex_unlock(&state.lock);
}

void counting_note(const void *bind, uint64_t deadline)
{
	pthread_mutex_lock(&state.lock);
	if (bind)
		memcpy(&state.last_bind, bind, sizeof(state.last_bind));
	state.last_deadline = deadline;
	pthread_mutex_unlock(&state.lock);
}

void counting_reset(void)
{
	pthread_mutex_lock(&state.lock);
	memset(state.calls, 0, sizeof(state.calls));
	memset(state.fail_at, 0, sizeof(state.fail_at));
	memset(state.hook, 0, sizeof(state.hook));
	memset(state.live, 0, sizeof(state.live));
	memset(&state.last_bind, 0, sizeof(state.last_bind));
	state.last_deadline = 0;
	pthread_mutex_unlock(&state.lock);
	counting_faults_begin(NULL);
	counting_setup = (struct counting_setup) {
		.faults_answered = 1,
		.ctx_caps = {
			.struct_size = sizeof(struct ioasid_be_ctx_caps),
			.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_NESTED |
				      IOASID_BE_IF_INVALIDATE,
		},
		.device_caps = {
			.struct_size = sizeof(struct ioasid_be_device_caps),
			.pasid_bits = 20,
			.flags = 1u << IOASID_BE_CAP_PASID | 1u << IOASID_BE_CAP_NESTING |
				 1u << IOASID_BE_CAP_HITLESS | 1u << IOASID_BE_CAP_BLOCK |
				 1u << IOASID_BE_CAP_RID,
			.table_owner = IOASID_BE_OWNER_HOST,
			.iova_bits = 48,
			.page_sizes = 4096,
		},
	};
}

uint64_t counting_calls(enum counting_op op)
{
	uint64_t calls;

	pthread_mutex_lock(&state.lock);
	calls = state.calls[op];
	pthread_mutex_unlock(&state.lock);
	return calls;
}

int64_t counting_live(enum counting_object kind)
{
	int64_t live;

	pthread_mutex_lock(&state.lock);
	live = state.live[kind];
	pthread_mutex_unlock(&state.lock);
	return live;
}

void counting_fail(enum counting_op op, uint64_t nth, int32_t answer)
{
	pthread_mutex_lock(&state.lock);
	state.fail_at[op] = state.calls[op] + nth;
	state.fail_with[op] = answer;
	pthread_mutex_unlock(&state.lock);
}

void counting_hook(enum counting_op op, void (*fn)(void *arg, const void *what), void *arg)
{
	pthread_mutex_lock(&state.lock);
	state.hook[op] = fn;
	state.hook_arg[op] = arg;
	pthread_mutex_unlock(&state.lock);
}

struct ioasid_be_bind counting_last_bind(void)
{
	struct ioasid_be_bind bind;

	pthread_mutex_lock(&state.lock);
	bind = state.last_bind;
	pthread_mutex_unlock(&state.lock);
	return bind;
}

uint64_t counting_last_deadline(void)
{
	uint64_t deadline;

	pthread_mutex_lock(&state.lock);
	deadline = state.last_deadline;
	pthread_mutex_unlock(&state.lock);
	return deadline;
}
