/*
 * What tests of devices and bindings share: a pool, a set, a context of the mock with devices, guest memory
 * with page tables in it, and DMA through them.
 *
 * Guest memory has DRIG_PAGES pages; page n is filled with n + 1, so that a byte that a device has read tells
 * where it came from. The parent address space maps all of it at address 0. Guest table t maps DRIG_IOVA to
 * page t.
 */
#ifndef IOASID_TESTS_DEVICE_RIG_H
#define IOASID_TESTS_DEVICE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

#include "abi/ioasid_backend.h"
#include "backends/mock/mock_control.h"
#include "tests/support.h"

enum { DRIG_DEVICES = 4, DRIG_TABLES = 6, DRIG_PAGES = 8 + 4 * DRIG_TABLES, DRIG_PAGE = 4096 };
#define DRIG_IOVA UINT64_C(0x40000000)
#define DRIG_MS UINT64_C(1000000)

/* An open context of the mock. */
struct drig_context {
	struct ioasid_context *context;
	const struct ioasid_mock_control *control;
	struct ioasid_mock *mock;
	uint64_t violations;  /* of the contract, that the close has to find; 0 unless the case says otherwise */
};

struct drig {
	struct drig_context on;       /* the context of the devices below */
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_address_space *parent;
	struct ioasid_device *device[DRIG_DEVICES];
	uint32_t devices;
	unsigned char *memory;
	struct ioasid_record entry[DRIG_TABLES];
	struct journal journal;
	struct subscriber kvm;        /* subscribes in the set when drig_listen() is called; writes the journal */
};

/* Opens a context with a configuration "key=value key=value"; @deadline in ns, 0: so long that no call that a
 * test stops on its way, on a machine that is busy, comes near it. */
void drig_context_open(struct drig_context *c, const char *config, uint64_t deadline);
void drig_context_close(struct drig_context *c);

/*
 * Everything, with devices mock0 ... attached MEDIATED and without home; in the pool one set with a quota of
 * 100. @flags: of the pool.
 */
void drig_open_with(struct drig *r, const char *config, uint32_t devices, uint32_t flags, uint64_t deadline);
void drig_open(struct drig *r, const char *config, uint32_t devices);
/* Closes devices and the rest, and checks that nothing is left in pool and machine. */
void drig_close(struct drig *r);
void drig_listen(struct drig *r);

/* Another address space with all of the memory at 0. */
struct ioasid_address_space *drig_space(struct drig *r, struct ioasid_context *context, uint32_t uses);
/* A device by name. Its answer. */
int drig_attach(struct drig *r, const char *name, uint32_t mode, struct ioasid_address_space *home,
		struct ioasid_device **device);

/* How a device of the mock is named, MEDIATED; and a descriptor that the mock takes for that device's. */
struct ioasid_device_spec drig_spec(const char *name);
int drig_device_fd(const char *name);

/* Binds. Without a SPID if @spid is IOASID_SPID_NONE. */
struct ioasid_bind_data drig_data(struct drig *r, ioasid_t id, uint32_t spid, unsigned int table,
				  uint64_t cookie);
int drig_bind(struct drig *r, unsigned int device, ioasid_t id, uint32_t spid, unsigned int table,
	      uint64_t cookie);
int drig_unbind(struct drig *r, unsigned int device, ioasid_t id, uint64_t cookie);

/* DMA of one byte through the mock's device of that number: the byte, or -IOASID_MOCK_FAULT_*. */
int drig_read(struct drig *r, unsigned int device, uint32_t pasid);
/* What it reads through guest table t, and what it gets when it is blocked. */
#define DRIG_BYTE(t) ((int)(t) + 1)
#define DRIG_BLOCKED (-(int)IOASID_MOCK_FAULT_BLOCKED)

/* Lets guest table t map DRIG_IOVA to another page; what is cached of it is stale then. */
void drig_move(struct drig *r, unsigned int table, unsigned int page);

/* The mock's slot, one of IOASID_MOCK_SLOT_*. */
uint32_t drig_slot(struct drig *r, unsigned int device, uint32_t pasid);
struct ioasid_mock_live drig_live(struct drig *r);
uint64_t drig_calls(struct drig *r, uint32_t op);
/* Lets calls of an operation fail, from the nth from now on, @times in a row. */
void drig_fail(struct drig *r, uint32_t op, uint64_t nth, uint64_t times, int32_t error);
/* Lets calls of an operation wait for their deadline and time out. */
void drig_hang(struct drig *r, uint32_t op, uint64_t times);
/* No rule for any operation any more. */
void drig_heal(struct drig *r);

/* Runs what is queued: dispatches where there are no workers, else waits until the ID is reclaimed. */
void drig_settle(struct drig *r, ioasid_t id);
bool drig_free_id(struct drig *r, ioasid_t id);
/*
 * Waits until the pool's workers are through with all they have. An ID is FREE before its credit is back and
 * its number given back to a custom allocator, so drig_settle() alone is not enough to look at those.
 */
void drig_quiet(struct drig *r);
/* Waits until a free in another thread has marked the ID, or a call has claimed all bindings of it. */
void drig_await_mark(struct drig *r, ioasid_t id);
void drig_await_claim(struct drig *r, ioasid_t id);

/* A new ID of the set, bound on the first devices without a SPID, to table 1. */
ioasid_t drig_bound(struct drig *r, unsigned int devices);

/* What a walk of parked IOASIDs tells. */
struct drig_listing {
	unsigned int count;
	struct ioasid_parked last;
};

struct drig_listing drig_list(struct ioasid_set *set);
int drig_list_one(void *listing, const struct ioasid_parked *parked);

/* A call in a thread of its own. Binds are to table 1. */
struct drig_call {
	struct drig *r;
	struct task task;
	unsigned int device;
	ioasid_t id;
	uint32_t spid;
	int answer;
};

void drig_call_bind(void *call);
void drig_call_unbind(void *call);
void drig_call_rebind(void *call); /* to table 2 */
void drig_call_free(void *call);
void drig_call_close(void *call);
void drig_start(struct drig_call *c, struct drig *r, void (*fn)(void *), unsigned int device, ioasid_t id,
		uint32_t spid);
int drig_finish(struct drig_call *c);

/* CLOCK_MONOTONIC in ns. */
uint64_t drig_now(void);

/* A place in the backend where threads stop: a gate that calls of @op pass in @phase. For one call at a time. */
struct drig_stop {
	struct drig *rig;
	uint32_t op;
	uint32_t phase;
	uint32_t device;      /* IOASID_MOCK_NO_DEVICE: any */
	struct gate gate;
};

void drig_stop_begin(struct drig_stop *stop, struct drig *r, uint32_t op, uint32_t phase, uint32_t device);
void drig_stop_end(struct drig_stop *stop);

#endif
