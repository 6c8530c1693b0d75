/* The VT-d plugin on a real kernel: devices, how they are taken in, and what is reported of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/iommufd/uapi.h"
#include "tests/harness.h"
#include "tests/vm/vtd-cases.h"

/* What the kernel itself reports of its first unit, in hexadecimal. */
static uint64_t unit_says(const char *attribute)
{
	char path[128];
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/iommu/dmar0/intel-iommu/%s", attribute);
	file = fopen(path, "r");
	CHECK(file && fscanf(file, "%" SCNx64, &value) == 1);
	if (file)
		fclose(file);
	return value;
}

void report_is_true(void)
{
	struct be_context be;
	struct ioasid_be_device spec = spec_of(IOASID_BE_DEVICE_NAME, lab_address(), -1);
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };
	struct ioasid_be_record registers;
	struct ioasid_reason text;
	struct ioasid_be_dev *dev;
	uint64_t raw[3];
	uint32_t count = 0;

	be_up(&be, -1);
	REQUIRE_EQ(ioasid__be_device_attach(&be, &spec, &dev, NULL), 0);
	CHECK_EQ(ioasid__be_device_caps(&be, dev, &caps), 0);
	CHECK_EQ(caps.pasid_bits, 0);
	CHECK_EQ(caps.table_owner, IOASID_BE_OWNER_NONE);
	CHECK(caps.flags & 1u << IOASID_BE_CAP_RID && caps.flags & 1u << IOASID_BE_CAP_BLOCK);
	CHECK(!(caps.flags & (1u << IOASID_BE_CAP_NESTING | 1u << IOASID_BE_CAP_ATS)));
	CHECK_EQ(caps.iommu, unit_says("address"));
	CHECK_EQ(ioasid__be_device_registers(&be, dev, &registers), 0);
	CHECK_EQ(registers.type, IOASID_BE_REGS_VTD);
	CHECK_EQ(registers.length, sizeof(raw));
	memcpy(raw, registers.bytes, sizeof(raw));
	CHECK_EQ(raw[1], unit_says("cap"));
	CHECK_EQ(raw[2], unit_says("ecap"));
	for (; !ioasid__be_device_report(&be, dev, count, &line, &text); count++) {
		CHECK_EQ(line.usable, line.why == IOASID_BE_WHY_NONE);
		CHECK(text.text[0]);
		printf("# capability %" PRIu32 ": %s, %s\n", line.capability, line.usable ? "yes" : "no",
		       text.text);
	}
	CHECK_EQ(count, IOASID_BE_CAP_COUNT);
	printf("# %" PRIu32 " bits of address, page sizes 0x%" PRIx64 "\n", caps.iova_bits, caps.page_sizes);
	CHECK_EQ(ioasid__be_close(&be), -EBUSY);
	CHECK_EQ(ioasid__be_device_detach(&be, dev), 0);
	CHECK_EQ(ioasid__be_close(&be), 0);
}

void addresses_are_as_wide_as_told(void)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_be_range ranges[32];
	uint32_t count = 32, usable = 0, window = 0;
	struct ioasid_be_device spec = spec_of(IOASID_BE_DEVICE_NAME, lab_address(), -1);
	struct ioasid_be_as *as;
	struct machine m;
	struct page page;

	be_up(&m.be, -1);
	REQUIRE_EQ(ioasid__be_device_attach(&m.be, &spec, &m.dev, NULL), 0);
	REQUIRE_EQ(page_alloc(&page, 'p'), 0);
	as = space_up(&m);
	CHECK_EQ(ioasid__be_device_caps(&m.be, m.dev, &caps), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), 0);
	REQUIRE_EQ(ioasid__be_ranges(&m.be, as, ranges, &count), 0);
	for (uint32_t i = 0; i < count; i++) {
		CHECK(!i || ranges[i].first >= ranges[i - 1].first);
		if (ranges[i].kind == IOASID_BE_RANGE_USABLE)
			usable = i;
		/* Where messages of interrupts go; no table is asked for it. */
		if (ranges[i].kind == IOASID_BE_RANGE_RESERVED && ranges[i].first == UINT64_C(0xfee00000))
			window++;
	}
	CHECK_EQ(window, 1);
	CHECK_EQ(ranges[usable].last, (UINT64_C(1) << caps.iova_bits) - 1);
	CHECK_EQ(map_page(&m, as, UINT64_C(0xfee00000), &page), -ERANGE);
	CHECK_EQ(map_page(&m, as, UINT64_C(1) << caps.iova_bits, &page), -ERANGE);
	CHECK_EQ(map_page(&m, as, (UINT64_C(1) << caps.iova_bits) - EDU_PAGE, &page), 0);
	CHECK_EQ(off(ioasid__be_detach, &m, 0), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	page_free(&page);
	CHECK_EQ(ioasid__be_device_detach(&m.be, m.dev), 0);
	CHECK_EQ(ioasid__be_close(&m.be), 0);
}

void no_device_no_attach(void)
{
	struct ioasid_be_device spec = spec_of(IOASID_BE_DEVICE_NAME, "0000:00:00.0", -1);
	struct ioasid_be_dev *dev;
	struct be_context be;
	struct machine m;
	int fd;

	machine_up(&m);
	be_up(&be, -1);
	CHECK_EQ(ioasid__be_device_attach(&be, &spec, &dev, NULL), -ENODEV);
	spec.name = "0000:7f:1f.7";
	CHECK_EQ(ioasid__be_device_attach(&be, &spec, &dev, NULL), -ENODEV);
	spec.name = "../../../etc";
	CHECK_EQ(ioasid__be_device_attach(&be, &spec, &dev, NULL), -EINVAL);
	spec.name = lab_address();
	CHECK_EQ(ioasid__be_device_attach(&be, &spec, &dev, NULL), -EBUSY);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	spec = spec_of(IOASID_BE_DEVICE_FD, NULL, fd);
	CHECK_EQ(ioasid__be_device_attach(&be, &spec, &dev, NULL), -ENODEV);
	close(fd);
	CHECK_EQ(ioasid__be_close(&be), 0);
	machine_down(&m);
}

/* As a VMM has it before its virtual IOMMU starts: device bound, on an address space of the VMM's, and DMA
 * running. */
void adopted_is_left_as_it_was(void)
{
	struct uapi_vfio_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct uapi_vfio_attach_pt attach = { .argsz = 8 + sizeof(uint32_t) };
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .fd = -1 };
	struct ioasid_be_device spec;
	struct ioasid_be_as *as;
	struct machine m;
	struct target t;
	int iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	m.fd = open_cdev();
	bind.iommufd = iommufd;
	REQUIRE_EQ(ioctl(m.fd, UAPI_VFIO_BIND_IOMMUFD, &bind), 0);
	REQUIRE_EQ(ioctl(iommufd, UAPI_IOAS_ALLOC, &alloc), 0);
	attach.pt_id = alloc.out_ioas_id;
	REQUIRE_EQ(ioctl(m.fd, UAPI_VFIO_ATTACH_PT, &attach), 0);
	REQUIRE_EQ(edu_open(&m.edu, m.fd), 0);
	target_up(&t);

	be_up(&m.be, iommufd);
	spec = spec_of(IOASID_BE_DEVICE_ADOPTED, "label", m.fd);
	spec.iommufd = dup(iommufd);
	spec.device_id = bind.out_devid;
	REQUIRE_EQ(ioasid__be_device_attach(&m.be, &spec, &m.dev, NULL), 0);
	object.id = alloc.out_ioas_id;
	REQUIRE_EQ(ioasid__be_as_adopt(&m.be, &object, &as, NULL), 0);
	CHECK_EQ(map_page(&m, as, t.iova, &t.page), 0);
	check_passes(&m.edu, &t);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), -EBUSY);
	CHECK_EQ(off(ioasid__be_detach, &m, 0), -ENOENT);
	CHECK_EQ(ioasid__be_device_block(&m.be, m.dev, 0), -EBUSY);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	object.id += 1000;
	CHECK_EQ(ioasid__be_as_adopt(&m.be, &object, &as, NULL), -ENOENT);
	CHECK_EQ(ioasid__be_device_detach(&m.be, m.dev), 0);
	CHECK_EQ(ioasid__be_close(&m.be), 0);
	check_passes(&m.edu, &t);

	edu_close(&m.edu);
	close(spec.iommufd);
	close(m.fd);
	close(iommufd);
	target_down(&t);
}
