/* A scene for DMA in flight; see mock_scene.h. */
#include "tests/mock_scene.h"

#include <string.h>

#include "tests/harness.h"

void mock_scene_open(struct mock_scene *s, const char *config)
{
	memset(s, 0, sizeof(*s));
	rig_open(&s->rig, config, 1);
	s->a = rig_space(&s->rig, IOASID_BE_USE_PASID);
	s->b = rig_space(&s->rig, IOASID_BE_USE_PASID);
	rig_map(&s->rig, s->a, SCENE_IOVA, 0);
	rig_map(&s->rig, s->b, SCENE_IOVA, 1);
	CHECK_EQ(rig_attach(&s->rig, 0, 1, s->a, NULL), 0);
	memset(s->buffer, 0xdd, sizeof(s->buffer));
}

void mock_scene_close(struct mock_scene *s)
{
	if (rig_slot(&s->rig, 0, 1).state != IOASID_MOCK_SLOT_FREE)
		CHECK_EQ(rig_detach(&s->rig, 0, 1, 0), 0);
	CHECK_EQ(s->rig.paging->destroy(s->a), 0);
	CHECK_EQ(s->rig.paging->destroy(s->b), 0);
	CHECK_EQ(rig_live(&s->rig).in_flight, 0);
	rig_close(&s->rig);
}

void mock_scene_begin(struct mock_scene *s, uint32_t flags)
{
	s->token = rig_begin(&s->rig, 0, 1, flags, SCENE_IOVA, s->buffer, sizeof(s->buffer));
}
