/*
 * Notifiers: who is told of transitions, and in which order (S7).
 *
 * A subscriber describes itself in a notifier block and registers it in a scope: a pool, a set, or a token.
 * One order holds across all scopes: by priority (CPU, DEVICE, IOMMU, LAST), then by order of registration.
 * One event is delivered per transition; all handlers of one event of an ID return before its next event
 * begins. A subscriber that was there all along sees of one life of one IOASID: ALLOC (BIND UNBIND)* BIND?
 * FREE.
 *
 * A handler may make system calls that end by themselves. It must not wait for another thread, nor for a lock
 * that somebody holds around a call into the library. It may call what is marked "restricted: yes".
 */
#ifndef IOASID_NOTIFIER_H
#define IOASID_NOTIFIER_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

#define IOASID_EVENT_ALLOC UINT32_C(1)
#define IOASID_EVENT_FREE UINT32_C(2)
#define IOASID_EVENT_BIND UINT32_C(4)   /* a SPID was attached */
#define IOASID_EVENT_UNBIND UINT32_C(8) /* a SPID was detached */
#define IOASID_EVENT_ALL UINT32_C(15)

/* DMA is quiesced from its source: vCPU, device, IOMMU. */
#define IOASID_PRIO_CPU UINT32_C(0)
#define IOASID_PRIO_DEVICE UINT32_C(1)
#define IOASID_PRIO_IOMMU UINT32_C(2)
#define IOASID_PRIO_LAST UINT32_C(3)

/* Deliver ALLOC, and BIND, of what exists already; see ioasid_register_notifier(). */
#define IOASID_NOTIFIER_REPLAY UINT32_C(1)

/* What a handler is told (S7.2). Good until the handler returns. */
struct ioasid_event {
	uint32_t event;         /* one of IOASID_EVENT_* */
	ioasid_t id;
	ioasid_spid_t spid;     /* IOASID_SPID_NONE if the ID has none; FREE is the last event that carries it */
	uint32_t reserved;
	struct ioasid_set *set; /* the ID's set; take a reference with ioasid_set_get() to keep it */
	void *data;             /* private data or NULL; good until the handler returns */
};

/*
 * A handler. For ALLOC and BIND a negative errno vetoes the transition: those already told get FREE or UNBIND
 * in reverse order, and the call fails with that errno. Answers to FREE and UNBIND, and positive ones, count
 * as 0 (S7.7).
 */
typedef int (*ioasid_handler_t)(void *context, const struct ioasid_event *event);

/* A notifier block. The caller's memory; identified by its address; not changed while it is registered. */
struct ioasid_notifier {
	ioasid_handler_t handler;
	void *context;     /* passed to handler */
	uint32_t events;   /* mask of IOASID_EVENT_* */
	uint32_t priority; /* IOASID_PRIO_* */
};

/**
 * ioasid_register_notifier() - Subscribe to the events of a set, or of a whole pool.
 * @scope: a set, or a root handle for all sets of the pool, present and future
 * @block: the notifier block; it may be registered in several scopes and is then called for each
 * @flags: 0 or IOASID_NOTIFIER_REPLAY
 *
 * Publishes the block, waits for transitions that are under way, then looks whether the scope has active IDs.
 * If it has, the registration fails, unless replay was asked for: then the block gets ALLOC, and BIND where
 * there is a SPID, of each, in ascending order; per ID it is as if the block had been there before its ALLOC.
 * FREE_PENDING IDs are not replayed. A negative answer during replay ends it: the block gets UNBIND and FREE
 * for what it was told, and registration fails with it. (S7.3, S7.9)
 *
 * Context: any thread; waits for handlers; restricted: no.
 * Return: 0; -EINVAL: NULL, no handler, no or unknown events, unknown priority or flag; -ENOENT: dead set;
 * -EEXIST: registered in this scope already; -EBUSY: there are active IDs; -ENOMEM; a handler's answer;
 * -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_register_notifier(struct ioasid_set *scope, const struct ioasid_notifier *block, uint32_t flags);

/**
 * ioasid_register_notifier_token() - Subscribe to the set that has, or will have, a token.
 * @pool: the pool
 * @type: IOASID_SET_MM or IOASID_SET_OPAQUE
 * @token: the token
 * @block: the notifier block
 * @flags: 0 or IOASID_NOTIFIER_REPLAY
 *
 * Pending until a set with this token is born, active then, pending again when it dies. The block gets every
 * FREE of the dead set, also when it is active on a new set with that token. (S7.9)
 *
 * Context: as for ioasid_register_notifier().
 * Return: as ioasid_register_notifier(), but -EINVAL for type NONE or token 0, and never -ENOENT.
 */
IOASID_API int ioasid_register_notifier_token(struct ioasid_pool *pool, uint32_t type, uint64_t token,
					      const struct ioasid_notifier *block, uint32_t flags);

/**
 * ioasid_unregister_notifier() - End a subscription.
 * @scope: the set or root handle that it was made with
 * @block: the notifier block
 *
 * Returns when no handler of the block runs or can start for this scope. What happens during the call the
 * block may be told or not, but if it was not told of an event of an ID it is told of no later one. Not to be
 * called with a lock held that the handler takes. (S7.8)
 *
 * Context: any thread; waits for handlers; restricted: no.
 * Return: 0; -EINVAL: NULL; -ENOENT: not registered there, or dropped with the set's death; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_unregister_notifier(struct ioasid_set *scope, const struct ioasid_notifier *block);

/**
 * ioasid_unregister_notifier_token() - End a subscription by token, pending or active.
 * @pool: the pool
 * @type: as at registration
 * @token: as at registration
 * @block: the notifier block
 *
 * Context: as for ioasid_unregister_notifier(). (S7.8, S7.9)
 * Return: 0; -EINVAL: NULL, type NONE or token 0; -ENOENT: not registered so; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_unregister_notifier_token(struct ioasid_pool *pool, uint32_t type, uint64_t token,
						const struct ioasid_notifier *block);

IOASID_END_DECLS
#endif
