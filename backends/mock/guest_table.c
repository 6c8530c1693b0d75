/* The interface ioasid.be.table/1: a device on a guest's own entry; see viommu.h. */
#include <string.h>

#include "fault.h"
#include "flight.h"
#include "space.h"
#include "structs.h"
#include "viommu.h"

static struct inject_call call_of(struct ioasid_mock *mock, uint32_t op, const struct device *device,
				  uint64_t deadline)
{
	return (struct inject_call){
		.inject = &mock->inject, .op = op, .device = device->number, .deadline = deadline
	};
}

static struct scope all_of(const struct device *device)
{
	return (struct scope){ .kind = SCOPE_DEVICE, .device = device };
}

/* ---- Attach ---- */

/* What an entry says. EINVAL, EOPNOTSUPP with a reason. */
static int32_t read_record(const struct ioasid_be_record *record, struct guest_entry *entry,
			   struct ioasid_be_text *why)
{
	struct ioasid_mock_entry raw;

	if (!record || record->length > IOASID_BE_RECORD_MAX)
		return IOASID_BE_EINVAL;
	if (record->type != IOASID_MOCK_PT_ENTRY)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "entries of type 0x%x are not the mock's",
				record->type);
	if (record->length != sizeof(raw))
		return wire_why(why, IOASID_BE_EINVAL, "the record has %u bytes, not %u", record->length,
				(unsigned int)sizeof(raw));
	memcpy(&raw, record->bytes, sizeof(raw));
	for (uint32_t i = record->length; i < IOASID_BE_RECORD_MAX; i++) {
		if (record->bytes[i])
			return IOASID_BE_EINVAL;
	}
	if (raw.config > IOASID_MOCK_ENTRY_TRANSLATE || raw.pasid_bits > 20 ||
	    raw.table & ~IOASID_MOCK_PTE_ADDRESS)
		return wire_why(why, IOASID_BE_EINVAL, "table 0x%llx, %u bits or config %u cannot be",
				(unsigned long long)raw.table, raw.pasid_bits, raw.config);
	entry->config = raw.config;
	entry->table = raw.table;
	entry->pasid_bits = raw.pasid_bits;
	return 0;
}

static int32_t check(const struct device *device, const struct guest_entry *entry, struct ioasid_be_text *why)
{
	const struct ioasid_be_viommu *viommu = entry->viommu;

	if (device->gone)
		return IOASID_BE_ENODEV;
	if (device->setup->owner == IOASID_BE_OWNER_HOST || !setup_has_viommu(device->setup))
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "%s lacks PASID tables of guests", device->name);
	if (entry->faultq && !setup_takes_requests(device->setup))
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "%s lacks page requests", device->name);
	if (device->iommu != viommu->iommu)
		return wire_why(why, IOASID_BE_EINVAL, "%s is behind another IOMMU", device->name);
	if (device->bindings || device->rid.state != IOASID_MOCK_SLOT_FREE)
		return wire_why(why, IOASID_BE_EBUSY, "the RID or a PASID of %s is attached", device->name);
	if (entry->config == IOASID_MOCK_ENTRY_TRANSLATE &&
	    (!device->vdevice || device->vdevice->viommu != viommu))
		return wire_why(why, IOASID_BE_ENOENT, "%s has no virtual id there", device->name);
	return window_fits(viommu->parent->space, device, why);
}

static struct target target_of(const struct guest_entry *entry)
{
	return (struct target){ .space = entry->viommu->parent->space, .as = entry->viommu->parent };
}

/* Counts a device on an entry's virtual IOMMU and parent. */
static int32_t use(struct ioasid_mock *mock, const struct device *device, const struct guest_entry *entry,
		   struct ioasid_be_text *why)
{
	const struct target target = target_of(entry);
	int32_t rc = target_use(mock, device, &target, why);

	if (!rc) {
		entry->viommu->entries++;
		mock->entries++;
		faultq_use(entry->faultq);
	}
	return rc;
}

/* Undoes it; an entry of nothing is none. */
static void unuse(struct ioasid_mock *mock, const struct device *device, const struct guest_entry *entry)
{
	struct target target;

	if (!entry->viommu)
		return;
	target = target_of(entry);
	target_unuse(mock, device, &target);
	entry->viommu->entries--;
	mock->entries--;
	faultq_unuse(entry->faultq);
}

static int32_t attach_locked(struct ioasid_mock *mock, struct device *device, struct guest_entry *entry,
			     uint64_t deadline, struct ioasid_be_text *why)
{
	const struct guest_entry old = device->guest;
	const struct scope scope = all_of(device);
	const uint64_t flights = mock->last_flight, groups = mock->last_group, blocks = device->blocks;
	int32_t rc = check(device, entry, why);

	if (!rc)
		rc = use(mock, device, entry, why);
	if (rc)
		return rc;
	entry->id = ++mock->last_id;
	device->guest = *entry;
	tlb_flush(mock, &scope, TLB_EVERY);
	rc = flight_drain(mock, &scope, flights, deadline);
	if (!rc) {
		page_end(mock, &scope, 0, groups);
		unuse(mock, device, &old);
		return 0;
	}
	/* The old one stays; what the new one let in meanwhile ends. Who blocked the device keeps that. */
	device->guest = old;
	if (device->blocks != blocks)
		viommu_block(device);
	tlb_flush(mock, &scope, TLB_EVERY);
	flight_cut(mock, &scope, flights, UINT64_MAX);
	page_end(mock, &scope, groups, UINT64_MAX);
	unuse(mock, device, entry);
	return rc;
}

static int32_t table_attach(struct ioasid_be_dev *dev, struct ioasid_be_viommu *viommu,
			    const struct ioasid_be_record *record, struct ioasid_be_faultq *faultq,
			    uint64_t deadline, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_ENTRY_ATTACH, dev->device, deadline);
	struct guest_entry entry = { .viommu = viommu, .faultq = faultq };
	int32_t rc = inject_begin(&call);

	if (!rc && (!viommu || viommu->ctx != dev->ctx || !faultq_is_of(faultq, dev->ctx)))
		rc = IOASID_BE_EINVAL;
	if (!rc)
		rc = read_record(record, &entry, why);
	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = attach_locked(mock, dev->device, &entry, deadline, why);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

/* ---- Set, detach ---- */

void viommu_block(struct device *device)
{
	device->guest.config = IOASID_MOCK_ENTRY_ABORT;
}

static int32_t set_locked(struct ioasid_mock *mock, struct device *device, uint32_t config, uint64_t deadline)
{
	const struct scope scope = all_of(device);

	if (!device->guest.viommu)
		return IOASID_BE_ENOENT;
	device->guest.config = config;
	tlb_flush(mock, &scope, TLB_EVERY);
	page_end(mock, &scope, 0, UINT64_MAX);
	return flight_drain(mock, &scope, mock->last_flight, deadline);
}

static int32_t table_set(struct ioasid_be_dev *dev, uint32_t entry, uint64_t deadline)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_ENTRY_SET, dev->device, deadline);
	int32_t rc = inject_begin(&call);

	if (!rc && entry > IOASID_BE_ENTRY_BYPASS)
		rc = IOASID_BE_EINVAL;
	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = dev->device->gone ? IOASID_BE_ENODEV : set_locked(mock, dev->device, entry, deadline);
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

static int32_t table_detach(struct ioasid_be_dev *dev, uint64_t deadline)
{
	static const struct guest_entry nothing;
	struct ioasid_mock *mock = dev->ctx->mock;
	struct device *device = dev->device;
	const struct inject_call call = call_of(mock, IOASID_MOCK_OP_ENTRY_DETACH, device, deadline);
	int32_t rc = inject_begin(&call);

	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = set_locked(mock, device, IOASID_MOCK_ENTRY_ABORT, deadline);
		if (!rc) {
			unuse(mock, device, &device->guest);
			device->guest = nothing;
		}
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

_Static_assert(IOASID_MOCK_ENTRY_ABORT == IOASID_BE_ENTRY_ABORT &&
		       IOASID_MOCK_ENTRY_BYPASS == IOASID_BE_ENTRY_BYPASS,
	       "entries are numbered as in the contract");

const struct ioasid_be_table_ops mock_table_ops = {
	.struct_size = sizeof(mock_table_ops),
	.attach = table_attach,
	.set = table_set,
	.detach = table_detach,
};
