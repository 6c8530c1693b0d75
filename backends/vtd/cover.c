/* SPDX-License-Identifier: MIT */
/*
 * Which windows of an address space are mapped, neighbours taken together: kept where dirty pages may be
 * asked for, as the kernel (seen in 7.2) reads them up to the first page that is not mapped, and calls that a
 * success.
 *
 * Room is taken before the kernel is asked, as nothing may fail after it.
 */
#include "vtd.h"

#include <stdlib.h>
#include <string.h>

int32_t cover_reserve(struct ioasid_be_as *as)
{
	struct vtd_cover *cover = &as->cover;
	int32_t ret = 0;

	if (!(as->uses & IOASID_BE_USE_DIRTY))
		return 0;
	pthread_mutex_lock(&as->lock);
	if (cover->count + cover->reserved == cover->room) {
		uint64_t room = cover->room ? cover->room * 2 : 8;
		struct uapi_iova_range *windows = calloc(room, sizeof(*windows));

		if (windows) {
			if (cover->count)
				memcpy(windows, cover->windows, cover->count * sizeof(*windows));
			free(cover->windows);
			cover->windows = windows;
			cover->room = room;
		} else {
			ret = IOASID_BE_ENOMEM;
		}
	}
	if (!ret)
		cover->reserved++;
	pthread_mutex_unlock(&as->lock);
	return ret;
}

/* The first window that ends at @at or behind it. */
static uint64_t find(const struct vtd_cover *cover, uint64_t at)
{
	uint64_t low = 0, high = cover->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (cover->windows[middle].last < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts @count windows where there were those from @from up to @to. */
static void put(struct vtd_cover *cover, uint64_t from, uint64_t to, const struct uapi_iova_range *windows,
		uint64_t count)
{
	memmove(cover->windows + from + count, cover->windows + to, (cover->count - to) * sizeof(*windows));
	memcpy(cover->windows + from, windows, count * sizeof(*windows));
	cover->count += count - (to - from);
}

void cover_add(struct ioasid_be_as *as, uint64_t first, uint64_t last)
{
	struct vtd_cover *cover = &as->cover;
	struct uapi_iova_range window = { first, last };
	uint64_t from, to;

	if (!(as->uses & IOASID_BE_USE_DIRTY))
		return;
	pthread_mutex_lock(&as->lock);
	cover->reserved--;
	/* Neighbours become one. */
	from = find(cover, first ? first - 1 : 0);
	for (to = from; to < cover->count && (last == UINT64_MAX || cover->windows[to].start <= last + 1); to++) {
		window.start = cover->windows[to].start < window.start ? cover->windows[to].start : window.start;
		window.last = cover->windows[to].last > window.last ? cover->windows[to].last : window.last;
	}
	put(cover, from, to, &window, 1);
	pthread_mutex_unlock(&as->lock);
}

void cover_remove(struct ioasid_be_as *as, uint64_t first, uint64_t last)
{
	struct vtd_cover *cover = &as->cover;
	struct uapi_iova_range rest[2];
	uint64_t from, to, count = 0;

	if (!(as->uses & IOASID_BE_USE_DIRTY))
		return;
	pthread_mutex_lock(&as->lock);
	cover->reserved--;
	from = find(cover, first);
	for (to = from; to < cover->count && cover->windows[to].start <= last; to++) {
		if (cover->windows[to].start < first)
			rest[count++] = (struct uapi_iova_range){ cover->windows[to].start, first - 1 };
		if (cover->windows[to].last > last)
			rest[count++] = (struct uapi_iova_range){ last + 1, cover->windows[to].last };
	}
	put(cover, from, to, rest, count);
	pthread_mutex_unlock(&as->lock);
}

void cover_cancel(struct ioasid_be_as *as)
{
	if (!(as->uses & IOASID_BE_USE_DIRTY))
		return;
	pthread_mutex_lock(&as->lock);
	as->cover.reserved--;
	pthread_mutex_unlock(&as->lock);
}

bool cover_next(const struct ioasid_be_as *as, uint64_t from, uint64_t last, struct uapi_iova_range *window)
{
	const struct vtd_cover *cover = &as->cover;
	uint64_t at;

	if (from > last)
		return false;
	*window = (struct uapi_iova_range){ from, last };
	/* Of an adopted space nobody here knows what is mapped. */
	if (as->adopted)
		return true;
	at = find(cover, from);
	if (at == cover->count || cover->windows[at].start > last)
		return false;
	window->start = cover->windows[at].start > from ? cover->windows[at].start : from;
	window->last = cover->windows[at].last < last ? cover->windows[at].last : last;
	return true;
}
