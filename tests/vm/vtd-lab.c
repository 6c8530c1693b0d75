/* What the cases of the VT-d test share; see vtd-lab.h. */
#include "tests/vm/vtd-lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness.h"

int open_cdev(void)
{
	char path[512];
	struct dirent *entry;
	DIR *names;
	int fd = -1;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", lab_address());
	names = opendir(path);
	while (fd < 0 && names && (entry = readdir(names))) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		if (entry->d_name[0] != '.')
			fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (names)
		closedir(names);
	return fd;
}

void be_up(struct be_context *be, int iommufd)
{
	struct ioasid_context_fd fd = { .key = "iommufd", .fd = iommufd };
	struct ioasid_context_args args = {
		.struct_size = sizeof(args),
		.fds = &fd,
		.fd_count = iommufd >= 0,
	};
	struct ioasid_backend *backend;
	struct ioasid_reason why = { "" };

	memset(be, 0, sizeof(*be));
	REQUIRE_EQ(ioasid_backend_load("vtd", 0, &backend, &why), 0);
	REQUIRE_EQ(ioasid__be_open(be, backend, &args, &why), 0);
	ioasid_backend_put(backend);
}

struct ioasid_be_device spec_of(uint32_t kind, const char *name, int fd)
{
	return (struct ioasid_be_device){
		.struct_size = sizeof(struct ioasid_be_device),
		.kind = kind,
		.name = name,
		.fd = fd,
		.iommufd = -1,
	};
}

void machine_up(struct machine *m)
{
	struct ioasid_be_device spec;

	be_up(&m->be, -1);
	m->fd = open_cdev();
	REQUIRE(m->fd >= 0);
	spec = spec_of(IOASID_BE_DEVICE_FD, NULL, m->fd);
	REQUIRE_EQ(ioasid__be_device_attach(&m->be, &spec, &m->dev, NULL), 0);
	REQUIRE_EQ(edu_open(&m->edu, m->fd), 0);
}

void machine_down(struct machine *m)
{
	edu_close(&m->edu);
	CHECK_EQ(ioasid__be_device_detach(&m->be, m->dev), 0);
	close(m->fd);
	CHECK_EQ(ioasid__be_close(&m->be), 0);
}

struct ioasid_be_as *space_up(struct machine *m)
{
	struct ioasid_be_as_args args = { .struct_size = sizeof(args) };
	struct ioasid_be_as *as = NULL;

	REQUIRE_EQ(ioasid__be_as_create(&m->be, &args, &as, NULL), 0);
	return as;
}

struct ioasid_be_map map_of(uint64_t iova, const void *source)
{
	return (struct ioasid_be_map){ .struct_size = sizeof(struct ioasid_be_map), .fd = -1, .iova = iova,
				       .length = EDU_PAGE, .source = (uint64_t)(uintptr_t)source,
				       .access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE };
}

int map_page(struct machine *m, struct ioasid_be_as *as, uint64_t iova, const struct page *page)
{
	struct ioasid_be_map map = map_of(iova, page->bytes);

	return ioasid__be_map(&m->be, as, &map);
}

int onto(onto_fn fn, struct machine *m, uint32_t pasid, struct ioasid_be_as *as)
{
	struct ioasid_be_bind bind = { .dev = m->dev, .pasid = pasid, .as = as };
	uint32_t done;

	return fn(&m->be, &bind, 1, 0, &done, NULL);
}

int off(off_fn fn, struct machine *m, uint32_t pasid)
{
	struct ioasid_be_bind bind = { .dev = m->dev, .pasid = pasid };
	uint32_t done;

	return fn(&m->be, &bind, 1, 0, &done);
}

void target_up(struct target *t)
{
	REQUIRE_EQ(page_alloc(&t->page, 'p'), 0);
	REQUIRE_EQ(page_alloc(&t->canary, 'c'), 0);
	t->iova = t->canary.physical;
	REQUIRE(t->iova != t->page.physical && t->iova < UINT64_C(0xfee00000));
}

void target_down(struct target *t)
{
	page_free(&t->page);
	page_free(&t->canary);
}

void check_passes(const struct edu *edu, struct target *t)
{
	page_fill(&t->page, 's');
	CHECK(edu_read(edu, t->iova));
	page_fill(&t->page, '-');
	CHECK(edu_write(edu, t->iova));
	CHECK(page_holds(&t->page, 's', '-'));
	CHECK(page_holds(&t->canary, 'c', 'c'));
}

void check_blocked(const struct edu *edu, struct target *t)
{
	page_fill(&t->page, 'p');
	CHECK(edu_write(edu, t->iova));
	CHECK(edu_read(edu, t->iova));
	CHECK(page_holds(&t->page, 'p', 'p'));
	CHECK(page_holds(&t->canary, 'c', 'c'));
}

void check_device_knows_nothing(struct machine *m)
{
	struct ioasid_be_as *as = space_up(m);
	struct page shown;

	REQUIRE_EQ(page_alloc(&shown, '-'), 0);
	REQUIRE_EQ(map_page(m, as, 0x10000, &shown), 0);
	REQUIRE_EQ(onto(ioasid__be_attach, m, 0, as), 0);
	CHECK(edu_write(&m->edu, 0x10000));
	CHECK(!page_holds(&shown, '-', '-'));
	CHECK(!memchr(shown.bytes, 'p', EDU_PAGE));
	CHECK(!memchr(shown.bytes, 'c', EDU_PAGE));
	CHECK_EQ(off(ioasid__be_detach, m, 0), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m->be, as), 0);
	page_free(&shown);
}
