/*
 * Contexts: one opened backend, the home of devices, address spaces and their queues.
 *
 * A context comes from a backend and a configuration. A host that has opened things already (libvirt,
 * KubeVirt, a VMM before its vIOMMU starts) passes them in: as descriptors with a label, which are borrowed
 * until close, or as objects to adopt, which are used and never destroyed, reconfigured or closed (S9.9).
 */
#ifndef IOASID_CONTEXT_H
#define IOASID_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/backend.h>
#include <ioasid/export.h>
#include <ioasid/reason.h>
#include <ioasid/stats.h>

IOASID_BEGIN_DECLS

struct ioasid_context;

/* The contract's table of system calls; whoever supplies one includes the contract. */
struct ioasid_be_host;

/* How long a backend may take to block DMA before an IOASID goes into quarantine (S9.15), in ns, if not
 * said. */
#define IOASID_CONTEXT_DEADLINE_DEFAULT UINT64_C(5000000000)

/* Most entries of each of the three arrays of struct ioasid_context_args. */
#define IOASID_CONTEXT_ENTRIES_MAX UINT32_C(1024)

/* One setting of a backend's configuration, both UTF-8. */
struct ioasid_context_setting {
	const char *key;
	const char *value;
};

/* An open descriptor and what it is for: "iommufd". */
struct ioasid_context_fd {
	const char *key;
	int32_t fd;
	uint32_t reserved;  /* 0 */
};

#define IOASID_OBJECT_IOAS    UINT32_C(1)
#define IOASID_OBJECT_HWPT    UINT32_C(2)
#define IOASID_OBJECT_VIOMMU  UINT32_C(3)
#define IOASID_OBJECT_FAULTQ  UINT32_C(4)

/* Something that the host has made already. */
struct ioasid_context_object {
	const char *key;    /* a label, or NULL */
	uint32_t type;      /* IOASID_OBJECT_* */
	uint32_t id;        /* the kernel's number of it */
	int32_t fd;         /* the descriptor that goes with it, or -1 */
	uint32_t reserved;  /* 0 */
};

/* Gets a level IOASID_LOG_* and one line of UTF-8 without newline, from any thread; must not call the
 * library. */
typedef void (*ioasid_context_log)(void *context, uint32_t level, const char *text);

/* All members but the first may be 0: the backend's defaults, opening by name, no log. */
struct ioasid_context_args {
	uint32_t struct_size;  /* sizeof(struct ioasid_context_args); bytes beyond what is known must be 0 */
	uint32_t reserved;     /* 0 */
	const struct ioasid_context_setting *settings;
	size_t setting_count;
	const struct ioasid_context_fd *fds;
	size_t fd_count;
	const struct ioasid_context_object *objects;
	size_t object_count;
	uint64_t deadline;  /* ns; 0 for IOASID_CONTEXT_DEADLINE_DEFAULT */
	ioasid_context_log log;
	void *log_context;
	/* What makes the backend's system calls instead of the library: its operations from open_by_name on,
	 * with its `host` as first argument; its log and ready are not used. NULL: the library. Good until
	 * close has returned. */
	const struct ioasid_be_host *system;
};

/*
 * ioasid_context_open() - open a context of a backend.
 * @backend: a handle; the context takes a reference of its own
 * @args: how, or NULL for all defaults; not needed after the call except what it says of descriptors and
 * `system`
 * @context: gets the context
 * @why: NULL, or room for a reason
 *
 * Checks what the backend says of itself: every interface is whole or absent, and its capability bit says the
 * same.
 *
 * Context: any thread; restricted: no; may block on system calls; nothing need be held.
 * Return: 0, or
 * -EINVAL  @backend or @context is NULL, struct_size is too small, a malformed or unknown setting, descriptor
 * or object, too many of them
 * -E2BIG   bytes beyond the known arguments are not 0
 * -ENODEV  there is no hardware that this backend drives (S9.16)
 * -EACCES, -EPERM  no right to open it
 * -EPROTO  what the backend says breaks the contract
 * -ENOMEM  out of memory
 * -EDEADLK in a handler, getter or read section
 * -EPERM   after fork
 * or another errno of the backend. On failure @context is left alone.
 */
IOASID_API int ioasid_context_open(struct ioasid_backend *backend, const struct ioasid_context_args *args,
				   struct ioasid_context **context, struct ioasid_reason *why);

/*
 * ioasid_context_open_any() - open a context of the first installed backend that has hardware here.
 * @flags: 0 or IOASID_BACKEND_NO_ENVIRONMENT
 * @args: as with ioasid_context_open()
 * @context: gets the context
 * @why: NULL, or room for a reason: what each backend said
 *
 * Backends are tried in the order of ioasid_backend_list(); those that are refused, and software IOMMUs, are
 * passed over: a program that asks for isolation never gets an imitation of it (S9.16).
 *
 * Context: as ioasid_context_open() and ioasid_backend_load().
 * Return: 0; -ENODEV if no backend found its hardware; -EINVAL, -E2BIG, -ENOMEM, -EDEADLK, -EPERM; or the
 * errno of the first backend that failed with anything but -ENODEV, if none after it succeeded.
 */
IOASID_API int ioasid_context_open_any(uint32_t flags, const struct ioasid_context_args *args,
				       struct ioasid_context **context, struct ioasid_reason *why);

/*
 * ioasid_context_seal() - have everything of a context ready before the process gives up its rights.
 * @context: a context
 * @why: NULL, or room for a reason
 *
 * Makes the queue of page requests with its descriptor, if the backend has any, and answers -EPERM from now
 * on where the backend asks to open or list something by name; a program's own table of system calls is asked
 * as before. There is no way back, and a second seal does nothing. (S14.5)
 *
 * Context: any thread; restricted: no; may block on system calls; nothing need be held.
 * Return: 0; -EINVAL: @context is NULL; -ENOMEM, -EMFILE, -ENFILE, or an errno of the backend: no queue could
 * be made, and the context is not sealed; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_context_seal(struct ioasid_context *context, struct ioasid_reason *why);

/*
 * ioasid_context_close() - close a context.
 * @context: a context, not used by anybody else during the call or after it
 *
 * Descriptors that were passed in and adopted objects stay as they are.
 *
 * Context: any thread; restricted: no; may block on system calls; nothing need be held.
 * Return: 0; -EINVAL if @context is NULL; -EDEADLK; -EPERM; -EBUSY while it has devices or address
 * spaces, or hands out a pool's IDs, and then it stays open. An error of the backend itself is logged: the context is gone
 * then all the same.
 */
IOASID_API int ioasid_context_close(struct ioasid_context *context);

/*
 * ioasid_context_backend() - tell which backend a context is of.
 * @context: a context
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the handle, good as long as the context without a reference of its own; NULL if @context is NULL.
 */
IOASID_API struct ioasid_backend *ioasid_context_backend(const struct ioasid_context *context);

/*
 * ioasid_context_interface() - get a vendor's interface of a context.
 * @context: a context
 * @id: "com.example.x/1"; not one of the contract's own ("ioasid.be."), which the library uses itself
 * @table: gets the backend's table of it, good until close
 *
 * What is in the table, and may be called when, is between the caller and that vendor.
 *
 * Context: any thread; restricted: no; does not block; nothing need be held.
 * Return: 0; -EINVAL: something is NULL, or @id is one of the contract's own; -ENOENT: the backend has no
 * such interface; -EIO: it breaks the contract; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_context_interface(struct ioasid_context *context, const char *id, const void **table);

/*
 * ioasid_context_violations() - tell how often the backend broke the contract since open.
 * @context: a context
 *
 * Each is also logged: an answer that is no errno of the contract (read as -EIO), a success without a result,
 * a count beyond the batch.
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the count; 0 if @context is NULL.
 */
IOASID_API uint64_t ioasid_context_violations(const struct ioasid_context *context);

IOASID_END_DECLS

#endif
