/* SPDX-License-Identifier: MIT */
/* What of an address space can be mapped, and what never can; see vtd.h. */
#include "vtd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int32_t ranges_list(const struct iommufd *iommu, uint32_t ioas, struct uapi_iova_range **ranges,
		    uint32_t *count)
{
	uint32_t room = 16;

	/* They can become more between two calls, but each round has room for what the one before told. */
	for (;;) {
		struct uapi_iova_range *list = calloc(room, sizeof(*list));
		int32_t ret;

		if (!list)
			return -ENOMEM;
		*count = room;
		ret = iommufd_ioas_ranges(iommu, ioas, list, count);
		if (!ret) {
			*ranges = list;
			return 0;
		}
		free(list);
		if (ret != -EMSGSIZE || *count <= room)
			return ret;
		room = *count;
	}
}

/* Neighbouring ranges of the kernel's never touch, so a window lies in one of them or not in all. */
bool ranges_usable(const struct ioasid_be_as *as, uint64_t first, uint64_t last)
{
	struct uapi_iova_range *ranges;
	bool usable = false;
	uint32_t count;

	/* Not known: then the kernel's own answer stands. */
	if (ranges_list(&as->ctx->iommu, as->ioas, &ranges, &count))
		return true;
	for (uint32_t i = 0; i < count; i++)
		usable = usable || (ranges[i].start <= first && last <= ranges[i].last);
	free(ranges);
	return usable;
}

static int by_first(const void *a, const void *b)
{
	const struct ioasid_be_range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->last > y->last) - (x->last < y->last);
}

/*
 * Lists the windows that the devices on an address space keep from being mapped, each once however many keep
 * it, with room for @extra items behind them. Return: what the caller frees, or NULL: no memory.
 */
static struct ioasid_be_range *list_reserved(struct ioasid_be_as *as, uint32_t extra, uint32_t *count)
{
	struct ioasid_be_range *list;
	uint32_t room = extra, all = 0;

	pthread_mutex_lock(&as->lock);
	for (struct vtd_user *user = as->users; user; user = user->next)
		room += user->dev->reserved_count;
	list = calloc(room ? room : 1, sizeof(*list));
	for (struct vtd_user *user = as->users; list && user; user = user->next) {
		memcpy(list + all, user->dev->reserved, user->dev->reserved_count * sizeof(*list));
		all += user->dev->reserved_count;
	}
	pthread_mutex_unlock(&as->lock);
	*count = 0;
	if (all)
		qsort(list, all, sizeof(*list), by_first);
	for (uint32_t i = 0; i < all; i++)
		if (!i || memcmp(&list[i], &list[*count - 1], sizeof(*list)))
			list[(*count)++] = list[i];
	return list;
}

/*
 * What the kernel says can be mapped can be, whatever a device keeps: the interrupts' window, for example, is
 * none where only PASIDs are attached, as requests with PASID are translated there like anywhere else.
 * Return: how many are left of @list.
 */
static uint32_t drop_usable(struct ioasid_be_range *list, uint32_t all, const struct uapi_iova_range *usable, uint32_t count)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < all; i++) {
		bool drop = false;

		for (uint32_t k = 0; k < count && list[i].kind == IOASID_BE_RANGE_RESERVED; k++)
			drop = drop || (usable[k].start <= list[i].last && list[i].first <= usable[k].last);
		if (!drop)
			list[left++] = list[i];
	}
	return left;
}

int32_t ranges_read(struct ioasid_be_as *as, struct ioasid_be_batch *batch, uint32_t *total)
{
	struct uapi_iova_range *usable;
	struct ioasid_be_range *list;
	uint32_t count, all;
	int32_t ret = wire_batch(batch);

	if (ret || as->adopted_table)
		return ret ? ret : IOASID_BE_EOPNOTSUPP;
	ret = ranges_list(&as->ctx->iommu, as->ioas, &usable, &count);
	if (ret)
		return wire_error(ret);
	list = list_reserved(as, count, &all);
	if (!list) {
		free(usable);
		return IOASID_BE_ENOMEM;
	}
	all = drop_usable(list, all, usable, count);
	for (uint32_t i = 0; i < count; i++)
		list[all++] = (struct ioasid_be_range){ .first = usable[i].start, .last = usable[i].last,
							.kind = IOASID_BE_RANGE_USABLE };
	qsort(list, all, sizeof(*list), by_first);
	if (total)
		*total = all;
	for (; batch->done < all && batch->done < batch->count; batch->done++)
		wire_put(batch->items, batch->stride, batch->done, &list[batch->done], sizeof(*list));
	ret = batch->done < all ? IOASID_BE_EOVERFLOW : 0;
	free(list);
	free(usable);
	return ret;
}

int32_t ranges_allow(struct ioasid_be_as *as, const struct ioasid_be_array *ranges)
{
	struct uapi_iova_range *list;
	struct ioasid_be_range range;
	int32_t ret = 0;

	if (!ranges || !wire_array(ranges->items, ranges->stride, ranges->count))
		return IOASID_BE_EINVAL;
	if (as->adopted_table)
		return IOASID_BE_EOPNOTSUPP;
	list = calloc(ranges->count ? ranges->count : 1, sizeof(*list));
	if (!list)
		return IOASID_BE_ENOMEM;
	for (uint32_t i = 0; !ret && i < ranges->count; i++) {
		ret = wire_item(&range, sizeof(range), ranges->items, ranges->stride, i);
		if (!ret && (range.kind != IOASID_BE_RANGE_USABLE || range.reserved ||
			     range.last < range.first))
			ret = IOASID_BE_EINVAL;
		list[i] = (struct uapi_iova_range){ .start = range.first, .last = range.last };
	}
	if (!ret)
		ret = wire_error(iommufd_ioas_allow(&as->ctx->iommu, as->ioas, list, ranges->count));
	free(list);
	return ret;
}
