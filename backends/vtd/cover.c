/* SPDX-License-Identifier: MIT */
/*
 * What is mapped in an address space that was made here, mapping by mapping. The kernel does not tell, and it
 * has to be known for two things:
 *
 * A window to unmap may cut a mapping. The kernel takes away what comes before that one and then answers
 * ENOENT; so it is only asked for windows that cut none, and one that does takes nothing (S0.1).
 *
 * Dirty pages are read (seen in 7.2) up to the first page that is not mapped, and that is called a success.
 * So they are asked for by windows without a gap.
 *
 * A mapping is noted before the kernel is asked for it, as nothing may fail afterwards, and is pending until
 * there is an answer; so is one that is being unmapped. Nor is anything noted in a window that is being
 * unmapped, mapped or not: who maps there waits. The same windows are never in two hands, and the order of
 * changes is the same here and in the kernel.
 *
 * The mappings are a treap, ordered by address: it stays flat, as each has a random priority.
 */
#include "vtd.h"

#include <stdlib.h>

struct vtd_mapping {
	struct vtd_mapping *left, *right;
	uint64_t first, last;
	bool pending;	/* the kernel is being asked to map or unmap it */
	bool doubtful;	/* it could not be unmapped, but may be gone with others of the window */
};

/* The priority; mixed so that no order of addresses makes a list of the tree. */
static uint64_t rank(const struct vtd_mapping *mapping)
{
	uint64_t x = (uint64_t)(uintptr_t)mapping ^ mapping->first;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Parts a tree in those that begin before @at, and the others. */
static void part(struct vtd_mapping *tree, uint64_t at, struct vtd_mapping **before, struct vtd_mapping **rest)
{
	while (tree) {
		if (tree->first < at) {
			*before = tree;
			before = &tree->right;
			tree = tree->right;
		} else {
			*rest = tree;
			rest = &tree->left;
			tree = tree->left;
		}
	}
	*before = NULL;
	*rest = NULL;
}

/* Makes one tree of two; all of @a is before @b. */
static struct vtd_mapping *join(struct vtd_mapping *a, struct vtd_mapping *b)
{
	struct vtd_mapping *tree, **link = &tree;

	while (a && b) {
		if (rank(a) > rank(b)) {
			*link = a;
			link = &a->right;
			a = a->right;
		} else {
			*link = b;
			link = &b->left;
			b = b->left;
		}
	}
	*link = a ? a : b;
	return tree;
}

/* The first mapping that ends at @at or behind it, or NULL. */
static struct vtd_mapping *find(const struct ioasid_be_as *as, uint64_t at)
{
	struct vtd_mapping *found = NULL, *tree = as->cover;

	while (tree) {
		if (tree->last >= at)
			found = tree;
		tree = tree->last >= at ? tree->left : tree->right;
	}
	return found;
}

static struct vtd_mapping *next_of(const struct ioasid_be_as *as, const struct vtd_mapping *mapping)
{
	return mapping->last == UINT64_MAX ? NULL : find(as, mapping->last + 1);
}

/* Takes out what begins in a window. */
static struct vtd_mapping *take_out(struct ioasid_be_as *as, uint64_t first, uint64_t last)
{
	struct vtd_mapping *before, *rest, *taken, *behind = NULL;

	part(as->cover, first, &before, &rest);
	if (last == UINT64_MAX)
		taken = rest;
	else
		part(rest, last + 1, &taken, &behind);
	as->cover = join(before, behind);
	return taken;
}

static void free_all(struct vtd_mapping *tree)
{
	struct vtd_mapping *top;

	/* Turned until nothing is on the left, so that no depth matters. */
	while (tree) {
		top = tree->left;
		if (top) {
			tree->left = top->right;
			top->right = tree;
			tree = top;
			continue;
		}
		top = tree->right;
		free(tree);
		tree = top;
	}
}

/* Whether part of a window is just being unmapped. */
static bool is_going(const struct ioasid_be_as *as, uint64_t first, uint64_t last)
{
	return as->going.start <= as->going.last && first <= as->going.last && last >= as->going.start;
}

int32_t cover_map(struct ioasid_be_as *as, uint64_t first, uint64_t last, struct vtd_mapping **result)
{
	struct vtd_mapping *mapping, *other, *before, *rest;
	int32_t ret = 0;

	*result = NULL;
	if (as->adopted)
		return 0;
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return IOASID_BE_ENOMEM;
	*mapping = (struct vtd_mapping){ .first = first, .last = last, .pending = true };
	pthread_mutex_lock(&as->lock);
	other = find(as, first);
	if ((other && other->first <= last) || is_going(as, first, last)) {
		ret = IOASID_BE_EEXIST;
	} else {
		part(as->cover, first, &before, &rest);
		as->cover = join(join(before, mapping), rest);
		*result = mapping;
	}
	pthread_mutex_unlock(&as->lock);
	if (ret)
		free(mapping);
	return ret;
}

void cover_mapped(struct ioasid_be_as *as, struct vtd_mapping *mapping, bool mapped)
{
	if (!mapping)
		return;
	pthread_mutex_lock(&as->lock);
	if (mapped)
		mapping->pending = false;
	else
		free_all(take_out(as, mapping->first, mapping->first));
	pthread_mutex_unlock(&as->lock);
}

int32_t cover_unmap(struct ioasid_be_as *as, uint64_t first, uint64_t last, bool *any)
{
	struct vtd_mapping *mapping;
	int32_t ret = 0;

	*any = as->adopted;
	if (as->adopted)
		return 0;
	pthread_mutex_lock(&as->lock);
	for (mapping = find(as, first); mapping && mapping->first <= last && !ret; mapping = next_of(as, mapping)) {
		*any = true;
		if (mapping->first < first || mapping->last > last)
			ret = IOASID_BE_ENOENT;
		else if (mapping->pending)
			ret = IOASID_BE_EBUSY;
	}
	if (!ret) {
		as->going = (struct uapi_iova_range){ first, last };
		for (mapping = find(as, first); mapping && mapping->first <= last; mapping = next_of(as, mapping))
			mapping->pending = true;
	}
	pthread_mutex_unlock(&as->lock);
	return ret;
}

void cover_unmapped(struct ioasid_be_as *as, uint64_t first, uint64_t last, bool unmapped)
{
	if (as->adopted)
		return;
	pthread_mutex_lock(&as->lock);
	as->going = (struct uapi_iova_range){ 1, 0 };
	if (unmapped) {
		free_all(take_out(as, first, last));
	} else {
		for (struct vtd_mapping *m = find(as, first); m && m->first <= last; m = next_of(as, m)) {
			m->pending = false;
			m->doubtful = true;
		}
	}
	pthread_mutex_unlock(&as->lock);
}

void cover_free(struct ioasid_be_as *as)
{
	free_all(as->cover);
	as->cover = NULL;
}

bool cover_next(const struct ioasid_be_as *as, uint64_t from, uint64_t last, struct uapi_iova_range *window)
{
	const struct vtd_mapping *mapping, *next;

	if (from > last)
		return false;
	*window = (struct uapi_iova_range){ from, last };
	/* Of an adopted space nobody here knows what is mapped. */
	if (as->adopted)
		return true;
	mapping = find(as, from);
	while (mapping && mapping->pending)
		mapping = next_of(as, mapping);
	if (!mapping || mapping->first > last)
		return false;
	window->start = mapping->first > from ? mapping->first : from;
	/* Neighbours are asked for together, but for one that may be a gap. */
	while (!mapping->doubtful && mapping->last < last) {
		next = find(as, mapping->last + 1);
		if (!next || next->first != mapping->last + 1 || next->pending || next->doubtful)
			break;
		mapping = next;
	}
	window->last = mapping->last < last ? mapping->last : last;
	return true;
}
