/*
 * What every contestant of the benchmark offers: the library's own functions, or functions with the same
 * signatures, answers and duties: owner check, quota, references, private data. What one leaves out, it says.
 *
 * A contestant that is not the library takes its own type behind struct ioasid_set.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdint.h>

#include <ioasid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEER_CAPACITY IOASID_CAPACITY_MAX

struct peer {
	const char *name;
	const char *what;   /* what it is made of */
	const char *omits;  /* what it does not do; "" if nothing */

	/* A world is a pool: everything that the sets of one measurement share. NULL: no memory. */
	void *(*open)(void);
	void (*close)(void *world);
	struct ioasid_set *(*set_new)(void *world, uint32_t quota);
	void (*set_end)(struct ioasid_set *set); /* frees its IDs */
	int (*adjust)(struct ioasid_set *set, uint32_t quota); /* NULL: the sum of quotas is not checked */

	/*  prepared: what the contestant would do in the background; NULL: nothing */
	void (*ready)(void *world, struct ioasid_set *set);

	/* NULL: the contestant has no such operation. */
	int (*alloc)(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id);
	int (*alloc_range)(struct ioasid_set *set, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
			   ioasid_t *first);
	int (*free)(struct ioasid_set *set, ioasid_t id);
	int (*get)(struct ioasid_set *set, ioasid_t id);
	int (*put)(struct ioasid_set *set, ioasid_t id);
	int (*find)(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data);
	int (*find_by_spid)(struct ioasid_set *set, ioasid_spid_t spid, ioasid_t *id);
	int (*attach_spid)(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid);
	int (*detach_spid)(struct ioasid_set *set, ioasid_t id);

	/* Handlers of a set: begins with @handlers of them in @scopes scopes; one event told to all. */
	int (*listen)(struct ioasid_set *set, unsigned int handlers, unsigned int scopes);
	void (*unlisten)(struct ioasid_set *set);
	int (*notify)(struct ioasid_set *set, ioasid_t id);

	/* @count finds in a loop of the contestant's own, where the find is expanded; and one call for many.
	 * Answer how many were not found. */
	uint64_t (*find_loop)(struct ioasid_set *set, const ioasid_t *ids, uint32_t mask, uint32_t at, uint64_t count);
	uint32_t (*find_many)(struct ioasid_set *set, const ioasid_t *ids, uint32_t count, void **data);
};

/* What a contestant in a file of its own shows; see --peer-file. */
#define PEER_SYMBOL "ioasid_bench_peer"

extern const struct peer peer_floor, peer_call, peer_ioasid, peer_glib, peer_roaring, peer_judy, peer_ck, peer_lfht,
	peer_tbb;

/* The handler that all contestants call: counts in @context. */
int peer_handler(void *context, const void *event);

#ifdef __cplusplus
}
#endif
#endif
