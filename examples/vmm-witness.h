/*
 * The device of vmm-sva: something that really does DMA with a PASID, to see whether it gets through. The
 * software IOMMU has one; on hardware it would be the guest's driver that starts it, so that there is nothing
 * to see here.
 */
#ifndef IOASID_EXAMPLES_VMM_WITNESS_H
#define IOASID_EXAMPLES_VMM_WITNESS_H

#include <stdint.h>

#include <ioasid/ioasid.h>

struct witness;

/* Begins to write @length bytes at @address through @pasid, asking for most pages ahead, and for those that
 * are not there. */
struct witness *witness_start(struct ioasid_context *context, ioasid_t pasid, uint64_t address, uint64_t length);
/* Readable when that is over. */
int witness_fd(const struct witness *witness);
/* Looks whether it arrived in @memory; ends the program if not. */
void witness_passed(struct witness *witness, const unsigned char *memory);
/* Tries again, and looks that nothing arrives any more. The witness is gone. */
void witness_blocked(struct witness *witness, const unsigned char *memory);

#endif
