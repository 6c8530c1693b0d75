/*
 * What the flows share: a machine with devices behind the software IOMMU, memory, DMA, and how a step is
 * told.
 *
 * A flow is a program that goes through one way of using the library, call by call; docs/flows.md is its
 * manual. Nothing in a flow is private to the library; the machine here is what stands for hardware.
 */
#ifndef IOASID_EXAMPLES_FLOW_H
#define IOASID_EXAMPLES_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

struct ioasid_mock_control;

enum { FLOW_PAGE = 4096, FLOW_TABLE_PAGES = 4 };
/* Where devices see the page that they work on. */
#define FLOW_IOVA UINT64_C(0x40000000)
/* What a device reads where nothing answers. */
#define FLOW_BLOCKED (-1)

struct flow {
	struct ioasid_context *context;
	const struct ioasid_mock_control *control;
	unsigned char *memory;
	unsigned int pages;
};

/* flow_open() - a machine of that configuration, as docs/backend-mock.md has it; the memory is zero. Ends the
 * program on failure. */
void flow_open(struct flow *f, const struct ioasid_context_setting *settings, size_t count, unsigned int pages);
/* flow_open_with() - the same by all that a context can be opened with: descriptors that were passed in. */
void flow_open_with(struct flow *f, const struct ioasid_context_args *args, unsigned int pages);
/* flow_close() - close the context; what is left in it is a failure. */
void flow_close(struct flow *f);

/* Each step is a line; flow_is() says what was done and ends the program if the answer is not the one that is
 * wanted. */
void flow_title(const char *text);
void flow_is(const char *what, long long answer, long long wanted);
/* flow_true() - the same for something that has to be so. */
void flow_true(const char *what, bool so);

unsigned char *flow_page(const struct flow *f, unsigned int page);
/* flow_space() - an address space that has a page at FLOW_IOVA; flow_memory() - one that has all of memory at
 * 0. */
struct ioasid_address_space *flow_space(struct flow *f, unsigned int page);
struct ioasid_address_space *flow_memory(struct flow *f);
/* flow_table() - a guest's page table in the pages from @first on, which maps FLOW_IOVA to @page; in a memory
 * that begins at 0. */
struct ioasid_record flow_table(struct flow *f, unsigned int first, unsigned int page);
struct ioasid_device *flow_attach(struct flow *f, struct ioasid_pool *pool, const char *name, uint32_t mode);

/* Device n reads the first byte at FLOW_IOVA through a PASID: it, or FLOW_BLOCKED. Writes it: did it arrive? */
int flow_read(struct flow *f, uint32_t device, ioasid_t pasid);
bool flow_write(struct flow *f, uint32_t device, ioasid_t pasid, unsigned char byte);
/* A write that is under way, and its end: did it arrive? */
uint64_t flow_begin(struct flow *f, uint32_t device, ioasid_t pasid, unsigned char *byte);
bool flow_arrives(struct flow *f, uint64_t token);
/* Device n asks for a page; what it is told, IOASID_FAULT_*, or -1 so far. */
void flow_ask(struct flow *f, uint32_t device, ioasid_t pasid, uint32_t group);
int flow_told(struct flow *f, uint32_t device, ioasid_t pasid, uint32_t group);

#endif
