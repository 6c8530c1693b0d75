/* QEMU's edu device and pages to be its witnesses; see edu.h. */
#include "edu.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

const char *lab_address(void)
{
	const char *address = getenv("IOASID_TEST_DEVICE");

	return address != NULL ? address : "none";
}

/* Registers, as indices of 32-bit words, and the address of the device's buffer in its own space. */
enum {
	EDU_ID = 0x00 / 4,
	EDU_SOURCE = 0x80 / 4,
	EDU_TARGET = 0x88 / 4,
	EDU_COUNT = 0x90 / 4,
	EDU_COMMAND = 0x98 / 4,
};
enum { EDU_BUFFER = 0x40000 };
enum { EDU_START = 1, EDU_TO_MEMORY = 2 };

static int region_info(int fd, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

static int enable_master(int fd)
{
	struct vfio_region_info config;
	uint16_t command;
	off_t at;
	int ret = region_info(fd, VFIO_PCI_CONFIG_REGION_INDEX, &config);

	if (ret)
		return ret;
	at = (off_t)config.offset + PCI_COMMAND;
	if (pread(fd, &command, sizeof(command), at) != (ssize_t)sizeof(command))
		return -EIO;
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	return pwrite(fd, &command, sizeof(command), at) == (ssize_t)sizeof(command) ? 0 : -EIO;
}

int edu_open(struct edu *edu, int fd)
{
	struct vfio_region_info bar;
	void *map;
	int ret = enable_master(fd);

	ret = ret ? ret : region_info(fd, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	if (ret)
		return ret;
	map = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)bar.offset);
	if (map == MAP_FAILED)
		return -errno;
	*edu = (struct edu){ .registers = map, .size = bar.size };
	/* Its identification ends in 0xed, behind the version. */
	if ((edu->registers[EDU_ID] & 0xff) == 0xed)
		return 0;
	edu_close(edu);
	return -ENODEV;
}

void edu_close(struct edu *edu)
{
	munmap((void *)(uintptr_t)edu->registers, edu->size);
}

static void begin(const struct edu *edu, uint64_t source, uint64_t target, uint32_t command)
{
	edu->registers[EDU_SOURCE] = (uint32_t)source;
	edu->registers[EDU_TARGET] = (uint32_t)target;
	edu->registers[EDU_COUNT] = EDU_SPAN;
	edu->registers[EDU_COMMAND] = EDU_START | command;
}

void edu_begin_read(const struct edu *edu, uint64_t iova)
{
	begin(edu, iova, EDU_BUFFER, 0);
}

void edu_begin_write(const struct edu *edu, uint64_t iova)
{
	begin(edu, EDU_BUFFER, iova, EDU_TO_MEMORY);
}

static void pause_ms(long milliseconds)
{
	nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000 }, NULL);
}

bool edu_wait(const struct edu *edu)
{
	for (int i = 0; i < 20000; i++) {
		if (!(edu->registers[EDU_COMMAND] & EDU_START))
			return true;
		pause_ms(5);
	}
	return false;
}

bool edu_read(const struct edu *edu, uint64_t iova)
{
	edu_begin_read(edu, iova);
	return edu_wait(edu);
}

bool edu_write(const struct edu *edu, uint64_t iova)
{
	edu_begin_write(edu, iova);
	return edu_wait(edu);
}

static int physical_of(const void *address, uint64_t *physical)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	off_t at;
	bool ok;

	if (fd < 0)
		return -errno;
	at = (off_t)((uintptr_t)address / EDU_PAGE * sizeof(entry));
	ok = pread(fd, &entry, sizeof(entry), at) == (ssize_t)sizeof(entry);
	close(fd);
	/* Bit 63: present; bits 0 to 54: the frame, all zero for who may not know. */
	*physical = (entry & ((UINT64_C(1) << 55) - 1)) * EDU_PAGE;
	return ok && entry >> 63 && *physical ? 0 : -EPERM;
}

int page_alloc(struct page *page, unsigned char fill)
{
	int ret;

	page->bytes = mmap(NULL, EDU_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
			   -1, 0);
	if (page->bytes == MAP_FAILED)
		return -errno;
	page_fill(page, fill);
	ret = mlock(page->bytes, EDU_PAGE) ? -errno : physical_of(page->bytes, &page->physical);
	if (ret)
		page_free(page);
	return ret;
}

void page_free(struct page *page)
{
	munmap(page->bytes, EDU_PAGE);
}

void page_fill(const struct page *page, unsigned char fill)
{
	memset(page->bytes, fill, EDU_PAGE);
}

bool page_holds(const struct page *page, unsigned char fill, unsigned char rest)
{
	const volatile unsigned char *bytes = page->bytes;

	for (unsigned int i = 0; i < EDU_PAGE; i++)
		if (bytes[i] != (i < EDU_SPAN ? fill : rest))
			return false;
	return true;
}

bool faulted_at(uint64_t iova)
{
	enum { READ_ALL = 3, LOG_SIZE = 1 << 18 };
	char want[64], *log = malloc(LOG_SIZE);
	bool found = false;

	snprintf(want, sizeof(want), "fault addr 0x%" PRIx64 " ", iova);
	/* The unit tells by an interrupt, so the line may come a little after the DMA. */
	for (int i = 0; log && !found && i < 40; i++) {
		int size = klogctl(READ_ALL, log, LOG_SIZE - 1);

		log[size > 0 ? size : 0] = '\0';
		found = strstr(log, want) != NULL;
		if (!found)
			pause_ms(50);
	}
	free(log);
	return found;
}
