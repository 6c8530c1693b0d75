/*
 * The loader: finds backends, negotiates with them, and gives the core sanitised tables to call them through.
 *
 * Words. Backend: code that was accepted, with the core table that it answered. Bound context (struct
 * be_context): an open context of a backend with every interface table copied, absent operations filled with
 * answers of -EOPNOTSUPP. The core calls a backend only through be_call.h, which checks what comes back.
 *
 * Guarantees. No state is shared between backends or contexts and no lock is taken, so every function may run
 * beside every other on other objects. loader_dl.c is the only place that names dlopen.
 */
#ifndef IOASID_LOADER_H
#define IOASID_LOADER_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/backend.h>
#include <ioasid/context.h>
#include <ioasid/reason.h>

#include <ioasid_backend.h>

struct ioasid_backend {
	_Atomic uint32_t refs;
	uint32_t minor;                     /* agreed on; all below is constant after loading */
	uint32_t flags;                     /* IOASID_BE_REPLY_* */
	char name[32];
	char vendor[128];
	char *path;                         /* NULL for a backend that is linked in */
	struct ioasid_be_core_ops core;
};

/* Every table of the contract. What a backend does not have answers IOASID_BE_EOPNOTSUPP. */
struct be_ops {
	struct ioasid_be_core_ops core;
	struct ioasid_be_paging_ops paging;
	struct ioasid_be_dirty_ops dirty;
	struct ioasid_be_pasid_ops pasid;
	struct ioasid_be_nested_ops nested;
	struct ioasid_be_viommu_ops viommu;
	struct ioasid_be_vdevice_ops vdevice;
	struct ioasid_be_table_ops table;
	struct ioasid_be_hwqueue_ops hwqueue;
	struct ioasid_be_invalidate_ops invalidate;
	struct ioasid_be_fault_ops fault;
	struct ioasid_be_event_ops event;
	struct ioasid_be_id_ops id;
};

/*
 * A context as the rest of the core uses it. Zeroed by its owner, who sets the members up to `ready_arg`; it
 * must not move while it is open, because the backend holds a pointer into it.
 */
struct be_context {
	ioasid_context_log log;             /* NULL: none */
	void *log_arg;
	void (*ready)(void *arg, uint64_t cookie);  /* NULL: nobody listens; any thread, must not block */
	void *ready_arg;

	struct ioasid_backend *backend;     /* holds a reference */
	struct ioasid_be_ctx *ctx;          /* NULL: not open */
	struct ioasid_be_ctx_caps caps;
	struct be_ops ops;
	struct ioasid_be_host system;       /* who makes the system calls */
	struct ioasid_be_host host;         /* what the backend was given; goes through `system` */
	_Atomic uint64_t violations;        /* relaxed: a count that orders nothing */
	_Atomic bool sealed;                /* `host` opens nothing by name any more, unless a program's table does */
};

/* ---- loader.c ---- */

/*
 * ioasid__backend_call_allowed() - the part of every public call that comes before and after its arguments
 * (S0.1).
 * @bad: what is wrong with the arguments, NULL if nothing is
 *
 * Return: 0; -EPERM after fork; -EINVAL with @bad as the reason; -EDEADLK in a handler, getter or read
 * section.
 */
int ioasid__backend_call_allowed(const char *bad, struct ioasid_reason *why);

/*
 * ioasid__backend_accept() - negotiate with an entry function and keep the answer.
 * @entry: the function
 * @want: the name that it must have, or NULL for any
 * @backend: gets a handle with one reference and no path
 *
 * Return: as ioasid_backend_register().
 */
int ioasid__backend_accept(ioasid_backend_entry entry, const char *want, struct ioasid_backend **backend,
			   struct ioasid_reason *why);

/* ---- loader_dl.c ---- */

/*
 * ioasid__backend_load_path() - check, open and accept a shared object.
 * @path: the file
 * @want: the name that it must have, or NULL for any
 *
 * A refused one is closed again, an accepted one is pinned for the life of the process.
 *
 * Return: as ioasid_backend_load_file().
 */
int ioasid__backend_load_path(const char *path, const char *want, struct ioasid_backend **backend,
			      struct ioasid_reason *why);

/* ---- loader_trust.c ---- */

/*
 * ioasid__trust_file() - decide whether only root and the effective user can have written a file.
 * @path: the file
 * @real: gets the path with all links resolved, if the answer is 0
 *
 * Looks at the file, at the folder that it was named in and at the folder where it is, and at all above that
 * one, where a sticky bit is enough.
 *
 * Return: 0, -EACCES, -ENOENT, -ENAMETOOLONG, or the errno of looking.
 */
int ioasid__trust_file(const char *path, char real[PATH_MAX], struct ioasid_reason *why);

/* ioasid__trust_dir() - the same for a folder. */
int ioasid__trust_dir(const char *path, struct ioasid_reason *why);

/* ---- loader_search.c ---- */

/* ioasid__backend_name_valid() - Return: 1 if @name is one that a backend can have, else 0. */
int ioasid__backend_name_valid(const char *name);

/* ---- loader_check.c ---- */

/*
 * ioasid__check_core() - copy a backend's core table, with answers for what is absent.
 * @from: its table, not trusted beyond being readable for the size that it gives
 * @to: gets the copy
 *
 * Return: 0, or -EPROTO and a reason.
 */
int ioasid__check_core(const struct ioasid_be_core_ops *from, struct ioasid_be_core_ops *to,
		       struct ioasid_reason *why);

/*
 * ioasid__check_interfaces() - ask an open context for its capabilities and every interface, and copy them.
 * @be: backend, ctx and ops.core are set; gets caps and ops
 *
 * Return: 0; -EPROTO and a reason; or the backend's own errno.
 */
int ioasid__check_interfaces(struct be_context *be, struct ioasid_reason *why);

/* ---- loader_context.c ---- */

/*
 * ioasid__be_open() - open a context of a backend.
 * @be: log and ready are set, the rest is zero
 * @backend: a reference is taken
 * @args: not NULL; log, log_context and deadline are not looked at
 *
 * Return: as ioasid_context_open().
 */
int ioasid__be_open(struct be_context *be, struct ioasid_backend *backend,
		    const struct ioasid_context_args *args, struct ioasid_reason *why);

/*
 * ioasid__be_close() - close it.
 *
 * Return: 0; -EBUSY, and it stays open; any other error of the backend is logged and the context is gone.
 */
int ioasid__be_close(struct be_context *be);

/* ---- loader_host.c ---- */

/*
 * ioasid__host_init() - fill `system` and `host` of a context.
 * @system: what makes the system calls, or NULL for the library's own
 *
 * Return: 0, or -EINVAL and a reason if @system lacks an operation.
 */
int ioasid__host_init(struct be_context *be, const struct ioasid_be_host *system, struct ioasid_reason *why);

/* ioasid__be_log() - give one line to the log of a context, cleaned and cut to 511 bytes. Any thread. */
__attribute__((format(printf, 3, 4)))
void ioasid__be_log(const struct be_context *be, uint32_t level, const char *format, ...);

/* ---- loader_text.c ---- */

/* ioasid__reason_set() - write a reason; @why may be NULL. The result is cleaned. */
__attribute__((format(printf, 2, 3)))
void ioasid__reason_set(struct ioasid_reason *why, const char *format, ...);

/*
 * ioasid__text_clean() - make a backend's bytes a text: UTF-8, one line, no control characters, a NUL at the
 * end.
 * @text: @size bytes, at least 1; what is not fit to print becomes '?'
 */
void ioasid__text_clean(char *text, uint32_t size);

/* ioasid__text_copy() - copy a backend's string into @to, cut to @size and cleaned; NULL counts as "". */
void ioasid__text_copy(char *to, uint32_t size, const char *from);

/* ioasid__text_begin() - make room for a backend's reason in @why, empty. Return: @text, or NULL if @why is
 * NULL. */
struct ioasid_be_text *ioasid__text_begin(struct ioasid_be_text *text, struct ioasid_reason *why);

#endif
