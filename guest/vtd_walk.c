/*
 * From a context entry to PASID table entries: one, or a walk.
 *
 * A walk reads the directory eight entries at a time: that is 64 aligned bytes, so never over a page's end
 * nor the directory's, whose least size is 128 entries.
 */
#include "guest.h"

#define CHUNK        UINT32_C(8)                      /* directory entries of one read */
#define TABLE        IOASID_GUEST_VTD_TABLE_ENTRIES
#define CHUNK_PASIDS (CHUNK * TABLE)

/* Could this library have made it? Guards the address arithmetic against a caller's own structs. */
static bool context_sane(const struct ioasid_guest_vtd_unit *unit,
			 const struct ioasid_guest_vtd_context *context)
{
	return context && context->entries >= 128 && context->entries <= 16384 &&
	       context->pasids <= context->entries * TABLE && !(context->directory & PAGE_BITS) &&
	       !(context->directory & beyond(unit)) && context->rid_pasid <= PASID_MAX;
}

static int read_entry(const struct ioasid_guest_vtd_unit *unit, uint64_t table, uint32_t pasid, bool quiet,
		      struct ioasid_guest_vtd_entry *entry, struct ioasid_guest_error *error)
{
	uint8_t bytes[IOASID_GUEST_VTD_ENTRY_BYTES];
	uint64_t address = table + IOASID_GUEST_VTD_ENTRY_BYTES * (pasid % TABLE);
	int rc = ioasid_guest_read(unit, address, bytes, sizeof(bytes), IOASID_GUEST_IN_ENTRY,
				   REASON_ENTRY + REASON_ACCESS, error);

	if (!rc)
		rc = ioasid_guest_vtd_entry_decode(unit, bytes, entry, error);
	if (!rc && quiet)
		entry->flags |= IOASID_GUEST_VTD_ENTRY_QUIET;
	return ioasid_guest_placed(error, rc, address, quiet);
}

/* May there be an entry of this PASID? *@pasid becomes the one to look for. */
static int check_pasid(const struct ioasid_guest_vtd_context *context, uint32_t *pasid,
		       struct ioasid_guest_error *error)
{
	struct ioasid_guest_error what = { .code = IOASID_GUEST_WRONG_RANGE, .where = IOASID_GUEST_IN_CONTEXT,
					   .reason = REASON_PASID_MAX };

	if (context->flags & IOASID_GUEST_VTD_CONTEXT_QUIET)
		what.flags = IOASID_GUEST_ERROR_QUIET;
	if (*pasid == IOASID_GUEST_VTD_NO_PASID) {
		*pasid = context->rid_pasid;
		what.reason = REASON_RID_PASID;
	} else if (!(context->flags & IOASID_GUEST_VTD_CONTEXT_PASID)) {
		what.code = IOASID_GUEST_WRONG_OFF;
		what.reason = REASON_PASID_OFF;
		return ioasid_guest_fail(error, what);
	}
	return *pasid < context->pasids ? 0 : ioasid_guest_fail(error, what);
}

int ioasid_guest_vtd_entry_find(const struct ioasid_guest_vtd_unit *unit,
				const struct ioasid_guest_vtd_context *context, uint32_t pasid,
				struct ioasid_guest_vtd_entry *entry, struct ioasid_guest_error *error)
{
	struct ioasid_guest_vtd_directory directory = { 0 };
	uint8_t bytes[IOASID_GUEST_VTD_DIRECTORY_BYTES];
	uint64_t address;
	bool quiet;
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !unit->memory.read || !context_sane(unit, context) || !entry ||
	    (pasid > PASID_MAX && pasid != IOASID_GUEST_VTD_NO_PASID))
		return ioasid_guest_fail_call(error);
	rc = check_pasid(context, &pasid, error);
	if (rc)
		return rc;
	quiet = context->flags & IOASID_GUEST_VTD_CONTEXT_QUIET;
	address = context->directory + sizeof(bytes) * (pasid / TABLE);
	rc = ioasid_guest_read(unit, address, bytes, sizeof(bytes), IOASID_GUEST_IN_DIRECTORY,
			       REASON_DIRECTORY + REASON_ACCESS, error);
	if (!rc)
		rc = ioasid_guest_vtd_directory_decode(unit, bytes, &directory, error);
	if (rc)
		return ioasid_guest_placed(error, rc, address, quiet);
	return read_entry(unit, directory.table, pasid, quiet || directory.quiet, entry, error);
}

int ioasid_guest_vtd_cursor_init(struct ioasid_guest_vtd_cursor *cursor, uint32_t first, uint32_t last,
				 uint32_t domain)
{
	if (!cursor || first > last || last > PASID_MAX ||
	    (domain > 0xffff && domain != IOASID_GUEST_VTD_ANY_DOMAIN))
		return -EINVAL;
	*cursor = (struct ioasid_guest_vtd_cursor){ .next = first, .last = last, .domain = domain };
	return 0;
}

/* A call of ioasid_guest_vtd_walk(). */
struct walk {
	const struct ioasid_guest_vtd_unit *unit;
	const struct ioasid_guest_vtd_context *context;
	struct ioasid_guest_vtd_cursor *cursor;
	uint32_t end;      /* first PASID behind the walk: 2^20 at most */
	uint32_t budget;   /* what is left */
	struct ioasid_guest_vtd_item *items;
	uint32_t capacity;
	uint32_t count;
};

/* Is there a PASID left, and room to tell of it? What is absent costs nothing more than the read before. */
static bool may_go_on(const struct walk *walk)
{
	return walk->cursor->next < walk->end && walk->count < walk->capacity;
}

/* The room for the next item. What becomes of it is up to emit(). */
static struct ioasid_guest_vtd_item *room(struct walk *walk)
{
	struct ioasid_guest_vtd_item *item = &walk->items[walk->count];

	*item = (struct ioasid_guest_vtd_item){ .pasid = walk->cursor->next };
	return item;
}

/* Tells of all PASIDs from the cursor to @to, unless they are absent, and goes on behind them. */
static void emit(struct walk *walk, struct ioasid_guest_vtd_item *item, int status, uint32_t to)
{
	if (to > walk->end)
		to = walk->end;
	item->status = status;
	item->count = to - item->pasid;
	walk->cursor->next = to;
	if (status == -ENOENT)
		return;
	if (!status && walk->cursor->domain != IOASID_GUEST_VTD_ANY_DOMAIN &&
	    item->entry.domain != walk->cursor->domain)
		return;
	walk->count++;
}

/* The 64 PASIDs of one directory entry, from the cursor on. Return: false if the budget is used up. */
static bool walk_table(struct walk *walk, const uint8_t *bytes, uint64_t address)
{
	bool quiet = walk->context->flags & IOASID_GUEST_VTD_CONTEXT_QUIET;
	uint32_t behind = (walk->cursor->next / TABLE + 1) * TABLE;
	struct ioasid_guest_vtd_directory directory = { 0 };
	struct ioasid_guest_vtd_item *item = room(walk);
	int rc = ioasid_guest_vtd_directory_decode(walk->unit, bytes, &directory, &item->error);

	if (rc) {
		emit(walk, item, ioasid_guest_placed(&item->error, rc, address, quiet), behind);
		return true;
	}
	while (may_go_on(walk) && walk->cursor->next < behind) {
		if (!walk->budget)
			return false;
		walk->budget--;
		item = room(walk);
		rc = read_entry(walk->unit, directory.table, item->pasid, quiet || directory.quiet, &item->entry,
				&item->error);
		emit(walk, item, rc, item->pasid + 1);
	}
	return true;
}

/* One read of the directory, and what is below it. */
static void walk_chunk(struct walk *walk)
{
	uint32_t first = walk->cursor->next / CHUNK_PASIDS * CHUNK;
	uint64_t address = walk->context->directory + UINT64_C(8) * first;
	struct ioasid_guest_vtd_item *item = room(walk);
	uint8_t bytes[CHUNK * IOASID_GUEST_VTD_DIRECTORY_BYTES];
	int rc;

	walk->budget--;
	rc = ioasid_guest_read(walk->unit, address, bytes, sizeof(bytes), IOASID_GUEST_IN_DIRECTORY,
			       REASON_DIRECTORY + REASON_ACCESS, &item->error);
	if (rc) {
		emit(walk, item, rc, (first + CHUNK) * TABLE);
		return;
	}
	while (may_go_on(walk) && walk->cursor->next < (first + CHUNK) * TABLE) {
		uint32_t offset = 8 * (walk->cursor->next / TABLE - first);

		if (!walk_table(walk, bytes + offset, address + offset))
			return;
	}
}

int ioasid_guest_vtd_walk(const struct ioasid_guest_vtd_unit *unit,
			  const struct ioasid_guest_vtd_context *context,
			  struct ioasid_guest_vtd_cursor *cursor, uint32_t budget,
			  struct ioasid_guest_vtd_item *items, uint32_t capacity, uint32_t *count)
{
	struct walk walk = { .unit = unit, .context = context, .cursor = cursor, .budget = budget,
			     .items = items, .capacity = capacity };

	if (!count)
		return -EINVAL;
	*count = 0;
	if (ioasid_guest_vtd_unit_check(unit) || !unit->memory.read || !context_sane(unit, context) || !cursor ||
	    cursor->last > PASID_MAX || budget < IOASID_GUEST_VTD_BUDGET_MIN || !items || !capacity)
		return -EINVAL;
	walk.end = cursor->last + 1 < context->pasids ? cursor->last + 1 : context->pasids;
	while (may_go_on(&walk) && walk.budget)
		walk_chunk(&walk);
	*count = walk.count;
	cursor->done = cursor->next >= walk.end;
	return cursor->done ? 0 : 1;
}
