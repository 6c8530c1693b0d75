/*
 * Windows of address spaces: what the attached devices reserve or cannot address takes away from what can be
 * mapped.
 */
#include "space.h"

#include "structs.h"

static uint64_t last_address(const struct device *device)
{
	uint64_t bits = device->setup->iova_bits;

	return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static bool overlaps(const struct setup_range *range, uint64_t first, uint64_t last)
{
	return range->first <= last && range->last >= first;
}

/* The reserved window of a device that [first, last] touches, or NULL. */
static const struct setup_range *touched(const struct device *device, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < device->setup->reserved_count; i++) {
		if (overlaps(&device->setup->reserved[i], first, last))
			return &device->setup->reserved[i];
	}
	return NULL;
}

static bool device_can(const struct device *device, uint64_t first, uint64_t last)
{
	return last <= last_address(device) && !touched(device, first, last);
}

bool window_usable(const struct ioasid_mock *mock, const struct space *space, uint64_t first, uint64_t last)
{
	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		if (space->attached[i] && !device_can(&mock->devices[i], first, last))
			return false;
	}
	return true;
}

int32_t window_fits(const struct space *space, const struct device *device, struct ioasid_be_text *why)
{
	for (uint64_t i = 0; i < space->count; i++) {
		if (!device_can(device, space->mappings[i].first, space->mappings[i].last))
			return wire_why(why, IOASID_BE_EINVAL, "%s cannot have the mapping at 0x%llx",
					device->name, (unsigned long long)space->mappings[i].first);
	}
	for (uint32_t i = 0; i < space->allowed_count; i++) {
		if (!device_can(device, space->allowed[i].first, space->allowed[i].last))
			return wire_why(why, IOASID_BE_EINVAL, "%s cannot have the allowed window at 0x%llx",
					device->name, (unsigned long long)space->allowed[i].first);
	}
	return 0;
}

/* The lowest reserved byte at or behind @from and the end of its window. False: none up to @limit. */
static bool next_reserved(const struct ioasid_mock *mock, const struct space *space, uint64_t from,
			  uint64_t limit, struct setup_range *next)
{
	bool found = false;

	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		const struct setup_device *setup = &mock->setup->device[i];

		for (uint32_t j = 0; space->attached[i] && j < setup->reserved_count; j++) {
			struct setup_range range = setup->reserved[j];

			if (range.last < from || range.first > limit)
				continue;
			range.first = range.first < from ? from : range.first;
			range.last = range.last > limit ? limit : range.last;
			if (!found || range.first < next->first ||
			    (range.first == next->first && range.last > next->last))
				*next = range;
			found = true;
		}
	}
	return found;
}

struct output {
	struct ioasid_be_batch *batch;
	uint32_t total;
};

static void put(struct output *out, uint64_t first, uint64_t last, uint32_t kind)
{
	const struct ioasid_be_range range = { .first = first, .last = last, .kind = kind };

	if (out->total < out->batch->count)
		wire_item_out(out->batch, out->total, &range, sizeof(range));
	out->total++;
}

int32_t window_ranges(struct ioasid_mock *mock, struct space *space, struct ioasid_be_batch *batch,
		      uint32_t *total)
{
	struct output out = { .batch = batch };
	uint64_t limit = UINT64_MAX, at = 0;
	struct setup_range reserved;

	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		if (space->attached[i] && last_address(&mock->devices[i]) < limit)
			limit = last_address(&mock->devices[i]);
	}
	for (;;) {
		bool more = next_reserved(mock, space, at, limit, &reserved);

		if (!more) {
			put(&out, at, limit, IOASID_BE_RANGE_USABLE);
			break;
		}
		if (reserved.first > at)
			put(&out, at, reserved.first - 1, IOASID_BE_RANGE_USABLE);
		put(&out, reserved.first, reserved.last, IOASID_BE_RANGE_RESERVED);
		if (reserved.last == limit)
			break;
		at = reserved.last + 1;
	}
	*total = out.total;
	batch->done = out.total < batch->count ? out.total : batch->count;
	return out.total > batch->count ? IOASID_BE_EOVERFLOW : 0;
}

int32_t window_allow(struct ioasid_mock *mock, struct space *space, const struct ioasid_be_array *ranges)
{
	struct setup_range *allowed = NULL;
	int32_t rc = wire_array(ranges);

	if (!rc && ranges->count) {
		allowed = mock_mem_zalloc(&mock->mem, ranges->count, sizeof(*allowed));
		rc = allowed ? 0 : IOASID_BE_ENOMEM;
	}
	for (uint32_t i = 0; !rc && i < ranges->count; i++) {
		struct ioasid_be_range range;

		rc = wire_item(&range, sizeof(range), ranges, i);
		if (!rc &&
		    (range.reserved || range.kind > IOASID_BE_RANGE_USABLE || range.first > range.last))
			rc = IOASID_BE_EINVAL;
		if (!rc && !window_usable(mock, space, range.first, range.last))
			rc = IOASID_BE_EBUSY;
		if (!rc)
			allowed[i] = (struct setup_range){ .first = range.first, .last = range.last };
	}
	if (rc) {
		mock_mem_free(&mock->mem, allowed);
		return rc;
	}
	mock_mem_free(&mock->mem, space->allowed);
	space->allowed = allowed;
	space->allowed_count = ranges->count;
	return 0;
}
