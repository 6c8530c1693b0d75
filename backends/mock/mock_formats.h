/*
 * mock_formats.h - the software IOMMU's own formats: page tables, entries, commands, events and registers.
 *
 * What they are to a real IOMMU its manual says. All of them are little-endian.
 */
#ifndef IOASID_MOCK_FORMATS_H
#define IOASID_MOCK_FORMATS_H

#include <stdint.h>

#include "ioasid_backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Page tables of record type IOASID_BE_PT_MOCK, 16 bytes ---- */

/*
 * Four levels of 512 little-endian words, pages of 4 KiB, 2 MiB and 1 GiB. `root` and all addresses in the
 * tables are addresses in the parent address space. P, W, U and NX mean what they mean on x86: they add up
 * over the levels.
 */
struct ioasid_mock_table {
	uint64_t root;  /* multiple of 4096 */
	uint32_t width; /* IOASID_MOCK_TABLE_WIDTH */
	uint32_t flags; /* 0 */
};
#define IOASID_MOCK_TABLE_WIDTH UINT32_C(48)
#define IOASID_MOCK_PTE_P       (UINT64_C(1) << 0)  /* present */
#define IOASID_MOCK_PTE_W       (UINT64_C(1) << 1)  /* may be written */
#define IOASID_MOCK_PTE_U       (UINT64_C(1) << 2)  /* may be reached without privilege */
#define IOASID_MOCK_PTE_PS      (UINT64_C(1) << 7)  /* a page, not a table: levels 2 and 3 */
#define IOASID_MOCK_PTE_NX      (UINT64_C(1) << 63) /* may not be executed */
#define IOASID_MOCK_PTE_ADDRESS UINT64_C(0x000ffffffffff000)

/* ---- A guest's entries of a device, record type IOASID_MOCK_PT_ENTRY, 16 bytes ---- */

/* With TRANSLATE, `table` is the address, in the parent address space of the virtual IOMMU, of the guest's
 * PASID table: an entry for each PASID below 1 << pasid_bits, that of PASID 0 being the RID's. */
#define IOASID_MOCK_PT_ENTRY        UINT32_C(0x8a510006)
#define IOASID_MOCK_ENTRY_ABORT     UINT32_C(0)
#define IOASID_MOCK_ENTRY_BYPASS    UINT32_C(1) /* the RID reaches the parent address space; PASIDs abort */
#define IOASID_MOCK_ENTRY_TRANSLATE UINT32_C(2)
struct ioasid_mock_entry {
	uint64_t table;      /* multiple of 4096 */
	uint32_t pasid_bits; /* 0 .. 20 */
	uint32_t config;     /* IOASID_MOCK_ENTRY_* */
};
struct ioasid_mock_pasid_entry {
	uint64_t root;     /* of a page table as above, and IOASID_MOCK_PTE_P */
	uint64_t reserved; /* 0 */
};

/* ---- Raw commands of a virtual IOMMU, type IOASID_BE_INV_MOCK ---- */

#define IOASID_MOCK_COMMAND_RANGE  UINT32_C(0) /* of a PASID */
#define IOASID_MOCK_COMMAND_DEVICE UINT32_C(1) /* all of a device */
struct ioasid_mock_command {
	uint32_t op;    /* IOASID_MOCK_COMMAND_* */
	uint32_t flags; /* IOASID_BE_INV_LEAF */
	uint64_t virtual_id;
	uint32_t pasid;
	uint32_t reserved;
	uint64_t address;
	uint64_t length; /* bytes */
};

/* ---- Events of a virtual IOMMU, record type IOASID_BE_EVENT_MOCK ---- */

struct ioasid_mock_event {
	uint32_t struct_size;
	uint32_t code;       /* IOASID_MOCK_FAULT_*, or a number of the test's own */
	uint64_t virtual_id; /* of the device; out */
	uint32_t pasid;
	uint32_t flags; /* IOASID_MOCK_DMA_* */
	uint64_t address;
};

/* ---- Registers, record type IOASID_BE_REGS_MOCK, 32 bytes ---- */

struct ioasid_mock_registers {
	uint32_t device; /* number: of "mock3" it is 3 */
	uint32_t iommu;
	uint32_t pasid_bits;
	uint32_t iova_bits;
	uint64_t caps;   /* 1 << IOASID_BE_CAP_* that the device has, usable or not */
	uint64_t resets; /* how often it was reset */
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct ioasid_mock_table) == 16, "size of ioasid_mock_table");
_Static_assert(sizeof(struct ioasid_mock_entry) == 16, "size of ioasid_mock_entry");
_Static_assert(sizeof(struct ioasid_mock_pasid_entry) == 16, "size of ioasid_mock_pasid_entry");
_Static_assert(sizeof(struct ioasid_mock_command) == 40, "size of ioasid_mock_command");
_Static_assert(sizeof(struct ioasid_mock_event) == 32, "size of ioasid_mock_event");
_Static_assert(sizeof(struct ioasid_mock_registers) == 32, "size of ioasid_mock_registers");
#endif

#ifdef __cplusplus
}
#endif

#endif /* IOASID_MOCK_FORMATS_H */
