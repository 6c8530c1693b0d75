/*
 * The kernel's own IOASID allocator, as it was until Linux 6.2, on the kernel's own XArray, run in user space
 * on the kernel's own test shim. Nothing of it is in this repository: bench/build-kernel-peer.sh unpacks
 * Debian's linux-source-6.1 elsewhere and compiles this file there, into a shared object of one symbol, which
 * ioasid-bench loads with --peer-file.
 *
 * The allocator's functions have the names of this library's, so they get others here.
 */
#define ioasid_alloc kernel_ioasid_alloc
#define ioasid_free kernel_ioasid_free
#define ioasid_find kernel_ioasid_find
#define ioasid_set_data kernel_ioasid_set_data
#define ioasid_register_allocator kernel_ioasid_register_allocator
#define ioasid_unregister_allocator kernel_ioasid_unregister_allocator

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

/* What the shim does not have. Refusals are part of some rows, and say nothing here. */
#undef pr_err
#define pr_err(...) ((void)0)
#define pr_warn(...) ((void)0)
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(name)
#define MODULE_AUTHOR(text)
#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)
#define CONFIG_IOASID 1
/* The shim refuses such memory, to test how that is survived. */
#undef GFP_ATOMIC
#define GFP_ATOMIC GFP_KERNEL
static void free_later(struct rcu_head *head);
#define kfree_rcu(object, member) call_rcu(&(object)->member, free_later)

#include KERNEL_IOASID_C

#include "bench/peers/peer.h"

static void free_later(struct rcu_head *head)
{
	kfree(container_of(head, struct ioasid_data, rcu));
}

/* There is one space of IDs in a kernel; a world is nothing of its own. */
static int the_world;

static void *kernel_open(void)
{
	static bool started;

	if (!started)
		radix_tree_init();
	started = true;
	return &the_world;
}

static void kernel_close(void *world)
{
	(void)world;
	rcu_barrier();
}

static struct ioasid_set *kernel_set_new(void *world, uint32_t quota)
{
	(void)world;
	(void)quota;
	return calloc(1, sizeof(struct ioasid_set));
}

/* A set does not know its IDs: whoever wants them freed looks through all. */
static void kernel_set_end(struct ioasid_set *set)
{
	struct ioasid_data *data;
	unsigned long id;

	xa_for_each(&default_allocator.xa, id, data)
		if (data->set == set)
			kernel_ioasid_free((ioasid_t)id);
	free(set);
}

static void kernel_ready(void *world, struct ioasid_set *set)
{
	(void)world;
	(void)set;
	rcu_barrier();
}

static int kernel_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id)
{
	*id = kernel_ioasid_alloc(set, min, max, data);
	return *id == INVALID_IOASID ? -ENOSPC : 0;
}

static int kernel_free(struct ioasid_set *set, ioasid_t id)
{
	(void)set;
	kernel_ioasid_free(id);
	return 0;
}

static int kernel_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	void *found;

	(void)getter;
	found = kernel_ioasid_find(set, id, NULL);
	if (IS_ERR(found))
		return (int)PTR_ERR(found);
	*data = found;
	return found == NULL ? -ENOENT : 0;
}

__attribute__((visibility("default"))) extern const struct peer ioasid_bench_peer;
const struct peer ioasid_bench_peer = {
	.name = "kernel",
	.what = "the kernel's ioasid.c of Linux 6.1 on its XArray, in user space",
	.omits = "quotas, references, SPIDs, owner check of free, generations, events, bindings",
	.open = kernel_open,
	.close = kernel_close,
	.set_new = kernel_set_new,
	.set_end = kernel_set_end,
	.ready = kernel_ready,
	.alloc = kernel_alloc,
	.free = kernel_free,
	.find = kernel_find,
};
