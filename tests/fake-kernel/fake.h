/*
 * A kernel that is made up, behind a host table: iommufd and two VFIO devices behind two VT-d units, as far
 * as the kernel-backed plugins can tell. It answers as Linux 7.2 was seen to, keeps count of every object and
 * descriptor, and can be told to fail any of its calls.
 *
 * Any number of threads may call through its host table; the functions below are for when none does.
 */
#ifndef IOASID_TESTS_FAKE_KERNEL_H
#define IOASID_TESTS_FAKE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ioasid_backend.h"

#define FAKE_DEVICES 2u

/* vfio0 is 0000:00:03.0, vfio1 is 0000:00:04.0; a table made for the one unit does not fit the other. */
struct fake_device {
	uint32_t pasid_bits;
	uint32_t type;		/* of its IOMMU, 1 for VT-d */
	uint64_t capabilities;
	uint64_t cap, ecap;
	bool asks;		/* has the capability to ask for pages */
};

struct fake_kernel;

/* fake_create() - make one whose devices have 20 bits of PASID and every capability. */
struct fake_kernel *fake_create(void);
void fake_destroy(struct fake_kernel *kernel);

const struct ioasid_be_host *fake_host(struct fake_kernel *kernel);
struct fake_device *fake_device(struct fake_kernel *kernel, unsigned int index);

/* fake_age() - make it older: 615 is Linux 6.15, before which there were no PASIDs; before 618 a
 * descriptor did not tell its name; 613 and before, no
 * map_file; before 611 no fault queues, before 608 no invalidation, before 607 neither nested tables nor
 * dirty pages. */
void fake_age(struct fake_kernel *kernel, unsigned int version);

/* fake_share_group() - both devices are in one IOMMU group. */
void fake_share_group(struct fake_kernel *kernel);

/* fake_no_unit() - sysfs shows no VT-d unit; fake_no_iommufd() - there is no /dev/iommu. */
void fake_no_unit(struct fake_kernel *kernel);
void fake_no_iommufd(struct fake_kernel *kernel);

/* fake_seal() - nothing is opened or listed by name any more, as in a sealed context. */
void fake_seal(struct fake_kernel *kernel);

/* fake_logged() - how many lines the plugin has logged; *line: the last one. */
unsigned int fake_logged(const struct fake_kernel *kernel, const char **line);

/* fake_fail() - the @nth call from now on that can fail does so, with @error, without effect; 0: none. */
void fake_fail(struct fake_kernel *kernel, unsigned int nth, int32_t error);

/* fake_failed() - whether that call was reached. */
bool fake_failed(const struct fake_kernel *kernel);

/* fake_fail_request() - every ioctl of that number fails with @error; 0 for none. */
void fake_fail_request(struct fake_kernel *kernel, uint64_t request, int32_t error);

/* fake_after() - the next ioctl of that number that does not fail calls @fn when it is done, before it
 * returns. */
void fake_after(struct fake_kernel *kernel, uint64_t request, void (*fn)(void *argument), void *argument);

/* fake_lock() - the kernel uses what is mapped at @iova, in whichever space: unmapping gets as far as that,
 * and is then busy; or no longer. */
void fake_lock(struct fake_kernel *kernel, uint64_t iova, bool locked);

/* fake_open() - open a path on the program's own account, as something to hand over. */
int32_t fake_open(struct fake_kernel *kernel, const char *path);
int32_t fake_dup(struct fake_kernel *kernel, int32_t fd);

/* fake_cdev() - a descriptor of a device that is bound, whoever has it. */
int32_t fake_cdev(const struct fake_kernel *kernel, unsigned int device);

/* fake_ioctl() - the same for an ioctl; never fails on demand. */
int32_t fake_ioctl(struct fake_kernel *kernel, int32_t fd, uint64_t request, void *argument);

/* What there is: open descriptors; objects of iommufd but devices; tables among them. */
unsigned int fake_fds(const struct fake_kernel *kernel);
unsigned int fake_objects(const struct fake_kernel *kernel);
unsigned int fake_tables(const struct fake_kernel *kernel);

/* fake_attached() - the table that a slot of a device is on, 0 for none. */
uint32_t fake_attached(const struct fake_kernel *kernel, unsigned int device, uint32_t pasid);

/* fake_table_flags() - what a table was made with. */
uint32_t fake_table_flags(const struct fake_kernel *kernel, uint32_t table);

/* fake_below() - the table that a nested one stands on, 0 for one that is not nested. */
uint32_t fake_below(const struct fake_kernel *kernel, uint32_t table);

/* ---- Invalidation of nested tables ---- */

enum { FAKE_FLUSHES = 128 };
struct fake_flush {
	uint32_t table;
	uint64_t address, pages;
	uint32_t flags;
};

/* fake_flushes() - what was invalidated since the last time. Return: how many. */
unsigned int fake_flushes(struct fake_kernel *kernel, struct fake_flush flushes[FAKE_FLUSHES]);

/* fake_flush_stop() - after so many entries more, one fails with @error, once; each call takes @most at a
 * time, 0:
 * all. */
void fake_flush_stop(struct fake_kernel *kernel, unsigned int after, int32_t error);
void fake_flush_most(struct fake_kernel *kernel, unsigned int most);

/* ---- Page requests ---- */

struct fake_ask {
	unsigned int device;
	uint32_t pasid, group;
	bool last;
	uint64_t address;
	uint32_t permissions;	/* as the kernel tells them */
};

/* fake_ask() - a device asks for a page. Return: -ENOENT nothing delivers that slot's requests. */
int32_t fake_ask(struct fake_kernel *kernel, const struct fake_ask *ask);

/* fake_answer() - what the device was told about a group, or -1: nothing yet. Forgets it. */
int fake_answer(struct fake_kernel *kernel, unsigned int device, uint32_t pasid, uint32_t group);

/* ---- Dirty pages ---- */

/* fake_tracking() - how many tables track them. */
unsigned int fake_tracking(const struct fake_kernel *kernel);

/* fake_write() - a device writes a page. Return: whether its slot is attached. */
bool fake_write(struct fake_kernel *kernel, unsigned int device, uint32_t pasid, uint64_t iova);

#endif
