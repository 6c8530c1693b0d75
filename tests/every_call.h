/*
 * Every function of the core, callable in one go: for what is said of all of them, in a handler, after fork,
 * or with a cancellation pending.
 */
#ifndef IOASID_TESTS_EVERY_CALL_H
#define IOASID_TESTS_EVERY_CALL_H

#include "scene.h"

/* What the calls work on, and where their answers go. */
struct every {
	struct ioasid_pool *pool;
	struct ioasid_pool *quiet; /* without workers */
	struct ioasid_set *root;
	struct ioasid_set *set;
	ioasid_t id;		/* ACTIVE, with data, a SPID and a counted reference */
	ioasid_t blank;		/* ACTIVE, without any of these */
	ioasid_t unknown;	/* FREE */
	ioasid_handle_t handle; /* of id */
	uint32_t spid;
	struct watcher watcher; /* registered on set */
	struct watcher token;	/* registered for token 77 */
	struct watcher other;	/* not registered */
	struct ioasid_allocator allocator;
	struct ioasid_work work;
	int data;
	struct recorder rec;
	/* Answers that nobody looks at. */
	ioasid_t got_id;
	struct ioasid_set *got_set;
	struct ioasid_set *new_set;
	struct ioasid_pool *got_pool;
	void *got_data;
	uint32_t got_number;
	uint64_t got_token;
	ioasid_spid_t got_spid;
	ioasid_handle_t got_handle;
	struct ioasid_stats got_stats;
};

enum every_kind {
	EVERY_WAITS,   /* changes something or waits: not in a restricted context, nor after fork */
	EVERY_COUNTS,  /* changes nothing, but takes short locks: not after fork */
	EVERY_WALKS,   /* changes nothing, but calls back: not in a restricted context */
	EVERY_CHANGES, /* allowed in a restricted context, but changes something: not after fork */
	EVERY_LOOKS,   /* changes nothing: allowed everywhere */
};

struct every_call {
	const char *name;
	int (*call)(struct every *e);
	enum every_kind kind;
};

extern const struct every_call every_call[];
extern const unsigned int every_call_count;

void every_begin(struct every *e);
/* The function in the row of this name. */
int (*every_call_named(const char *name))(struct every *e);
/* Takes everything down after all calls were made, in the order of the table, and allowed. */
void every_end_spent(struct every *e);
/* Checks that nothing was changed by calls that were refused, and takes it all down. */
void every_end(struct every *e);

#endif
