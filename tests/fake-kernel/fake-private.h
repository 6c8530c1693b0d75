/* What the files of the made-up kernel share; see fake.h. */
#ifndef IOASID_TESTS_FAKE_KERNEL_PRIVATE_H
#define IOASID_TESTS_FAKE_KERNEL_PRIVATE_H

#include <pthread.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/fake.h"

enum {
	FAKE_FIRST_FD = 900, FAKE_FILES = 32, FAKE_OBJECTS = 64, FAKE_SLOTS = 32, FAKE_MAPPINGS = 32, FAKE_DIRTY = 32,
	FAKE_REQUESTS = 2048, FAKE_ANSWERS = 256,
};

/* Where a device file has the configuration space. */
#define FAKE_CONFIG (UINT64_C(7) << 40)

enum fake_kind { FAKE_CLOSED, FAKE_IOMMUFD, FAKE_CDEV, FAKE_TEXT, FAKE_QUEUE };

struct fake_file {
	enum fake_kind kind;
	uint32_t iommufd;	/* which one; of a device file, the one that it is bound to */
	uint32_t device;
	uint32_t id;		/* of a bound device file: the device's number; of a queue's: the queue's */
	char text[160];
};

enum fake_type { FAKE_NONE, FAKE_IOAS, FAKE_HWPT, FAKE_BOUND, FAKE_FAULTS };

struct fake_mapping {
	uint64_t first, last;
	bool locked;	/* the kernel does not unmap it */
};

struct fake_object {
	enum fake_type type;
	uint32_t iommufd;
	uint32_t id;
	uint32_t ioas;		/* of a table */
	uint32_t device;	/* of a table: whose unit it was made for; of a device: which */
	uint32_t flags;		/* of a table */
	uint32_t below;		/* of a nested table: what it stands on */
	uint32_t width;		/* the same: of addresses */
	uint32_t faults;	/* of a table: its queue, or 0 */
	uint32_t users;		/* of an IOAS: tables; of a table: slots, nested tables; of a queue: tables, file */
	bool tracking;		/* of a table: dirty pages */
	uint64_t dirty[FAKE_DIRTY];
	uint32_t dirty_count;
	struct fake_mapping mappings[FAKE_MAPPINGS];
	uint32_t count;		/* of mappings */
};

struct fake_slot {
	uint32_t pasid;
	uint32_t table;		/* 0: free */
};

enum fake_state { FAKE_FREE, FAKE_PARTIAL, FAKE_QUEUED, FAKE_READ };

/* A page request: of a group that is not whole, waits to be read, or waits for its answer. */
struct fake_request {
	enum fake_state state;
	uint32_t iommufd, queue, device, cookie;
	uint64_t order;		/* of its group: when it was whole */
	struct fake_ask ask;
};

struct fake_told {
	uint32_t device, pasid, group;
	int code;
	bool used;
};

struct fake_kernel {
	struct ioasid_be_host host;
	pthread_mutex_t lock;
	unsigned int version;
	bool no_unit, no_iommufd, one_group, sealed;
	char logged[256];	/* the last line, and how many */
	unsigned int log_count;
	unsigned int fail_in;
	int32_t fail_with;
	bool failed;
	uint64_t after_request;
	void (*after)(void *argument);
	void *after_argument;
	uint64_t fail_request;
	int32_t fail_request_with;
	uint32_t iommufds;	/* opened so far */
	struct fake_device devices[FAKE_DEVICES];
	struct fake_file files[FAKE_FILES];
	struct fake_object objects[FAKE_OBJECTS];
	struct fake_slot slots[FAKE_DEVICES][FAKE_SLOTS];
	struct fake_flush flushes[FAKE_FLUSHES];
	unsigned int flush_count, flush_stop, flush_most;
	int32_t flush_error;
	struct fake_request requests[FAKE_REQUESTS];
	uint64_t groups;
	struct fake_told told[FAKE_ANSWERS];
	unsigned int told_count;
};

struct fake_file *fake_file(struct fake_kernel *kernel, int32_t fd);

/* fake_find() - the object of that number and kind, or NULL; fake_make() - a new one; fake_drop() - end one. */
struct fake_object *fake_find(struct fake_kernel *kernel, uint32_t iommufd, uint32_t id, enum fake_type type);
struct fake_object *fake_make(struct fake_kernel *kernel, uint32_t iommufd, enum fake_type type);
void fake_drop(struct fake_kernel *kernel, struct fake_object *object);

/* fake_table() - the table that a slot is on, or NULL. */
struct fake_object *fake_table(struct fake_kernel *kernel, unsigned int device, uint32_t pasid);

/* The ioctls of tables and queues, with a word for each unknown one of old kernels. */
int32_t fake_hwpt_ioctl(struct fake_kernel *kernel, uint32_t iommufd, uint64_t request, void *argument);
int32_t fake_faults_alloc(struct fake_kernel *kernel, uint32_t iommufd, struct uapi_fault_alloc *cmd);

/* A queue's file; the kernel's own answers to all that a slot has asked. */
int64_t fake_faults_read(struct fake_kernel *kernel, const struct fake_file *file, void *buffer, uint64_t size);
int64_t fake_faults_write(struct fake_kernel *kernel, const struct fake_file *file, const void *buffer, uint64_t size);
void fake_faults_end(struct fake_kernel *kernel, uint32_t device, uint32_t pasid);

/* fake_new_fd() - a descriptor for a file. */
int32_t fake_new_fd(struct fake_kernel *kernel, struct fake_file file);

int32_t fake_iommufd_ioctl(struct fake_kernel *kernel, uint32_t iommufd, uint64_t request, void *argument);
int32_t fake_cdev_ioctl(struct fake_kernel *kernel, struct fake_file *file, uint64_t request, void *argument);

/* fake_unbind() - a bound device file was closed; fake_release() - the last descriptor of an iommufd was. */
void fake_unbind(struct fake_kernel *kernel, uint32_t device);
void fake_release(struct fake_kernel *kernel, uint32_t iommufd);

#endif
