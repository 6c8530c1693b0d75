/*
 * SPIDs: the numbers that a guest uses for the IOASIDs of its set (S6).
 */
#ifndef IOASID_SPID_H
#define IOASID_SPID_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/**
 * ioasid_attach_spid() - Give an IOASID its set-private number.
 * @set: the set that owns the ID; not the root handle
 * @id: the IOASID
 * @spid: the number, 0 ... IOASID_SPID_MAX
 *
 * Reserves the number, delivers BIND, and only then lets ioasid_find_by_spid() see it; a handler can veto.
 * (S6.1, S7.7)
 *
 * Context: any thread; handlers run in it; waits for a running event of the ID; restricted: no.
 * Return: 0; -EINVAL: NULL, root, over 20 bits, or not the IOASID and that is bound on a DIRECT device
 * (S9.12); -ENOENT: unknown or FREE_PENDING; -EACCES: of another set;
 * -EBUSY: the ID has a SPID; -EEXIST: the number is taken in the set; -ENOMEM; a handler's veto; -EDEADLK;
 * -EPERM. On error nothing changed.
 */
IOASID_API int ioasid_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid);

/**
 * ioasid_detach_spid() - Take an IOASID's set-private number away.
 * @set: the set that owns the ID; not the root handle
 * @id: the IOASID, ACTIVE, or FREE_PENDING as long as FREE was not delivered
 *
 * The number finds nothing from here on, UNBIND is delivered, then the number can be used again. (S6.2)
 *
 * Context: any thread; handlers run in it; waits for a running event of the ID; restricted: no.
 * Return: 0; -EINVAL: NULL or root; -ENOENT: unknown, or no SPID; -EACCES: of another set; -EBUSY: the SPID
 * belongs to a binding, which takes it away itself; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_detach_spid(struct ioasid_set *set, ioasid_t id);

/**
 * ioasid_find_by_spid() - Find an IOASID by its set-private number and take a counted reference.
 * @set: the set; not the root handle
 * @spid: the number
 * @id: receives the IOASID
 *
 * Takes the same time whatever the set's size, and never finds an ID that is FREE_PENDING. (S6.3)
 *
 * Context: any thread; lock-free; restricted: yes.
 * Return: 0; -EINVAL: NULL, root, or over 20 bits; -ENOENT: none; -EOVERFLOW: IOASID_REFS_MAX reached;
 * -EPERM.
 */
IOASID_API int ioasid_find_by_spid(struct ioasid_set *set, ioasid_spid_t spid, ioasid_t *id);

/**
 * ioasid_spid() - Tell an IOASID's set-private number.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID; FREE_PENDING ones have their number until FREE was delivered
 * @spid: receives the number
 *
 * Context: any thread; lock-free; restricted: yes. (S6.3)
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown, or no SPID; -EACCES: of another set.
 */
IOASID_API int ioasid_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t *spid);

IOASID_END_DECLS
#endif
