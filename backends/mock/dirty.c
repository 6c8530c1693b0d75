/* The interface ioasid.be.dirty/1. A bitmap for each mapping, a bit for each page of it. */
#include "dirty.h"

#include "structs.h"

#define WORD_BITS 64u

static uint64_t pages_of(const struct mapping *mapping)
{
	return (mapping->last - mapping->first) / PAGE_BYTES + 1;
}

int32_t dirty_cover(struct ioasid_mock *mock, struct mapping *mappings, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		mappings[i].dirty = mock_mem_zalloc(&mock->mem, (pages_of(&mappings[i]) - 1) / WORD_BITS + 1,
						    sizeof(uint64_t));
		if (!mappings[i].dirty) {
			dirty_uncover(mock, mappings, i);
			return IOASID_BE_ENOMEM;
		}
	}
	return 0;
}

void dirty_uncover(struct ioasid_mock *mock, struct mapping *mappings, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		mock_mem_free(&mock->mem, mappings[i].dirty);
		mappings[i].dirty = NULL;
	}
}

void dirty_mark(struct ioasid_mock *mock, const struct translation *to)
{
	const struct space *space = mock->tracked ? mock->spaces : NULL;
	const struct mapping *mapping;
	uint64_t page;

	while (space && space->id != to->space)
		space = space->next;
	mapping = space ? space_at(space, to->below) : NULL;
	if (!mapping || !mapping->dirty)
		return;
	page = (to->below - mapping->first) / PAGE_BYTES;
	mapping->dirty[page / WORD_BITS] |= UINT64_C(1) << page % WORD_BITS;
}

/* ---- Start, stop ---- */

static struct inject_call call_of(const struct ioasid_be_as *as, uint32_t op)
{
	return (struct inject_call){ .inject = &as->ctx->mock->inject,
				     .op = op,
				     .device = IOASID_MOCK_NO_DEVICE };
}

static int32_t track(struct ioasid_be_as *as, bool on)
{
	struct ioasid_mock *mock = as->ctx->mock;
	struct space *space = as->space;
	int32_t rc = 0;

	if (!(space->uses & IOASID_BE_USE_DIRTY))
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	if (space->tracked == on)
		goto out;
	if (on)
		rc = dirty_cover(mock, space->mappings, space->count);
	else
		dirty_uncover(mock, space->mappings, space->count);
	if (rc)
		goto out;
	space->tracked = on;
	if (on)
		mock->tracked++;
	else
		mock->tracked--;
out:
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t dirty_start(struct ioasid_be_as *as)
{
	const struct inject_call call = call_of(as, IOASID_MOCK_OP_DIRTY_START);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : track(as, true));
}

static int32_t dirty_stop(struct ioasid_be_as *as)
{
	const struct inject_call call = call_of(as, IOASID_MOCK_OP_DIRTY_STOP);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : track(as, false));
}

/* ---- Read ---- */

static bool args_fit(const struct ioasid_be_dirty_args *args)
{
	const uint64_t inside = args->page_size - 1;

	/* A bit for less than a page would say more than is known. */
	return !args->flags && !args->reserved[0] && !args->reserved[1] && args->bitmap && args->length &&
	       args->page_size >= PAGE_BYTES && !(args->page_size & inside) &&
	       !((args->iova | args->length) & inside) && args->length - 1 <= UINT64_MAX - args->iova;
}

/* Tells the dirty pages of a mapping within [first, last], and makes them clean. */
static void tell_pages(const struct mapping *mapping, uint64_t first, uint64_t last, bool clear,
		       const struct ioasid_be_dirty_args *args)
{
	uint64_t page = (first - mapping->first) / PAGE_BYTES;
	const uint64_t end = (last - mapping->first) / PAGE_BYTES;

	while (page <= end) {
		uint64_t *word = &mapping->dirty[page / WORD_BITS];
		const uint64_t bit = UINT64_C(1) << page % WORD_BITS;
		uint64_t told = mapping->first + page * PAGE_BYTES - args->iova;

		if (!*word) {
			page = (page / WORD_BITS + 1) * WORD_BITS;
			continue;
		}
		if (*word & bit) {
			told /= args->page_size;
			args->bitmap[told / WORD_BITS] |= UINT64_C(1) << told % WORD_BITS;
			if (clear)
				*word &= ~bit;
		}
		page++;
	}
}

static int32_t tell(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *from, bool clear)
{
	struct ioasid_mock *mock = as->ctx->mock;
	const struct space *space = as->space;
	struct ioasid_be_dirty_args args;
	uint64_t last;
	int32_t rc = wire_struct_in(&args, sizeof(args), from);

	if (rc)
		return rc;
	if (!args_fit(&args) || !(space->uses & IOASID_BE_USE_DIRTY))
		return IOASID_BE_EINVAL;
	last = args.iova + (args.length - 1);
	turnstile_enter(&mock->lock);
	for (uint64_t i = 0; space->tracked && i < space->count; i++) {
		const struct mapping *m = &space->mappings[i];

		if (m->first <= last && m->last >= args.iova)
			tell_pages(m, m->first > args.iova ? m->first : args.iova,
				   m->last < last ? m->last : last, clear, &args);
	}
	rc = space->tracked ? 0 : IOASID_BE_ENOENT;
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t dirty_read(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *args)
{
	const struct inject_call call = call_of(as, IOASID_MOCK_OP_DIRTY_READ);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : tell(as, args, false));
}

static int32_t dirty_read_clear(struct ioasid_be_as *as, const struct ioasid_be_dirty_args *args)
{
	const struct inject_call call = call_of(as, IOASID_MOCK_OP_DIRTY_READ_CLEAR);
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : tell(as, args, true));
}

const struct ioasid_be_dirty_ops mock_dirty_ops = {
	.struct_size = sizeof(mock_dirty_ops),
	.start = dirty_start,
	.stop = dirty_stop,
	.read = dirty_read,
	.read_clear = dirty_read_clear,
};
