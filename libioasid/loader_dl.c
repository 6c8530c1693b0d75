/*
 * Shared objects: the one place that names dlopen.
 *
 * An object is opened so that it can still be closed, asked, and only then pinned: what was refused leaves,
 * what was accepted never does, because thread destructors of many language runtimes crash after dlclose. The
 * majors are probed newest first; shims for old ones would sit here, in the host.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "libioasid/loader.h"
#include "libioasid/mem.h"

static int find_entry(void *library, const char *real, ioasid_backend_entry *entry, struct ioasid_reason *why)
{
	void *symbol = dlsym(library, IOASID_BE_ENTRY_NAME);

	if (!symbol) {
		ioasid__reason_set(why, "%s has no %s", real, IOASID_BE_ENTRY_NAME);
		return -ENOEXEC;
	}
	/* ISO C has no conversion from an object pointer to a function; POSIX promises that the bits are the
	 * same. */
	_Static_assert(sizeof(*entry) == sizeof(symbol), "a function's address is a pointer");
	memcpy(entry, &symbol, sizeof(symbol));
	return 0;
}

/* The name that goes before a reason which does not say which file it is about. */
static void name_file(const char *real, struct ioasid_reason *why)
{
	struct ioasid_reason words;

	if (!why)
		return;
	words = *why;
	ioasid__reason_set(why, "%.200s: %.300s", real, words.text);
}

static int accept_library(void *library, const char *real, const char *want, struct ioasid_backend **backend,
			  struct ioasid_reason *why)
{
	struct ioasid_backend *made;
	ioasid_backend_entry entry;
	int rc = find_entry(library, real, &entry, why);

	if (rc)
		return rc;
	rc = ioasid__backend_accept(entry, want, &made, why);
	if (rc) {
		name_file(real, why);
		return rc;
	}
	made->path = mem_strdup(real);
	if (!made->path) {
		ioasid__reason_set(why, "out of memory");
		rc = -ENOMEM;
		goto drop;
	}
	if (!dlopen(real, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_NOLOAD)) {
		ioasid__reason_set(why, "%s cannot be kept: %s", real, dlerror());
		rc = -ENOEXEC;
		goto drop;
	}
	*backend = made;
	return 0;

drop:
	ioasid_backend_put(made);
	return rc;
}

int ioasid__backend_load_path(const char *path, const char *want, struct ioasid_backend **backend,
			      struct ioasid_reason *why)
{
	char real[PATH_MAX];
	void *library;
	int cancel, rc;

	/* Looking, opening and constructors are full of cancellation points, none of ours (S14.1). */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	rc = ioasid__trust_file(path, real, why);
	if (rc)
		goto out;
	library = dlopen(real, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		ioasid__reason_set(why, "%s", dlerror());
		rc = -ENOEXEC;
		goto out;
	}
	rc = accept_library(library, real, want, backend, why);
	/* An accepted one has been pinned, so this only ends our own count of it. */
	dlclose(library);
out:
	pthread_setcancelstate(cancel, NULL);
	return rc;
}

int ioasid_backend_load_file(const char *path, struct ioasid_backend **backend, struct ioasid_reason *why)
{
	const char *bad = !path || !path[0] ? "no path" : !backend ? "backend is NULL" : NULL;
	int rc = ioasid__backend_call_allowed(bad, why);

	return rc ? rc : ioasid__backend_load_path(path, NULL, backend, why);
}
