/* Address spaces; see space.h. */
#include "space.h"

#include <string.h>

#include "dirty.h"
#include "flight.h"
#include "structs.h"

#define ROOM_FIRST 16u

int32_t space_uses(const struct ioasid_mock *mock, uint32_t uses, struct ioasid_be_text *why)
{
	const uint32_t known =
		IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT | IOASID_BE_USE_DIRTY | IOASID_BE_USE_FAULT;

	if (uses & ~known)
		return IOASID_BE_EINVAL;
	if (uses & IOASID_BE_USE_DIRTY && mock->setup->without & IOASID_BE_IF_DIRTY)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "this machine does not track dirty pages");
	if (uses & IOASID_BE_USE_FAULT && mock->setup->without & IOASID_BE_IF_FAULT)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "this machine is without page requests");
	if (uses & IOASID_BE_USE_PASID && mock->setup->without & IOASID_BE_IF_PASID)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "this machine is without PASIDs");
	if (uses & IOASID_BE_USE_PARENT && mock->setup->without & IOASID_BE_IF_NESTED)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "this machine is without nested tables");
	return 0;
}

struct space *space_create(struct ioasid_mock *mock, uint32_t type, uint32_t uses)
{
	const size_t devices = mock->setup->devices, iommus = mock->setup->iommus;
	struct space *space = mock_mem_zalloc(&mock->mem, 1, sizeof(*space));

	if (!space)
		return NULL;
	space->attached = mock_mem_zalloc(&mock->mem, devices + iommus, sizeof(*space->attached));
	if (!space->attached) {
		mock_mem_free(&mock->mem, space);
		return NULL;
	}
	space->domain = space->attached + devices;
	space->id = ++mock->last_id;
	space->type = type;
	space->uses = uses;
	space->next = mock->spaces;
	mock->spaces = space;
	return space;
}

void space_destroy(struct ioasid_mock *mock, struct space *space)
{
	struct space **at = &mock->spaces;

	while (*at != space)
		at = &(*at)->next;
	*at = space->next;
	mock->tracked -= space->tracked;
	dirty_uncover(mock, space->mappings, space->count);
	mock_mem_free(&mock->mem, space->allowed);
	mock_mem_free(&mock->mem, space->mappings);
	mock_mem_free(&mock->mem, space->attached);
	mock_mem_free(&mock->mem, space);
}

struct space *space_find(struct ioasid_mock *mock, uint32_t id)
{
	for (struct space *s = mock->spaces; s; s = s->next) {
		if (s->world && s->id == id)
			return s;
	}
	return NULL;
}

/* Index of the first mapping that ends at @address or behind it. */
static uint64_t lower_bound(const struct space *space, uint64_t address)
{
	uint64_t low = 0, high = space->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (space->mappings[middle].last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct mapping *space_at(const struct space *space, uint64_t address)
{
	uint64_t i = lower_bound(space, address);

	return i < space->count && space->mappings[i].first <= address ? &space->mappings[i] : NULL;
}

static int32_t make_room(struct ioasid_mock *mock, struct space *space, uint64_t count)
{
	uint64_t room = space->room ? space->room : ROOM_FIRST;
	struct mapping *mappings;

	if (space->count + count <= space->room)
		return 0;
	while (room < space->count + count)
		room *= 2;
	mappings = mock_mem_zalloc(&mock->mem, room, sizeof(*mappings));
	if (!mappings)
		return IOASID_BE_ENOMEM;
	if (space->count)
		memcpy(mappings, space->mappings, space->count * sizeof(*mappings));
	mock_mem_free(&mock->mem, space->mappings);
	space->mappings = mappings;
	space->room = room;
	return 0;
}

int32_t space_insert(struct ioasid_mock *mock, struct space *space, struct mapping *mappings, uint64_t count)
{
	uint64_t at = lower_bound(space, mappings[0].first);
	int32_t rc;

	/* They are neighbours, so that whatever overlaps one of them is the next behind the first's begin. */
	if (at < space->count && space->mappings[at].first <= mappings[count - 1].last)
		return IOASID_BE_EEXIST;
	if (!window_usable(mock, space, mappings[0].first, mappings[count - 1].last))
		return IOASID_BE_ERANGE;
	rc = space->tracked ? dirty_cover(mock, mappings, count) : 0;
	if (rc)
		return rc;
	rc = make_room(mock, space, count);
	if (rc) {
		dirty_uncover(mock, mappings, count);
		return rc;
	}
	memmove(&space->mappings[at + count], &space->mappings[at], (space->count - at) * sizeof(*mappings));
	memcpy(&space->mappings[at], mappings, count * sizeof(*mappings));
	space->count += count;
	for (uint64_t i = 0; i < count; i++) {
		if (mappings[i].file)
			mappings[i].file->refs++;
	}
	return 0;
}

/* Gives back files that nothing maps; nothing can reach them any more. */
static void close_files(struct ioasid_mock *mock, struct file *dead)
{
	if (!dead)
		return;
	turnstile_leave(&mock->lock);
	while (dead) {
		struct file *next = dead->next;

		dead->ctx->host.munmap(dead->ctx->host.host, dead->address, dead->size);
		mock_mem_free(&mock->mem, dead);
		dead = next;
	}
	turnstile_enter(&mock->lock);
}

/* Takes mappings [from, to) out, but those that are not @ctx's, and puts their files into a list. */
static uint64_t take_out(struct ioasid_mock *mock, struct space *space, const struct ioasid_be_ctx *ctx,
			 uint64_t from, uint64_t to, struct file **dead)
{
	uint64_t bytes = 0, kept = from;

	for (uint64_t i = from; i < to; i++) {
		const struct mapping gone = space->mappings[i];

		if (ctx && (!gone.file || gone.file->ctx != ctx)) {
			space->mappings[kept++] = gone;
			continue;
		}
		bytes += gone.last - gone.first + 1;
		mock_mem_free(&mock->mem, gone.dirty);
		if (gone.file && !--gone.file->refs) {
			gone.file->next = *dead;
			*dead = gone.file;
			mock->files--;
		}
	}
	memmove(&space->mappings[kept], &space->mappings[to],
		(space->count - to) * sizeof(space->mappings[0]));
	space->count -= to - kept;
	return bytes;
}

int32_t space_remove(struct ioasid_mock *mock, struct space *space, const struct ioasid_be_ctx *ctx,
		     uint64_t first, uint64_t last, uint64_t *bytes)
{
	const struct scope scope = { .kind = SCOPE_SPACE, .id = space->id, .first = first, .last = last };
	uint64_t from = lower_bound(space, first), to = from;
	struct file *dead = NULL;

	while (to < space->count && space->mappings[to].first <= last)
		to++;
	if (!ctx && to > from && (space->mappings[from].first < first || space->mappings[to - 1].last > last))
		return IOASID_BE_ENOENT;
	*bytes = 0;
	if (to == from)
		return 0;
	*bytes = take_out(mock, space, ctx, from, to, &dead);
	tlb_flush(mock, &scope, TLB_EVERY);
	flight_drain(mock, &scope, mock->last_flight, 0);
	close_files(mock, dead);
	return 0;
}
