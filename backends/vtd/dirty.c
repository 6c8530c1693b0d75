/* SPDX-License-Identifier: MIT */
/*
 * The interface dirty: pages that devices have written through any table of an address space, nested ones
 * included, as those translate through it; see vtd.h.
 */
#include "vtd.h"

/* Tracking in an adopted space is tried: whether its tables can is for the kernel to say. */
static bool may_track(const struct ioasid_be_as *as)
{
	return as->adopted || as->uses & IOASID_BE_USE_DIRTY;
}

static int32_t dirty_start(struct ioasid_be_as *as)
{
	struct vtd_table *table;
	int32_t ret = 0;

	if (!may_track(as))
		return IOASID_BE_EINVAL;
	pthread_mutex_lock(&as->lock);
	if (as->tracking)
		goto unlock;
	for (table = as->tables; table; table = table->next) {
		ret = iommufd_dirty_set(&as->ctx->iommu, table->id, true);
		if (ret)
			goto undo;
	}
	as->tracking = true;
	goto unlock;
undo:
	for (struct vtd_table *done = as->tables; done != table; done = done->next)
		iommufd_dirty_set(&as->ctx->iommu, done->id, false);
unlock:
	pthread_mutex_unlock(&as->lock);
	return wire_error(ret);
}

/* Goes on after a failure; tracking ends when it ended in all tables. */
static int32_t dirty_stop(struct ioasid_be_as *as)
{
	int32_t ret, first = 0;

	if (!may_track(as))
		return IOASID_BE_EINVAL;
	pthread_mutex_lock(&as->lock);
	for (struct vtd_table *table = as->tracking ? as->tables : NULL; table; table = table->next) {
		ret = iommufd_dirty_set(&as->ctx->iommu, table->id, false);
		first = first ? first : ret;
	}
	if (!first && as->tracking) {
		as->tracking = false;
		table_purge(as);
	}
	pthread_mutex_unlock(&as->lock);
	return wire_error(first);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int32_t check_window(const struct ioasid_be_dirty_args *args)
{
	uint64_t page = args->page_size;

	if (args->flags || !wire_zero(args->reserved, 2) || !args->bitmap || page < VTD_PAGE || page & (page - 1))
		return IOASID_BE_EINVAL;
	if (!args->length || (args->iova | args->length) & (page - 1) ||
	    args->iova + (args->length - 1) < args->iova)
		return IOASID_BE_EINVAL;
	return 0;
}

/*
 * Adds the bits of a window that is wholly mapped. The kernel wants whole bits in whole words: what of the
 * window is less than that is asked for by itself, a part of a bit by the smallest pages.
 */
static int32_t get_window(const struct ioasid_be_as *as, uint32_t table, const struct ioasid_be_dirty_args *args,
			  const struct uapi_iova_range *window, bool clear)
{
	const uint64_t page = args->page_size, end = window->last + 1;
	struct ioasid_be_dirty_args some = { .iova = window->start };
	int32_t ret = 0;

	for (; some.iova != end && !ret; some.iova += some.length) {
		uint64_t bit = (some.iova - args->iova) / page, left = end - some.iova, bits = 0;
		uint64_t rest = page - some.iova % page;

		some.page_size = page;
		some.bitmap = &bits;
		if (rest < page || left < page) {
			some.page_size = VTD_PAGE;
			some.length = least(least(rest, left), 64 * VTD_PAGE);
		} else if (bit % 64) {
			some.length = least(64 - bit % 64, left / page) * page;
		} else {
			some.length = left - left % page;
			some.bitmap = &args->bitmap[bit / 64];
		}
		ret = iommufd_dirty_get(&as->ctx->iommu, table, &some, clear);
		if (some.bitmap != &bits)
			continue;
		if (some.page_size != page)
			bits = bits != 0;
		args->bitmap[bit / 64] |= bits << bit % 64;
	}
	return ret;
}

/*
 * Adds what each table knows. Where a later one fails, the bits of those before it are in the bitmap already,
 * and stay there: who calls again with that bitmap loses none.
 */
static int32_t get(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *from, bool clear)
{
	struct ioasid_be_dirty_args args;
	struct uapi_iova_range window;
	uint64_t at, last;
	int32_t ret = wire_in(&args, sizeof(args), sizeof(args), from);

	ret = ret ? ret : check_window(&args);
	if (ret)
		return ret;
	if (!may_track(as))
		return IOASID_BE_EINVAL;
	last = args.iova + (args.length - 1);
	pthread_mutex_lock(&as->unmaps);
	pthread_mutex_lock(&as->lock);
	if (!as->tracking)
		ret = IOASID_BE_ENOENT;
	for (struct vtd_table *table = as->tables; table && !ret; table = table->next) {
		for (at = args.iova; !ret && cover_next(as, at, last, &window); at = window.last + 1) {
			ret = get_window(as, table->id, &args, &window, clear);
			if (window.last == last)
				break;
		}
		/* That answer is taken by what is not tracked. */
		ret = ret == IOASID_BE_ENOENT ? IOASID_BE_EIO : wire_error(ret);
	}
	pthread_mutex_unlock(&as->lock);
	pthread_mutex_unlock(&as->unmaps);
	return ret;
}

static int32_t dirty_read(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *args)
{
	return get(as, args, false);
}

static int32_t dirty_read_clear(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *args)
{
	return get(as, args, true);
}

const struct ioasid_be_dirty_ops vtd_dirty_ops = {
	.struct_size = sizeof(vtd_dirty_ops),
	.start = dirty_start,
	.stop = dirty_stop,
	.read = dirty_read,
	.read_clear = dirty_read_clear,
};
