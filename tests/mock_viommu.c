/* A guest that owns a PASID table; see mock_viommu.h. */
#include "tests/mock_viommu.h"

#include <string.h>

#include "tests/harness.h"

#define PASIDS 14u /* page of the guest's PASID table */

struct ioasid_mock_pasid_entry *viommu_pasid(struct viommu_scene *s, uint32_t pasid)
{
	return (struct ioasid_mock_pasid_entry *)(void *)rig_page(&s->g.rig, PASIDS) + pasid;
}

struct ioasid_be_viommu_args viommu_args(struct viommu_scene *s)
{
	return (struct ioasid_be_viommu_args){ .struct_size = sizeof(struct ioasid_be_viommu_args),
					       .type = IOASID_BE_VIOMMU_MOCK,
					       .dev = s->g.rig.dev[0],
					       .parent = s->g.memory };
}

void viommu_open(struct viommu_scene *s, const char *config, uint32_t devices)
{
	struct ioasid_be_viommu_args args;
	struct ioasid_be_record out;

	mock_guest_open(&s->g, config, devices);
	args = viommu_args(s);
	memset(rig_page(&s->g.rig, PASIDS), 0, RIG_PAGE);
	*mock_guest_entry(&s->g, GUEST_ADDRESS, 1) =
		mock_guest_page(7) | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;
	viommu_pasid(s, 0)->root = mock_guest_page(16) | IOASID_MOCK_PTE_P;
	viommu_pasid(s, 3)->root = mock_guest_page(16) | IOASID_MOCK_PTE_P;
	REQUIRE_EQ(s->g.rig.viommu->create(s->g.rig.ctx, &args, &s->viommu, &out, &s->g.rig.why), 0);
	for (s->devices = 0; s->devices < devices; s->devices++)
		REQUIRE_EQ(s->g.rig.vdevice->create(s->viommu, s->g.rig.dev[s->devices],
						    VIOMMU_ID + s->devices, &s->vdevice[s->devices], NULL),
			   0);
}

void viommu_close(struct viommu_scene *s)
{
	while (s->devices)
		CHECK_EQ(s->g.rig.vdevice->destroy(s->vdevice[--s->devices]), 0);
	CHECK_EQ(s->g.rig.viommu->destroy(s->viommu), 0);
	mock_guest_close(&s->g);
}

struct ioasid_be_record viommu_record(uint32_t config)
{
	const struct ioasid_mock_entry raw = { .table = mock_guest_page(PASIDS),
					       .pasid_bits = VIOMMU_BITS,
					       .config = config };
	struct ioasid_be_record record = { .type = IOASID_MOCK_PT_ENTRY, .length = sizeof(raw) };

	memcpy(record.bytes, &raw, sizeof(raw));
	return record;
}

int32_t viommu_attach(struct viommu_scene *s, uint32_t device, uint32_t config)
{
	const struct ioasid_be_record record = viommu_record(config);

	return s->g.rig.table->attach(s->g.rig.dev[device], s->viommu, &record, NULL, rig_now() + 5 * RIG_MS,
				      &s->g.rig.why);
}

int32_t viommu_set(struct viommu_scene *s, uint32_t device, uint32_t entry)
{
	return s->g.rig.table->set(s->g.rig.dev[device], entry, rig_now() + 5 * RIG_MS);
}

int32_t viommu_detach(struct viommu_scene *s, uint32_t device)
{
	return s->g.rig.table->detach(s->g.rig.dev[device], rig_now() + 5 * RIG_MS);
}
