/* The contract suite on a mock that leaves draining and invalidating to the host, with two IOMMUs. */
#include "tests/contract_mock.h"

int main(int argc, char **argv)
{
	return contract_mock_main("iommus=2 separate_drain=on separate_invalidate=on ats=on pri=on hitless=off shares_tables=off",
				  true,
				  CONTRACT_MOCK_ALL, 2, argc, argv);
}
