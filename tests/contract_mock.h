/* The contract suite on the mock. */
#ifndef IOASID_TESTS_CONTRACT_MOCK_H
#define IOASID_TESTS_CONTRACT_MOCK_H

#include <stdatomic.h>

#include "tests/contract.h"

/* A host table, and how often a queue of a cookie said that it is ready. */
enum { CONTRACT_MOCK_COOKIES = 8 };
struct contract_mock_host {
	struct ioasid_be_host table;
	atomic_uint ready[CONTRACT_MOCK_COOKIES];
};

void contract_mock_host_init(struct contract_mock_host *host);
unsigned int contract_mock_host_ready(struct contract_mock_host *host, uint64_t cookie);

/* All that the mock has as it is, and what can be switched on. */
#define CONTRACT_MOCK_ALL \
	(IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_NESTED | IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_FAULT | \
	 IOASID_BE_IF_DIRTY)
#define CONTRACT_MOCK_GUEST (IOASID_BE_IF_VIOMMU | IOASID_BE_IF_VDEVICE | IOASID_BE_IF_TABLE | IOASID_BE_IF_EVENT | IOASID_BE_IF_ID)

/*
 * contract_mock_main() - run the suite on a mock that is configured so ("key=value key=value").
 *
 * @queue_fd: its queue gets a descriptor, else it calls `ready`. @interfaces: what has to be there with that.
 * @iommus: behind how many its two devices are.
 */
int contract_mock_main(const char *config, bool queue_fd, uint64_t interfaces, uint32_t iommus, int argc, char **argv);

#endif
