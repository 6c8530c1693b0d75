/* Answers a positive errno. */
#include "plugin.h"

int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *query, struct ioasid_be_reply *reply)
{
	(void)query;
	(void)reply;
	return 22;
}
