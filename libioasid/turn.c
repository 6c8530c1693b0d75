/*
 * The event turn, and the parking lot.
 *
 * The parking lot is a table of buckets, each a lock with a condition, found by pool and ID. A thread that
 * has to wait sets W_WAIT in the word under the bucket's lock and sleeps; who changes a word that has W_WAIT
 * clears it and wakes the bucket. Descriptors that wait for a reclaim hang in the same buckets, marked by
 * W_WATCH, which stays until the reclaim.
 */
#include "libioasid/turn.h"

#include <errno.h>
#include <unistd.h>

#include "libioasid/life.h"
#include "libioasid/park.h"

static struct park_bucket *bucket_of(struct ioasid_pool *pool, ioasid_t id)
{
	return &pool->park[id % PARK_BUCKETS];
}

int ioasid__park(struct ioasid_pool *pool, ioasid_t id, uint64_t seen, uint64_t until)
{
	struct park_bucket *b = bucket_of(pool, id);
	struct slot *s = pool_slot(pool, id);
	struct timespec at;
	int err = 0;

	lock(&b->lock);
	/* Under the lock: who clears W_WAIT takes the lock before it wakes, so that the sleep below is not
	 * missed. */
	if ((seen & W_WAIT) ? word_load(s) != seen : !word_cas(s, &seen, seen | W_WAIT)) {
		unlock(&b->lock);
		return 0;
	}
	b->sleepers++;
	if (until == IOASID_FOREVER) {
		lock_wait(&b->lock, &b->cond);
	} else {
		at.tv_sec = (time_t)(until / UINT64_C(1000000000));
		at.tv_nsec = (long)(until % UINT64_C(1000000000));
		err = lock_wait_until(&b->lock, &b->cond, &at) == ETIMEDOUT ? -ETIMEDOUT : 0;
	}
	b->sleepers--;
	unlock(&b->lock);
	return err;
}

int ioasid__park_help(struct ioasid_pool *pool, ioasid_t id, uint64_t seen, uint64_t until)
{
	struct park_bucket *b = bucket_of(pool, id);
	struct slot *s = pool_slot(pool, id);
	/* Before W_WAIT is set: who clears it nudges after this. */
	uint64_t nudges = ioasid__executor_nudges(pool->executor);
	int err;

	lock(&b->lock);
	if ((seen & W_WAIT) ? word_load(s) != seen : !word_cas(s, &seen, seen | W_WAIT)) {
		unlock(&b->lock);
		return 0;
	}
	b->helpers++;
	unlock(&b->lock);
	err = ioasid__executor_help(pool->executor, nudges, until);
	lock(&b->lock);
	b->helpers--;
	unlock(&b->lock);
	return err;
}

/* Wakes who sleeps on an ID of the bucket. Under its lock. */
static void bucket_wake(struct ioasid_pool *pool, struct park_bucket *b)
{
	if (b->sleepers != 0)
		pthread_cond_broadcast(&b->cond);
	if (b->helpers != 0)
		ioasid__executor_nudge(pool->executor);
}

/* Tells the descriptors that wait for the end of a life. The ID may be in its next one, which others wait
 * for. Under the bucket's lock. */
static void watchers_tell(struct park_bucket *b, ioasid_t id, uint64_t gen)
{
	struct park_watch **p = &b->watches, *w;
	int cancel = cancel_off();
	uint64_t one = 1;

	while ((w = *p) != NULL) {
		if (w->id != id || w->gen != gen) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		/* An eventfd at 0 takes a 1 without blocking; the copy of the descriptor is ours. */
		while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		close(w->fd);
		mem_free(w);
	}
	cancel_restore(cancel);
}

void ioasid__park_wake(struct ioasid_pool *pool, ioasid_t id)
{
	struct park_bucket *b = bucket_of(pool, id);

	lock(&b->lock);
	bucket_wake(pool, b);
	unlock(&b->lock);
}

void ioasid__park_tell(struct ioasid_pool *pool, ioasid_t id, uint64_t w)
{
	struct park_bucket *b = bucket_of(pool, id);

	lock(&b->lock);
	if (w & W_WATCH)
		watchers_tell(b, id, word_gen(w));
	bucket_wake(pool, b);
	unlock(&b->lock);
}

bool ioasid__park_watch(struct ioasid_pool *pool, ioasid_t id, struct park_watch *watch, uint64_t seen)
{
	struct park_bucket *b = bucket_of(pool, id);
	struct slot *s = pool_slot(pool, id);
	bool ok;

	watch->id = id;
	watch->gen = word_gen(seen);
	lock(&b->lock);
	ok = word_cas(s, &seen, seen | W_WATCH);
	if (ok) {
		watch->next = b->watches;
		b->watches = watch;
	}
	unlock(&b->lock);
	return ok;
}

int ioasid__park_init(struct ioasid_pool *pool)
{
	uint32_t i;

	pool->park = mem_zalloc_line(PARK_BUCKETS * sizeof(*pool->park));
	if (pool->park == NULL)
		return -ENOMEM;
	for (i = 0; i < PARK_BUCKETS; i++) {
		ioasid__lock_init(&pool->park[i].lock, RANK_PARK);
		ioasid__cond_init(&pool->park[i].cond);
	}
	return 0;
}

void ioasid__park_fini(struct ioasid_pool *pool)
{
	uint32_t i;

	for (i = 0; pool->park != NULL && i < PARK_BUCKETS; i++) {
		pthread_cond_destroy(&pool->park[i].cond);
		ioasid__lock_fini(&pool->park[i].lock);
	}
	mem_free(pool->park);
	pool->park = NULL;
}

static bool state_wanted(uint64_t w, unsigned int states)
{
	return (word_is(w, W_ACTIVE) && (states & TURN_ACTIVE)) || (word_is(w, W_PENDING) && (states & TURN_PENDING));
}

int ioasid__turn_take(struct ioasid_set *set, ioasid_t id, unsigned int states, uint64_t *word)
{
	return ioasid__turn_take_with(set, id, states, 0, word);
}

int ioasid__turn_take_with(struct ioasid_set *set, ioasid_t id, unsigned int states, uint64_t bits, uint64_t *word)
{
	struct ioasid_pool *pool = set->pool;
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s);

	for (;;) {
		if (word_is(w, W_FREE) || (word_is(w, W_BORN) && !set_owns(set, w)))
			return -ENOENT;
		if (!set_owns(set, w))
			return -EACCES;
		/* An ID that goes up or down without a turn belongs to no event that could be waited for. */
		if (!state_wanted(w, states) && !(word_is(w, W_BORN) && (w & W_TURN) && (states & TURN_BORN)))
			return -ENOENT;
		if (w & W_TURN) {
			(void)ioasid__park(pool, id, w, IOASID_FOREVER);
			w = word_load(s);
			continue;
		}
		if (word_cas(s, &w, w | W_TURN | bits)) {
			*word = w | W_TURN | bits;
			return 0;
		}
	}
}

int ioasid__turn_release(struct ioasid_pool *pool, ioasid_t id)
{
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s), n;

	do {
		n = word_released(w, W_TURN | W_OWED);
	} while (!word_cas(s, &w, n));
	if ((w & W_WAIT) && !(n & W_WAIT))
		ioasid__park_wake(pool, id);
	if (word_is(n, W_BORN)) {
		ioasid__life_reclaim(pool, id, n);
		return 1;
	}
	if (w & W_OWED)
		return ioasid__life_complete(pool, id) == 1;
	return 0;
}

uint64_t ioasid__turn_abandon(struct ioasid_pool *pool, ioasid_t id)
{
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s);

	while (!word_cas(s, &w, w & ~(W_TURN | W_WAIT)))
		;
	if (w & W_WAIT)
		ioasid__park_wake(pool, id);
	return w & ~(W_TURN | W_WAIT);
}
