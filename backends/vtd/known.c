/* SPDX-License-Identifier: MIT */
/*
 * The devices that this process has taken in, by any context: what is bound by the plugin the kernel keeps
 * from being bound twice, but whoever adopts only tells numbers, and may tell them twice. Two owners of one
 * slot would replace each other's tables, which the kernel calls a success (S9.12).
 *
 * Numbers belong to an iommufd, and no call of the kernel tells whether two descriptors are of the same one.
 * What is made through the one and seen through the other is one way to find out. Other processes are not
 * seen.
 */
#include "vtd.h"

#include <errno.h>

/* Order: before every other lock. */
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ioasid_be_dev *known;

int32_t same_iommufd(const struct iommufd *a, const struct iommufd *b, bool *same)
{
	/*
	 * A page where no table can be, so that it has been mapped by nobody else, and that is this thread's:
	 * threads which look at the same time do not find each other's.
	 */
	struct ioasid_be_map map = {
		.access = IOASID_BE_MAP_READ,
		.iova = (UINT64_C(1) << 62) + ((uint64_t)(uintptr_t)&map & ~(VTD_PAGE - 1)),
		.source = (uint64_t)(uintptr_t)&map & ~(VTD_PAGE - 1),
		.length = VTD_PAGE,
	};
	uint64_t bytes;
	uint32_t ioas;
	int32_t ret;

	*same = a->host == b->host && a->fd == b->fd;
	if (*same)
		return 0;
	ret = iommufd_ioas_alloc(a, &ioas);
	if (ret)
		return ret;
	ret = iommufd_ioas_map(a, ioas, &map);
	if (ret)
		goto destroy;
	/* Onto itself: refused in any case, and for the reason that there is something. */
	map.source = map.iova;
	*same = iommufd_ioas_copy(b, ioas, ioas, &map) == -EEXIST;
	iommufd_ioas_unmap(a, ioas, map.iova, map.length, &bytes);
destroy:
	iommufd_destroy(a, ioas);
	return ret;
}

/* Looks for another device of that number in that iommufd. Return: -EBUSY there is one. */
static int32_t find_twin(const struct ioasid_be_dev *dev)
{
	bool same = false;
	int32_t ret = 0;

	for (const struct ioasid_be_dev *other = known; other && !ret && !same; other = other->next_known)
		if (other->id == dev->id)
			ret = same_iommufd(&dev->ctx->iommu, &other->ctx->iommu, &same);
	return ret ? wire_error(ret) : same ? IOASID_BE_EBUSY : 0;
}

int32_t known_add(struct ioasid_be_dev *dev, bool adopted, struct ioasid_be_text *why)
{
	int32_t ret;

	pthread_mutex_lock(&known_lock);
	/* The number of one that was bound just now is nobody else's, whatever is left here of its last
	 * owner. */
	ret = adopted ? find_twin(dev) : 0;
	if (!ret) {
		dev->next_known = known;
		known = dev;
	}
	pthread_mutex_unlock(&known_lock);
	if (ret == IOASID_BE_EBUSY)
		return wire_why(why, ret, "the device is attached already");
	return ret;
}

void known_remove(struct ioasid_be_dev *dev)
{
	struct ioasid_be_dev **link;

	pthread_mutex_lock(&known_lock);
	for (link = &known; *link != dev; link = &(*link)->next_known)
		;
	*link = dev->next_known;
	pthread_mutex_unlock(&known_lock);
}
