/*
 * Cursors of the cyclic policy; see cursors.h.
 */
#include "libioasid/cursors.h"

#include "libioasid/ordered.h"

static uint32_t bucket_of(uint64_t window)
{
	return (uint32_t)(window * UINT64_C(0x9e3779b97f4a7c15) >> 32) % IOASID_CYCLIC_WINDOWS;
}

static struct cursor *find(struct cursors *t, uint64_t window)
{
	uint32_t i = t->buckets[bucket_of(window)];

	while (i != 0 && t->all[i - 1].window != window)
		i = t->all[i - 1].chain;
	return i != 0 ? &t->all[i - 1] : NULL;
}

static void chain_remove(struct cursors *t, const struct cursor *c)
{
	uint32_t *p = &t->buckets[bucket_of(c->window)];

	while (&t->all[*p - 1] != c)
		p = &t->all[*p - 1].chain;
	*p = c->chain;
}

/* ---- By use ---- */

static uint32_t *newer_of(struct cursors *t, uint32_t i)
{
	return i != 0 ? &t->all[i - 1].newer : &t->oldest;
}

static uint32_t *older_of(struct cursors *t, uint32_t i)
{
	return i != 0 ? &t->all[i - 1].older : &t->newest;
}

static void use_remove(struct cursors *t, const struct cursor *c)
{
	*older_of(t, c->newer) = c->older;
	*newer_of(t, c->older) = c->newer;
}

static void use_append(struct cursors *t, struct cursor *c)
{
	uint32_t i = (uint32_t)(c - t->all) + 1;

	c->newer = 0;
	c->older = t->newest;
	*newer_of(t, c->older) = i;
	t->newest = i;
}

/* ---- Windows ---- */

/* A place for a window, locked. */
static struct cursor *place(struct cursors *t)
{
	struct cursor *c;

	if (t->count < IOASID_CYCLIC_WINDOWS) {
		c = &t->all[t->count++];
		byte_lock(&c->lock);
		return c;
	}
	/* There are more cursors than threads that have locked one. */
	for (c = &t->all[t->oldest - 1]; !byte_try_lock(&c->lock);)
		c = &t->all[c->newer - 1];
	use_remove(t, c);
	chain_remove(t, c);
	return c;
}

static struct cursor *make(struct cursors *t, uint64_t window)
{
	uint32_t *bucket = &t->buckets[bucket_of(window)];
	struct cursor *c = place(t);

	c->window = window;
	c->next = (ioasid_t)window; /* its min */
	c->chain = *bucket;
	*bucket = (uint32_t)(c - t->all) + 1;
	use_append(t, c);
	byte_unlock(&c->lock);
	return c;
}

struct cursor *ioasid__cursor_lock(struct ioasid_pool *pool, ioasid_t min, ioasid_t max)
{
	uint64_t window = (uint64_t)max << 32 | min;
	struct cursors *t = pool->cursors;
	struct cursor *c;

	for (;;) {
		byte_lock(&t->lock);
		c = find(t, window);
		if (c == NULL) {
			c = make(t, window);
		} else {
			use_remove(t, c);
			use_append(t, c);
		}
		byte_unlock(&t->lock);
		byte_lock(&c->lock);
		if (c->window == window)
			return c;
		byte_unlock(&c->lock);
	}
}

void ioasid__cursor_unlock(struct cursor *c)
{
	byte_unlock(&c->lock);
}
