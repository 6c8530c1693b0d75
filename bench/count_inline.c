/*
 * A find as it is expanded in its caller, for ioasid-count.
 */
#include <ioasid/inline.h>

int expanded(struct ioasid_set *set, ioasid_t id);
int expanded(struct ioasid_set *set, ioasid_t id)
{
	void *data;

	return ioasid_find(set, id, NULL, &data);
}
