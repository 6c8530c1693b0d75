/* The contract suite on the mock as it is: two devices behind one IOMMU, with device TLBs. */
#include "tests/contract_mock.h"

int main(int argc, char **argv)
{
	return contract_mock_main("ats=on pri=on", false, CONTRACT_MOCK_ALL, 1, argc, argv);
}
