/*
 * What the files of libioasid-guest share: bytes to words, bits, errors, reads of guest memory.
 *
 * Everything that leaves the guest's hands goes through load64() once, into variables of ours; nothing is
 * decoded in place.
 */
#ifndef IOASID_GUEST_PRIVATE_H
#define IOASID_GUEST_PRIVATE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ioasid-guest/guest.h>

#define BIT(n)         (UINT64_C(1) << (n))
/* Bits high ... low. */
#define BITS(high, low) ((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))
#define PAGE_BITS      BITS(11, 0)

/* CAP_REG and ECAP_REG: what decoding depends on. */
#define CAP_PSI     BIT(39)
#define CAP_FS5LP   BIT(60)
#define ECAP_DT     BIT(2)
#define ECAP_IR     BIT(3)
#define ECAP_PT     BIT(6)
#define ECAP_SC     BIT(7)
#define ECAP_MTS    BIT(25)
#define ECAP_NEST   BIT(26)
#define ECAP_PRS    BIT(29)
#define ECAP_ERS    BIT(30)
#define ECAP_SRS    BIT(31)
#define ECAP_EAFS   BIT(34)
#define ECAP_PASID  BIT(40)
#define ECAP_DIT    BIT(41)
#define ECAP_PDS    BIT(42)
#define ECAP_SMTS   BIT(43)
#define ECAP_SSADS  BIT(45)
#define ECAP_SSTS   BIT(46)
#define ECAP_FSTS   BIT(47)
#define ECAP_SMPWCS BIT(48)
#define ECAP_RPS    BIT(49)

#define PASID_MAX  UINT32_C(0xfffff)
#define SOURCE_MAX UINT32_C(0xffff)

/* Fault reasons: one group of eight for each structure, in this order (VT-d specification, fault reasons of
 * scalable mode). */
#define REASON_ROOT_TABLE UINT32_C(0x30)
#define REASON_TTM        UINT32_C(0x31)
#define REASON_ROOT       UINT32_C(0x38)
#define REASON_CONTEXT    UINT32_C(0x40)
#define REASON_DIRECTORY  UINT32_C(0x50)
#define REASON_ENTRY      UINT32_C(0x58)
#define REASON_ACCESS   UINT32_C(0) /* offsets within a group */
#define REASON_ABSENT   UINT32_C(1)
#define REASON_RESERVED UINT32_C(2)
#define REASON_INVALID  UINT32_C(3)
#define REASON_PASID_OFF  UINT32_C(0x45)
#define REASON_PASID_MAX  UINT32_C(0x46)
#define REASON_RID_PASID  UINT32_C(0x48)

/* IQERCD_REG.IQEI. */
#define IQEI_TAIL       UINT32_C(1)
#define IQEI_FETCH      UINT32_C(2)
#define IQEI_TYPE       UINT32_C(3)
#define IQEI_RESERVED   UINT32_C(4)
#define IQEI_WIDTH      UINT32_C(5)
#define IQEI_MISALIGNED UINT32_C(6)

static inline bool has(uint64_t word, uint64_t bits)
{
	return (word & bits) == bits;
}

static inline uint32_t field(uint64_t word, unsigned int high, unsigned int low)
{
	return (uint32_t)(word >> low & BITS(high - low, 0));
}

static inline uint64_t load64(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < 8; i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

static inline void store64(uint8_t *bytes, uint64_t word)
{
	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(word >> 8 * i);
}

/* Bits of an address that the unit does not have. */
static inline uint64_t beyond(const struct ioasid_guest_vtd_unit *unit)
{
	return ~BITS(unit->address_bits - 1, 0);
}

/* What is wrong, told in one go: writes *@error if there is one. Return: the answer of the code. */
int ioasid_guest_fail(struct ioasid_guest_error *error, struct ioasid_guest_error what);

/* -EINVAL for an argument of the caller. */
int ioasid_guest_fail_call(struct ioasid_guest_error *error);

/* Puts the address of a structure, and QUIET, to what a decoder told. Return: @rc. */
int ioasid_guest_placed(struct ioasid_guest_error *error, int rc, uint64_t address, bool quiet);

/*
 * Reads a structure. @where and @reason: what is told if that fails.
 *
 * Return: 0, or -EFAULT; the callback is not asked for what lies beyond the unit's width.
 */
int ioasid_guest_read(const struct ioasid_guest_vtd_unit *unit, uint64_t address, uint8_t *bytes,
		      uint32_t length, uint32_t where, uint32_t reason, struct ioasid_guest_error *error);

/* A structure that points at another one: its words, and what is told of it. */
struct ioasid_guest_words {
	uint32_t where;
	uint32_t reason; /* first of its group */
	struct ioasid_guest_error *error;
	uint64_t word[8];
	uint32_t count;
};

void ioasid_guest_words_load(struct ioasid_guest_words *words, const uint8_t *bytes, uint32_t count);
/* -EBADMSG if one of these bits of a word is set. */
int ioasid_guest_words_reserved(const struct ioasid_guest_words *words, uint32_t word, uint64_t bits);
/* -EBADMSG if a page address in a word is beyond the unit's width. */
int ioasid_guest_words_address(const struct ioasid_guest_words *words, uint32_t word,
			       const struct ioasid_guest_vtd_unit *unit);
/* -EBADMSG for a field with a value that cannot be. */
int ioasid_guest_words_value(const struct ioasid_guest_words *words, uint32_t word, uint64_t bits);
/* -ENOENT. */
int ioasid_guest_words_absent(const struct ioasid_guest_words *words);

#endif
