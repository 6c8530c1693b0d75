/* One life of a context, as steps that each do one operation, so that a sweep can let each of them fail. */
#ifndef IOASID_TESTS_MOCK_LIFE_H
#define IOASID_TESTS_MOCK_LIFE_H

#include <stddef.h>

#include "tests/mock_rig.h"

/* A machine that has everything. */
#define LIFE_CONFIG "ats=on pri=on ids=64 guest_tables=on owner=either"

#define LIFE_IOVA UINT64_C(0x10000)

struct life {
	struct rig rig;
	struct ioasid_be_as *a, *b;
	struct ioasid_be_table *table;
	uint32_t world;
	struct ioasid_be_as *adopted;
	struct ioasid_be_faultq *queue;
	struct ioasid_be_as *asking;
	uint32_t id;
	struct ioasid_be_viommu *viommu;
	struct ioasid_be_vdevice *vdevice;
	struct ioasid_be_eventq *events;
	int file;
};

/* The world around the steps; the rest is made by them. */
void life_open(struct life *l, const char *config);
void life_close(struct life *l);

/* In this order each of them succeeds; one that failed without effect can be done again. */
extern int32_t (*const life_steps[])(struct life *);
extern const size_t life_step_count;

/* Steps (mock_life_more.c). */
int32_t life_dirty_start(struct life *l);
int32_t life_dirty_stop(struct life *l);
int32_t life_dirty_read(struct life *l);
int32_t life_dirty_read_clear(struct life *l);
int32_t life_id_alloc(struct life *l);
int32_t life_id_free(struct life *l);
int32_t life_queue_create(struct life *l);
int32_t life_create_asking(struct life *l);
int32_t life_attach_asking(struct life *l);
int32_t life_request(struct life *l);
int32_t life_fault_read(struct life *l);
int32_t life_respond(struct life *l);
int32_t life_detach_asking(struct life *l);
int32_t life_destroy_asking(struct life *l);
int32_t life_queue_destroy(struct life *l);
int32_t life_viommu_create(struct life *l);
int32_t life_vdevice_create(struct life *l);
int32_t life_eventq_create(struct life *l);
int32_t life_entry_attach(struct life *l);
int32_t life_event(struct life *l);
int32_t life_event_read(struct life *l);
int32_t life_raw(struct life *l);
int32_t life_entry_set(struct life *l);
int32_t life_entry_detach(struct life *l);
int32_t life_eventq_destroy(struct life *l);
int32_t life_vdevice_destroy(struct life *l);
int32_t life_viommu_destroy(struct life *l);

#endif
