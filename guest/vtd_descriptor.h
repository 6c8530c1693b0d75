/* One invalidation descriptor on its way from words to what it says. */
#ifndef IOASID_GUEST_VTD_DESCRIPTOR_PRIVATE_H
#define IOASID_GUEST_VTD_DESCRIPTOR_PRIVATE_H

#include "guest.h"

struct parse {
	const struct ioasid_guest_vtd_unit *unit;
	struct ioasid_guest_error *error;
	uint64_t word[4]; /* the last two 0 for a descriptor of 16 bytes */
	struct ioasid_guest_vtd_invalidation made;
};

/* Fills in `made`. Return: 0, or -EBADMSG. */
int ioasid_guest_descriptor_parse(struct parse *parse, uint32_t width);

#endif
