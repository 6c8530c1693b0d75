/*
 * What tests of page requests share: a context of the counting backend, whose devices can ask for pages, with
 * a pool, a set and bindings. The devices are 1, 2, 3 for the backend.
 */
#ifndef IOASID_TESTS_FAULT_RIG_H
#define IOASID_TESTS_FAULT_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

#include "tests/counting_backend.h"
#include "tests/support.h"

enum { FRIG_DEVICES = 3 };
#define FRIG_NONE IOASID_SPID_NONE

struct frig {
	struct ioasid_context *context;
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_address_space *parent;
	struct ioasid_device *device[FRIG_DEVICES];
	struct ioasid_record entry;
};

/* Everything with devices of that mode. frig_begin() only prepares the backend, so that its setup can be
 * changed. */
void frig_begin(struct frig *r);
void frig_open(struct frig *r, uint32_t mode, uint32_t pool_flags);
/* The same with both. */
void frig_make(struct frig *r, uint32_t mode);
/* DIRECT devices, on a backend that answers where a slot goes or changes, or leaves that to the library. */
void frig_answering(struct frig *r, bool answered);
/* Closes all, and checks that the backend has nothing left and saw nothing wrong. */
void frig_close(struct frig *r);

/* Binds with faults; @spid may be FRIG_NONE. */
struct ioasid_bind_data frig_data(struct frig *r, ioasid_t id, uint32_t spid, uint64_t cookie);
int frig_bind(struct frig *r, unsigned int device, ioasid_t id, uint32_t spid, uint64_t cookie);
/* A new ID, bound. */
ioasid_t frig_bound(struct frig *r, unsigned int device, uint32_t spid);

/* Has a device ask for one page, in a group of its own. The backend's handle. */
uint64_t frig_ask(unsigned int device, uint32_t pasid, uint32_t group);
/* Reads all there is, at most @room; how many. */
uint32_t frig_read(struct frig *r, struct ioasid_fault *faults, uint32_t room);
/* Reads one, and checks that there is just one. */
struct ioasid_fault frig_one(struct frig *r);
/* Asks, reads, and tells the backend's handle. */
struct ioasid_fault frig_open_group(struct frig *r, unsigned int device, uint32_t pasid, uint32_t group, uint64_t *asked);
int frig_respond(struct frig *r, unsigned int device, uint32_t spid, uint32_t group, uint32_t code);
/* Is the descriptor readable? */
bool frig_readable(struct frig *r);
/* Was this answered once, with that code? */
void frig_answered_at(uint64_t asked, uint32_t code, const char *file, unsigned int line);
#define CHECK_ANSWERED(asked, code) frig_answered_at((asked), (code), __FILE__, __LINE__)

/* A place in the backend where threads stop: calls of one operation. */
struct frig_stop {
	enum counting_op op;
	struct gate gate;
};
void frig_stop_begin(struct frig_stop *stop, enum counting_op op);
void frig_stop_end(struct frig_stop *stop);

/* A call in a thread of its own, on device 0. */
struct frig_call {
	struct frig *r;
	struct task task;
	ioasid_t id;
	int answer;
	struct ioasid_fault fault; /* of a read of one */
	uint32_t count;
};

void frig_call_read(void *call);
void frig_call_success(void *call); /* answers group 1 */
void frig_call_free(void *call);
void frig_call_unbind(void *call);
void frig_call_rebind(void *call);
void frig_call_bind(void *call);
void frig_call_close(void *call);
void frig_start(struct frig_call *c, struct frig *r, void (*fn)(void *), ioasid_t id);
int frig_finish(struct frig_call *c);

#endif
