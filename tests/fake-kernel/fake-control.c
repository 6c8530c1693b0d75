/* A kernel that is made up: what tests tell it, and ask it; see fake.h. */
#include "tests/fake-kernel/fake-private.h"

const struct ioasid_be_host *fake_host(struct fake_kernel *kernel)
{
	return &kernel->host;
}

struct fake_device *fake_device(struct fake_kernel *kernel, unsigned int index)
{
	return &kernel->devices[index];
}

void fake_age(struct fake_kernel *kernel, unsigned int version)
{
	kernel->version = version;
}

void fake_share_group(struct fake_kernel *kernel)
{
	kernel->one_group = true;
}

void fake_no_unit(struct fake_kernel *kernel)
{
	kernel->no_unit = true;
}

void fake_no_iommufd(struct fake_kernel *kernel)
{
	kernel->no_iommufd = true;
}

void fake_seal(struct fake_kernel *kernel)
{
	kernel->sealed = true;
}

unsigned int fake_logged(const struct fake_kernel *kernel, const char **line)
{
	*line = kernel->logged;
	return kernel->log_count;
}

void fake_fail(struct fake_kernel *kernel, unsigned int nth, int32_t error)
{
	kernel->fail_in = nth;
	kernel->fail_with = error;
	kernel->failed = false;
}

bool fake_failed(const struct fake_kernel *kernel)
{
	return kernel->failed;
}

void fake_fail_request(struct fake_kernel *kernel, uint64_t request, int32_t error)
{
	kernel->fail_request = request;
	kernel->fail_request_with = error;
}

void fake_after(struct fake_kernel *kernel, uint64_t request, void (*fn)(void *argument), void *argument)
{
	kernel->after_request = request;
	kernel->after = fn;
	kernel->after_argument = argument;
}

unsigned int fake_fds(const struct fake_kernel *kernel)
{
	unsigned int count = 0;

	for (int32_t i = 0; i < FAKE_FILES; i++)
		count += kernel->files[i].kind != FAKE_CLOSED;
	return count;
}
