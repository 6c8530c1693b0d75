/*
 * Calls into a backend: address spaces and dirty tracking; see be_call.h.
 */
#include <errno.h>

#include "libioasid/be_batch.h"
#include "libioasid/be_call.h"

int ioasid__be_as_create(struct be_context *be, const struct ioasid_be_as_args *args,
			 struct ioasid_be_as **as, struct ioasid_reason *why)
{
	struct ioasid_be_as_args sized = *args;
	struct ioasid_be_as *made = NULL;
	struct ioasid_be_text text;
	int32_t answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.paging.create(be->ctx, &sized, &made, ioasid__text_begin(&text, why));
	rc = ioasid__be_finish(be, "paging.create", answer, made, why);
	if (!rc)
		*as = made;
	return rc;
}

int ioasid__be_as_adopt(struct be_context *be, const struct ioasid_be_object *object,
			struct ioasid_be_as **as, struct ioasid_reason *why)
{
	struct ioasid_be_as *made = NULL;
	struct ioasid_be_text text;
	int32_t answer = be->ops.paging.adopt(be->ctx, object, &made, ioasid__text_begin(&text, why));
	int rc = ioasid__be_finish(be, "paging.adopt", answer, made, why);

	if (!rc)
		*as = made;
	return rc;
}

int ioasid__be_as_destroy(struct be_context *be, struct ioasid_be_as *as)
{
	return ioasid__be_answer(be, "paging.destroy", be->ops.paging.destroy(as));
}

int ioasid__be_map(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	struct ioasid_be_map sized = *map;

	sized.struct_size = sizeof(sized);
	return ioasid__be_answer(be, "paging.map", be->ops.paging.map(as, &sized));
}

int ioasid__be_map_file(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	struct ioasid_be_map sized = *map;

	sized.struct_size = sizeof(sized);
	return ioasid__be_answer(be, "paging.map_file", be->ops.paging.map_file(as, &sized));
}

int ioasid__be_copy(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	struct ioasid_be_map sized = *map;

	sized.struct_size = sizeof(sized);
	return ioasid__be_answer(be, "paging.copy", be->ops.paging.copy(as, &sized));
}

int ioasid__be_unmap(struct be_context *be, struct ioasid_be_as *as, uint64_t iova, uint64_t length,
		     uint64_t *unmapped)
{
	uint64_t got = 0;
	int rc = ioasid__be_answer(be, "paging.unmap", be->ops.paging.unmap(as, iova, length, &got));

	if (!rc && got > length)
		rc = ioasid__be_violation(be, "paging.unmap", "unmapped more than it was asked to");
	if (!rc && unmapped)
		*unmapped = got;
	return rc;
}

static int check_ranges(struct be_context *be, const struct ioasid_be_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].first > ranges[i].last || ranges[i].kind - 1 > IOASID_BE_RANGE_DIRECT - 1 ||
		    (i && ranges[i].first < ranges[i - 1].first))
			return ioasid__be_violation(be, "paging.ranges", "gave a range that cannot be");
	return 0;
}

int ioasid__be_ranges(struct be_context *be, struct ioasid_be_as *as, struct ioasid_be_range *ranges,
		      uint32_t *count)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*ranges), .count = *count, .items = ranges,
	};
	uint32_t total = 0;
	int rc = ioasid__be_answer(be, "paging.ranges", be->ops.paging.ranges(as, &batch, &total));
	int full = rc == -EOVERFLOW;

	if (rc && !full)
		return rc;
	if (batch.done > *count || (full ? total <= *count : total != batch.done))
		return ioasid__be_violation(be, "paging.ranges", "counted the ranges wrongly");
	if (check_ranges(be, ranges, batch.done))
		return -EIO;
	*count = total;
	return rc;
}

int ioasid__be_allow(struct be_context *be, struct ioasid_be_as *as, const struct ioasid_be_range *ranges,
		     uint32_t count)
{
	const struct ioasid_be_array array = {
		.items = count ? ranges : NULL, .stride = sizeof(*ranges), .count = count,
	};

	return ioasid__be_answer(be, "paging.allow", be->ops.paging.allow(as, &array));
}

/* ---- dirty ---- */

int ioasid__be_dirty_start(struct be_context *be, struct ioasid_be_as *as)
{
	return ioasid__be_answer(be, "dirty.start", be->ops.dirty.start(as));
}

int ioasid__be_dirty_stop(struct be_context *be, struct ioasid_be_as *as)
{
	return ioasid__be_answer(be, "dirty.stop", be->ops.dirty.stop(as));
}

int ioasid__be_dirty_read(struct be_context *be, struct ioasid_be_as *as,
			  const struct ioasid_be_dirty_args *args)
{
	struct ioasid_be_dirty_args sized = *args;

	sized.struct_size = sizeof(sized);
	return ioasid__be_answer(be, "dirty.read", be->ops.dirty.read(as, &sized));
}

int ioasid__be_dirty_read_clear(struct be_context *be, struct ioasid_be_as *as,
				const struct ioasid_be_dirty_args *args)
{
	struct ioasid_be_dirty_args sized = *args;

	sized.struct_size = sizeof(sized);
	return ioasid__be_answer(be, "dirty.read_clear", be->ops.dirty.read_clear(as, &sized));
}
