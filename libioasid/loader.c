/*
 * Handles of backends: negotiation through the entry function, names and references.
 *
 * The query says what the host speaks, the backend picks one version or refuses with a reason, and the host
 * checks the pick. Nothing of the backend is written to, and what it hands out is copied; only its code stays
 * its own.
 */
#include <errno.h>
#include <string.h>

#include "libioasid/fork.h"
#include "libioasid/loader.h"
#include "libioasid/mem.h"
#include "libioasid/thread.h"

static const char host_name[] = PACKAGE_NAME " " PACKAGE_VERSION;

int ioasid__backend_call_allowed(const char *bad, struct ioasid_reason *why)
{
	int rc = 0;

	if (ioasid__forked()) {
		bad = "the process was forked, its parent owns everything";
		rc = -EPERM;
	} else if (bad) {
		rc = -EINVAL;
	} else if (ioasid__restricted()) {
		bad = "not allowed in a handler, getter or read section";
		rc = -EDEADLK;
	}
	ioasid__reason_set(why, "%s", bad ? bad : "");
	return rc;
}

int ioasid__backend_name_valid(const char *name)
{
	size_t length = 0;

	if (!name || name[0] < 'a' || name[0] > 'z')
		return 0;
	for (; name[length]; length++) {
		char c = name[length];

		if (length >= IOASID_BACKEND_NAME_MAX ||
		    !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return 0;
	}
	return 1;
}

/* Makes of a backend's refusal an errno, and of its reason one of ours. */
static int refused(int32_t answer, const char *words, struct ioasid_reason *why)
{
	if (answer == IOASID_BE_EPROTONOSUPPORT) {
		ioasid__reason_set(why, "the backend speaks no common version: %s",
				   words[0] ? words : "it gave no reason");
		return -EPROTONOSUPPORT;
	}
	if (answer > 0 || answer < -4095) {
		ioasid__reason_set(why, "the entry answered %d, which is no error of the contract", answer);
		return -EPROTO;
	}
	ioasid__reason_set(why, "the backend refused (%d): %s", answer,
			   words[0] ? words : "it gave no reason");
	return answer;
}

static int check_reply(const struct ioasid_be_query *query, const struct ioasid_be_reply *reply,
		       const char *want, struct ioasid_reason *why)
{
	const char *what = NULL;

	if (reply->struct_size != sizeof(*reply))
		what = "the reply's struct_size was changed";
	else if (reply->flags & ~IOASID_BE_REPLY_SOFTWARE)
		what = "the reply has unknown flags";
	else if (reply->reserved0 || reply->reserved1[0] || reply->reserved1[1])
		what = "the reply's reserved words are not 0";
	if (what) {
		ioasid__reason_set(why, "%s", what);
		return -EPROTO;
	}
	if (reply->minor < query->minor_min || reply->minor > query->minor_max) {
		ioasid__reason_set(why, "the backend picked version %u.%u, asked for %u.%u to %u.%u",
				   query->major, reply->minor, query->major, query->minor_min, query->major,
				   query->minor_max);
		return -EPROTONOSUPPORT;
	}
	if (!ioasid__backend_name_valid(reply->name)) {
		ioasid__reason_set(why, "the backend gave no name, or a malformed one");
		return -EPROTO;
	}
	if (want && strcmp(want, reply->name)) {
		ioasid__reason_set(why, "the backend is called %s, not %s", reply->name, want);
		return -EPROTO;
	}
	return 0;
}

static int negotiate(ioasid_backend_entry entry, const char *want, struct ioasid_backend *backend,
		     struct ioasid_reason *why)
{
	const struct ioasid_be_query query = {
		.struct_size = sizeof(query),
		.major = IOASID_BE_MAJOR,
		.minor_min = 0,
		.minor_max = IOASID_BE_MINOR,
		.host = host_name,
	};
	struct ioasid_reason words;
	struct ioasid_be_text text;
	struct ioasid_be_reply reply = {
		.struct_size = sizeof(reply),
		.reason = ioasid__text_begin(&text, &words),
	};
	int32_t answer = entry(&query, &reply);
	int rc;

	ioasid__text_clean(words.text, sizeof(words.text));
	if (answer)
		return refused(answer, words.text, why);
	rc = check_reply(&query, &reply, want, why);
	if (!rc)
		rc = ioasid__check_core(reply.core, &backend->core, why);
	if (rc)
		return rc;
	backend->minor = reply.minor;
	backend->flags = reply.flags;
	ioasid__text_copy(backend->name, sizeof(backend->name), reply.name);
	ioasid__text_copy(backend->vendor, sizeof(backend->vendor), reply.vendor);
	return 0;
}

int ioasid__backend_accept(ioasid_backend_entry entry, const char *want, struct ioasid_backend **backend,
			   struct ioasid_reason *why)
{
	struct ioasid_backend *made = NULL;
	int rc = ioasid__fork_init();

	if (!rc)
		made = mem_zalloc(sizeof(*made));
	if (!made) {
		ioasid__reason_set(why, "out of memory");
		return -ENOMEM;
	}
	atomic_init(&made->refs, 1);
	rc = negotiate(entry, want, made, why);
	if (rc) {
		mem_free(made);
		return rc;
	}
	ioasid__reason_set(why, "%s", "");
	*backend = made;
	return 0;
}

int ioasid_backend_register(ioasid_backend_entry entry, struct ioasid_backend **backend,
			    struct ioasid_reason *why)
{
	int rc = ioasid__backend_call_allowed(!entry ? "entry is NULL" : !backend ? "backend is NULL" : NULL, why);

	return rc ? rc : ioasid__backend_accept(entry, NULL, backend, why);
}

int ioasid_backend_get(struct ioasid_backend *backend)
{
	uint32_t refs;

	if (ioasid__forked())
		return -EPERM;
	if (!backend)
		return -EINVAL;
	/* Relaxed: the caller's own reference keeps the handle. */
	refs = atomic_load_explicit(&backend->refs, memory_order_relaxed);
	do {
		if (refs == UINT32_MAX)
			return -EOVERFLOW;
	} while (!atomic_compare_exchange_weak_explicit(&backend->refs, &refs, refs + 1, memory_order_relaxed,
							memory_order_relaxed));
	return 0;
}

void ioasid_backend_put(struct ioasid_backend *backend)
{
	if (!backend || ioasid__forked())
		return;
	/* Release: what this holder did comes before the free. Acquire: what the others did, too. */
	if (atomic_fetch_sub_explicit(&backend->refs, 1, memory_order_acq_rel) != 1)
		return;
	mem_free(backend->path);
	mem_free(backend);
}

const char *ioasid_backend_name(const struct ioasid_backend *backend)
{
	return backend ? backend->name : NULL;
}

const char *ioasid_backend_vendor(const struct ioasid_backend *backend)
{
	return backend ? backend->vendor : NULL;
}

const char *ioasid_backend_path(const struct ioasid_backend *backend)
{
	return backend ? backend->path : NULL;
}

uint32_t ioasid_backend_version(const struct ioasid_backend *backend)
{
	return backend ? IOASID_BE_MAJOR << 16 | backend->minor : 0;
}

int ioasid_backend_is_software(const struct ioasid_backend *backend)
{
	return backend && backend->flags & IOASID_BE_REPLY_SOFTWARE;
}
