/*
 * SPIDs: a direct table of two levels per set, and per ID the number back.
 *
 * An entry of the table is 0 (free), or the ID, with SPID_HIDDEN while the number is reserved but nobody may
 * find it. spid_of[id] is 0, or the number + 1, with SPID_HIDDEN while it is reserved only, SPID_BINDING
 * where a binding owns it.
 *
 * reserve -> publish -> withdraw is what a binding uses around its backend calls; attach and detach are the
 * same in one go.
 */
#ifndef IOASID_SPID_PRIVATE_H
#define IOASID_SPID_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/spid.h>

struct ioasid_pool;

#define SPID_HIDDEN (UINT32_C(1) << 31)
#define SPID_BINDING (UINT32_C(1) << 30)

/*
 * Takes a number for an ID; nobody can find it yet. @binding: it will belong to a binding, which ends it with
 * withdraw or unreserve. 0; -EINVAL, -ENOENT, -EACCES, -EBUSY, -EEXIST, -ENOMEM as ioasid_attach_spid().
 * Waits for the turn.
 */
int ioasid__spid_reserve(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid, bool binding);

/*
 * Delivers BIND under the turn, then lets the number be found. On a veto the number is still reserved. 0 also
 * if the ID was marked meanwhile: FREE then covers the SPID. -ENOENT: marked before it began, nothing was
 * delivered.
 */
int ioasid__spid_publish(struct ioasid_set *set, ioasid_t id);

/* Ends a published number: finds fail, UNBIND, number free. 0; -ENOENT: FREE was faster, or there is none.
 * Waits for the turn. */
int ioasid__spid_withdraw(struct ioasid_set *set, ioasid_t id);

/* Ends a reserved number that was never published. Waits for the turn. */
void ioasid__spid_unreserve(struct ioasid_set *set, ioasid_t id);

/* With the turn held, at the end of a life: gives an attached number free, without event. Reserved ones stay
 * their reserver's. */
void ioasid__spid_forget(struct ioasid_pool *pool, ioasid_t id, struct ioasid_set *set);

/* The number as events carry it: IOASID_SPID_NONE if none is attached. */
uint32_t ioasid__spid_value(struct ioasid_pool *pool, ioasid_t id);

/* The same, also while it is reserved: being announced, or on its way out. */
uint32_t ioasid__spid_number(struct ioasid_pool *pool, ioasid_t id);

/* The ID that has a number of the set, also while it is reserved; 0: none. Without a reference. */
ioasid_t ioasid__spid_peek(struct ioasid_set *set, uint32_t spid);

/* Frees a set's table. */
void ioasid__spid_fini(struct ioasid_set *set);

#endif
