/*
 * An object of a contestant that keeps objects; the file that includes this defines map_node before.
 */
#include <stdint.h>

struct store;

struct obj {
	struct store *store;
	void *data;
	uint32_t refs, state, id;
	uint32_t spid; /* the number + 1, 0: none */
	struct obj *prev, *next; /* of the store's list */
	map_node id_node, spid_node;
};
