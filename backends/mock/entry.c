/* The plugin's one exported symbol: negotiation. Stateless. */
#include <stddef.h>

#include "machine.h"
#include "structs.h"

static bool speaks(const struct ioasid_be_query *query, uint32_t minor)
{
	return query->minor_min <= minor && minor <= query->minor_max;
}

int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *from, struct ioasid_be_reply *reply)
{
	struct ioasid_be_reply told = {
		.minor = IOASID_BE_MINOR,
		.flags = IOASID_BE_REPLY_SOFTWARE,
		.core = &mock_core_ops,
		.name = "mock",
		.vendor = PACKAGE_STRING,
	};
	struct ioasid_be_query query;
	int32_t rc = wire_struct_in(&query, sizeof(query), from);

	if (rc)
		return rc;
	if (query.reserved[0] || query.reserved[1] || !reply)
		return IOASID_BE_EINVAL;
	if (reply->struct_size >= offsetof(struct ioasid_be_reply, reason) + sizeof(reply->reason))
		told.reason = reply->reason;
	if (query.major != IOASID_BE_MAJOR || !speaks(&query, IOASID_BE_MINOR))
		return wire_why(told.reason, IOASID_BE_EPROTONOSUPPORT,
				"the mock speaks version %u.%u, the host %u.%u to %u.%u", IOASID_BE_MAJOR,
				IOASID_BE_MINOR, query.major, query.minor_min, query.major, query.minor_max);
	return wire_struct_out(reply, sizeof(told), &told);
}
