/*
 * What is wrong with something that a guest wrote, or with a call.
 *
 * A negative answer says what kind of failure it is; a struct ioasid_guest_error, for those who pass one,
 * says exactly what, where, and which number the emulated unit has to show to its guest.
 */
#ifndef IOASID_GUEST_ERROR_H
#define IOASID_GUEST_ERROR_H

#include <stdint.h>

/* Codes, and the answer that goes with each. */
#define IOASID_GUEST_RIGHT          UINT32_C(0)
#define IOASID_GUEST_WRONG_CALL     UINT32_C(1)  /* -EINVAL: an argument of the caller, not of the guest */
#define IOASID_GUEST_WRONG_READ     UINT32_C(2)  /* -EFAULT: guest memory is not there, or beyond the width */
#define IOASID_GUEST_WRONG_ABSENT   UINT32_C(3)  /* -ENOENT: the structure is not marked as present */
#define IOASID_GUEST_WRONG_OFF      UINT32_C(4)  /* -ENOENT: the guest has not enabled what is asked for */
#define IOASID_GUEST_WRONG_RANGE    UINT32_C(5)  /* -ERANGE: a number beyond the guest's table */
#define IOASID_GUEST_WRONG_RESERVED UINT32_C(6)  /* -EBADMSG: bits that have to be 0, or that the unit lacks */
#define IOASID_GUEST_WRONG_ADDRESS  UINT32_C(7)  /* -EBADMSG: an address beyond the width */
#define IOASID_GUEST_WRONG_VALUE    UINT32_C(8)  /* -EBADMSG: a field with an undefined value */
#define IOASID_GUEST_WRONG_TYPE     UINT32_C(9)  /* -EBADMSG: a descriptor of a type that the unit lacks */
#define IOASID_GUEST_WRONG_MODE     UINT32_C(10) /* -EBADMSG: registers that do not fit each other */
#define IOASID_GUEST_WRONG_POINTER  UINT32_C(11) /* -EBADMSG: a queue's head or tail */
#define IOASID_GUEST_WRONG_FULL     UINT32_C(12) /* -ENOSPC: the guest's queue has no room */

/* Which structure. */
#define IOASID_GUEST_IN_CALL        UINT32_C(0)
#define IOASID_GUEST_IN_ROOT_TABLE  UINT32_C(1)  /* the register that points at it */
#define IOASID_GUEST_IN_ROOT        UINT32_C(2)
#define IOASID_GUEST_IN_CONTEXT     UINT32_C(3)
#define IOASID_GUEST_IN_DIRECTORY   UINT32_C(4)
#define IOASID_GUEST_IN_ENTRY       UINT32_C(5)
#define IOASID_GUEST_IN_QUEUE       UINT32_C(6)  /* registers of the invalidation queue */
#define IOASID_GUEST_IN_DESCRIPTOR  UINT32_C(7)
#define IOASID_GUEST_IN_PAGE_QUEUE  UINT32_C(8)  /* registers of the page request queue */

#define IOASID_GUEST_ERROR_QUIET UINT32_C(1) /* the guest asked that the fault be not recorded (FPD) */

/* Written on failure only, and then as a whole. */
struct ioasid_guest_error {
	uint32_t code;    /* IOASID_GUEST_WRONG_* */
	uint32_t where;   /* IOASID_GUEST_IN_* */
	uint32_t reason;  /* for tables the unit's fault reason, for the invalidation queue its error
			     information (IQEI); 0: there is none */
	uint32_t flags;   /* IOASID_GUEST_ERROR_* */
	uint64_t address; /* guest physical, of the structure; 0 if it was handed in */
	uint64_t bits;    /* which bits of the 64-bit word are wrong; 0: not a matter of bits */
	uint32_t word;    /* which 64-bit word of the structure */
	int32_t answer;   /* of the memory callback, for WRONG_READ; else 0 */
};

#endif
