/*
 * Intrusive rings: a head and members that are linked both ways, so that a member can leave without a search.
 *
 * An initialised link that is in no ring points to itself. Whoever calls holds the lock that the ring is
 * under.
 */
#ifndef IOASID_LINK_H
#define IOASID_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next, *prev;
};

#define LINK_OWNER(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void link_init(struct link *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool link_alone(const struct link *l)
{
	return l->next == l;
}

/* Puts a link that is alone at the end of a ring. */
static inline void link_append(struct link *head, struct link *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}

/* Takes a link out; it is alone then. */
static inline void link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

#endif
