/*
 * The last word on whether an ID, or a run of them, is FREE: the words themselves, with frees counted
 * meanwhile.
 */
#include "libioasid/ids_scan.h"

#include <errno.h>

#include "libioasid/rcu.h"
#include "libioasid/turn.h"

/* ---- Frees while somebody scans ---- */

void ioasid__ids_free_begin(struct ioasid_pool *pool)
{
	atomic_fetch_add_explicit(&pool->frees_begun, 1, memory_order_seq_cst);
}

void ioasid__ids_free_end(struct ioasid_pool *pool)
{
	atomic_fetch_add_explicit(&pool->frees_ended, 1, memory_order_seq_cst);
}

static void scan_enter(struct ioasid_pool *pool)
{
	lock(&pool->threads_lock);
	if (atomic_fetch_add_explicit(&pool->scanners, 1, memory_order_relaxed) == 0)
		atomic_fetch_or_explicit(&pool->slow, POOL_SCAN, memory_order_seq_cst);
	unlock(&pool->threads_lock);
	/* Frees that have not seen POOL_SCAN are over after this. */
	ioasid__rcu_sync();
}

static void scan_leave(struct ioasid_pool *pool)
{
	lock(&pool->threads_lock);
	if (atomic_fetch_sub_explicit(&pool->scanners, 1, memory_order_relaxed) == 1)
		atomic_fetch_and_explicit(&pool->slow, ~POOL_SCAN, memory_order_seq_cst);
	unlock(&pool->threads_lock);
}

/* Did no ID become FREE since @ended was read, and none was about to then? */
static bool scan_was_still(struct ioasid_pool *pool, uint64_t ended)
{
	return atomic_load_explicit(&pool->frees_begun, memory_order_seq_cst) == ended;
}

int ioasid__ids_scan(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	uint64_t ended;
	ioasid_t i;
	int err = -ENOSPC;

	scan_enter(pool);
	do {
		ended = atomic_load_explicit(&pool->frees_ended, memory_order_seq_cst);
		for (i = min; i <= max; i++) {
			if (word_allocatable(word_load(pool_slot(pool, i))) && ioasid__ids_take_one(pool, i, birth)) {
				*id = i;
				err = 0;
				goto out;
			}
		}
	} while (!scan_was_still(pool, ended));
out:
	scan_leave(pool);
	return err;
}

/* ---- Runs ---- */

static void range_undo(struct ioasid_pool *pool, ioasid_t first, ioasid_t end)
{
	while (end > first) {
		end--;
		ioasid__ids_give(pool, end, ioasid__turn_abandon(pool, end) & W_GEN);
	}
}

/*
 * Looks for a run and takes it. 0; -ENOSPC; -EAGAIN: somebody was in the way of a run that might have been.
 */
static int range_try(struct ioasid_pool *pool, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
		     uint64_t birth, ioasid_t *first)
{
	uint64_t start = ((uint64_t)min + align - 1) / align * align, i;
	int err = -ENOSPC;

	while (start + count - 1 <= max) {
		for (i = start + count; i > start; i--) {
			uint64_t w = word_load(pool_slot(pool, (ioasid_t)(i - 1)));

			if (word_is(w, W_BORN))
				err = -EAGAIN;
			if (!word_allocatable(w))
				break;
		}
		if (i > start) {
			start = (i + align - 1) / align * align;
			continue;
		}
		for (i = start; i < start + count; i++)
			if (!ioasid__ids_take_one(pool, (ioasid_t)i, birth))
				break;
		if (i == start + count) {
			*first = (ioasid_t)start;
			return 0;
		}
		range_undo(pool, (ioasid_t)start, (ioasid_t)i);
		err = -EAGAIN;
		start = (i + align) / align * align;
	}
	return err;
}

int ioasid__ids_take_range(struct ioasid_pool *pool, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
			   uint64_t birth, ioasid_t *first)
{
	uint64_t ended;
	int err = range_try(pool, count, align, min, max, birth, first);

	if (err != -ENOSPC)
		return err;
	scan_enter(pool);
	ended = atomic_load_explicit(&pool->frees_ended, memory_order_seq_cst);
	err = range_try(pool, count, align, min, max, birth, first);
	if (err == -ENOSPC && !scan_was_still(pool, ended))
		err = -EAGAIN;
	scan_leave(pool);
	return err;
}
