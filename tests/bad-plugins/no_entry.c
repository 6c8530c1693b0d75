/* Has no entry, only something of a similar name. */
#include "plugin.h"

int32_t ioasid_backend_entry_v0(void);

int32_t ioasid_backend_entry_v0(void)
{
	return 0;
}
