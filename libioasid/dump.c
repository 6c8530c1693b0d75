/*
 * Dumps: every set and IOASID of a pool, as text or JSON (S13.2).
 *
 * Sets are listed under the registry's lock and held; then each is walked without any lock, so that the
 * callback may block.
 */
#include <errno.h>
#include <string.h>

#include <ioasid/stats.h>

#include "libioasid/binding.h"
#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/out.h"
#include "libioasid/pool.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/spid.h"
#include "libioasid/thread.h"

static const char *const types[] = { "none", "mm", "opaque" };
static const char *const states[] = { "free", "nascent", "active", "pending" };

struct id_line {
	ioasid_t id;
	const char *state;
	uint32_t refs, spid, bindings, faults;
	bool parked, quarantined;
	uint64_t age; /* ns since the mark, 0 if not known */
};

static bool id_read(struct ioasid_set *set, ioasid_t id, struct id_line *l)
{
	struct ioasid_pool *pool = set->pool;
	uint64_t w = word_load(pool_slot(pool, id)), marked;

	if (word_is(w, W_FREE) || !set_owns(set, w))
		return false;
	memset(l, 0, sizeof(*l));
	l->id = id;
	l->state = states[w & W_STATE];
	l->refs = word_refs(w) + ((w & W_ALLOC) != 0);
	l->spid = ioasid__spid_value(pool, id);
	if (w & W_BOUND)
		l->bindings = ioasid__binding_count(pool, id, &l->parked, &l->quarantined);
	if (w & W_BOUND)
		l->faults = ioasid__binding_faults(pool, id);
	if (word_is(w, W_PENDING)) {
		marked = ioasid__life_marked_at(pool, id, w);
		l->age = marked != 0 ? ioasid__now() - marked : 0;
	}
	return true;
}

static void id_text(struct out *o, const struct id_line *l)
{
	ioasid__out_put(o, "  ioasid %u %s refs %u", l->id, l->state, l->refs);
	if (l->spid != IOASID_SPID_NONE)
		ioasid__out_put(o, " spid %u", l->spid);
	if (l->bindings != 0)
		ioasid__out_put(o, " bindings %u", l->bindings);
	if (l->faults != 0)
		ioasid__out_put(o, " open faults %u", l->faults);
	if (l->parked)
		ioasid__out_put(o, " %s", l->quarantined ? "quarantined" : "parked");
	if (l->age != 0)
		ioasid__out_put(o, " pending for %llu us", (unsigned long long)(l->age / 1000));
	ioasid__out_put(o, "\n");
}

static void id_json(struct out *o, const struct id_line *l, bool first)
{
	ioasid__out_put(o, "%s{\"id\":%u,\"state\":\"%s\",\"refs\":%u", first ? "" : ",", l->id, l->state, l->refs);
	if (l->spid != IOASID_SPID_NONE)
		ioasid__out_put(o, ",\"spid\":%u", l->spid);
	if (l->faults != 0)
		ioasid__out_put(o, ",\"faults_open\":%u", l->faults);
	ioasid__out_put(o, ",\"bindings\":%u,\"parked\":%s,\"quarantined\":%s,\"pending_us\":%llu}", l->bindings,
	    l->parked ? "true" : "false", l->quarantined ? "true" : "false", (unsigned long long)(l->age / 1000));
}

static void ids_put(struct out *o, struct ioasid_set *set, bool json)
{
	struct id_line line;
	bool first = true;
	ioasid_t id = 0;

	for (; o->ret == 0 && (id = ioasid__set_next_group(set, id)) < pool_capacity(set->pool); id++) {
		if (!id_read(set, id, &line))
			continue;
		if (json)
			id_json(o, &line, first);
		else
			id_text(o, &line);
		first = false;
	}
}

static void set_put_out(struct out *o, struct ioasid_set *set, bool json, bool first)
{
	uint32_t quota = atomic_load_explicit(&set->quota, memory_order_relaxed);
	uint32_t mode = atomic_load_explicit(&set->mode, memory_order_relaxed);
	bool dead = (atomic_load_explicit(&set->slow, memory_order_relaxed) & SET_DEAD) != 0;
	const char *modes[] = { "", "block", "notify", "block+notify" };
	uint32_t held = ioasid__quota_held(set);

	if (json) {
		ioasid__out_put(o, "%s{\"type\":\"%s\",\"token\":%llu,\"dead\":%s,\"mode\":\"%s\",\"held\":%u,", first ? "" : ",",
		    types[set->type], (unsigned long long)set->token, dead ? "true" : "false", modes[mode & 3], held);
		if (quota == IOASID_QUOTA_UNLIMITED)
			ioasid__out_put(o, "\"quota\":null,\"ids\":[");
		else
			ioasid__out_put(o, "\"quota\":%u,\"ids\":[", quota);
		ids_put(o, set, true);
		ioasid__out_put(o, "]}");
		return;
	}
	ioasid__out_put(o, "set %s token 0x%llx%s mode %s held %u quota ", types[set->type], (unsigned long long)set->token,
	    dead ? " dead" : "", modes[mode & 3], held);
	if (quota == IOASID_QUOTA_UNLIMITED)
		ioasid__out_put(o, "unlimited\n");
	else
		ioasid__out_put(o, "%u\n", quota);
	ids_put(o, set, false);
}

/* The pool's sets, held, in an array; NULL with *count 0: none, with *count 1: no memory. */
static struct ioasid_set **sets_hold(struct ioasid_pool *pool, uint32_t *count)
{
	uint32_t room = atomic_load_explicit(&pool->counters.sets, memory_order_relaxed) + 16, n = 0;
	struct ioasid_set **list = mem_alloc(room * sizeof(struct ioasid_set *)), *set;

	*count = 1;
	if (list == NULL)
		return NULL;
	lock(&pool->registry);
	/* Sets beyond the room were born during the call. Under the registry none is freed. */
	for (set = pool->set_list; set != NULL && n < room; set = set->next)
		if (ioasid__set_hold_unless_gone(set))
			list[n++] = set;
	unlock(&pool->registry);
	*count = n;
	return list;
}

int ioasid_pool_dump(struct ioasid_pool *pool, uint32_t format,
		     int (*write)(void *context, const char *text, size_t length), void *context)
{
	bool json = format == IOASID_DUMP_JSON;
	struct out o = { write, context, 0 };
	struct ioasid_set **sets;
	uint32_t i, count;

	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || write == NULL || format > IOASID_DUMP_JSON)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	sets = sets_hold(pool, &count);
	if (sets == NULL)
		return -ENOMEM;
	if (json) {
		ioasid__out_put(&o, "{\"pool\":");
		ioasid__out_json_string(&o, pool->name);
		ioasid__out_put(&o, ",\"capacity\":%u,\"available\":%u,\"reserved\":%u,\"sets\":[", pool_capacity(pool),
		    ioasid__quota_available(pool), atomic_load_explicit(&pool->reserved, memory_order_relaxed));
	} else {
		ioasid__out_put(&o, "pool ");
		ioasid__out_text(&o, pool->name);
		ioasid__out_put(&o, " capacity %u available %u reserved %u\n", pool_capacity(pool),
		    ioasid__quota_available(pool), atomic_load_explicit(&pool->reserved, memory_order_relaxed));
	}
	for (i = 0; i < count; i++) {
		set_put_out(&o, sets[i], json, i == 0);
		ioasid__set_release(sets[i]);
	}
	if (json)
		ioasid__out_put(&o, "]}\n");
	mem_free(sets);
	return o.ret;
}
