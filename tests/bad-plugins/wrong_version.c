/* Speaks only versions that the host does not. */
#include "plugin.h"

int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *query, struct ioasid_be_reply *reply)
{
	(void)query;
	say(reply->reason, "this plugin needs 1.9");
	return IOASID_BE_EPROTONOSUPPORT;
}
