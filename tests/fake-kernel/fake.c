/* A kernel that is made up: descriptors, files and the order of failing; see fake.h. The ioctls are in
 * fake-iommufd.c and fake-vfio.c. */
#include "tests/fake-kernel/fake-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/iommufd/uapi.h"

static const char reserved_regions[] =
	"0x00000000000a0000 0x00000000000bffff direct-relaxable\n"
	"0x00000000fee00000 0x00000000feefffff msi\n";

/* Whether the call that is being made is the one to fail. */
static int32_t turn_to_fail(struct fake_kernel *kernel)
{
	if (!kernel->fail_in || --kernel->fail_in)
		return 0;
	kernel->failed = true;
	return kernel->fail_with;
}

int32_t fake_new_fd(struct fake_kernel *kernel, struct fake_file file)
{
	for (int32_t i = 0; i < FAKE_FILES; i++) {
		if (kernel->files[i].kind == FAKE_CLOSED) {
			kernel->files[i] = file;
			return FAKE_FIRST_FD + i;
		}
	}
	return -EMFILE;
}

struct fake_file *fake_file(struct fake_kernel *kernel, int32_t fd)
{
	struct fake_file *file = kernel->files + (fd - FAKE_FIRST_FD);

	if (fd < FAKE_FIRST_FD || fd >= FAKE_FIRST_FD + FAKE_FILES || file->kind == FAKE_CLOSED)
		return NULL;
	return file;
}

int32_t fake_open(struct fake_kernel *kernel, const char *path)
{
	struct fake_file file = { .kind = FAKE_TEXT };
	unsigned int device;
	char rest[64];

	if (!strcmp(path, "/dev/iommu")) {
		if (kernel->no_iommufd)
			return -ENOENT;
		file.kind = FAKE_IOMMUFD;
		file.iommufd = ++kernel->iommufds;
		return fake_new_fd(kernel, file);
	}
	if (sscanf(path, "/dev/vfio/devices/vfio%u", &device) == 1 && device < FAKE_DEVICES) {
		file.kind = FAKE_CDEV;
		file.device = device;
		return fake_new_fd(kernel, file);
	}
	if (sscanf(path, "/proc/self/fdinfo/%u", &device) == 1) {
		const struct fake_file *about = fake_file(kernel, (int32_t)device);

		if (!about || about->kind != FAKE_CDEV || kernel->version < 618)
			return -ENOENT;
		snprintf(file.text, sizeof(file.text), "pos:\t0\nvfio-device-syspath: /sys/devices/pci/vfio-dev/vfio%u\n",
			 about->device);
		return fake_new_fd(kernel, file);
	}
	if (sscanf(path, "/sys/class/vfio-dev/vfio%u/device/%63s", &device, rest) != 2 ||
	    device >= FAKE_DEVICES)
		return -ENOENT;
	if (!strcmp(rest, "iommu/intel-iommu/address"))
		snprintf(file.text, sizeof(file.text), "fed9%u000\n", device);
	else if (!strcmp(rest, "iommu_group/reserved_regions"))
		snprintf(file.text, sizeof(file.text), "%s", reserved_regions);
	else
		return -ENOENT;
	return fake_new_fd(kernel, file);
}

int32_t fake_dup(struct fake_kernel *kernel, int32_t fd)
{
	return fake_new_fd(kernel, *fake_file(kernel, fd));
}

static int32_t do_open(void *host, const char *path, uint32_t flags)
{
	const struct fake_kernel *kernel = host;
	int32_t ret = turn_to_fail(host);

	if (!ret && kernel->sealed)
		ret = -EPERM;
	return ret ? ret : !flags ? -EINVAL : fake_open(host, path);
}

static int32_t do_close(void *host, int32_t fd)
{
	struct fake_kernel *kernel = host;
	struct fake_file *file = fake_file(kernel, fd), gone;
	bool last = true, last_bound = true;

	if (!file)
		return -EBADF;
	gone = *file;
	file->kind = FAKE_CLOSED;
	if (gone.kind == FAKE_QUEUE) {
		close(fd);
		fake_find(kernel, gone.iommufd, gone.id, FAKE_FAULTS)->users--;
	}
	for (int32_t i = 0; i < FAKE_FILES; i++) {
		last = last && (kernel->files[i].kind != FAKE_IOMMUFD ||
				kernel->files[i].iommufd != gone.iommufd);
		last_bound = last_bound && (kernel->files[i].kind != FAKE_CDEV || !kernel->files[i].id ||
					    kernel->files[i].device != gone.device);
	}
	if (gone.kind == FAKE_CDEV && gone.id && last_bound)
		fake_unbind(kernel, gone.device);
	if (gone.kind == FAKE_IOMMUFD && last)
		fake_release(kernel, gone.iommufd);
	return 0;
}

int32_t fake_ioctl(struct fake_kernel *kernel, int32_t fd, uint64_t request, void *argument)
{
	struct fake_file *file = fake_file(kernel, fd);

	if (!file)
		return -EBADF;
	if (file->kind == FAKE_IOMMUFD)
		return fake_iommufd_ioctl(kernel, file->iommufd, request, argument);
	return file->kind == FAKE_CDEV ? fake_cdev_ioctl(kernel, file, request, argument) : -ENOTTY;
}

/* Errors that say that what was to end is gone already: they are only given where that is true. */
static bool says_gone(uint64_t request, int32_t error)
{
	return (request == UAPI_DESTROY && error == -ENOENT) ||
		(request == UAPI_VFIO_DETACH_PT && error == -ENODEV);
}

static int32_t do_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	struct fake_kernel *kernel = host;
	int32_t ret = turn_to_fail(kernel);

	if (!ret && request == kernel->fail_request)
		ret = kernel->fail_request_with;
	if (says_gone(request, ret))
		fake_ioctl(kernel, fd, request, argument);
	return ret ? ret : fake_ioctl(kernel, fd, request, argument);
}

/* The list of extended capabilities in a device's configuration space: PASID, ATS, and the one to ask for
 * pages. */
static int64_t read_config(const struct fake_device *device, void *buffer, uint64_t size)
{
	unsigned char config[4096] = { 0 };

	if (size > sizeof(config))
		return -EINVAL;
	memcpy(config + 0x100, "\x1b\x00\x01\x18", 4);
	memcpy(config + 0x180, device->asks ? "\x0f\x00\x01\x20" : "\x0f\x00\x01\x00", 4);
	memcpy(config + 0x200, "\x13\x00\x01\x00", 4);
	memcpy(buffer, config, size);
	return (int64_t)size;
}

static int64_t do_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	struct fake_kernel *kernel = host;
	struct fake_file *file = fake_file(kernel, fd);
	int32_t ret = turn_to_fail(kernel);
	uint64_t length;

	if (ret)
		return ret;
	if (file && file->kind == FAKE_QUEUE && offset == IOASID_BE_OFFSET_NONE)
		return fake_faults_read(kernel, file, buffer, size);
	if (file && file->kind == FAKE_CDEV && offset == FAKE_CONFIG)
		return read_config(&kernel->devices[file->device], buffer, size);
	if (!file || file->kind != FAKE_TEXT || offset)
		return -EINVAL;
	length = strlen(file->text);
	length = length < size ? length : size;
	memcpy(buffer, file->text, length);
	return (int64_t)length;
}

static int64_t do_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	struct fake_kernel *kernel = host;
	struct fake_file *file = fake_file(kernel, fd);
	int32_t ret = turn_to_fail(kernel);

	if (ret)
		return ret;
	if (!file || file->kind != FAKE_QUEUE || offset != IOASID_BE_OFFSET_NONE)
		return -EINVAL;
	return fake_faults_write(kernel, file, buffer, size);
}

static int64_t do_list(void *host, const char *path, char *buffer, uint64_t size)
{
	struct fake_kernel *kernel = host;
	int32_t ret = turn_to_fail(kernel);
	unsigned int device;
	char rest;

	if (ret || kernel->sealed)
		return ret ? ret : -EPERM;
	if (!strcmp(path, "/sys/class/iommu")) {
		memcpy(buffer, "ivhd0\0dmar0", 12);
		return size < 12 ? -ERANGE : kernel->no_unit ? 6 : 12;
	}
	if (sscanf(path, "/sys/class/vfio-dev/vfio%u/device/iommu_group/device%c", &device, &rest) == 2 && rest == 's') {
		memcpy(buffer, "0000:00:04.0\0" "0000:00:03.0", 26);
		if (kernel->one_group)
			return 26;
		return snprintf(buffer, size, "0000:00:%02x.0", device + 3) + 1;
	}
	if (sscanf(path, "/sys/bus/pci/devices/0000:00:%2x.0/vfio-dev", &device) != 1 || device < 3 ||
	    device > 4)
		return -ENOENT;
	return snprintf(buffer, size, "vfio%u", device - 3) + 1;
}

/* The kernel has one lock, so that threads of a test may be inside. */
#define LOCKED(type, call) \
	do { \
		struct fake_kernel *kernel_ = host; \
		type ret_; \
\
		pthread_mutex_lock(&kernel_->lock); \
		ret_ = call; \
		pthread_mutex_unlock(&kernel_->lock); \
		return ret_; \
	} while (0)

static int32_t host_open(void *host, const char *path, uint32_t flags)
{
	LOCKED(int32_t, do_open(host, path, flags));
}

static int32_t host_close(void *host, int32_t fd)
{
	LOCKED(int32_t, do_close(host, fd));
}

static int32_t host_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	struct fake_kernel *kernel = host;
	void (*after)(void *argument) = NULL;
	int32_t ret;

	pthread_mutex_lock(&kernel->lock);
	ret = do_ioctl(kernel, fd, request, argument);
	if (!ret && kernel->after_request == request) {
		after = kernel->after;
		kernel->after_request = 0;
	}
	pthread_mutex_unlock(&kernel->lock);
	if (after)
		after(kernel->after_argument);
	return ret;
}

static int64_t host_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	LOCKED(int64_t, do_read(host, fd, buffer, size, offset));
}

static int64_t host_list(void *host, const char *path, char *buffer, uint64_t size)
{
	LOCKED(int64_t, do_list(host, path, buffer, size));
}

static int64_t host_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	LOCKED(int64_t, do_write(host, fd, buffer, size, offset));
}

/* None of the plugins has a use for these two yet. */
static int32_t host_mmap(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access,
			 void **address)
{
	(void)host, (void)fd, (void)offset, (void)size, (void)access, (void)address;
	return -EOPNOTSUPP;
}

static int32_t host_munmap(void *host, void *address, uint64_t size)
{
	(void)host, (void)address, (void)size;
	return -EOPNOTSUPP;
}

static void host_log(void *host, uint32_t level, const char *text)
{
	struct fake_kernel *kernel = host;

	(void)level;
	pthread_mutex_lock(&kernel->lock);
	snprintf(kernel->logged, sizeof(kernel->logged), "%s", text);
	kernel->log_count++;
	pthread_mutex_unlock(&kernel->lock);
}

static void host_ready(void *host, uint64_t cookie)
{
	(void)host, (void)cookie;
}

struct fake_kernel *fake_create(void)
{
	struct fake_kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		abort();
	pthread_mutex_init(&kernel->lock, NULL);
	kernel->version = 702;
	kernel->host = (struct ioasid_be_host){
		.struct_size = sizeof(kernel->host), .host = kernel, .log = host_log, .ready = host_ready,
		.open_by_name = host_open, .close = host_close, .ioctl = host_ioctl, .read = host_read,
		.write = host_write, .mmap = host_mmap, .munmap = host_munmap, .list = host_list,
	};
	/* Scalable mode, both stages, nesting, dirty bits, PASIDs, page requests and their draining, device
	 * TLBs; 48 bits, pages up to 1 GiB. */
	for (unsigned int i = 0; i < FAKE_DEVICES; i++)
		kernel->devices[i] = (struct fake_device){
			.pasid_bits = 20, .type = 1, .capabilities = 7, .asks = true,
			.cap = UINT64_C(0x0100000c002f0406), .ecap = UINT64_C(0x0000ed0024000004),
		};
	return kernel;
}

void fake_destroy(struct fake_kernel *kernel)
{
	pthread_mutex_destroy(&kernel->lock);
	free(kernel);
}
