/* SPDX-License-Identifier: MIT */
/* The interface paging: address spaces, made or adopted, and their mappings; see vtd.h. Tables are in
 * table.c, ranges in ranges.c. */
#include "vtd.h"

#include <errno.h>
#include <stdlib.h>

int32_t space_take(struct ioasid_be_as *as, struct ioasid_be_dev *dev)
{
	struct vtd_user *user;
	int32_t ret = 0;

	pthread_mutex_lock(&as->lock);
	for (user = as->users; user && user->dev != dev; user = user->next)
		;
	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user) {
			ret = IOASID_BE_ENOMEM;
			goto unlock;
		}
		*user = (struct vtd_user){ .next = as->users, .dev = dev };
		as->users = user;
	}
	user->slots++;
unlock:
	pthread_mutex_unlock(&as->lock);
	return ret;
}

void space_drop(struct ioasid_be_as *as, struct ioasid_be_dev *dev)
{
	struct vtd_user **link, *user;

	pthread_mutex_lock(&as->lock);
	for (link = &as->users; (*link)->dev != dev; link = &(*link)->next)
		;
	user = *link;
	if (!--user->slots) {
		*link = user->next;
		free(user);
	}
	pthread_mutex_unlock(&as->lock);
}

int32_t space_probe(const struct iommufd *iommu, const struct ioasid_be_object *object)
{
	struct uapi_iova_range *ranges;
	uint32_t count;
	int32_t ret;

	if (object->reserved0 || object->reserved1 || object->fd != -1)
		return IOASID_BE_EINVAL;
	switch (object->type) {
	case IOASID_BE_OBJECT_IOAS:
		ret = ranges_list(iommu, object->id, &ranges, &count);
		if (!ret)
			free(ranges);
		return wire_error(ret);
	case IOASID_BE_OBJECT_HWPT:
		return wire_error(iommufd_hwpt_probe(iommu, object->id));
	case IOASID_BE_OBJECT_VIOMMU:
	case IOASID_BE_OBJECT_FAULTQ:
		return IOASID_BE_EOPNOTSUPP;
	default:
		return IOASID_BE_EINVAL;
	}
}

static struct ioasid_be_as *space_new(struct ioasid_be_ctx *ctx)
{
	struct ioasid_be_as *as = calloc(1, sizeof(*as));

	if (as) {
		as->ctx = ctx;
		pthread_mutex_init(&as->unmaps, NULL);
		pthread_mutex_init(&as->lock, NULL);
		as->going = (struct uapi_iova_range){ 1, 0 };
	}
	return as;
}

static void space_free(struct ioasid_be_as *as)
{
	if (as->adopted_table)
		free(as->tables);
	cover_free(as);
	pthread_mutex_destroy(&as->lock);
	pthread_mutex_destroy(&as->unmaps);
	free(as);
}

static void space_publish(struct ioasid_be_as *as, struct ioasid_be_as **result)
{
	pthread_mutex_lock(&as->ctx->lock);
	as->ctx->spaces++;
	pthread_mutex_unlock(&as->ctx->lock);
	*result = as;
}

/* What is known to be impossible without asking about a device. */
static int32_t check_create(const struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *args,
			    struct ioasid_be_text *why)
{
	const uint32_t known = IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT | IOASID_BE_USE_DIRTY |
			       IOASID_BE_USE_FAULT;

	if (args->uses & ~known || !wire_zero(args->reserved, 2) ||
	    (args->faultq != NULL) != ((args->uses & IOASID_BE_USE_FAULT) != 0) ||
	    (args->faultq && queue_ctx(args->faultq) != ctx))
		return IOASID_BE_EINVAL;
	if (args->uses & IOASID_BE_USE_DIRTY && !(ctx->interfaces & IOASID_BE_IF_DIRTY))
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "the kernel has no dirty tracking");
	if (args->uses & IOASID_BE_USE_PARENT && !(ctx->interfaces & IOASID_BE_IF_NESTED))
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "the kernel has no nesting, or cannot invalidate nested tables");
	if (args->uses & IOASID_BE_USE_PARENT && args->uses & IOASID_BE_USE_FAULT)
		return wire_why(why, IOASID_BE_EOPNOTSUPP,
				"page requests are those of nested tables, not of what they stand on");
	return 0;
}

static int32_t space_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *from,
			    struct ioasid_be_as **result, struct ioasid_be_text *why)
{
	struct ioasid_be_as_args args;
	struct ioasid_be_as *as;
	int32_t ret = wire_in(&args, sizeof(args), sizeof(args), from);

	ret = ret ? ret : check_create(ctx, &args, why);
	if (ret)
		return ret;
	as = space_new(ctx);
	if (!as)
		return IOASID_BE_ENOMEM;
	as->uses = args.uses;
	as->queue = args.faultq;
	ret = iommufd_ioas_alloc(&ctx->iommu, &as->ioas);
	if (ret) {
		space_free(as);
		return wire_why(why, wire_error(ret), "iommufd makes no address space");
	}
	queue_use(as->queue);
	space_publish(as, result);
	return 0;
}

static int32_t space_adopt(struct ioasid_be_ctx *ctx, const struct ioasid_be_object *object,
			   struct ioasid_be_as **result, struct ioasid_be_text *why)
{
	struct ioasid_be_as *as;
	int32_t ret;

	if (!object)
		return IOASID_BE_EINVAL;
	ret = space_probe(&ctx->iommu, object);
	if (ret)
		return wire_why(why, ret, "iommufd has no object %u of type %u that could be adopted",
				object->id, object->type);
	as = space_new(ctx);
	if (!as)
		return IOASID_BE_ENOMEM;
	as->adopted = true;
	as->ioas = object->id;
	if (object->type == IOASID_BE_OBJECT_HWPT) {
		as->adopted_table = true;
		as->tables = calloc(1, sizeof(*as->tables));
		if (!as->tables) {
			space_free(as);
			return IOASID_BE_ENOMEM;
		}
		as->tables->id = object->id;
	}
	space_publish(as, result);
	return 0;
}

static int32_t space_destroy(struct ioasid_be_as *as)
{
	struct ioasid_be_ctx *ctx = as->ctx;
	bool tracking;
	int32_t ret = 0;

	pthread_mutex_lock(&as->lock);
	tracking = as->tracking;
	if (as->users || as->nested) {
		ret = IOASID_BE_EBUSY;
	} else {
		as->tracking = false;
		table_purge(as);
	}
	pthread_mutex_unlock(&as->lock);
	if (!ret && !as->adopted)
		ret = wire_error(iommufd_destroy(&ctx->iommu, as->ioas));
	if (ret) {
		/* [last]: nobody else is in it. */
		as->tracking = tracking;
		return ret;
	}
	queue_drop(as->queue);
	space_free(as);
	pthread_mutex_lock(&ctx->lock);
	ctx->spaces--;
	pthread_mutex_unlock(&ctx->lock);
	return 0;
}

/* Takes in what is to be mapped; @file: by descriptor; @copy: from another address space. */
static int32_t read_map(const struct ioasid_be_as *as, const struct ioasid_be_map *from, bool file, bool copy,
			struct ioasid_be_map *map)
{
	int32_t ret = wire_in(map, sizeof(*map), sizeof(*map), from);

	if (ret)
		return ret;
	if (map->flags || !wire_zero(map->reserved, 2) || !map->access ||
	    map->access & ~(IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE) || (map->from != NULL) != copy)
		return IOASID_BE_EINVAL;
	if (!map->length || (map->iova | map->length | map->source) % VTD_PAGE ||
	    map->iova + (map->length - 1) < map->iova || map->source + (map->length - 1) < map->source)
		return IOASID_BE_EINVAL;
	if (file && map->fd < 0)
		return IOASID_BE_EBADF;
	if (!file && map->fd != -1)
		return IOASID_BE_EINVAL;
	if (copy && (map->from->ctx != as->ctx || map->from->adopted_table))
		return IOASID_BE_EINVAL;
	return as->adopted_table ? IOASID_BE_EOPNOTSUPP : 0;
}

/* The kernel answers EINVAL both to a window outside the ranges and to what it does not understand. */
static int32_t map_error(const struct ioasid_be_as *as, const struct ioasid_be_map *map, int32_t error)
{
	if (error == -EINVAL && !ranges_usable(as, map->iova, map->iova + (map->length - 1)))
		return IOASID_BE_ERANGE;
	return wire_error(error);
}

typedef int32_t (*map_fn)(const struct iommufd *iommu, uint32_t ioas, const struct ioasid_be_map *map);

static int32_t map_copy(const struct iommufd *iommu, uint32_t ioas, const struct ioasid_be_map *map)
{
	return iommufd_ioas_copy(iommu, ioas, map->from->ioas, map);
}

/* Maps what is noted. */
static int32_t map_noted(struct ioasid_be_as *as, const struct ioasid_be_map *map, map_fn fn, struct vtd_mapping *mapping)
{
	int32_t ret = fn(&as->ctx->iommu, as->ioas, map);

	cover_mapped(as, mapping, !ret);
	return map_error(as, map, ret);
}

/*
 * Maps what overlaps: that is looked at once more when unmaps are over, and refused, but for a reason of the
 * kernel's that comes first (S0.1). If it has nothing there after all, since an unmap ended halfway, that one
 * has to be repeated first.
 */
static int32_t map_over(struct ioasid_be_as *as, const struct ioasid_be_map *map, map_fn fn)
{
	struct vtd_mapping *mapping;
	uint64_t bytes;
	int32_t ret;

	pthread_mutex_lock(&as->unmaps);
	ret = cover_map(as, map->iova, map->iova + (map->length - 1), &mapping);
	if (!ret) {
		ret = map_noted(as, map, fn, mapping);
	} else if (ret == IOASID_BE_EEXIST) {
		ret = map_error(as, map, fn(&as->ctx->iommu, as->ioas, map));
		if (!ret) {
			iommufd_ioas_unmap(&as->ctx->iommu, as->ioas, map->iova, map->length, &bytes);
			ret = IOASID_BE_EEXIST;
		}
	}
	pthread_mutex_unlock(&as->unmaps);
	return ret;
}

/* Maps what was read, if it could be. */
static int32_t map_window(struct ioasid_be_as *as, const struct ioasid_be_map *map, map_fn fn, int32_t ret)
{
	struct vtd_mapping *mapping;

	ret = ret ? ret : cover_map(as, map->iova, map->iova + (map->length - 1), &mapping);
	if (ret == IOASID_BE_EEXIST)
		return map_over(as, map, fn);
	return ret ? ret : map_noted(as, map, fn, mapping);
}

static int32_t space_map(struct ioasid_be_as *as, const struct ioasid_be_map *from)
{
	struct ioasid_be_map map;
	int32_t ret = read_map(as, from, false, false, &map);

	return map_window(as, &map, iommufd_ioas_map, ret);
}

static int32_t space_map_file(struct ioasid_be_as *as, const struct ioasid_be_map *from)
{
	struct ioasid_be_map map;
	int32_t ret = read_map(as, from, true, false, &map);

	return map_window(as, &map, iommufd_ioas_map_file, ret);
}

static int32_t space_copy(struct ioasid_be_as *as, const struct ioasid_be_map *from)
{
	struct ioasid_be_map map;
	int32_t ret = read_map(as, from, false, true, &map);

	return map_window(as, &map, map_copy, ret);
}

/*
 * Whether a page is mapped, which the kernel does not tell: it is if it can be copied. @scratch is an empty
 * address space.
 */
static bool page_mapped(const struct ioasid_be_as *as, uint32_t scratch, uint64_t page)
{
	struct ioasid_be_map map = {
		.access = IOASID_BE_MAP_READ,
		.iova = page,
		.source = page,
		.length = VTD_PAGE,
	};

	return iommufd_ioas_copy(&as->ctx->iommu, scratch, as->ioas, &map) != -ENOENT;
}

/*
 * The kernel answers ENOENT both when a window holds nothing and when it cuts a mapping; what it cuts is
 * mapped still, at one of the window's ends. Only asked where it is not known what is mapped. Return: -ENOENT
 * cut; 0 nothing there.
 */
static int32_t tell_nothing_from_cut(const struct ioasid_be_as *as, uint64_t first, uint64_t last)
{
	const struct iommufd *iommu = &as->ctx->iommu;
	uint32_t scratch;
	int32_t ret = iommufd_ioas_alloc(iommu, &scratch);

	if (ret)
		return wire_error(ret);
	if (page_mapped(as, scratch, first - first % VTD_PAGE) ||
	    page_mapped(as, scratch, last - last % VTD_PAGE))
		ret = IOASID_BE_ENOENT;
	iommufd_ioas_unmap(iommu, scratch, 0, UINT64_MAX, &(uint64_t){ 0 });
	iommufd_destroy(iommu, scratch);
	return ret;
}

/* The window is one that cuts no mapping, as far as it is known. */
static int32_t unmap_window(struct ioasid_be_as *as, uint64_t iova, uint64_t length, bool any, uint64_t *count)
{
	bool all = iova == 0 && length == UINT64_MAX;
	int32_t ret = iommufd_ioas_unmap(&as->ctx->iommu, as->ioas, iova, length, count);

	if (ret != -ENOENT)
		return ret;
	return all || !any ? 0 : tell_nothing_from_cut(as, iova, iova + (length - 1));
}

static int32_t space_unmap(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	bool all = iova == 0 && length == UINT64_MAX, any;
	uint64_t last = all ? UINT64_MAX : iova + (length - 1), count = 0;
	int32_t ret;

	if (as->adopted_table)
		return IOASID_BE_EOPNOTSUPP;
	if (!all && (!length || (iova | length) % VTD_PAGE || last < iova))
		return IOASID_BE_EINVAL;
	pthread_mutex_lock(&as->unmaps);
	ret = cover_unmap(as, iova, last, &any);
	if (!ret) {
		ret = unmap_window(as, iova, length, any, &count);
		cover_unmapped(as, iova, last, !ret);
	}
	pthread_mutex_unlock(&as->unmaps);
	if (ret)
		return wire_error(ret);
	if (unmapped)
		*unmapped = count;
	return 0;
}

const struct ioasid_be_paging_ops vtd_paging_ops = {
	.struct_size = sizeof(vtd_paging_ops),
	.create = space_create,
	.adopt = space_adopt,
	.destroy = space_destroy,
	.map = space_map,
	.map_file = space_map_file,
	.copy = space_copy,
	.unmap = space_unmap,
	.ranges = ranges_read,
	.allow = ranges_allow,
};
