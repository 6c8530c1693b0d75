/*
 * Out-of-line forms of what the headers could have had inline, for languages that bind to symbols.
 */
#include <ioasid/types.h>

ioasid_spid_t ioasid_spid_make(uint32_t value)
{
	ioasid_spid_t spid = { value };

	return spid;
}
