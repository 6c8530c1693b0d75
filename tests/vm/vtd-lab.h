/*
 * What the cases of the VT-d test share: an open context with the edu device in it, address spaces, and pages
 * for DMA.
 *
 * Every address that DMA goes to is also the physical address of a page of ours, the canary. So DMA that is
 * translated changes the page that is mapped there, DMA that goes around the unit changes the canary, and
 * only blocked DMA changes neither.
 *
 * Everything here records its failures with the harness.
 */
#ifndef IOASID_TESTS_VM_VTD_LAB_H
#define IOASID_TESTS_VM_VTD_LAB_H

#include "libioasid/be_call.h"
#include "tests/vm/edu.h"

/* What most cases begin with: a context, the device in it, and its registers. */
struct machine {
	struct be_context be;
	struct ioasid_be_dev *dev;
	struct edu edu;
	int fd;
};

/* open_cdev() - open the device file of the edu device. Return: a descriptor, or -1. */
int open_cdev(void);

/* be_up() - open a context on an iommufd that is passed in, or with -1 by name. */
void be_up(struct be_context *be, int iommufd);

struct ioasid_be_device spec_of(uint32_t kind, const char *name, int fd);

void machine_up(struct machine *m);
void machine_down(struct machine *m);

struct ioasid_be_as *space_up(struct machine *m);

/* map_of() - a mapping of one page for reading and writing. */
struct ioasid_be_map map_of(uint64_t iova, const void *source);

int map_page(struct machine *m, struct ioasid_be_as *as, uint64_t iova, const struct page *page);

typedef int (*onto_fn)(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		       uint32_t *done, struct ioasid_reason *why);
typedef int (*off_fn)(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		      uint32_t *done);

/* onto(), off() - one operation of the interface pasid on one slot. */
int onto(onto_fn fn, struct machine *m, uint32_t pasid, struct ioasid_be_as *as);
int off(off_fn fn, struct machine *m, uint32_t pasid);

/* A page that is mapped where the canary is: the address of DMA in every case. */
struct target {
	struct page page, canary;
	uint64_t iova;
};

void target_up(struct target *t);
void target_down(struct target *t);

/* check_passes() - check that DMA reads the page and writes it, and not the canary. */
void check_passes(const struct edu *edu, struct target *t);

/* check_blocked() - check that DMA changes neither page. What it read is for check_device_knows_nothing(). */
void check_blocked(const struct edu *edu, struct target *t);

/* check_device_knows_nothing() - put the device on a page of its own, show what it holds, and find neither
 * secret in it. */
void check_device_knows_nothing(struct machine *m);

#endif
