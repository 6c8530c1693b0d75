/* Refuses for a reason of its own, in words that are no text: control characters, no UTF-8, no NUL. */
#include "plugin.h"

int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *query, struct ioasid_be_reply *reply)
{
	(void)query;
	memset(reply->reason->buffer, 'x', reply->reason->capacity);
	memcpy(reply->reason->buffer, "no\nlicence \xff\xc3\xa9", 14);
	reply->reason->length = UINT32_MAX;
	return IOASID_BE_EPERM;
}
