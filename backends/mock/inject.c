/* Rules, hooks and counters of the operations; see inject.h. */
#include "inject.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "structs.h"

int32_t inject_init(struct inject *inject)
{
	memset(inject, 0, sizeof(*inject));
	if (pthread_mutex_init(&inject->lock, NULL))
		return IOASID_BE_ENOMEM;
	if (pthread_cond_init(&inject->idle, NULL)) {
		pthread_mutex_destroy(&inject->lock);
		return IOASID_BE_ENOMEM;
	}
	return 0;
}

void inject_destroy(struct inject *inject)
{
	pthread_cond_destroy(&inject->idle);
	pthread_mutex_destroy(&inject->lock);
}

static bool is_batch(uint32_t op)
{
	return (op >= IOASID_MOCK_OP_ATTACH && op <= IOASID_MOCK_OP_INVALIDATE) ||
	       op == IOASID_MOCK_OP_FAULT_RESPOND || op == IOASID_MOCK_OP_INVALIDATE_RAW;
}

void inject_batch(struct inject *inject, uint32_t op)
{
	pthread_mutex_lock(&inject->lock);
	inject->op[op].calls++;
	pthread_mutex_unlock(&inject->lock);
}

/* Runs the hook, if there is one. */
static int32_t run_hook(const struct inject_call *call, uint32_t phase, int32_t result)
{
	struct inject *inject = call->inject;
	struct inject_op *op = &inject->op[call->op];
	const struct ioasid_mock_call told = {
		.struct_size = sizeof(told),
		.op = call->op,
		.phase = phase,
		.device = call->device,
		.pasid = call->pasid,
		.result = result,
	};
	ioasid_mock_hook hook;
	void *cookie;
	int32_t rc;

	pthread_mutex_lock(&inject->lock);
	hook = op->hook;
	cookie = op->cookie;
	op->running += hook != NULL;
	pthread_mutex_unlock(&inject->lock);
	if (!hook)
		return 0;
	rc = hook(cookie, &told);
	pthread_mutex_lock(&inject->lock);
	if (!--op->running)
		pthread_cond_broadcast(&inject->idle);
	pthread_mutex_unlock(&inject->lock);
	return rc < 0 ? rc : 0;
}

/* Waits out the rule's delay, or up to the deadline if that comes first. */
static int32_t delay(const struct inject_call *call, const struct ioasid_mock_rule *rule)
{
	uint64_t until = rule->delay ? clock_after(clock_now(), rule->delay) : 0;
	bool timeout = rule->flags & IOASID_MOCK_RULE_TIMEOUT;

	if (call->deadline && (timeout || until >= call->deadline)) {
		clock_sleep_until(call->deadline);
		return IOASID_BE_ETIMEDOUT;
	}
	if (until)
		clock_sleep_until(until);
	return timeout ? IOASID_BE_ETIMEDOUT : rule->error;
}

int32_t inject_begin(const struct inject_call *call)
{
	struct inject_op *op = &call->inject->op[call->op];
	struct ioasid_mock_rule rule;
	bool applies;
	int32_t rc;

	pthread_mutex_lock(&call->inject->lock);
	op->calls += !is_batch(call->op);
	op->items++;
	op->seen++;
	rule = op->rule;
	applies = rule.times && op->seen >= rule.nth && op->seen - rule.nth < rule.times;
	pthread_mutex_unlock(&call->inject->lock);
	rc = run_hook(call, IOASID_MOCK_PHASE_BEGIN, 0);
	if (!rc && applies)
		rc = delay(call, &rule);
	return rc;
}

void inject_blocked(const struct inject_call *call)
{
	run_hook(call, IOASID_MOCK_PHASE_BLOCKED, 0);
}

int32_t inject_end(const struct inject_call *call, int32_t result)
{
	run_hook(call, IOASID_MOCK_PHASE_END, result);
	return result;
}

int32_t inject_rule(struct inject *inject, const struct ioasid_mock_rule *from)
{
	struct ioasid_mock_rule rule;
	int32_t rc = wire_struct_in(&rule, sizeof(rule), from);
	struct inject_op *op;

	if (rc)
		return rc;
	if (rule.op >= IOASID_MOCK_OP_COUNT || rule.flags & ~IOASID_MOCK_RULE_TIMEOUT || rule.reserved ||
	    rule.error > 0 || (rule.times && !rule.nth) ||
	    (rule.flags & IOASID_MOCK_RULE_TIMEOUT && rule.error))
		return IOASID_BE_EINVAL;
	op = &inject->op[rule.op];
	pthread_mutex_lock(&inject->lock);
	op->rule = rule;
	op->seen = 0;
	pthread_mutex_unlock(&inject->lock);
	return 0;
}

int32_t inject_hook(struct inject *inject, uint32_t which, ioasid_mock_hook fn, void *cookie)
{
	struct inject_op *op;

	if (which >= IOASID_MOCK_OP_COUNT)
		return IOASID_BE_EINVAL;
	op = &inject->op[which];
	pthread_mutex_lock(&inject->lock);
	op->hook = NULL;
	while (op->running)
		clock_wait(&inject->idle, &inject->lock);
	op->hook = fn;
	op->cookie = cookie;
	pthread_mutex_unlock(&inject->lock);
	return 0;
}

int32_t inject_count(struct inject *inject, uint32_t op, uint64_t *calls, uint64_t *items)
{
	if (op >= IOASID_MOCK_OP_COUNT || !calls || !items)
		return IOASID_BE_EINVAL;
	pthread_mutex_lock(&inject->lock);
	*calls = inject->op[op].calls;
	*items = inject->op[op].items;
	pthread_mutex_unlock(&inject->lock);
	return 0;
}
