/*
 * Backends: what drives one kind of IOMMU, found by name, by path, or linked in.
 *
 * A backend is a shared object with one entry function, or the same function linked into the program. Loading
 * negotiates a version, checks the answer and refuses, with a reason in words, what does not keep the
 * contract of <ioasid/abi/ioasid_backend.h>. Loading drives no hardware: that begins with
 * ioasid_context_open().
 *
 * Words. Handle: a struct ioasid_backend, reference counted. Its code, once accepted, stays in the process
 * for ever (thread destructors of many language runtimes crash after dlclose), whatever happens to the
 * handle.
 *
 * Guarantees. No state is shared between handles, not even of one file loaded twice. No function here takes a
 * lock that another holds. After a program has loaded what it needs, nothing is opened by name behind its
 * back.
 */
#ifndef IOASID_BACKEND_H
#define IOASID_BACKEND_H

#include <stdint.h>

#include <ioasid/export.h>
#include <ioasid/reason.h>

IOASID_BEGIN_DECLS

struct ioasid_backend;

/* The contract's own types; whoever links a backend in includes the contract. */
struct ioasid_be_query;
struct ioasid_be_reply;
typedef int32_t (*ioasid_backend_entry)(const struct ioasid_be_query *query, struct ioasid_be_reply *reply);

/* Do not look at IOASID_BACKEND_PATH, only into the directory that was compiled in. */
#define IOASID_BACKEND_NO_ENVIRONMENT UINT32_C(1)

/* Longest name of a backend, without the NUL. */
#define IOASID_BACKEND_NAME_MAX UINT32_C(31)

/*
 * ioasid_backend_load() - load an installed backend by its name.
 * @name: a-z, 0-9, _ and -, 1 to 31 of them, beginning with a letter: "vtd"
 * @flags: 0 or IOASID_BACKEND_NO_ENVIRONMENT
 * @backend: gets a handle with one reference
 * @why: NULL, or room for a reason
 *
 * Looks for <name>.so in the directories of IOASID_BACKEND_PATH (separated by colons, absolute, not read in a
 * set-user-id program), then in the compiled-in one. The first directory that has the file decides: if that
 * file is refused, the search ends. Nothing is loaded from, or as, what somebody else could have written:
 * file and directory must belong to root or the effective user, and no other user may write to them, or
 * rename a directory above them.
 *
 * Context: any thread; restricted: no; blocks on the file system and runs the constructors of
 * the shared object; nothing need be held.
 * Return: 0, or
 * -EINVAL          a malformed name, an unknown flag, @backend is NULL
 * -ENOENT          no such file in any of the directories
 * -EACCES          others can write the file or a directory on its way, or a directory is not absolute
 * -ENOEXEC         not a shared object, one whose needs are not met, or one without an entry
 * -EPROTONOSUPPORT no common version; the reason has the backend's words
 * -EPROTO          the backend breaks the contract, or calls itself by another name
 * -ENOMEM          out of memory
 * -EDEADLK         in a handler, getter or read section
 * -EPERM           after fork
 * or the errno with which the backend itself refused.
 */
IOASID_API int ioasid_backend_load(const char *name, uint32_t flags, struct ioasid_backend **backend,
				   struct ioasid_reason *why);

/*
 * ioasid_backend_load_file() - load a backend from a path.
 * @path: path of the shared object; without a slash it is a file of the working directory, never searched for
 * @backend: gets a handle with one reference
 * @why: NULL, or room for a reason
 *
 * The same checks as ioasid_backend_load(); the backend may have any name.
 *
 * Context: as ioasid_backend_load().
 * Return: as ioasid_backend_load(), with -ENOENT for a path that leads nowhere and -ENAMETOOLONG for one that
 * is too long.
 */
IOASID_API int ioasid_backend_load_file(const char *path, struct ioasid_backend **backend,
					struct ioasid_reason *why);

/*
 * ioasid_backend_register() - take in a backend that is linked into the program.
 * @entry: its entry function
 * @backend: gets a handle with one reference
 * @why: NULL, or room for a reason
 *
 * Context: any thread; restricted: no; does not block; nothing need be held.
 * Return: 0, or -EINVAL (@entry or @backend is NULL), -EPROTONOSUPPORT, -EPROTO, -ENOMEM, -EDEADLK, -EPERM or
 * the backend's own errno as with ioasid_backend_load().
 */
IOASID_API int ioasid_backend_register(ioasid_backend_entry entry, struct ioasid_backend **backend,
				       struct ioasid_reason *why);

/*
 * ioasid_backend_get() - take another reference to a handle.
 * @backend: a handle that the caller holds a reference to
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: @backend is NULL; -EOVERFLOW: there are UINT32_MAX already; -EPERM after fork.
 */
IOASID_API int ioasid_backend_get(struct ioasid_backend *backend);

/*
 * ioasid_backend_put() - give a reference to a handle back; the last one frees it, but never the backend's
 * code.
 * @backend: a handle, or NULL, which does nothing
 *
 * An open context holds a reference of its own, so a handle can be put as soon as the context is open.
 *
 * Context: any thread; restricted: yes; never blocks.
 */
IOASID_API void ioasid_backend_put(struct ioasid_backend *backend);

/*
 * ioasid_backend_name() - tell the name that the backend gives itself.
 * @backend: a handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the name, good as long as the handle; NULL if @backend is NULL.
 */
IOASID_API const char *ioasid_backend_name(const struct ioasid_backend *backend);

/*
 * ioasid_backend_vendor() - tell who made the backend, in its own words.
 * @backend: a handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: a text, "" if it said nothing, good as long as the handle; NULL if @backend is NULL.
 */
IOASID_API const char *ioasid_backend_vendor(const struct ioasid_backend *backend);

/*
 * ioasid_backend_path() - tell which file the backend was loaded from.
 * @backend: a handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: its path with links resolved, good as long as the handle; NULL for one that is linked in, and for
 * NULL.
 */
IOASID_API const char *ioasid_backend_path(const struct ioasid_backend *backend);

/*
 * ioasid_backend_version() - tell the version of the contract that was agreed on.
 * @backend: a handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the major number times 65536, plus the minor; 0 if @backend is NULL.
 */
IOASID_API uint32_t ioasid_backend_version(const struct ioasid_backend *backend);

/*
 * ioasid_backend_is_software() - tell whether the backend drives no hardware (S9.16).
 * @backend: a handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 1 if it is a software IOMMU, which is used only when asked for; 0 if not, or if @backend is NULL.
 */
IOASID_API int ioasid_backend_is_software(const struct ioasid_backend *backend);

/*
 * Called for each backend that is installed. @name and @path are good until it returns. @status is 0, or
 * -EACCES for a file that would be refused for its owner or mode, in the words of @why. Answer 0 to go on,
 * else to stop with it.
 */
typedef int (*ioasid_backend_visitor)(void *context, const char *name, const char *path, int status,
				      const struct ioasid_reason *why);

/*
 * ioasid_backend_list() - visit the installed backends, by directory in search order and by name within one.
 * @flags: 0 or IOASID_BACKEND_NO_ENVIRONMENT
 * @visit: called for each
 * @context: its first argument
 *
 * Loads none of them, so runs none of their code. A name that an earlier directory has too is left out.
 *
 * Context: any thread; restricted: no; blocks on the file system; nothing is held around
 * @visit, which may call anything.
 * Return: 0, the first answer of @visit that was not 0, -EINVAL (@visit is NULL, unknown flag), -ENOMEM,
 * -EDEADLK, -EPERM, or the errno of a directory that is there but cannot be read.
 */
IOASID_API int ioasid_backend_list(uint32_t flags, ioasid_backend_visitor visit, void *context);

IOASID_END_DECLS

#endif
