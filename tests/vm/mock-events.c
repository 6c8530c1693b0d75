/*
 * Virtual IOMMUs on the kernel's mock devices: the client that the plugins share, without a plugin, as VT-d
 * has no virtual IOMMU. See mock-lab.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backends/iommufd/vfio.h"
#include "backends/iommufd/virtual.h"
#include "tests/harness.h"
#include "tests/kernel-mock/selftest.h"
#include "tests/vm/mock-lab.h"

#define VIRTUAL_ID 0x99u

struct event {
	struct uapi_vevent_header header;
	struct selftest_event data;
};

/* A mock device, its RID on a nested table of a virtual IOMMU. */
struct world {
	struct bridge *bridge;
	struct iommufd iommu;
	int32_t cdev, fd;
	uint32_t device, ioas, parent, viommu, vdevice, table, queue;
};

static void world_up(struct world *w, uint32_t depth)
{
	struct selftest_viommu data = { .in = 0x1234 };
	const struct selftest_table entry = { .iotlb = 1 };
	struct iommufd_hwpt hwpt = { .flags = UAPI_HWPT_NEST_PARENT };
	struct iommufd_viommu what = { .type = SELFTEST_VIOMMU, .data_size = sizeof(data), .data = &data };

	w->bridge = bridge_create();
	REQUIRE_EQ(iommufd_open(&w->iommu, bridge_host(w->bridge), -1), 0);
	w->cdev = vfio_open(w->iommu.host, "vfio0");
	REQUIRE(w->cdev >= 0);
	REQUIRE_EQ(vfio_bind(&w->iommu, w->cdev, &w->device), 0);
	REQUIRE_EQ(iommufd_ioas_alloc(&w->iommu, &w->ioas), 0);
	hwpt.dev = what.dev = w->device;
	hwpt.parent = w->ioas;
	REQUIRE_EQ(iommufd_hwpt_alloc(&w->iommu, &hwpt, &w->parent), 0);
	what.parent = w->parent;
	REQUIRE_EQ(iommufd_viommu_alloc(&w->iommu, &what, &w->viommu), 0);
	CHECK_EQ(data.out, data.in);
	REQUIRE_EQ(iommufd_vdevice_alloc(&w->iommu, w->viommu, w->device, VIRTUAL_ID, &w->vdevice), 0);
	hwpt = (struct iommufd_hwpt){
		.dev = w->device, .parent = w->viommu, .data_type = SELFTEST_TABLE, .data_size = sizeof(entry), .data = &entry,
	};
	REQUIRE_EQ(iommufd_hwpt_alloc(&w->iommu, &hwpt, &w->table), 0);
	REQUIRE_EQ(iommufd_eventq_alloc(&w->iommu, w->viommu, SELFTEST_EVENTS, depth, &w->queue, &w->fd), 0);
	REQUIRE_EQ(vfio_attach(&w->iommu, w->cdev, 0, w->table), 0);
}

static void world_down(struct world *w)
{
	CHECK_EQ(vfio_detach(&w->iommu, w->cdev, 0), 0);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->queue), -EBUSY);
	w->iommu.host->close(w->iommu.host->host, w->fd);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->viommu), -EBUSY);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->table), 0);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->vdevice), 0);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->queue), 0);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->parent), -EBUSY);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->viommu), 0);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->parent), 0);
	CHECK_EQ(iommufd_destroy(&w->iommu, w->ioas), 0);
	w->iommu.host->close(w->iommu.host->host, w->cdev);
	iommufd_close(&w->iommu);
	CHECK(bridge_destroy(w->bridge));
}

void events_come_in_order(void)
{
	struct event events[4];
	struct pollfd poll_fd = { .events = POLLIN };
	uint32_t other;
	int32_t fd;
	struct world w;

	world_up(&w, 2);
	poll_fd.fd = w.fd;
	CHECK_EQ(iommufd_vdevice_alloc(&w.iommu, w.viommu, w.device, VIRTUAL_ID + 1, &other), -EEXIST);
	CHECK_EQ(iommufd_eventq_alloc(&w.iommu, w.viommu, SELFTEST_EVENTS, 2, &other, &fd), -EEXIST);
	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	CHECK_EQ(iommufd_event_read(&w.iommu, w.fd, events, sizeof(events)), 0);
	CHECK_EQ(bridge_event(w.bridge, 0), 0);
	CHECK_EQ(poll(&poll_fd, 1, 100000), 1);
	CHECK_EQ(iommufd_event_read(&w.iommu, w.fd, events, 4), -EINVAL);
	CHECK_EQ(iommufd_event_read(&w.iommu, w.fd, events, sizeof(events)), (int64_t)sizeof(events[0]));
	CHECK(events[0].header.flags == 0 && events[0].header.sequence == 0 && events[0].data.virtual_id == VIRTUAL_ID);
	/* Four, of which two find room. What is lost shows, and is counted. */
	for (int i = 0; i < 4; i++)
		(void)bridge_event(w.bridge, 0);
	CHECK_EQ(iommufd_event_read(&w.iommu, w.fd, events, sizeof(events)),
		 (int64_t)(2 * sizeof(events[0]) + sizeof(events[0].header)));
	CHECK(events[0].header.sequence == 1 && events[1].header.sequence == 2);
	CHECK(events[2].header.flags & UAPI_VEVENT_LOST);
	CHECK_EQ(bridge_event(w.bridge, 0), 0);
	CHECK_EQ(iommufd_event_read(&w.iommu, w.fd, events, sizeof(events)), (int64_t)sizeof(events[0]));
	CHECK(events[0].header.flags == 0 && events[0].header.sequence == 5);
	world_down(&w);
}
