/*
 * The records of bindings: per IOASID one idrec, in it one binding per device, in it one user per bind (S9.1,
 * S9.2).
 *
 *   claim      SETUP -> OPEN -> TAKEN -> gone, or QUARANTINE -> TAKEN ...   who may take the binding down:
 *   only who made it TAKEN turn       somebody has a backend call for this (device, IOASID) in hand (S9.15);
 *   nothing else is done meanwhile slot       what the hardware was last told
 *   error      the hardware could not be told: quarantined (S9.8)
 *
 * All of it is under devices.lock.
 */
#ifndef IOASID_RECORD_PRIVATE_H
#define IOASID_RECORD_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/binding.h>

#include "libioasid/link.h"

struct devices;
struct ioasid_pool;
struct idrec;
struct ioasid_be_table;

enum slot_state {
	SLOT_FREE,   /* nothing of ours is attached */
	SLOT_HOME,   /* the RID is at home */
	SLOT_ON,     /* attached: DMA reaches memory */
	SLOT_PARKED, /* attached and blocked */
};

enum claim {
	CLAIM_SETUP,      /* a bind is making it; only that bind ends it */
	CLAIM_OPEN,       /* in use; whoever wants may take it down */
	CLAIM_TAKEN,      /* somebody takes it down, or it waits for that in a lane */
	CLAIM_QUARANTINE, /* could not be taken down; has its references still */
};

/* What an IOASID is bound to, apart from the address space: compared, never changed. Counted under lock. */
struct content {
	uint32_t refs;
	uint32_t flags;  /* IOASID_BIND_EXEC, _PRIV */
	bool faults;     /* the device may ask for pages */
	bool nested;     /* else: the address space itself */
	uint32_t type;
	uint32_t length;
	uint8_t bytes[];
};

/* A backend's table of an IOASID; shared by devices behind one IOMMU where the backend can. */
struct table {
	struct table *next;                  /* in the record's list, or a list of dead ones */
	struct ioasid_context *context;
	struct ioasid_address_space *parent; /* has the table as a user */
	struct content *content;             /* with a reference */
	struct ioasid_device *device;        /* whose it is, where tables cannot be shared; else NULL */
	uint64_t iommu;
	struct ioasid_be_table *table;       /* NULL: being made */
	uint32_t users;
	uint64_t serial;                     /* of its record's tables, those made later have greater ones */
	uint32_t pins;                       /* invalidations of it under way: its end waits for them */
};

/* What a slot is on: one of them, or neither. */
struct target {
	struct table *table;                /* with a use */
	struct ioasid_address_space *space; /* with a use */
};

/* One bind: has a reference to the ID, unless that is the RID. */
struct binding_user {
	struct binding_user *next;
	struct binding *binding; /* NULL: was taken down under a bind that is under way */
	uint64_t cookie;
	bool setup;              /* its bind is under way and will end it, if it fails */
	bool names_spid;         /* counts in the record's spid_users */
};

struct binding {
	struct idrec *rec;
	struct binding *next;          /* of the record */
	struct link of_device;
	struct link waiting;           /* in a lane's ready, or in the quarantine */
	struct ioasid_device *device;
	struct ioasid_set *set;        /* who owns the ID, kept in memory by the references; of the RID: with a
					* hold, and NULL when that set has died */
	struct ioasid_address_space *space; /* as asked for: parent, or what it is bound to */
	struct content *content;       /* with a reference */
	struct target now;
	struct target before;          /* during a rebind: to go back to */
	struct binding_user *users;
	enum claim claim;
	enum slot_state slot;
	bool turn;
	bool queued;                   /* waits in a lane */
	bool closes;                   /* its end opens the record's gate: counts in `closing` */
	int error;                     /* 0, -EIO, -ETIMEDOUT */
	uint64_t since;                /* when `error` was set, ns */
	uint64_t tried;                /* the last round that tried to end the quarantine */
	_Atomic uint32_t faults_open;  /* groups of page requests; grows under this lock and context->lock */
	bool marked;                   /* the library answers, or has answered, what was open at the mark */
	uint32_t pins;                 /* those who do that, and invalidations of `now`'s address space under way:
					* the binding stays until they are gone */
	uint64_t serial;               /* as of tables */
	uint64_t domain;               /* the guest's, if in_domain */
	bool in_domain;
};

struct idrec {
	ioasid_t id;
	pthread_cond_t cond;      /* anything here has changed */
	struct binding *bindings;
	struct table *tables;
	struct content *content;  /* of the bindings that are SETUP or OPEN, with a reference; NULL: none */
	uint32_t live;            /* those */
	uint32_t closing;         /* last unbinds under way: binds wait */
	bool opening;             /* the first bind with a SPID is under way: binds wait */
	bool rebinding;           /* binds and unbinds wait */
	uint32_t spid_users;      /* binds that named `spid`, which belongs to the bindings while there are any */
	uint32_t spid;
	uint32_t holds;           /* waiters without a reference to the ID */
	bool dead;                /* forgotten: the last holder frees it */
};

/* ---- record.c: lock held ---- */

/* A record that no ID has; NULL: no memory. Without lock. */
struct idrec *ioasid__record_new(ioasid_t id);
void ioasid__record_init(struct idrec *rec, ioasid_t id);
void ioasid__record_fini(struct idrec *rec);
/* Frees a record that was never in use; NULL does nothing. Without lock. */
void ioasid__record_free(struct idrec *rec);
/* A pin for waiters. The last one frees a forgotten record. */
void ioasid__record_hold(struct idrec *rec);
void ioasid__record_release(struct idrec *rec);

/* The record of an ID, or of the RID with 0; NULL: none. */
struct idrec *ioasid__record_of(struct ioasid_device *device, ioasid_t id);
/* The device's binding in a record; NULL: none. */
struct binding *ioasid__record_find(struct idrec *rec, const struct ioasid_device *device);
/* Puts a new binding of state SETUP into record and device. */
void ioasid__binding_insert(struct devices *all, struct idrec *rec, struct binding *b);

/* Does it let DMA through, or may it before its backend call in hand is over? Not: blocked, or quarantined. */
static inline bool binding_lets_through(const struct binding *b)
{
	return b->error == 0 && (b->turn || b->slot == SLOT_ON);
}

/* Claims a binding: SETUP, OPEN or QUARANTINE -> TAKEN. */
void ioasid__binding_take(struct binding *b);
/* Puts a claimed binding into quarantine. Its slot is not known to be free. */
void ioasid__binding_quarantine(struct devices *all, struct binding *b, int error);

/* The backend turn: waits for it, and gives it back (S9.15). */
void ioasid__turn_begin(struct devices *all, struct binding *b);
void ioasid__turn_end(struct binding *b);

/*
 * Takes a claimed binding down: hardware, record, references, in this order. Lock not held. 0; -EIO,
 * -ETIMEDOUT: it is in quarantine, with its references, and the claim is gone.
 */
int ioasid__binding_end(struct devices *all, struct binding *b);

/* Ends the record of a claimed binding whose slot is free, or gone with its device. Lock not held. */
void ioasid__binding_drop(struct devices *all, struct binding *b);

/* When the quarantine of an ID's oldest binding began, ns; 0: none is. Lock not held. */
uint64_t ioasid__quarantined_since(struct ioasid_pool *pool, ioasid_t id);

/* -EIO, unless it is -ETIMEDOUT: what an ID's owner is told of a backend's failure to block (S4.3). */
int ioasid__binding_error(int rc);

/* ---- leave.c: how a user, or all users of a binding, go ---- */

struct leave {
	struct devices *all;
	struct idrec *rec;
	struct ioasid_set *set;
	ioasid_t id;
	bool withdraw;              /* the SPID goes with it */
	bool closing;               /* has closed the record's gate */
	struct binding *end;        /* the binding goes with it */
	struct binding_user *user;  /* a single one goes: its reference and memory */
};

/* Notes what has to follow when one user goes; the binding, if it is the last. Lock held. */
void ioasid__leave_user(struct devices *all, struct idrec *rec, struct ioasid_set *set,
			struct binding_user *user,
			struct leave *leave);
/* The same when somebody takes an OPEN binding with all users. Lock held. */
void ioasid__leave_binding(struct devices *all, struct binding *b, struct leave *leave);
/* Does it: SPID, hardware, record, reference. Lock not held. As ioasid__binding_end(). */
int ioasid__leave_finish(struct leave *leave);

/* ---- table.c ---- */

/* A copy of what the caller asks for; NULL: no memory. Without lock. */
struct content *ioasid__content_new(const struct ioasid_record *entry, uint32_t flags, bool faults);
bool ioasid__content_equal(const struct content *a, const struct content *b);
/* Lock held. */
struct content *ioasid__content_get(struct content *content);
void ioasid__content_put(struct content *content);

/*
 * Gets what a binding's slot has to be put on for a content and an address space. Lock held, and given back
 * while the backend makes a table. @spare: memory for a table, set to NULL if it was used. 0, or the
 * backend's errno.
 */
int ioasid__target_get(struct devices *all, struct binding *b, struct content *content,
		       struct ioasid_address_space *space,
		       struct table **spare, struct target *target, struct ioasid_reason *why);
/* Gives it back; a table without users goes to the list @dead. Lock held. */
void ioasid__target_put(struct idrec *rec, struct target *target, struct table **dead);
/* Destroys the tables of such a list, when nobody invalidates them any more. Lock not held. */
void ioasid__tables_destroy(struct devices *all, struct table *dead);

/* ---- slot.c: backend calls of one slot; with the turn, lock not held ---- */

/* Puts a free slot, or the RID at home, on a target. */
int ioasid__slot_attach(struct binding *b, struct ioasid_reason *why);
/* Moves an attached slot to another target. @flags: IOASID_BIND_HITLESS or 0, beside the content's own. */
int ioasid__slot_replace(struct binding *b, const struct target *to, const struct content *content,
			 uint32_t flags,
			 struct ioasid_reason *why);
/* Blocks an attached slot, with what its context wants done beside park. 0: nothing in flight or cached gets
 * through. */
int ioasid__slot_park(struct binding *b, uint64_t deadline);
/* Park, drain, detach, as far as the backend wants them apart; the RID goes home, or is parked where it
 * cannot. @slot: in and out, how far it got, also on failure. */
int ioasid__slot_down(struct binding *b, enum slot_state *slot);

#endif
