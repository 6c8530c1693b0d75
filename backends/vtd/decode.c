/* SPDX-License-Identifier: MIT */
/*
 * What the registers of a VT-d unit and the kernel say about a device, in the terms of the ABI: capabilities,
 * and for each one that is not usable, why not (S9.10). Bit positions are those of the VT-d specification,
 * sections 11.4.2 and 11.4.3.
 */
#include "vtd.h"

#define CAP_FL5LP   (UINT64_C(1) << 60)	/* first stage with five levels */
#define CAP_FL1GP   (UINT64_C(1) << 56)	/* first stage with pages of 1 GiB */
#define CAP_SSPS_1G (UINT64_C(1) << 35)	/* the same of the second stage */
#define CAP_SSPS_2M (UINT64_C(1) << 34)
#define ECAP_FSTS   (UINT64_C(1) << 47)	/* first stage in scalable mode */
#define ECAP_SSTS   (UINT64_C(1) << 46)	/* second stage in scalable mode */
#define ECAP_SSADS  (UINT64_C(1) << 45)	/* accessed and dirty bits of the second stage */
#define ECAP_SMTS   (UINT64_C(1) << 43)	/* scalable mode */
#define ECAP_PDS    (UINT64_C(1) << 42)	/* drains page requests */
#define ECAP_PASID  (UINT64_C(1) << 40)
#define ECAP_PRS    (UINT64_C(1) << 29)	/* page requests */
#define ECAP_NEST   (UINT64_C(1) << 26)
#define ECAP_DT     (UINT64_C(1) << 2)	/* device TLBs */

static bool has(const struct ioasid_be_dev *dev, uint64_t ecap)
{
	return (dev->registers.ecap_reg & ecap) == ecap;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A first stage sign-extends, so that the upper half of its space is not for DMA; it is what the kernel takes
 * if there is one. */
static uint32_t iova_bits(const struct ioasid_be_dev *dev)
{
	uint64_t cap = dev->registers.cap_reg;
	uint32_t width = (uint32_t)(cap >> 16 & 0x3f) + 1;
	uint32_t levels = (uint32_t)(cap >> 8 & 0x1f);	/* bit 1: 39 bits, bit 2: 48, bit 3: 57 */

	if (has(dev, ECAP_SMTS | ECAP_FSTS))
		return least(width, cap & CAP_FL5LP ? 57 : 48) - 1;
	return least(width, levels & 8 ? 57 : levels & 4 ? 48 : 39);
}

static uint64_t page_sizes(const struct ioasid_be_dev *dev)
{
	uint64_t cap = dev->registers.cap_reg;
	bool first = has(dev, ECAP_SMTS | ECAP_FSTS);

	return VTD_PAGE | (first || cap & CAP_SSPS_2M ? UINT64_C(1) << 21 : 0) |
	       (cap & (first ? CAP_FL1GP : CAP_SSPS_1G) ? UINT64_C(1) << 30 : 0);
}

/* One capability: usable, or why not, and the words for it. */
struct verdict {
	uint32_t why;
	const char *text;
};

static struct verdict judge_pasid(const struct ioasid_be_dev *dev)
{
	if (dev->pasid_bits)
		return (struct verdict){ IOASID_BE_WHY_NONE, dev->group_known ? "PASIDs can be attached" :
			"PASIDs can be attached; for them to be blocked, the device has to be alone in its IOMMU group, "
			"which is not known" };
	if (!has(dev, ECAP_SMTS))
		return (struct verdict){ IOASID_BE_WHY_MODE,
			"the unit is not in scalable mode (it lacks it, or intel_iommu=sm_on is missing)" };
	if (!has(dev, ECAP_PASID))
		return (struct verdict){ IOASID_BE_WHY_HARDWARE,
			"the unit translates no requests with PASID" };
	if (!dev->knows_pasid)
		return (struct verdict){ IOASID_BE_WHY_KERNEL,
			"the kernel attaches no PASIDs through VFIO (that came with 6.15)" };
	return (struct verdict){ IOASID_BE_WHY_HARDWARE,
		"the device has no PASID capability, or the kernel could not enable it" };
}

/* Permissions of requests with PASID are set by tables that a guest owns; the kernel's own allow neither. */
static struct verdict judge_permission(const struct ioasid_be_dev *dev, uint64_t bit)
{
	if (!dev->pasid_bits)
		return (struct verdict){ IOASID_BE_WHY_HARDWARE, "there are no PASIDs" };
	if (!(dev->info.out_capabilities & bit))
		return (struct verdict){ IOASID_BE_WHY_HARDWARE, "the device's PASID capability lacks it" };
	return (struct verdict){ IOASID_BE_WHY_KERNEL,
		"the kernel has no way to allow it in its own tables" };
}

static struct verdict judge_ats(const struct ioasid_be_dev *dev)
{
	if (!has(dev, ECAP_DT))
		return (struct verdict){ IOASID_BE_WHY_HARDWARE, "the unit knows no device TLBs" };
	if (dev->info.out_capabilities & UAPI_HW_CAP_ATS_NOT_SUPPORTED)
		return (struct verdict){ IOASID_BE_WHY_HARDWARE,
			"the device has no ATS, or it cannot be used" };
	return (struct verdict){ IOASID_BE_WHY_NONE, "the device may have a TLB; the kernel flushes it" };
}

static struct verdict judge_nesting(const struct ioasid_be_dev *dev)
{
	if (!has(dev, ECAP_SMTS | ECAP_FSTS | ECAP_SSTS | ECAP_NEST))
		return (struct verdict){ IOASID_BE_WHY_HARDWARE,
			"the unit lacks nested translation, or one of the two stages" };
	if (!(dev->ctx->interfaces & IOASID_BE_IF_NESTED))
		return (struct verdict){ IOASID_BE_WHY_KERNEL,
			"the kernel makes no nested tables (since 6.7) or cannot invalidate them (since 6.8)" };
	return (struct verdict){ IOASID_BE_WHY_NONE, "a guest's first-stage tables can be nested" };
}

static struct verdict judge_dirty(const struct ioasid_be_dev *dev)
{
	if (!(dev->ctx->interfaces & IOASID_BE_IF_DIRTY))
		return (struct verdict){ IOASID_BE_WHY_KERNEL, "the kernel tracks no dirty pages (since 6.7)" };
	if (!(dev->info.out_capabilities & UAPI_HW_CAP_DIRTY_TRACKING))
		return (struct verdict){ IOASID_BE_WHY_HARDWARE, has(dev, ECAP_SMTS | ECAP_SSTS | ECAP_SSADS) ?
			"the kernel tracks no dirty pages with this unit" : "the unit keeps no dirty bits" };
	return (struct verdict){ IOASID_BE_WHY_NONE, "dirty pages are tracked" };
}

static struct verdict judge_pri(const struct ioasid_be_dev *dev)
{
	struct verdict ats = judge_ats(dev);

	if (!has(dev, ECAP_PRS | ECAP_PDS))
		return (struct verdict){ IOASID_BE_WHY_HARDWARE, "the unit takes no page requests, or cannot drain them" };
	if (!dev->asks_for_pages)
		return (struct verdict){ IOASID_BE_WHY_HARDWARE,
			"the device has no capability to ask for pages (a virtual function never has), or hides it" };
	if (ats.why != IOASID_BE_WHY_NONE)
		return ats;
	return (struct verdict){ IOASID_BE_WHY_NONE, "the device can ask for pages" };
}

static struct verdict judge_fault(const struct ioasid_be_dev *dev)
{
	struct verdict pri = judge_pri(dev);

	if (pri.why != IOASID_BE_WHY_NONE)
		return pri;
	if (!(dev->ctx->interfaces & IOASID_BE_IF_FAULT))
		return (struct verdict){ IOASID_BE_WHY_KERNEL, "the kernel has no fault queues (since 6.11)" };
	return (struct verdict){ IOASID_BE_WHY_NONE, "page requests can be delivered and answered" };
}

/*
 * A group that is not known, as in a sandbox, is no reason to call it unusable: launchers give away whole
 * groups, and a device that is plugged in later has to be as good as the first ones. But it is said.
 */
static struct verdict judge_block(const struct ioasid_be_dev *dev)
{
	if (dev->foreign_rid)
		return (struct verdict){ IOASID_BE_WHY_RID, "the RID belongs to who handed the device over" };
	if (dev->group)
		return (struct verdict){ IOASID_BE_WHY_ACS,
			"the device shares its IOMMU group: what others of it have attached is open to it" };
	return (struct verdict){ IOASID_BE_WHY_NONE, dev->group_known ? "RID and PASIDs can be blocked" :
		"RID and PASIDs can be blocked if the device is alone in its IOMMU group, which is not known: see to that" };
}

static struct verdict judge(const struct ioasid_be_dev *dev, uint32_t capability)
{
	switch (capability) {
	case IOASID_BE_CAP_PASID:
		return judge_pasid(dev);
	case IOASID_BE_CAP_EXEC:
		return judge_permission(dev, UAPI_HW_CAP_PASID_EXEC);
	case IOASID_BE_CAP_PRIV:
		return judge_permission(dev, UAPI_HW_CAP_PASID_PRIV);
	case IOASID_BE_CAP_ATS:
		return judge_ats(dev);
	case IOASID_BE_CAP_PRI:
		return judge_pri(dev);
	case IOASID_BE_CAP_FAULT:
		return judge_fault(dev);
	case IOASID_BE_CAP_NESTING:
		return judge_nesting(dev);
	case IOASID_BE_CAP_DIRTY:
		return judge_dirty(dev);
	case IOASID_BE_CAP_HITLESS:
		return (struct verdict){ IOASID_BE_WHY_KERNEL, "the kernel does not promise it" };
	case IOASID_BE_CAP_VIOMMU:
	case IOASID_BE_CAP_EVENT:
	case IOASID_BE_CAP_HWQUEUE:
		return (struct verdict){ IOASID_BE_WHY_KERNEL,
			"the kernel has no virtual IOMMU of this make" };
	case IOASID_BE_CAP_BLOCK:
		return judge_block(dev);
	case IOASID_BE_CAP_MAPPING:
		if (dev->registers.flags & UAPI_HW_INFO_VTD_ERRATA_772415_SPR17)
			return (struct verdict){ IOASID_BE_WHY_HARDWARE,
				"erratum 772415: no read-only mappings below nested tables" };
		return (struct verdict){ IOASID_BE_WHY_NONE, "no restriction of mappings is known" };
	default:
		if (dev->foreign_rid)
			return (struct verdict){ IOASID_BE_WHY_RID,
				"the RID belongs to who handed the device over" };
		return (struct verdict){ IOASID_BE_WHY_NONE, "the RID can be attached" };
	}
}

void decode_caps(const struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps)
{
	caps->pasid_bits = dev->pasid_bits;
	for (uint32_t i = 0; i < IOASID_BE_CAP_COUNT; i++)
		if (i != IOASID_BE_CAP_MAPPING && judge(dev, i).why == IOASID_BE_WHY_NONE)
			caps->flags |= UINT64_C(1) << i;
	caps->table_owner = dev->pasid_bits ? IOASID_BE_OWNER_HOST : IOASID_BE_OWNER_NONE;
	caps->iova_bits = iova_bits(dev);
	caps->iommu = dev->iommu;
	caps->page_sizes = page_sizes(dev);
}

int32_t decode_line(const struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
		    struct ioasid_be_text *text)
{
	struct verdict verdict;

	if (index >= IOASID_BE_CAP_COUNT)
		return IOASID_BE_ENOENT;
	verdict = judge(dev, index);
	line->capability = index;
	line->usable = verdict.why == IOASID_BE_WHY_NONE;
	line->why = verdict.why;
	wire_why(text, 0, "%s", verdict.text);
	return 0;
}
