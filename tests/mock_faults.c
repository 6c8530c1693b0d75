/* Page requests of the mock; see mock_faults.h. */
#include "tests/mock_faults.h"

#include "tests/harness.h"

struct ioasid_be_faultq *faults_queue(struct rig *rig, uint32_t depth, int32_t *fd)
{
	const struct ioasid_be_queue_args args = { .struct_size = sizeof(args),
						   .depth = depth,
						   .cookie = FAULTS_COOKIE };
	struct ioasid_be_faultq *queue = NULL;
	int32_t got = -2;

	REQUIRE_EQ(rig->fault->create(rig->ctx, &args, &queue, &got), 0);
	if (fd)
		*fd = got;
	return queue;
}

struct ioasid_be_as *faults_space(struct rig *rig, struct ioasid_be_faultq *queue)
{
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args),
						.uses = IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT,
						.faultq = queue };
	struct ioasid_be_as *as = NULL;

	REQUIRE_EQ(rig->paging->create(rig->ctx, &args, &as, &rig->why), 0);
	return as;
}

void faults_scene_open(struct faults_scene *s, const char *config, uint32_t depth)
{
	rig_open(&s->rig, config, 1);
	s->queue = faults_queue(&s->rig, depth, NULL);
	s->as = faults_space(&s->rig, s->queue);
	REQUIRE_EQ(rig_attach(&s->rig, 0, 1, s->as, NULL), 0);
}

void faults_scene_close(struct faults_scene *s)
{
	CHECK_EQ(s->rig.paging->destroy(s->as), 0);
	CHECK_EQ(s->rig.fault->destroy(s->queue), 0);
	rig_close(&s->rig);
}

int32_t faults_ask(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t group, uint64_t address,
		   uint32_t flags)
{
	const struct ioasid_mock_page_request request = { .struct_size = sizeof(request),
							  .device = device,
							  .pasid = pasid,
							  .group = group,
							  .address = address,
							  .flags = flags };

	return rig->control->page_request(rig->mock, &request);
}

struct ioasid_mock_page_answer faults_answer(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t group)
{
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };

	CHECK_EQ(rig->control->page_response(rig->mock, device, pasid, group, 0, &answer), 0);
	return answer;
}

uint32_t faults_read(struct rig *rig, struct ioasid_be_faultq *queue, struct ioasid_be_page_request *records,
		     uint32_t most)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*records), .count = most, .items = records
	};

	CHECK_EQ(rig->fault->read(queue, &batch), 0);
	return batch.done;
}

int32_t faults_respond(struct rig *rig, struct ioasid_be_faultq *queue, uint64_t handle, uint32_t code)
{
	struct ioasid_be_page_response response = { .handle = handle, .code = code };
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(response), .count = 1, .items = &response
	};
	int32_t rc = rig->fault->respond(queue, &batch);

	CHECK_EQ(batch.done, rc == 0);
	return rc;
}

struct ioasid_mock_pages faults_pages(struct rig *rig, uint32_t device)
{
	struct ioasid_mock_pages pages = { .struct_size = sizeof(pages) };

	CHECK_EQ(rig->control->pages(rig->mock, device, &pages), 0);
	return pages;
}
