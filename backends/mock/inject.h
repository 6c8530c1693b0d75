/*
 * Faults on demand: rules, hooks and counters of the operations.
 *
 * An operation calls inject_begin() before and inject_end() after its work, with nothing held; a batch does
 * so for each item, and inject_call() once. `lock` protects all members. No lock is held while a hook runs or
 * a delay passes.
 */
#ifndef MOCK_INJECT_H
#define MOCK_INJECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "mock_control.h"

struct inject_op {
	struct ioasid_mock_rule rule;
	uint64_t seen; /* items since the rule was set */
	uint64_t calls;
	uint64_t items;
	ioasid_mock_hook hook;
	void *cookie;
	uint64_t running; /* calls of the hook */
};

struct inject {
	pthread_mutex_t lock;
	pthread_cond_t idle; /* `running` of some operation became 0 */
	struct inject_op op[IOASID_MOCK_OP_COUNT];
};

/* One call, or one item of a batch. */
struct inject_call {
	struct inject *inject;
	uint32_t op;
	uint32_t device; /* IOASID_MOCK_NO_DEVICE: none */
	uint32_t pasid;
	uint64_t deadline; /* CLOCK_MONOTONIC in ns; 0: none */
};

int32_t inject_init(struct inject *inject);
void inject_destroy(struct inject *inject);

/* inject_batch() - count one call of a batch operation. */
void inject_batch(struct inject *inject, uint32_t op);

/*
 * inject_begin() - count, run the hook, wait out a delay.
 *
 * Return: 0: go on; else what the operation is to answer without doing anything; inject_end() is called in
 * any case.
 */
int32_t inject_begin(const struct inject_call *call);

/* inject_blocked() - run the hook in the middle of an operation. */
void inject_blocked(const struct inject_call *call);

/* inject_end() - run the hook at the end. Return: @result. */
int32_t inject_end(const struct inject_call *call, int32_t result);

/* The control interface's part. */
int32_t inject_rule(struct inject *inject, const struct ioasid_mock_rule *rule);
int32_t inject_hook(struct inject *inject, uint32_t op, ioasid_mock_hook fn, void *cookie);
int32_t inject_count(struct inject *inject, uint32_t op, uint64_t *calls, uint64_t *items);

#endif
