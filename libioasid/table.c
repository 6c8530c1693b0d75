/*
 * What slots are put on: contents as they were asked for, and the tables that a backend makes of them; see
 * record.h.
 *
 * An IOASID has one content. It has one table of it per context, parent and IOMMU where the backend can share
 * tables, and per device where it cannot. A table is made by the first who needs it, while others who need it
 * wait; it goes with its last user.
 */
#include <errno.h>
#include <string.h>

#include "libioasid/be_call.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/mem.h"
#include "libioasid/record.h"

struct content *ioasid__content_new(const struct ioasid_record *entry, uint32_t flags, bool faults)
{
	uint32_t length = entry != NULL ? entry->length : 0;
	struct content *content = mem_zalloc(sizeof(*content) + length);

	if (content == NULL)
		return NULL;
	content->refs = 1;
	content->flags = flags & (IOASID_BIND_EXEC | IOASID_BIND_PRIV);
	content->faults = faults;
	content->nested = entry != NULL;
	if (entry != NULL) {
		content->type = entry->type;
		content->length = length;
		memcpy(content->bytes, entry->bytes, length);
	}
	return content;
}

bool ioasid__content_equal(const struct content *a, const struct content *b)
{
	return a->flags == b->flags && a->faults == b->faults && a->nested == b->nested && a->type == b->type &&
	       a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

struct content *ioasid__content_get(struct content *content)
{
	content->refs++;
	return content;
}

void ioasid__content_put(struct content *content)
{
	if (content != NULL && --content->refs == 0)
		mem_free(content);
}

static struct table *table_find(struct idrec *rec, const struct binding *b, const struct content *content,
				const struct ioasid_address_space *parent, const struct ioasid_device *device)
{
	for (struct table *t = rec->tables; t != NULL; t = t->next)
		if (t->context == b->device->context && t->parent == parent && t->device == device &&
		    t->iommu == b->device->caps.iommu && t->content == content)
			return t;
	return NULL;
}

static void table_unlink(struct idrec *rec, struct table *table)
{
	struct table **at = &rec->tables;

	while (*at != table)
		at = &(*at)->next;
	*at = table->next;
}

/* The record of the contract for a content. */
static void entry_of(const struct content *content, struct ioasid_be_record *entry)
{
	memset(entry, 0, sizeof(*entry));
	entry->type = content->type;
	entry->length = content->length;
	memcpy(entry->bytes, content->bytes, content->length);
}

/* Lets the backend make a table that is in the list already, so that others wait for it. Lock given back
 * meanwhile. */
static int table_make(struct devices *all, struct binding *b, struct table *t, struct ioasid_reason *why)
{
	struct ioasid_be_record entry;
	struct ioasid_be_table_args args = { .dev = b->device->dev, .parent = t->parent->as, .entry = &entry };
	struct ioasid_be_table *made = NULL;
	int rc;

	entry_of(t->content, &entry);
	if (t->content->faults)
		args.faultq = ioasid__faults_of(t->context)->queue;
	unlock(&all->lock);
	rc = ioasid__be_table_create(&t->context->be, &args, &made, why);
	lock(&all->lock);
	t->table = made;
	if (rc != 0) {
		table_unlink(b->rec, t);
		address_space_unuse(t->parent);
		ioasid__content_put(t->content);
	}
	pthread_cond_broadcast(&b->rec->cond);
	return rc;
}

static void table_insert(struct devices *all, struct idrec *rec, const struct binding *b, struct content *content,
			 struct ioasid_address_space *parent, struct ioasid_device *device, struct table *t)
{
	memset(t, 0, sizeof(*t));
	t->context = b->device->context;
	t->parent = parent;
	t->content = ioasid__content_get(content);
	t->device = device;
	t->iommu = b->device->caps.iommu;
	t->serial = ++all->serial;
	t->next = rec->tables;
	rec->tables = t;
	address_space_use(parent);
}

int ioasid__target_get(struct devices *all, struct binding *b, struct content *content,
		       struct ioasid_address_space *space,
		       struct table **spare, struct target *target, struct ioasid_reason *why)
{
	bool shared = (b->device->context->be.caps.flags & IOASID_BE_CTX_SHARES_TABLES) != 0;
	struct ioasid_device *device = shared ? NULL : b->device;
	struct table *t;
	int rc;

	if (!content->nested) {
		address_space_use(space);
		target->space = space;
		return 0;
	}
	for (;;) {
		t = table_find(b->rec, b, content, space, device);
		if (t == NULL || t->table != NULL)
			break;
		lock_wait(&all->lock, &b->rec->cond);
	}
	if (t == NULL) {
		t = *spare;
		table_insert(all, b->rec, b, content, space, device, t);
		rc = table_make(all, b, t, why);
		if (rc != 0)
			return rc;
		*spare = NULL;
	}
	t->users++;
	target->table = t;
	return 0;
}

void ioasid__target_put(struct idrec *rec, struct target *target, struct table **dead)
{
	struct table *t = target->table;

	if (target->space != NULL)
		address_space_unuse(target->space);
	if (t != NULL && --t->users == 0) {
		table_unlink(rec, t);
		t->next = *dead;
		*dead = t;
		ioasid__content_put(t->content);
		t->content = NULL;
	}
	*target = (struct target) { NULL, NULL };
}

void ioasid__tables_destroy(struct devices *all, struct table *dead)
{
	struct table *next;

	for (; dead != NULL; dead = next) {
		next = dead->next;
		lock(&all->lock);
		while (dead->pins > 0)
			lock_wait(&all->lock, &all->changed);
		unlock(&all->lock);
		/* A backend that fails here keeps its object; it tells so again when the parent is destroyed. */
		if (ioasid__be_table_destroy(&dead->context->be, dead->table) != 0)
			ioasid__be_log(&dead->context->be, IOASID_BE_LOG_WARNING,
				       "a page table could not be destroyed");
		address_space_unuse(dead->parent);
		mem_free(dead);
	}
}
