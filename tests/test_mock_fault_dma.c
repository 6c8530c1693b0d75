/* DMA of the mock's devices that asks for its pages. S18. */
#include "tests/harness.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tests/mock_faults.h"

#define LAST  IOASID_BE_FAULT_LAST
#define WRITE IOASID_BE_FAULT_WRITE

struct asker {
	struct rig *rig;
	struct ioasid_mock_dma dma;
	unsigned char bytes[2];
};

static void *asks(void *arg)
{
	struct asker *a = arg;

	CHECK_EQ(a->rig->control->dma(a->rig->mock, &a->dma), 0);
	return NULL;
}

/* Two bytes over the border of two pages, neither of them there. */
static pthread_t start(struct asker *a, struct rig *rig)
{
	pthread_t thread;

	a->rig = rig;
	memset(a->bytes, 0xdd, sizeof(a->bytes));
	a->dma = rig_dma_args(0, 1, IOASID_MOCK_DMA_WRITE | IOASID_MOCK_DMA_ASK, FAULTS_IOVA + RIG_PAGE - 1,
			      a->bytes, sizeof(a->bytes));
	REQUIRE_EQ(pthread_create(&thread, NULL, asks, a), 0);
	return thread;
}

static struct ioasid_be_page_request wait_for_request(struct faults_scene *s)
{
	struct ioasid_be_page_request record = { .handle = 0 };

	while (!faults_read(&s->rig, s->queue, &record, 1))
		usleep(100);
	return record;
}

static void dma_that_asks_goes_on_when_its_page_is_there(void)
{
	struct faults_scene s;
	struct asker a;
	pthread_t thread;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	thread = start(&a, &s.rig);
	for (unsigned int i = 0; i < 2; i++) {
		struct ioasid_be_page_request record = wait_for_request(&s);

		CHECK_EQ(record.address, FAULTS_IOVA + i * RIG_PAGE);
		CHECK_EQ(record.flags, LAST | WRITE | IOASID_BE_FAULT_PASID);
		rig_map(&s.rig, s.as, record.address, i);
		CHECK_EQ(faults_respond(&s.rig, s.queue, record.handle, IOASID_BE_RESPOND_SUCCESS), 0);
	}
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(a.dma.done, 2);
	CHECK_EQ(a.dma.asked, 2);
	CHECK_EQ(rig_page(&s.rig, 0)[RIG_PAGE - 1], 0xdd);
	CHECK_EQ(rig_page(&s.rig, 1)[0], 0xdd);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	CHECK_EQ(rig_unmap(&s.rig, s.as, FAULTS_IOVA, 2 * RIG_PAGE), 2 * RIG_PAGE);
	faults_scene_close(&s);
}

/* One that is told INVALID stops at once; one that is told of pages that are not there stops after a while. */
static void dma_that_is_refused_ends_with_its_fault(void)
{
	struct faults_scene s;
	struct asker a;
	pthread_t thread;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	thread = start(&a, &s.rig);
	CHECK_EQ(faults_respond(&s.rig, s.queue, wait_for_request(&s).handle, IOASID_BE_RESPOND_INVALID), 0);
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(a.dma.answer, IOASID_BE_RESPOND_INVALID);
	CHECK_EQ(a.dma.done, 0);
	thread = start(&a, &s.rig);
	for (uint32_t i = 0; i < IOASID_MOCK_ASK_MAX; i++)
		CHECK_EQ(faults_respond(&s.rig, s.queue, wait_for_request(&s).handle, 0), 0);
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(a.dma.asked, IOASID_MOCK_ASK_MAX);
	/* A park answers too. */
	thread = start(&a, &s.rig);
	wait_for_request(&s);
	CHECK_EQ(rig_park(&s.rig, 0, 1, 0), 0);
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(a.dma.answer, IOASID_BE_RESPOND_FAILURE);
	CHECK_EQ(a.dma.fault, IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

static void dma_without_the_option_or_without_a_queue_faults_at_once(void)
{
	struct faults_scene s;
	unsigned char byte = 0;
	struct ioasid_mock_dma dma;
	uint64_t token;

	faults_scene_open(&s, "devices=2 ats=on pri=on mock1.pri=off", 0);
	CHECK_EQ(rig_read_fault(&s.rig, 0, 1, FAULTS_IOVA), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(faults_pages(&s.rig, 0).by_iommu, 0);
	dma = rig_dma_args(0, 2, IOASID_MOCK_DMA_READ | IOASID_MOCK_DMA_ASK, FAULTS_IOVA, &byte, 1);
	CHECK_EQ(s.rig.control->dma(s.rig.mock, &dma), 0);
	CHECK_EQ(dma.fault, IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(dma.asked, 0);
	CHECK_EQ(s.rig.control->dma_begin(s.rig.mock, &dma, &token), IOASID_BE_EINVAL);
	CHECK_EQ(faults_ask(&s.rig, 1, 1, 1, FAULTS_IOVA, LAST), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(faults_ask(&s.rig, 2, 1, 1, FAULTS_IOVA, LAST), IOASID_BE_ENODEV);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, IOASID_MOCK_GROUP_DMA, FAULTS_IOVA, LAST), IOASID_BE_EINVAL);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, IOASID_BE_FAULT_PASID), IOASID_BE_EINVAL);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	faults_scene_close(&s);
}

static const struct test_case cases[] = {
	{ "DMA that asks goes on when its page is there", dma_that_asks_goes_on_when_its_page_is_there },
	{ "DMA that is refused ends with its fault", dma_that_is_refused_ends_with_its_fault },
	{ "DMA without the option or without a queue faults at once",
	  dma_without_the_option_or_without_a_queue_faults_at_once },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_fault_dma", cases, argc, argv);
}
