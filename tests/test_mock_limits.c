/* Limits of the mock: what runs out, and what does not. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_rig.h"

#define IOVA UINT64_C(0x10000)

static void what_runs_out_is_named(void)
{
	struct rig rig;
	struct ioasid_be_as *a, *b = NULL;
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args) };
	struct ioasid_be_dev *dev = NULL;

	rig_open(&rig, "devices=3 max_devices=2 max_spaces=1 max_bindings=3 mock0.bindings=2", 2);
	CHECK_EQ(rig_attach_device(&rig, "mock2", &dev), IOASID_BE_ENOSPC);
	CHECK(strstr(rig.text, "devices"));
	a = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig.paging->create(rig.ctx, &args, &b, &rig.why), IOASID_BE_ENOSPC);
	CHECK(strstr(rig.text, "address spaces"));
	CHECK_EQ(rig_attach(&rig, 0, 1, a, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 2, a, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 3, a, NULL), IOASID_BE_ENOSPC);
	CHECK(strstr(rig.text, "mock0"));
	CHECK_EQ(rig_attach(&rig, 1, 1, a, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 1, 2, a, NULL), IOASID_BE_ENOSPC);
	CHECK(strstr(rig.text, "bindings"));
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_attach(&rig, 1, 2, a, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 2, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 2, 0), 0);
	CHECK_EQ(rig.paging->destroy(a), 0);
	rig_close(&rig);
}

static void domain_numbers_are_shared_by_slots_on_one_space_and_run_out_per_iommu(void)
{
	struct rig rig;
	struct ioasid_be_as *a, *b;

	rig_open(&rig, "devices=3 iommus=2 domains=1", 3);
	a = rig_space(&rig, IOASID_BE_USE_PASID);
	b = rig_space(&rig, IOASID_BE_USE_PASID);
	/* mock0 and mock2 are behind one IOMMU, mock1 behind the other. */
	CHECK_EQ(rig_attach(&rig, 0, 1, a, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 2, 1, a, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 2, 2, b, NULL), IOASID_BE_ENOSPC);
	CHECK(strstr(rig.text, "domain numbers"));
	CHECK_EQ(rig_replace(&rig, 0, 1, b, NULL, 0), IOASID_BE_ENOSPC);
	CHECK(rig_slot(&rig, 0, 1).as == a);
	CHECK_EQ(rig_attach(&rig, 1, 1, b, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_attach(&rig, 2, 2, b, NULL), IOASID_BE_ENOSPC);
	CHECK_EQ(rig_detach(&rig, 2, 1, 0), 0);
	CHECK_EQ(rig_attach(&rig, 2, 2, b, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 2, 2, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(a), 0);
	CHECK_EQ(rig.paging->destroy(b), 0);
	rig_close(&rig);
}

static void the_whole_pasid_space_of_a_device_can_be_attached(void)
{
	enum { BITS = 12, COUNT = (1 << BITS) - 1 };
	static struct ioasid_be_bind binds[COUNT];
	struct ioasid_be_batch batch = rig_batch(binds, COUNT);
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "pasid_bits=12", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	for (uint32_t i = 0; i < COUNT; i++)
		binds[i] = rig_bind(&rig, 0, i + 1, as, NULL);
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.why), 0);
	CHECK_EQ(batch.done, COUNT);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1) && rig_reads(&rig, 0, COUNT, IOVA, 1));
	for (uint32_t i = 0; i < COUNT; i++)
		binds[i].as = NULL;
	CHECK_EQ(rig.pasid->detach(rig.ctx, &batch), 0);
	CHECK_EQ(rig_live(&rig).bindings, 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "what runs out is named", what_runs_out_is_named },
	{ "domain numbers are shared by slots on one space and run out per IOMMU",
	  domain_numbers_are_shared_by_slots_on_one_space_and_run_out_per_iommu },
	{ "the whole PASID space of a device can be attached",
	  the_whole_pasid_space_of_a_device_can_be_attached },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_limits", cases, argc, argv);
}
