/*
 * A backend that is linked into a test: it drives nothing, does what it is told and counts every call.
 *
 * A test registers counting_entry(), opens a context and then asks how often each operation was called, makes
 * the n-th call of one fail, or hooks one, to stand still in the middle of it. Objects are real allocations,
 * so a leak or a use after the end shows under a sanitizer; how many are alive is counted, too.
 *
 * Process-wide, any thread. counting_reset() between cases, when nobody calls.
 */
#ifndef IOASID_TESTS_COUNTING_BACKEND_H
#define IOASID_TESTS_COUNTING_BACKEND_H

#include <stdint.h>

#include <ioasid_backend.h>

enum counting_op {
	COUNTING_ENTRY,
	COUNTING_OPEN,
	COUNTING_CLOSE,
	COUNTING_CAPS,
	COUNTING_GET_INTERFACE,
	COUNTING_DEVICE_ATTACH,
	COUNTING_DEVICE_DETACH,
	COUNTING_DEVICE_CAPS,
	COUNTING_DEVICE_REGISTERS,
	COUNTING_DEVICE_REPORT,
	COUNTING_DEVICE_RESET,
	COUNTING_AS_CREATE,
	COUNTING_AS_ADOPT,
	COUNTING_AS_DESTROY,
	COUNTING_MAP,
	COUNTING_UNMAP,
	COUNTING_RANGES,
	COUNTING_ATTACH,
	COUNTING_REPLACE,
	COUNTING_DETACH,
	COUNTING_PARK,
	COUNTING_DEVICE_BLOCK,
	COUNTING_TABLE_CREATE,
	COUNTING_TABLE_DESTROY,
	COUNTING_INVALIDATE,
	COUNTING_FAULTQ_CREATE,
	COUNTING_FAULTQ_DESTROY,
	COUNTING_FAULT_READ,
	COUNTING_RESPOND,
	COUNTING_OPS,
};

enum counting_object {
	COUNTING_CONTEXTS,
	COUNTING_DEVICES,
	COUNTING_ADDRESS_SPACES,
	COUNTING_TABLES,
	COUNTING_FAULTQS,
	COUNTING_OBJECTS,
};

/* What every context and device says of itself; set before open, or attach. */
struct counting_setup {
	uint32_t faults_fd;       /* fault queues have a descriptor; else they call ready. 2: silent within a group */
	uint32_t faults_answered; /* park, detach and replace answer page requests, as they should */
	struct ioasid_be_ctx_caps ctx_caps;
	struct ioasid_be_device_caps device_caps;
};
extern struct counting_setup counting_setup;

int32_t counting_entry(const struct ioasid_be_query *query, struct ioasid_be_reply *reply);

/* counting_reset() - forget counts, failures and hooks, and make the setup whole again: all interfaces, 20
 * bits. */
void counting_reset(void);

/* counting_calls() - Return: how often @op was called since the reset; of a batch operation each batch is
 * one. */
uint64_t counting_calls(enum counting_op op);

/* counting_live() - Return: how many objects of a kind were handed out and not ended since the reset. */
int64_t counting_live(enum counting_object kind);

/* counting_fail() - make the @nth call of @op from now on (1: the next) answer @answer without effect. */
void counting_fail(enum counting_op op, uint64_t nth, int32_t answer);

/*
 * counting_hook() - call @fn inside every call of @op, before it does anything, with the first argument but
 * the context: the device, or the batch. NULL ends it.
 */
void counting_hook(enum counting_op op, void (*fn)(void *arg, const void *what), void *arg);

/* counting_last_bind() - Return: the last item that attach, replace, detach or park was called with. */
struct ioasid_be_bind counting_last_bind(void);

/* counting_last_deadline() - Return: the deadline of the last batch or device_block. */
uint64_t counting_last_deadline(void);

/* ---- counting_faults.c: page requests; one queue at a time ---- */

/* counting_faults_setup() - let the next context and devices have page requests. */
void counting_faults_setup(void);

/* counting_ask() - have a device ask for a page. Return: the handle by which the backend is answered. */
uint64_t counting_ask(uint64_t device_cookie, uint32_t pasid, uint32_t group, uint64_t address, uint32_t flags);

/* counting_answers() - Return: how many answers a handle got, those of the host and, before them, that of the
 * slot; @code: which one took effect, or NULL. */
uint32_t counting_answers(uint64_t handle, uint32_t *code);

/* counting_queued() - Return: how many page requests nobody has read. */
uint32_t counting_queued(void);

/* ---- Between counting_backend.c, counting_faults.c and counting_control.c ---- */

extern const struct ioasid_be_fault_ops counting_fault_ops;

/* counting_faults_begin() - the host of the context that is being opened. */
void counting_faults_begin(const struct ioasid_be_host *host);

/* counting_faults_slot() - answer what a slot has asked for, read or not. */
void counting_faults_slot(uint64_t device_cookie, uint32_t pasid);

/* counting_enter() - count a call and run its hook. Return: what the call is to answer if not 0. */
int32_t counting_enter(enum counting_op op, const void *what);

/* counting_count_live() - add to the objects of a kind. */
void counting_count_live(enum counting_object kind, int64_t by);

/* counting_note() - keep the last item of a batch, if it is not NULL, and the deadline. */
void counting_note(const void *bind, uint64_t deadline);

#endif
