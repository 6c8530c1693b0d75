/* The contract suite on a mock that has little: narrow PASIDs, batches of two, a reserved window, no
 * permissions, no nesting. */
#include "tests/contract_mock.h"

int main(int argc, char **argv)
{
	return contract_mock_main("iommus=2 pasid_bits=8 iova_bits=39 max_batch=8 exec=off priv=off rid=off hitless=off block=off "
				  "reserved=0xfee00000-0xfeefffff without=nested,invalidate,fault,dirty", false,
				  IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID, 2, argc, argv);
}
