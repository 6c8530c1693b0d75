/*
 * QEMU's edu device, driven through VFIO: a PCI function with a buffer of one page inside and a DMA engine
 * that copies between it and memory. And pages of which the physical address is known, to tell translated DMA
 * from DMA that went around the IOMMU.
 */
#ifndef IOASID_TESTS_VM_EDU_H
#define IOASID_TESTS_VM_EDU_H

#include <stdbool.h>
#include <stdint.h>

#define EDU_PAGE 4096u
#define EDU_SPAN 2048u	/* bytes of one DMA: for QEMU 7.2 the device's whole buffer is too many */

/* lab_address() - the PCI address of the device that the machine has for the test: an edu, or another one. */
const char *lab_address(void);

struct edu {
	volatile uint32_t *registers;	/* BAR 0 */
	uint64_t size;
};

/* edu_open() - map the registers of a device file that is bound to an iommufd, and let it master the bus.
 * Return: 0, -errno. */
int edu_open(struct edu *edu, int fd);

void edu_close(struct edu *edu);

/* edu_begin_read(), edu_begin_write() - begin copying EDU_SPAN bytes from memory into the device, or back. */
void edu_begin_read(const struct edu *edu, uint64_t iova);
void edu_begin_write(const struct edu *edu, uint64_t iova);

/* edu_wait() - wait for the end of what was begun. Return: false after ten seconds. */
bool edu_wait(const struct edu *edu);

/* edu_read(), edu_write() - both in one. */
bool edu_read(const struct edu *edu, uint64_t iova);
bool edu_write(const struct edu *edu, uint64_t iova);

struct page {
	unsigned char *bytes;
	uint64_t physical;
};

/* page_alloc() - take a page of memory, pinned, every byte @fill. Return: 0, -errno. */
int page_alloc(struct page *page, unsigned char fill);

void page_free(struct page *page);

void page_fill(const struct page *page, unsigned char fill);

/* page_holds() - whether the first EDU_SPAN bytes are @fill and the others @rest. */
bool page_holds(const struct page *page, unsigned char fill, unsigned char rest);

/*
 * faulted_at() - whether the kernel's log has a DMA fault at that address, or gets one within two seconds.
 * The kernel writes only the first few of many, so this is a witness for one case, not for all.
 */
bool faulted_at(uint64_t iova);

#endif
