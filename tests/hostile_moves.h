/* The host with two guests: what their moves share; see hostile.h. */
#ifndef IOASID_TESTS_HOSTILE_MOVES_H
#define IOASID_TESTS_HOSTILE_MOVES_H

#include "tests/hostile.h"

/* What a move is about. */
struct target {
	enum h_guest guest;     /* who makes it: his sets */
	unsigned int pool;      /* of the set */
	unsigned int on;        /* the pool of the device, mostly the same */
	unsigned int device;
	ioasid_t id;
	struct h_id *model;     /* what the set has there, or NULL: not his, or not there */
	uint64_t cookie;
	struct ioasid_set *set;
};

/* An error that says no, and nothing worse: hardware works, memory is there, nobody waits. */
bool hostile_is_refusal(int rc);
/* Takes over from the library what SPID an ID has now. */
void hostile_look_at_spid(struct hostile *h, const struct target *t);
bool hostile_bound(const struct h_id *id);
/* B's groups on these devices (a mask) were answered with their slot: checks it, and forgets them. */
void hostile_forget_groups(struct hostile *h, unsigned int pool, ioasid_t id, unsigned int devices);

/* Moves. */
void hostile_alloc(struct hostile *h, const struct target *t);
void hostile_free(struct hostile *h, const struct target *t);
void hostile_attach_spid(struct hostile *h, const struct target *t);
void hostile_detach_spid(struct hostile *h, const struct target *t);
void hostile_find(struct hostile *h, const struct target *t);
void hostile_bind(struct hostile *h, const struct target *t);
void hostile_bind_ioas(struct hostile *h, const struct target *t);
void hostile_unbind(struct hostile *h, const struct target *t);
void hostile_rebind(struct hostile *h, const struct target *t);

#endif
