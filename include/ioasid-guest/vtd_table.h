/*
 * The tables of VT-d's scalable mode: what one root entry, context entry, PASID directory entry or PASID
 * table entry says.
 *
 * These functions decode bytes that the caller has; ioasid-guest/vtd_walk.h finds them in guest memory.
 * Structures are little endian, as the guest wrote them.
 */
#ifndef IOASID_GUEST_VTD_TABLE_H
#define IOASID_GUEST_VTD_TABLE_H

#include <stdint.h>

#include <ioasid-guest/vtd_unit.h>
#include <ioasid/record.h>

IOASID_BEGIN_DECLS

/* Bytes of the structures. A root entry has two halves, of devices 0 ... 15 and 16 ... 31 of its bus. */
#define IOASID_GUEST_VTD_ROOT_HALF_BYTES UINT32_C(8)
#define IOASID_GUEST_VTD_CONTEXT_BYTES   UINT32_C(32)
#define IOASID_GUEST_VTD_DIRECTORY_BYTES UINT32_C(8)
#define IOASID_GUEST_VTD_ENTRY_BYTES     UINT32_C(64)
/* PASIDs below one directory entry. */
#define IOASID_GUEST_VTD_TABLE_ENTRIES   UINT32_C(64)

/* A scalable-mode context entry: what a device may do, and where its PASID directory is. */
#define IOASID_GUEST_VTD_CONTEXT_QUIET        UINT32_C(1)  /* FPD: its faults are not recorded */
#define IOASID_GUEST_VTD_CONTEXT_DEVICE_TLB   UINT32_C(2)  /* DTE */
#define IOASID_GUEST_VTD_CONTEXT_PASID        UINT32_C(4)  /* PASIDE: requests with PASID are allowed */
#define IOASID_GUEST_VTD_CONTEXT_PAGE_REQUEST UINT32_C(8)  /* PRE */
#define IOASID_GUEST_VTD_CONTEXT_RID_PRIV     UINT32_C(16) /* RID_PRIV: requests without PASID are privileged */
struct ioasid_guest_vtd_context {
	uint64_t directory; /* guest physical, of the PASID directory */
	uint32_t entries;   /* directory entries: 128 ... 16384 */
	uint32_t pasids;    /* PASIDs 0 ... pasids - 1 can have an entry: entries * 64, or what the unit allows */
	uint32_t rid_pasid; /* the entry that requests without PASID use */
	uint32_t flags;     /* IOASID_GUEST_VTD_CONTEXT_* */
};

/* A PASID directory entry. */
struct ioasid_guest_vtd_directory {
	uint64_t table;    /* guest physical, of 64 PASID table entries */
	uint32_t quiet;    /* FPD: 1 or 0 */
	uint32_t reserved; /* 0 */
};

/* A PASID table entry: PGTT. */
#define IOASID_GUEST_VTD_FIRST        UINT32_C(1) /* the guest's first stage */
#define IOASID_GUEST_VTD_SECOND       UINT32_C(2) /* the guest's second stage */
#define IOASID_GUEST_VTD_NESTED       UINT32_C(3) /* both */
#define IOASID_GUEST_VTD_PASS_THROUGH UINT32_C(4) /* none: guest physical addresses */

#define IOASID_GUEST_VTD_ENTRY_SRE   UINT32_C(1)     /* supervisor requests are allowed */
#define IOASID_GUEST_VTD_ENTRY_EAFE  UINT32_C(2)     /* extended accessed flags */
#define IOASID_GUEST_VTD_ENTRY_WPE   UINT32_C(4)     /* supervisor requests respect write protection */
#define IOASID_GUEST_VTD_ENTRY_NXE   UINT32_C(8)     /* no-execute bits of the first stage count */
#define IOASID_GUEST_VTD_ENTRY_SMEP  UINT32_C(16)    /* supervisor requests do not execute user pages */
#define IOASID_GUEST_VTD_ENTRY_ERE   UINT32_C(32)    /* execute requests are allowed */
#define IOASID_GUEST_VTD_ENTRY_SSADE UINT32_C(64)    /* accessed and dirty bits of the second stage */
#define IOASID_GUEST_VTD_ENTRY_PWSNP UINT32_C(128)   /* page walks snoop */
#define IOASID_GUEST_VTD_ENTRY_PGSNP UINT32_C(256)   /* accesses snoop */
#define IOASID_GUEST_VTD_ENTRY_CD    UINT32_C(512)   /* caches are off */
#define IOASID_GUEST_VTD_ENTRY_EMTE  UINT32_C(1024)  /* memory_type counts */
#define IOASID_GUEST_VTD_ENTRY_PWT   UINT32_C(2048)  /* write-through, for the root table */
#define IOASID_GUEST_VTD_ENTRY_PCD   UINT32_C(4096)  /* uncached, for the root table */
#define IOASID_GUEST_VTD_ENTRY_QUIET UINT32_C(8192)  /* FPD, of the entry or of what leads to it */
struct ioasid_guest_vtd_entry {
	uint64_t first_root;   /* FSPTPTR; 0 without first stage */
	uint64_t second_root;  /* SSPTPTR; 0 without second stage */
	uint32_t type;         /* PGTT: IOASID_GUEST_VTD_FIRST, _SECOND, _NESTED, _PASS_THROUGH */
	uint32_t flags;        /* IOASID_GUEST_VTD_ENTRY_* */
	uint32_t domain;       /* DID */
	uint32_t first_width;  /* address bits of the first stage: 48 or 57; 0 without */
	uint32_t second_width; /* AW, of the second stage and of pass-through: 39, 48 or 57; 0 for FIRST */
	uint32_t memory_type;  /* EMT */
	uint32_t pat;          /* PAT */
	uint32_t reserved;     /* 0 */
};

/**
 * ioasid_guest_vtd_root_decode() - Decode half of a scalable-mode root entry.
 * @unit: the unit
 * @bytes: IOASID_GUEST_VTD_ROOT_HALF_BYTES of them
 * @table: receives the guest physical address of a table of 128 context entries
 * @error: NULL, or receives what is wrong
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: the call; -ENOENT: not present; -EBADMSG: reserved bits, address.
 */
IOASID_API int ioasid_guest_vtd_root_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
					    uint64_t *table, struct ioasid_guest_error *error);

/**
 * ioasid_guest_vtd_context_decode() - Decode a scalable-mode context entry.
 * @unit: the unit
 * @bytes: IOASID_GUEST_VTD_CONTEXT_BYTES of them
 * @context: receives what it says
 * @error: NULL, or receives what is wrong
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: the call; -ENOENT: not present; -EBADMSG: reserved bits, among them DTE, PASIDE, PRE,
 * RID_PASID and RID_PRIV where ECAP lacks DT, PASID, PRS, RPS and SRS; address.
 */
IOASID_API int ioasid_guest_vtd_context_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
					       struct ioasid_guest_vtd_context *context,
					       struct ioasid_guest_error *error);

/**
 * ioasid_guest_vtd_directory_decode() - Decode a PASID directory entry.
 * @unit: the unit
 * @bytes: IOASID_GUEST_VTD_DIRECTORY_BYTES of them
 * @directory: receives what it says
 * @error: NULL, or receives what is wrong
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: the call; -ENOENT: not present; -EBADMSG: reserved bits, address.
 */
IOASID_API int ioasid_guest_vtd_directory_decode(const struct ioasid_guest_vtd_unit *unit,
						 const uint8_t *bytes,
						 struct ioasid_guest_vtd_directory *directory,
						 struct ioasid_guest_error *error);

/**
 * ioasid_guest_vtd_entry_decode() - Decode a PASID table entry.
 * @unit: the unit
 * @bytes: IOASID_GUEST_VTD_ENTRY_BYTES of them
 * @entry: receives what it says
 * @error: NULL, or receives what is wrong
 *
 * Fields of a stage that the entry's type does not use are not looked at.
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: the call; -ENOENT: not present; -EBADMSG: reserved bits, a type, width or paging mode
 * that is undefined or that CAP and ECAP do not announce; address.
 */
IOASID_API int ioasid_guest_vtd_entry_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
					     struct ioasid_guest_vtd_entry *entry,
					     struct ioasid_guest_error *error);

/**
 * ioasid_guest_vtd_entry_record() - Make what a first-stage entry says into the record that a bind takes.
 * @entry: of type IOASID_GUEST_VTD_FIRST, out of this library
 * @record: receives a record of type IOASID_BE_PT_VTD_S1, for struct ioasid_bind_data
 *
 * A pass-through entry needs no record: bind its PASID to the address space of the guest's memory. What a
 * nested or second-stage entry means cannot be said in one record.
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: NULL, or an entry that this library does not make; -EOPNOTSUPP: another type, or ERE,
 * CD or EMTE, which the record cannot say.
 */
IOASID_API int ioasid_guest_vtd_entry_record(const struct ioasid_guest_vtd_entry *entry,
					     struct ioasid_record *record);

IOASID_END_DECLS

#endif
