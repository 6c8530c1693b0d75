/*
 * Opaque records of a hardware format: page table entries, raw registers.
 *
 * The library copies, compares and keeps them and never looks inside. Types are the numbers of the backend
 * contract (IOASID_BE_PT_*, IOASID_BE_REGS_* of ioasid_backend.h): below 2^31 the kernel's, above it a
 * vendor's.
 */
#ifndef IOASID_RECORD_H
#define IOASID_RECORD_H

#include <stdint.h>

/* The most bytes that a record has. */
#define IOASID_RECORD_MAX UINT32_C(256)

struct ioasid_record {
	uint32_t type;
	uint32_t length;     /* 0 ... IOASID_RECORD_MAX */
	uint8_t bytes[256];  /* those from length on are not looked at, and 0 in what the library hands out */
};

#endif
