/* Page requests, as tests of the mock make, read and answer them. */
#ifndef IOASID_TESTS_MOCK_FAULTS_H
#define IOASID_TESTS_MOCK_FAULTS_H

#include "tests/mock_rig.h"

#define FAULTS_CONFIG "ats=on pri=on"
#define FAULTS_COOKIE UINT64_C(0xfa017)
#define FAULTS_IOVA   UINT64_C(0x10000)

/* A queue, whose descriptor goes to @fd (may be NULL), and an address space that uses it. */
struct ioasid_be_faultq *faults_queue(struct rig *rig, uint32_t depth, int32_t *fd);
struct ioasid_be_as *faults_space(struct rig *rig, struct ioasid_be_faultq *queue);

/* A machine with mock0, and PASID 1 of it on an address space with a queue. */
struct faults_scene {
	struct rig rig;
	struct ioasid_be_faultq *queue;
	struct ioasid_be_as *as;
};

void faults_scene_open(struct faults_scene *s, const char *config, uint32_t depth);

/* Ends all of it; PASID 1 has to be detached. */
void faults_scene_close(struct faults_scene *s);

/* One request of a device. Answers the control interface's answer. */
int32_t faults_ask(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t group, uint64_t address,
		   uint32_t flags);

/* How a group was answered; fails the case if it was not. */
struct ioasid_mock_page_answer faults_answer(struct rig *rig, uint32_t device, uint32_t pasid,
					     uint32_t group);

/* Reads up to @most records, answers how many; a read that fails counts as a failed check. */
uint32_t faults_read(struct rig *rig, struct ioasid_be_faultq *queue, struct ioasid_be_page_request *records,
		     uint32_t most);
int32_t faults_respond(struct rig *rig, struct ioasid_be_faultq *queue, uint64_t handle, uint32_t code);

struct ioasid_mock_pages faults_pages(struct rig *rig, uint32_t device);

#endif
