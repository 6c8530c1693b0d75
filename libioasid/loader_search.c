/*
 * The search for backends by name: the folders of IOASID_BACKEND_PATH, then the one that was compiled in.
 *
 * Names are looked up only there, never by the dynamic linker's own search. The variable is not read in a
 * set-user-id program, nor where the host says so. The first folder that has a name decides what it is.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libioasid/loader.h"
#include "libioasid/loader_search.h"
#include "libioasid/mem.h"

#define VARIABLE "IOASID_BACKEND_PATH"

/* Calls @fn for each folder in order until it answers something but 0, which is the answer. */
static int for_each_folder(uint32_t flags, int (*fn)(void *arg, const char *folder), void *arg)
{
	const char *list = flags & IOASID_BACKEND_NO_ENVIRONMENT ? NULL : secure_getenv(VARIABLE);
	char folder[PATH_MAX];
	int rc = 0;

	while (!rc && list && *list) {
		size_t length = strcspn(list, ":");

		if (length >= sizeof(folder))
			return -ENAMETOOLONG;
		memcpy(folder, list, length);
		folder[length] = '\0';
		if (length)
			rc = fn(arg, folder);
		list += length + (list[length] == ':');
	}
	return rc ? rc : fn(arg, IOASID_PLUGIN_DIR);
}

struct lookup {
	const char *name;
	struct ioasid_backend **backend;
	struct ioasid_reason *why;
};

enum { LOOKUP_DONE = 1 };

/* Answers LOOKUP_DONE if loaded, 0 if the name is not in this folder. */
static int look_in(void *arg, const char *folder)
{
	struct lookup *lookup = arg;
	char path[PATH_MAX];
	struct stat st;
	int length, rc;

	if (folder[0] != '/') {
		ioasid__reason_set(lookup->why, VARIABLE ": %s is not an absolute path", folder);
		return -EACCES;
	}
	length = snprintf(path, sizeof(path), "%s/%s.so", folder, lookup->name);
	if (length < 0 || (size_t)length >= sizeof(path)) {
		ioasid__reason_set(lookup->why, "%.100s...: the path is too long", folder);
		return -ENAMETOOLONG;
	}
	/* A link that leads nowhere is there: somebody meant something by it. */
	if (lstat(path, &st) && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	rc = ioasid__backend_load_path(path, lookup->name, lookup->backend, lookup->why);
	return rc ? rc : LOOKUP_DONE;
}

static int load_by_name(const char *name, uint32_t flags, struct ioasid_backend **backend,
			struct ioasid_reason *why)
{
	struct lookup lookup = { .name = name, .backend = backend, .why = why };
	int cancel, rc;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	rc = for_each_folder(flags, look_in, &lookup);
	pthread_setcancelstate(cancel, NULL);
	if (rc == LOOKUP_DONE)
		return 0;
	if (!rc) {
		ioasid__reason_set(why, "no %s.so in %s" IOASID_PLUGIN_DIR, name,
				   flags & IOASID_BACKEND_NO_ENVIRONMENT ? "" : VARIABLE " or ");
		rc = -ENOENT;
	}
	return rc;
}

int ioasid_backend_load(const char *name, uint32_t flags, struct ioasid_backend **backend,
			struct ioasid_reason *why)
{
	const char *bad = NULL;
	int rc;

	if (!ioasid__backend_name_valid(name))
		bad = "malformed name";
	else if (flags & ~IOASID_BACKEND_NO_ENVIRONMENT)
		bad = "unknown flag";
	else if (!backend)
		bad = "backend is NULL";
	rc = ioasid__backend_call_allowed(bad, why);
	return rc ? rc : load_by_name(name, flags, backend, why);
}

/* ---- The list ---- */

struct listing {
	struct backend_found *found;
	size_t count;
	size_t room;
	int rc;
};

static int listing_add(struct listing *listing, const char *folder, const char *name, size_t length)
{
	struct backend_found *one;
	size_t size;

	for (size_t i = 0; i < listing->count; i++)
		if (!strncmp(listing->found[i].name, name, length) && !listing->found[i].name[length])
			return 0;
	if (listing->count == listing->room) {
		size_t room = listing->room ? 2 * listing->room : 16;
		struct backend_found *more = mem_alloc(room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (listing->count)
			memcpy(more, listing->found, listing->count * sizeof(*more));
		mem_free(listing->found);
		listing->found = more;
		listing->room = room;
	}
	one = &listing->found[listing->count];
	size = strlen(folder) + length + sizeof("/.so");
	one->path = mem_alloc(size);
	if (!one->path)
		return -ENOMEM;
	*(char *)mempcpy(one->name, name, length) = '\0';
	snprintf(one->path, size, "%s/%s.so", folder, one->name);
	listing->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct backend_found *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* How long the name in NAME.so is, 0 if the file is not called like a backend. */
static size_t name_length(const char *file)
{
	size_t length = strlen(file);
	char name[sizeof(((struct backend_found *)0)->name)];

	if (length < 4 || length - 3 >= sizeof(name) || strcmp(file + length - 3, ".so"))
		return 0;
	*(char *)mempcpy(name, file, length - 3) = '\0';
	return ioasid__backend_name_valid(name) ? length - 3 : 0;
}

static int list_folder(void *arg, const char *folder)
{
	struct listing *listing = arg;
	size_t first = listing->count;
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	dir = opendir(folder);
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (!rc && (errno = 0, entry = readdir(dir))) {
		size_t length = name_length(entry->d_name);

		if (length)
			rc = listing_add(listing, folder, entry->d_name, length);
	}
	if (!rc && errno)
		rc = -errno;
	closedir(dir);
	if (listing->count > first)
		qsort(&listing->found[first], listing->count - first, sizeof(*listing->found), by_name);
	return rc;
}

void ioasid__search_free(struct backend_found *found, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mem_free(found[i].path);
	mem_free(found);
}

int ioasid__search(uint32_t flags, struct backend_found **found, size_t *count)
{
	struct listing listing = { 0 };
	int cancel, rc;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	rc = for_each_folder(flags, list_folder, &listing);
	pthread_setcancelstate(cancel, NULL);
	if (rc) {
		ioasid__search_free(listing.found, listing.count);
		return rc;
	}
	*found = listing.found;
	*count = listing.count;
	return 0;
}

int ioasid_backend_list(uint32_t flags, ioasid_backend_visitor visit, void *context)
{
	struct backend_found *found;
	size_t count;
	int rc;

	rc = ioasid__backend_call_allowed(!visit ? "visit is NULL" :
					  flags & ~IOASID_BACKEND_NO_ENVIRONMENT ? "unknown flag" : NULL, NULL);
	if (!rc)
		rc = ioasid__search(flags, &found, &count);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < count; i++) {
		struct ioasid_reason why = { "" };
		char real[PATH_MAX];
		int status = ioasid__trust_file(found[i].path, real, &why);

		rc = visit(context, found[i].name, found[i].path, status, &why);
	}
	ioasid__search_free(found, count);
	return rc;
}
