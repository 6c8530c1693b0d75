/*
 * Words and constants that every other header uses.
 *
 * IOASID  the number of an I/O address space on the wire: a PCIe PASID, an Arm SubstreamID.
 * Pool    one namespace of IOASIDs.
 * Set     a group of IOASIDs of a pool with one owner, a quota and a private namespace.
 * SPID    set-private ID: the number that a guest uses for an IOASID. It is a type of its own, so that
 *         it cannot be passed where an IOASID belongs.
 * Token   what a set is looked up by.
 *
 * Conventions that hold for every function of the library (S0):
 *  - A fallible function returns 0, a count, or a negative errno. Results come through pointers, which
 *    are untouched on failure unless the function's comment says otherwise.
 *  - When several errors apply the order is: arguments (-EINVAL), a call that is not allowed here
 *    (-EDEADLK), object (-ENOENT, -EACCES), state, quota (-EDQUOT), space (-ENOSPC), memory (-ENOMEM).
 *  - After fork() the child owns nothing: every function that would change something returns -EPERM
 *    there, before anything else is looked at (S14.2).
 *  - A "restricted context" is the inside of a notifier handler, of a getter, or of a read section
 *    (ioasid_read_begin). Only functions whose Context line says "restricted: yes" may be called there;
 *    all others that change something or wait return -EDEADLK at once (S7.6).
 *  - Functions are thread-safe, not async-signal-safe and not cancellation points (S14.1).
 */
#ifndef IOASID_TYPES_H
#define IOASID_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/export.h>

IOASID_BEGIN_DECLS

/* An IOASID: 1 ... capacity - 1 of its pool. */
typedef uint32_t ioasid_t;

/* A set-private ID, 0 ... IOASID_SPID_MAX in value. */
typedef struct ioasid_spid {
	uint32_t value;
} ioasid_spid_t;

/* An IOASID together with the generation of its life; see ioasid_handle_of(). Opaque; 0 is never valid. */
typedef uint64_t ioasid_handle_t;

struct ioasid_pool;
struct ioasid_set;

/* No IOASID. */
#define IOASID_INVALID UINT32_C(0xffffffff)
/* The RID: a device's slot for DMA without a PASID (S9.11). Never allocated. */
#define IOASID_NO_PASID UINT32_C(0)
/* The most IDs that a pool can number, 0 included (S1.1). */
#define IOASID_CAPACITY_MAX UINT32_C(0x100000)
/* Counted references that one IOASID can have; ioasid_get() beyond it returns -EOVERFLOW (S4.4). */
#define IOASID_REFS_MAX UINT32_C(32767)
/* Sets that one pool can have at a time, dead ones with unreclaimed IDs included. */
#define IOASID_SETS_MAX UINT32_C(65534)
/* References that one set can have; ioasid_set_get() beyond it returns -EOVERFLOW. */
#define IOASID_SET_REFS_MAX UINT32_C(0x7fffffff)
/* A quota that reserves nothing and takes what no other set was promised (S2.1). */
#define IOASID_QUOTA_UNLIMITED UINT32_C(0xffffffff)
/* The greatest value of a SPID: 20 bits, like a PASID (S6.1). */
#define IOASID_SPID_MAX UINT32_C(0xfffff)
/* The value of "no SPID" in an ioasid_spid_t. */
#define IOASID_SPID_NONE UINT32_C(0xffffffff)
/* A timeout that never ends, for functions that take nanoseconds. */
#define IOASID_FOREVER UINT64_C(0xffffffffffffffff)

/**
 * ioasid_spid_make() - Make a SPID out of a plain number.
 * @value: the guest's number; it is checked by the function that the result is passed to
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the SPID.
 */
IOASID_API ioasid_spid_t ioasid_spid_make(uint32_t value);

IOASID_END_DECLS
#endif
