/* The report: each capability of a device, usable or not, and why. */
#include "plug.h"
#include "slot.h"
#include "structs.h"

/* What is missing where the configuration takes a capability away; NULL: this plugin never has it. */
static const char *const lacking[] = {
	[IOASID_BE_CAP_PASID] = "the device has no PASID capability (key pasid_bits)",
	[IOASID_BE_CAP_EXEC] = "the device makes no execute requests (key exec)",
	[IOASID_BE_CAP_PRIV] = "the device makes no privileged requests (key priv)",
	[IOASID_BE_CAP_ATS] = "the device has no TLB of its own (key ats)",
	[IOASID_BE_CAP_PRI] = "the device makes no page requests (keys pri and ats)",
	[IOASID_BE_CAP_NESTING] = "the IOMMU has no nested tables for the device (key nesting)",
	[IOASID_BE_CAP_HITLESS] = "the IOMMU cannot replace a table without a gap (key hitless)",
	[IOASID_BE_CAP_DIRTY] = "the IOMMU does not see what the device writes (key dirty)",
	[IOASID_BE_CAP_FAULT] = "no page requests reach the IOMMU (keys pri, ats and fault)",
	[IOASID_BE_CAP_VIOMMU] = "the IOMMU has no virtual ones (keys viommu and nesting)",
	[IOASID_BE_CAP_EVENT] = "the IOMMU tells guests no events (keys event, viommu and nesting)",
	[IOASID_BE_CAP_HWQUEUE] = NULL,
	[IOASID_BE_CAP_BLOCK] = "the device cannot be blocked as a whole (key block)",
	[IOASID_BE_CAP_MAPPING] = "reserved windows restrict mappings (key reserved)",
	[IOASID_BE_CAP_RID] = "the RID cannot be attached (key rid)",
};
_Static_assert(sizeof(lacking) / sizeof(lacking[0]) == IOASID_BE_CAP_COUNT, "every capability has a line");

/* What stands in the way, where the configuration denies a capability for a reason of its own. */
static const char *const denials[] = {
	[IOASID_BE_WHY_KERNEL] = "the kernel does not do this",
	[IOASID_BE_WHY_MODE] = "the IOMMU is in a mode without this",
	[IOASID_BE_WHY_HARDWARE] = "the hardware does not have this",
	[IOASID_BE_WHY_ACS] = "there is no ACS route from the device to the IOMMU",
	[IOASID_BE_WHY_RID] = "what the RID is on stands in the way",
	[IOASID_BE_WHY_PERMISSION] = "there is no permission for this",
	[IOASID_BE_WHY_BACKEND] = "the software IOMMU does not do this",
	[IOASID_BE_WHY_OTHER] = "this cannot be",
};

static bool has(const struct setup_device *setup, uint32_t capability)
{
	switch (capability) {
	case IOASID_BE_CAP_PASID:
		return setup->pasid_bits;
	case IOASID_BE_CAP_EXEC:
		return setup->exec;
	case IOASID_BE_CAP_PRIV:
		return setup->priv;
	case IOASID_BE_CAP_ATS:
		return setup->ats;
	case IOASID_BE_CAP_VIOMMU:
		return setup_has_viommu(setup);
	case IOASID_BE_CAP_EVENT:
		return setup_has_viommu(setup) && setup->event;
	case IOASID_BE_CAP_PRI:
		return setup_pri(setup);
	case IOASID_BE_CAP_FAULT:
		return setup_takes_requests(setup);
	case IOASID_BE_CAP_DIRTY:
		return setup->dirty;
	case IOASID_BE_CAP_NESTING:
		return setup->nesting;
	case IOASID_BE_CAP_HITLESS:
		return setup->hitless;
	case IOASID_BE_CAP_BLOCK:
		return setup->block;
	case IOASID_BE_CAP_MAPPING:
		return !setup->reserved_count;
	default:
		return setup->rid;
	}
}

/* The interface that a capability is nothing without, if the machine is without it. */
static const char *missing_interface(const struct ioasid_mock *mock, uint32_t capability)
{
	const uint64_t without = mock->setup->without;

	if (capability == IOASID_BE_CAP_NESTING && without & IOASID_BE_IF_NESTED)
		return IOASID_BE_ID_NESTED;
	if (capability == IOASID_BE_CAP_VIOMMU && !(machine_interfaces(mock) & IOASID_BE_IF_VIOMMU))
		return IOASID_BE_ID_VIOMMU;
	if (capability == IOASID_BE_CAP_EVENT && !(machine_interfaces(mock) & IOASID_BE_IF_EVENT))
		return IOASID_BE_ID_EVENT;
	if (capability == IOASID_BE_CAP_DIRTY && without & IOASID_BE_IF_DIRTY)
		return IOASID_BE_ID_DIRTY;
	if (capability == IOASID_BE_CAP_FAULT && without & IOASID_BE_IF_FAULT)
		return IOASID_BE_ID_FAULT;
	if (capability != IOASID_BE_CAP_ATS && capability != IOASID_BE_CAP_PRI &&
	    capability != IOASID_BE_CAP_MAPPING && without & IOASID_BE_IF_PASID)
		return IOASID_BE_ID_PASID;
	return NULL;
}

/* Does the RID keep PASIDs away? */
static bool rid_in_the_way(struct ioasid_mock *mock, const struct device *device)
{
	bool in_the_way;

	turnstile_enter(&mock->lock);
	in_the_way = mock->setup->rid_strict && device->rid.state != IOASID_MOCK_SLOT_FREE &&
		     !device->rid.table && !(device->rid.space->uses & IOASID_BE_USE_PASID);
	turnstile_leave(&mock->lock);
	return in_the_way;
}

/* Why @capability is not usable, IOASID_BE_WHY_*, and a text. */
static uint32_t why_not(struct ioasid_mock *mock, const struct device *device, uint32_t capability,
			struct ioasid_be_text *text)
{
	const char *interface = missing_interface(mock, capability);

	if (interface) {
		wire_why(text, 0, "interface %s is switched off (keys without and guest_tables)", interface);
		return IOASID_BE_WHY_MODE;
	}
	if (!lacking[capability]) {
		wire_why(text, 0, "the software IOMMU does not do this");
		return IOASID_BE_WHY_BACKEND;
	}
	if (device->setup->denied[capability]) {
		wire_why(text, 0, "%s (key deny)", denials[device->setup->denied[capability]]);
		return device->setup->denied[capability];
	}
	if (!has(device->setup, capability)) {
		wire_why(text, 0, "%s", lacking[capability]);
		return capability == IOASID_BE_CAP_MAPPING ? IOASID_BE_WHY_OTHER : IOASID_BE_WHY_HARDWARE;
	}
	if (capability == IOASID_BE_CAP_PASID && rid_in_the_way(mock, device)) {
		wire_why(text, 0, "the RID is on an address space without the use PASID");
		return IOASID_BE_WHY_RID;
	}
	if (capability == IOASID_BE_CAP_PASID)
		wire_why(text, 0, "%u bits", (unsigned int)device->setup->pasid_bits);
	else
		wire_why(text, 0, "%s", "");
	return IOASID_BE_WHY_NONE;
}

int32_t device_report(struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
		      struct ioasid_be_text *text)
{
	struct ioasid_mock *mock = dev->ctx->mock;
	const struct inject_call call = { .inject = &mock->inject,
					  .op = IOASID_MOCK_OP_DEVICE_REPORT,
					  .device = dev->device->number };
	struct ioasid_be_report_line told = { .capability = index };
	int32_t rc = inject_begin(&call);

	if (!rc && index >= IOASID_BE_CAP_COUNT)
		rc = IOASID_BE_ENOENT;
	if (!rc && !line)
		rc = IOASID_BE_EINVAL;
	if (!rc)
		rc = plug_check(mock, dev->device);
	if (!rc) {
		told.why = why_not(mock, dev->device, index, text);
		told.usable = told.why == IOASID_BE_WHY_NONE;
		rc = wire_struct_out(line, sizeof(told), &told);
	}
	return inject_end(&call, rc);
}
