/*
 * The VT-d plugin, linked in, on a made-up kernel: its tables, an open context, and short forms of its
 * operations for tests. Everything that a rig made and that still lives is ended by rig_down(), whatever
 * state it was left in.
 */
#ifndef IOASID_TESTS_FAKE_KERNEL_RIG_H
#define IOASID_TESTS_FAKE_KERNEL_RIG_H

#include "tests/fake-kernel/fake.h"

enum { RIG_SPACES = 4 };

struct rig {
	struct fake_kernel *kernel;
	const struct ioasid_be_core_ops *core;
	const struct ioasid_be_paging_ops *paging;
	const struct ioasid_be_pasid_ops *pasid;
	const struct ioasid_be_dirty_ops *dirty;		/* these four, if the context has them, or NULL */
	const struct ioasid_be_nested_ops *nested;
	const struct ioasid_be_invalidate_ops *invalidate;
	const struct ioasid_be_fault_ops *fault;
	struct ioasid_be_ctx *ctx;
	struct ioasid_be_dev *dev[FAKE_DEVICES];
	struct ioasid_be_as *as[RIG_SPACES];
	struct ioasid_be_table *table[RIG_SPACES];
	struct ioasid_be_faultq *queue;
	int32_t queue_fd;
	char why[256];		/* why the last operation failed that tells */
	struct ioasid_be_text text;
};

typedef int32_t (*rig_onto)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			    struct ioasid_be_text *why);
typedef int32_t (*rig_off)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds);

/* rig_init() - a kernel and the core table; nothing is open yet. */
void rig_init(struct rig *rig);

/* rig_open() - open the context by name, or with a descriptor of the program's own. */
int32_t rig_open(struct rig *rig, int32_t iommufd);

/* rig_attach() - take device @index in by its PCI address. */
int32_t rig_attach(struct rig *rig, unsigned int index);

/* rig_take() - the same in any other way. */
int32_t rig_take(struct rig *rig, unsigned int index, uint32_t kind, int32_t fd, int32_t iommufd,
		 uint32_t id);

/* rig_space() - make address space @index; rig_map() - map a window in it, of memory that nobody looks at. */
int32_t rig_space(struct rig *rig, unsigned int index, uint32_t uses);
int32_t rig_map(struct rig *rig, unsigned int index, uint64_t iova, uint64_t length);

/* rig_queue() - make the queue of page requests, which address spaces and tables made from then on deliver
 * to. */
int32_t rig_queue(struct rig *rig);

/* rig_nest() - make nested table @index on address space @space for a device. */
int32_t rig_nest(struct rig *rig, unsigned int index, unsigned int device, unsigned int space);

/* rig_put_on_table() - as rig_put_on(), with a nested table. */
int32_t rig_put_on_table(struct rig *rig, rig_onto fn, unsigned int device, uint32_t pasid, unsigned int table);

/* rig_put_on(), rig_take_off() - an operation on one slot. */
int32_t rig_put_on(struct rig *rig, rig_onto fn, unsigned int device, uint32_t pasid, unsigned int space);
int32_t rig_take_off(struct rig *rig, rig_off fn, unsigned int device, uint32_t pasid);

/* rig_down() - end everything. Return: whether the kernel has neither objects nor descriptors left then. */
bool rig_down(struct rig *rig);

#endif
