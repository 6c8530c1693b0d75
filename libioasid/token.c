/*
 * Finding sets by token: a hash of mapped buckets, read without a lock; and the token of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libioasid/fork.h"
#include "libioasid/pool.h"
#include "libioasid/rcu.h"
#include "libioasid/set.h"

static _Atomic(struct ioasid_set *) *bucket_of(struct ioasid_pool *pool, uint32_t type, uint64_t token)
{
	uint64_t h = (token + type) * UINT64_C(0x9e3779b97f4a7c15);

	return &pool->tokens[h >> 48];
}

struct ioasid_set *ioasid__token_find(struct ioasid_pool *pool, uint32_t type, uint64_t token)
{
	struct ioasid_set *set = atomic_load_explicit(bucket_of(pool, type, token), memory_order_acquire);

	/* One that nobody has a reference to any more dies: the token is free, though the set may be here
	 * still. */
	while (set != NULL && (set->type != type || set->token != token || set_is_put(set)))
		set = atomic_load_explicit(&set->next_token, memory_order_acquire);
	return set;
}

void ioasid__token_add(struct ioasid_set *set)
{
	_Atomic(struct ioasid_set *) *b = bucket_of(set->pool, set->type, set->token);

	if (set->type == IOASID_SET_NONE)
		return;
	atomic_store_explicit(&set->next_token, atomic_load_explicit(b, memory_order_relaxed), memory_order_relaxed);
	/* Release: who finds the set sees it whole. */
	atomic_store_explicit(b, set, memory_order_release);
}

void ioasid__token_remove(struct ioasid_set *set)
{
	_Atomic(struct ioasid_set *) *p = bucket_of(set->pool, set->type, set->token);
	struct ioasid_set *s;

	if (set->type == IOASID_SET_NONE)
		return;
	while ((s = atomic_load_explicit(p, memory_order_relaxed)) != NULL && s != set)
		p = &s->next_token;
	/* The set's own link stays for readers that stand on it; it goes a grace period later. */
	if (s != NULL)
		atomic_store_explicit(p, atomic_load_explicit(&set->next_token, memory_order_relaxed),
				      memory_order_release);
}

static bool get_live(struct ioasid_set *set, int *err)
{
	uint32_t refs = atomic_load_explicit(&set->refs, memory_order_relaxed);

	*err = -ENOENT;
	while (refs != 0) {
		if (refs >= IOASID_SET_REFS_MAX) {
			*err = -EOVERFLOW;
			return false;
		}
		/* Acquire: what who made the set did is seen. */
		if (atomic_compare_exchange_weak_explicit(&set->refs, &refs, refs + 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	}
	return false;
}

int ioasid_set_find(struct ioasid_pool *pool, uint32_t type, uint64_t token, struct ioasid_set **set)
{
	struct ioasid_set *s;
	int err = -ENOENT;

	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || set == NULL || (type != IOASID_SET_MM && type != IOASID_SET_OPAQUE) || token == 0)
		return -EINVAL;
	ioasid__rcu_lock();
	do {
		s = ioasid__token_find(pool, type, token);
		if (s != NULL && get_live(s, &err))
			err = 0;
		/* Put for the last time since it was found: it may have a successor. */
	} while (s != NULL && err == -ENOENT);
	ioasid__rcu_unlock();
	if (err == 0)
		*set = s;
	return err;
}

int ioasid_set_get(struct ioasid_set *set)
{
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	if (set_is_root(set))
		return 0;
	return get_live(set, &err) ? 0 : err;
}

/* The 22nd field of /proc/<pid>/stat: when the process began, in ticks since boot. The name in the 2nd may
 * hold anything. */
static int start_time(const char *stat, uint64_t *ticks)
{
	const char *p = strrchr(stat, ')');
	int field;

	if (p == NULL)
		return -EIO;
	p++;
	for (field = 2; field < 22; field++) {
		p += strspn(p, " ");
		if (field == 21)
			break;
		p += strcspn(p, " ");
	}
	if (*p < '0' || *p > '9')
		return -EIO;
	*ticks = strtoull(p, NULL, 10);
	return 0;
}

/* Reads what the kernel tells of a process, as a string. */
static int stat_read(int32_t pid, char *stat, size_t size)
{
	char path[40];
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : errno == EACCES ? -EACCES : -EIO;
	do {
		n = read(fd, stat, size - 1);
	} while (n < 0 && errno == EINTR);
	err = n < 0 ? (errno == ESRCH ? -ESRCH : -EIO) : 0;
	close(fd);
	stat[n < 0 ? 0 : n] = '\0';
	return err;
}

int ioasid_token_of_process(int32_t pid, uint64_t *token)
{
	char stat[1024];
	uint64_t ticks;
	int err, cancel;

	if (token == NULL || pid < 0)
		return -EINVAL;
	if (pid == 0)
		pid = (int32_t)getpid();
	cancel = cancel_off();
	err = stat_read(pid, stat, sizeof(stat));
	cancel_restore(cancel);
	if (err == 0)
		err = start_time(stat, &ticks);
	/* A pid has 22 bits at most; 42 bits of ticks last for a thousand years. */
	if (err == 0)
		*token = (uint64_t)(uint32_t)pid << 42 | (ticks & ((UINT64_C(1) << 42) - 1));
	return err;
}
