/*
 * How users leave a binding: a single unbind, a bind that failed, or everybody when a device is closed or
 * reset; see record.h.
 *
 * What goes is decided at once, under the lock: the SPID with the last bind that named it, the binding with
 * its last user. The work is done afterwards, in the order of S9.1, with the record's gate closed where a new
 * bind has to wait for it.
 */
#include <errno.h>

#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/life.h"
#include "libioasid/mem.h"
#include "libioasid/record.h"
#include "libioasid/spid.h"

static void user_unlink(struct binding_user *user)
{
	struct binding_user **at = &user->binding->users;

	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	user->next = NULL;
	user->binding = NULL;
}

static void leave_begin(struct devices *all, struct idrec *rec, struct ioasid_set *set, struct leave *leave)
{
	*leave = (struct leave) { .all = all, .rec = rec, .set = set, .id = rec->id };
}

/* Binds have to wait where the SPID, or the last binding, is on its way out. */
static void leave_gate(struct leave *leave)
{
	struct idrec *rec = leave->rec;

	leave->closing = leave->withdraw || (leave->end != NULL && rec->live == 0);
	if (!leave->closing)
		return;
	rec->closing++;
	if (leave->end != NULL)
		leave->end->closes = true;
	else
		ioasid__record_hold(rec);
}

void ioasid__leave_user(struct devices *all, struct idrec *rec, struct ioasid_set *set,
			struct binding_user *user,
			struct leave *leave)
{
	struct binding *b = user->binding;

	leave_begin(all, rec, set, leave);
	if (user->names_spid)
		leave->withdraw = --rec->spid_users == 0;
	user->names_spid = false;
	if (b != NULL && b->users == user && user->next == NULL) {
		/* Stays, with its reference, until the binding's end: quarantine needs it. */
		user->setup = false;
		if (b->claim == CLAIM_SETUP || b->claim == CLAIM_OPEN) {
			ioasid__binding_take(b);
			leave->end = b;
		}
	} else {
		if (b != NULL)
			user_unlink(user);
		leave->user = user;
	}
	leave_gate(leave);
}

void ioasid__leave_binding(struct devices *all, struct binding *b, struct leave *leave)
{
	struct idrec *rec = b->rec;

	leave_begin(all, rec, b->set, leave);
	for (struct binding_user *user = b->users; user != NULL; user = user->next) {
		if (user->setup || !user->names_spid)
			continue;
		user->names_spid = false;
		leave->withdraw |= --rec->spid_users == 0;
	}
	ioasid__binding_take(b);
	leave->end = b;
	leave_gate(leave);
}

int ioasid__leave_finish(struct leave *leave)
{
	struct devices *all = leave->all;

	/* FREE covers the SPID of an ID that is marked; if it is marked just now, the core decides which
	 * comes first (S6.2). */
	if (leave->withdraw && !ioasid__binding_marked(all->pool, leave->id))
		(void)ioasid__spid_withdraw(leave->set, leave->id);
	if (leave->end != NULL)
		return ioasid__binding_end(all, leave->end);
	if (leave->closing) {
		lock(&all->lock);
		leave->rec->closing--;
		pthread_cond_broadcast(&leave->rec->cond);
		ioasid__record_release(leave->rec);
		unlock(&all->lock);
	}
	if (leave->user != NULL) {
		mem_free(leave->user);
		if (leave->id != IOASID_NO_PASID)
			ioasid__life_put(all->pool, leave->id);
	}
	return 0;
}
