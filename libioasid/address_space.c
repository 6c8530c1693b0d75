/*
 * Address spaces: the public calls; see include/ioasid/address_space.h. Counted here, made and mapped by the
 * backend.
 */
#include "libioasid/address_space.h"

#include <errno.h>

#include "libioasid/args.h"
#include "libioasid/be_call.h"
#include "libioasid/fault.h"
#include "libioasid/fork.h"
#include "libioasid/mem.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

#define USES_KNOWN (IOASID_USE_PASID | IOASID_USE_PARENT | IOASID_USE_DIRTY | IOASID_USE_FAULT)

_Static_assert(IOASID_USE_PASID == IOASID_BE_USE_PASID && IOASID_USE_PARENT == IOASID_BE_USE_PARENT &&
	       IOASID_USE_DIRTY == IOASID_BE_USE_DIRTY && IOASID_USE_FAULT == IOASID_BE_USE_FAULT, "uses are the contract's");
_Static_assert(IOASID_MAP_READ == IOASID_BE_MAP_READ && IOASID_MAP_WRITE == IOASID_BE_MAP_WRITE,
	       "access is the contract's");
_Static_assert(sizeof(struct ioasid_range) == sizeof(struct ioasid_be_range) &&
	       IOASID_RANGE_USABLE == IOASID_BE_RANGE_USABLE && IOASID_RANGE_DIRECT == IOASID_BE_RANGE_DIRECT,
	       "ranges are the contract's");

int ioasid__call_allowed(bool arguments_ok)
{
	if (ioasid__forked())
		return -EPERM;
	if (!arguments_ok)
		return -EINVAL;
	return ioasid__restricted() || ioasid__rcu_ongoing() ? -EDEADLK : 0;
}

static struct ioasid_address_space *space_new(struct ioasid_context *context, uint32_t uses, bool adopted)
{
	struct ioasid_address_space *space = mem_zalloc(sizeof(*space));

	if (space != NULL) {
		space->context = context;
		space->uses = uses;
		space->adopted = adopted;
	}
	return space;
}

/* Hands out what the backend has made, or frees the memory for it. */
static int space_finish(struct ioasid_address_space *made, int rc, struct ioasid_address_space **space)
{
	if (rc != 0) {
		mem_free(made);
		return rc;
	}
	context_use(made->context);
	*space = made;
	return 0;
}

int ioasid_address_space_create(struct ioasid_context *context, uint32_t uses,
				struct ioasid_address_space **space,
				struct ioasid_reason *why)
{
	struct ioasid_be_as_args args = { .uses = uses };
	struct ioasid_address_space *made;
	struct faults *faults;
	int rc = ioasid__call_allowed(context != NULL && space != NULL && (uses & ~USES_KNOWN) == 0);

	if (rc == 0 && (uses & IOASID_USE_FAULT) != 0) {
		rc = ioasid__faults_get(context, &faults, why);
		if (rc == 0)
			args.faultq = faults->queue;
	}
	if (rc != 0)
		return rc;
	made = space_new(context, uses, false);
	if (made == NULL)
		return -ENOMEM;
	return space_finish(made, ioasid__be_as_create(&context->be, &args, &made->as, why), space);
}

int ioasid_address_space_adopt(struct ioasid_context *context, const struct ioasid_context_object *object,
			       struct ioasid_address_space **space, struct ioasid_reason *why)
{
	struct ioasid_address_space *made;
	struct ioasid_be_object be = { 0 };
	int rc = ioasid__call_allowed(context != NULL && object != NULL && space != NULL &&
				      object->reserved == 0 &&
				      (object->type == IOASID_OBJECT_IOAS ||
				       object->type == IOASID_OBJECT_HWPT));

	if (rc != 0)
		return rc;
	made = space_new(context, 0, true);
	if (made == NULL)
		return -ENOMEM;
	be.key = object->key;
	be.type = object->type;
	be.id = object->id;
	be.fd = object->fd;
	return space_finish(made, ioasid__be_as_adopt(&context->be, &be, &made->as, why), space);
}

int ioasid_address_space_destroy(struct ioasid_address_space *space)
{
	int rc = ioasid__call_allowed(space != NULL);

	if (rc != 0)
		return rc;
	/* Acquire pairs with the release of the last user. */
	if (atomic_load_explicit(&space->users, memory_order_acquire) != 0)
		return -EBUSY;
	rc = ioasid__be_as_destroy(&space->context->be, space->as);
	if (rc != 0)
		return rc;
	context_unuse(space->context);
	mem_free(space);
	return 0;
}

/* What a mapping is made from. */
enum source { SOURCE_MEMORY, SOURCE_FILE, SOURCE_SPACE };

static bool source_ok(const struct ioasid_mapping *m, enum source source)
{
	if (source == SOURCE_MEMORY)
		return m->address != NULL && m->offset == 0;
	if (source == SOURCE_SPACE && m->offset + (m->length - 1) < m->offset)
		return false;
	return m->address == NULL && (source == SOURCE_SPACE || m->fd >= 0);
}

/* The errors of a mapping's arguments, also those of its size. */
static int mapping_check(const struct ioasid_address_space *space, const struct ioasid_mapping *m, enum source source)
{
	bool ok = space != NULL && m != NULL;
	int rc = 0;

	if (ioasid__forked())
		return -EPERM;
	if (ok)
		rc = args_in(m, sizeof(*m));
	if (ok && rc == 0)
		ok = m->access != 0 && (m->access & ~(IOASID_MAP_READ | IOASID_MAP_WRITE)) == 0 && m->length != 0 &&
		     m->reserved == 0 && m->iova + (m->length - 1) >= m->iova && source_ok(m, source);
	return rc != 0 ? rc : ioasid__call_allowed(ok);
}

int ioasid_address_space_map(struct ioasid_address_space *space, const struct ioasid_mapping *mapping)
{
	struct ioasid_be_map map = { .fd = -1 };
	int rc = mapping_check(space, mapping, SOURCE_MEMORY);

	if (rc != 0)
		return rc;
	map.access = mapping->access;
	map.iova = mapping->iova;
	map.length = mapping->length;
	map.source = (uint64_t)(uintptr_t)mapping->address;
	return ioasid__be_map(&space->context->be, space->as, &map);
}

int ioasid_address_space_map_file(struct ioasid_address_space *space, const struct ioasid_mapping *mapping)
{
	struct ioasid_be_map map = { 0 };
	int rc = mapping_check(space, mapping, SOURCE_FILE);

	if (rc != 0)
		return rc;
	map.access = mapping->access;
	map.iova = mapping->iova;
	map.length = mapping->length;
	map.source = mapping->offset;
	map.fd = mapping->fd;
	return ioasid__be_map_file(&space->context->be, space->as, &map);
}

int ioasid_address_space_copy(struct ioasid_address_space *space, const struct ioasid_mapping *mapping,
			      struct ioasid_address_space *from)
{
	struct ioasid_be_map map = { .fd = -1 };
	bool ok = space != NULL && from != NULL && from->context == space->context;
	int rc = mapping_check(ok ? space : NULL, mapping, SOURCE_SPACE);

	if (rc != 0)
		return rc;
	map.access = mapping->access;
	map.iova = mapping->iova;
	map.length = mapping->length;
	map.source = mapping->offset;
	map.from = from->as;
	rc = ioasid__be_copy(&space->context->be, space->as, &map);
	/* The kernel's word for more access than the source has; here it means a child of fork. */
	return rc == -EPERM ? -EACCES : rc;
}

int ioasid_address_space_unmap(struct ioasid_address_space *space, uint64_t iova, uint64_t length,
			       uint64_t *unmapped)
{
	int rc = ioasid__call_allowed(space != NULL && length != 0);

	return rc != 0 ? rc : ioasid__be_unmap(&space->context->be, space->as, iova, length, unmapped);
}

int ioasid_address_space_ranges(struct ioasid_address_space *space, struct ioasid_range *ranges,
				uint32_t *count)
{
	struct ioasid_be_range *got = NULL;
	uint32_t room, total;
	int rc = ioasid__call_allowed(space != NULL && count != NULL && (ranges != NULL || *count == 0));

	if (rc != 0)
		return rc;
	room = total = *count;
	if (room != 0) {
		got = mem_zalloc((size_t)room * sizeof(*got));
		if (got == NULL)
			return -ENOMEM;
	}
	rc = ioasid__be_ranges(&space->context->be, space->as, got, &total);
	if (rc == 0 || rc == -EOVERFLOW) {
		for (uint32_t i = 0; i < total && i < room; i++)
			ranges[i] = (struct ioasid_range) {
				.first = got[i].first, .last = got[i].last, .kind = got[i].kind,
			};
		*count = total;
	}
	mem_free(got);
	return rc;
}

static bool windows_ok(const struct ioasid_range *ranges, uint32_t count)
{
	if (ranges == NULL)
		return count == 0;
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].first > ranges[i].last || ranges[i].kind != IOASID_RANGE_USABLE || ranges[i].reserved != 0)
			return false;
	return true;
}

int ioasid_address_space_allow(struct ioasid_address_space *space, const struct ioasid_range *ranges, uint32_t count)
{
	struct ioasid_be_range *be = NULL;
	int rc = ioasid__call_allowed(space != NULL && windows_ok(ranges, count));

	if (rc != 0)
		return rc;
	if (count != 0) {
		be = mem_zalloc((size_t)count * sizeof(*be));
		if (be == NULL)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		be[i] = (struct ioasid_be_range) {
			.first = ranges[i].first, .last = ranges[i].last, .kind = ranges[i].kind,
		};
	rc = ioasid__be_allow(&space->context->be, space->as, be, count);
	mem_free(be);
	return rc;
}

/* ---- dirty tracking ---- */

/* What an adopted one was made for only the backend knows. */
static bool tracks(const struct ioasid_address_space *space)
{
	return space != NULL && (space->adopted || (space->uses & IOASID_USE_DIRTY) != 0);
}

int ioasid_address_space_dirty_start(struct ioasid_address_space *space)
{
	int rc = ioasid__call_allowed(tracks(space));

	return rc != 0 ? rc : ioasid__be_dirty_start(&space->context->be, space->as);
}

int ioasid_address_space_dirty_stop(struct ioasid_address_space *space)
{
	int rc = ioasid__call_allowed(tracks(space));

	return rc != 0 ? rc : ioasid__be_dirty_stop(&space->context->be, space->as);
}

static bool dirty_ok(const struct ioasid_dirty *dirty)
{
	uint64_t page = dirty->page_size;

	return (dirty->flags & ~IOASID_DIRTY_CLEAR) == 0 && dirty->bitmap != NULL && page != 0 &&
	       (page & (page - 1)) == 0 && dirty->iova % page == 0 && dirty->length % page == 0 &&
	       dirty->length != 0 && dirty->iova + (dirty->length - 1) >= dirty->iova &&
	       (dirty->length / page - 1) / 64 < dirty->words;
}

int ioasid_address_space_dirty_read(struct ioasid_address_space *space, const struct ioasid_dirty *dirty)
{
	struct ioasid_be_dirty_args args = { 0 };
	bool ok = tracks(space) && dirty != NULL;
	int rc = 0;

	if (ioasid__forked())
		return -EPERM;
	if (ok)
		rc = args_in(dirty, sizeof(*dirty));
	if (rc == 0)
		rc = ioasid__call_allowed(ok && dirty_ok(dirty));
	if (rc != 0)
		return rc;
	args.iova = dirty->iova;
	args.length = dirty->length;
	args.page_size = dirty->page_size;
	args.bitmap = dirty->bitmap;
	if ((dirty->flags & IOASID_DIRTY_CLEAR) != 0)
		return ioasid__be_dirty_read_clear(&space->context->be, space->as, &args);
	return ioasid__be_dirty_read(&space->context->be, space->as, &args);
}
