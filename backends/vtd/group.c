/* SPDX-License-Identifier: MIT */
/*
 * Devices that share an IOMMU group. The kernel attaches and detaches a group as a whole: a slot that two of
 * its devices are on stays attached, for both, until the last of them is detached, so that park of the first
 * would promise too much (S10.1). So a slot of a group is one device's at a time: the same PASID of another
 * one, or its RID, is refused. What is attached for one is open to all devices of the group; the report says
 * so.
 */
#include "vtd.h"

#include <stdlib.h>

int32_t group_take(struct ioasid_be_dev *dev, uint32_t pasid, struct ioasid_be_text *why)
{
	struct ioasid_be_ctx *ctx = dev->ctx;
	struct vtd_claim *claim, *made;
	int32_t ret = 0;

	if (!dev->group)
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	*made = (struct vtd_claim){ .dev = dev, .pasid = pasid };
	pthread_mutex_lock(&ctx->lock);
	for (claim = ctx->claims; claim; claim = claim->next)
		if (claim->dev->group == dev->group && claim->pasid == pasid)
			break;
	if (claim) {
		ret = IOASID_BE_EBUSY;
	} else {
		made->next = ctx->claims;
		ctx->claims = made;
	}
	pthread_mutex_unlock(&ctx->lock);
	if (!ret)
		return 0;
	free(made);
	return wire_why(why, ret, "another device of its IOMMU group has %s; the kernel cannot block one of them alone",
			pasid ? "that PASID" : "its RID attached");
}

void group_drop(struct ioasid_be_dev *dev, uint32_t pasid)
{
	struct ioasid_be_ctx *ctx = dev->ctx;
	struct vtd_claim **link, *claim;

	if (!dev->group)
		return;
	pthread_mutex_lock(&ctx->lock);
	for (link = &ctx->claims; (*link)->dev != dev || (*link)->pasid != pasid; link = &(*link)->next)
		;
	claim = *link;
	*link = claim->next;
	pthread_mutex_unlock(&ctx->lock);
	free(claim);
}
