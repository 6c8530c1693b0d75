/* The contract suite on a mock whose guests may own PASID tables, and which hands out IDs. */
#include "tests/contract_mock.h"

int main(int argc, char **argv)
{
	return contract_mock_main("guest_tables=on owner=either ids=256 ats=on pri=on", false,
				  CONTRACT_MOCK_ALL | CONTRACT_MOCK_GUEST, 1, argc, argv);
}
