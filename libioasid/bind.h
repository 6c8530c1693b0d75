/*
 * What the calls that bind have in common: the request after its arguments were checked.
 */
#ifndef IOASID_BIND_PRIVATE_H
#define IOASID_BIND_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/binding.h>

#include "libioasid/record.h"

/* What a bind and a rebind may be asked for. */
#define BIND_FLAGS (IOASID_BIND_EXEC | IOASID_BIND_PRIV | IOASID_BIND_SPID | IOASID_BIND_FAULT | \
		    IOASID_BIND_DOMAIN)
#define REBIND_FLAGS (IOASID_BIND_EXEC | IOASID_BIND_PRIV | IOASID_BIND_HITLESS | IOASID_BIND_FAULT | \
		      IOASID_BIND_DOMAIN)

struct bind_request {
	struct ioasid_device *device;
	struct ioasid_set *set;             /* as the caller gave it, may be root */
	ioasid_t id;
	uint32_t flags;                     /* IOASID_BIND_* */
	uint32_t spid;                      /* with IOASID_BIND_SPID */
	const struct ioasid_record *entry;  /* NULL: bind to the address space itself */
	struct ioasid_address_space *space; /* parent, or that */
	uint64_t cookie;
	uint64_t domain;                    /* with IOASID_BIND_DOMAIN */
	struct ioasid_reason *why;          /* may be NULL */
};

/* Fills a request from a caller's data and checks all that needs no lock: 0, -EPERM, -EINVAL, -E2BIG,
 * -EDEADLK. @flags: those allowed. */
int ioasid__bind_request(struct ioasid_device *device, struct ioasid_set *set,
			 const struct ioasid_bind_data *data,
			 uint32_t flags, struct bind_request *rq);

/* Is the device to ask for pages? */
bool ioasid__bind_faults(const struct bind_request *rq);

/* The owner check for the RID. Lock held. 0, -EACCES. */
int ioasid__rid_check(const struct ioasid_device *device, const struct ioasid_set *set);

enum spid_step {
	SPID_NOTHING,   /* there is none, or it is not this bind's business */
	SPID_OPENING,   /* the first to name it: the record's gate is closed */
	SPID_RESERVED,
	SPID_PUBLISHED, /* BIND was delivered */
};

struct bind_op {
	const struct bind_request *rq;
	struct devices *all;
	struct ioasid_set *owner;   /* of the ID, or of the RID */
	struct idrec *rec;
	enum spid_step spid;
	bool without_pasids;        /* the device: that is why it was refused */
	/* Memory taken in advance; NULL where it was used. */
	struct idrec *rec_new;
	struct binding *binding_new;
	struct table *table_new;
	struct content *content;    /* with a reference */
	struct binding_user *user;  /* NULL where it belongs to a binding that is in use */
};

static inline bool bind_is_rid(const struct bind_op *op)
{
	return op->rq->id == IOASID_NO_PASID;
}

/*
 * Is there anything against it? @b: the device's binding, NULL: none. Notes what is to be done about the
 * SPID. Lock held, the record's gate open. 0, -EINVAL, -EBUSY, -EOPNOTSUPP, -ERANGE.
 */
int ioasid__bind_check(struct bind_op *op, const struct binding *b);

/* Binds. As ioasid_bind_gpasid(). */
int ioasid__bind(const struct bind_request *rq);

#endif
