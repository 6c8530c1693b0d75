/* A scene for DMA in flight: one device, one PASID, two address spaces. */
#ifndef IOASID_TESTS_MOCK_SCENE_H
#define IOASID_TESTS_MOCK_SCENE_H

#include "tests/mock_rig.h"

#define SCENE_IOVA UINT64_C(0x10000)

/* Two address spaces with a page each, PASID 1 on the first. */
struct mock_scene {
	struct rig rig;
	struct ioasid_be_as *a; /* page 0 at SCENE_IOVA */
	struct ioasid_be_as *b; /* page 1 at SCENE_IOVA */
	unsigned char buffer[16];
	uint64_t token;
	uint32_t fault; /* what a hook saw */
};

/* Opens a machine with mock0, and PASID 1 of it on `a`. */
void mock_scene_open(struct mock_scene *s, const char *config);

/* Detaches what is attached and checks that nothing is left. */
void mock_scene_close(struct mock_scene *s);

/* Begins DMA of the buffer, which holds 0xdd, and remembers its token. */
void mock_scene_begin(struct mock_scene *s, uint32_t flags);

#endif
