/*
 * An emulated VT-d unit, as far as decoding its guest's structures depends on it.
 *
 * Names of fields in capitals are those of the VT-d specification. What the unit does not announce in CAP and
 * ECAP is reserved to the guest, and refused.
 *
 * Every function of the library reads a const unit and writes only to its own arguments, so all of them may
 * run beside each other in any number of threads, in any context where the memory callback may run; none
 * waits for anything but the callback; none depends on the other library, libioasid.
 */
#ifndef IOASID_GUEST_VTD_UNIT_H
#define IOASID_GUEST_VTD_UNIT_H

#include <stdint.h>

#include <ioasid-guest/error.h>
#include <ioasid-guest/memory.h>
#include <ioasid/export.h>

IOASID_BEGIN_DECLS

struct ioasid_guest_vtd_unit {
	uint64_t cap;                      /* CAP_REG as the guest reads it */
	uint64_t ecap;                     /* ECAP_REG as the guest reads it */
	struct ioasid_guest_memory memory; /* read may be NULL where nothing is read */
	uint32_t address_bits;             /* width of guest physical addresses: 32 ... 52 */
	uint32_t reserved;                 /* 0 */
};

/* No PASID: a request that carries none. */
#define IOASID_GUEST_VTD_NO_PASID UINT32_C(0xffffffff)

/**
 * ioasid_guest_vtd_unit_check() - Tell whether a unit's description can be.
 * @unit: the unit
 *
 * All other functions make this check themselves.
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: NULL, a width out of range, reserved not 0, or PASIDs of more than 20 bits (ECAP.PSS).
 */
IOASID_API int ioasid_guest_vtd_unit_check(const struct ioasid_guest_vtd_unit *unit);

/**
 * ioasid_guest_vtd_unit_pasids() - Tell how many PASIDs a unit's guest may use.
 * @unit: the unit
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 2^(ECAP.PSS + 1), at most 2^20; 0 without ECAP.PASID, or if the unit cannot be.
 */
IOASID_API uint32_t ioasid_guest_vtd_unit_pasids(const struct ioasid_guest_vtd_unit *unit);

/**
 * ioasid_guest_vtd_unit_domains() - Tell how many domain ids a unit's guest may use.
 * @unit: the unit
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 2^(2 * CAP.ND + 4), at most 2^16; 0 if the unit cannot be.
 */
IOASID_API uint32_t ioasid_guest_vtd_unit_domains(const struct ioasid_guest_vtd_unit *unit);

IOASID_END_DECLS

#endif
