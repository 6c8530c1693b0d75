/*
 * Stress: every operation of the core at random from many threads, against models that know what must not
 * happen.
 *
 * Three models look at it.
 *  - Each thread has a set of its own (stress_solo.c) that it alone works on, and predicts every answer,
 *    count and event of it exactly, while all others attack its IDs with the wrong set. What another set's
 *    owner could change shows as a wrong prediction (S2.6).
 *  - All threads work on shared sets (stress_shared.c), which die and are born again. Subscribers of the
 *    whole pool (stress_events.c) check the grammar of each life (S7.1), that events of an ID, or of a SPID,
 *    do not overlap (S7.5, S6.4), that FREE comes once, that no ID begins a life while somebody holds a
 *    reference to it (S3.4, S4.5), or while it is reserved.
 *  - Now and then everybody stops (stress_check.c), and every reference, every count and what the pool
 *    promises has to be exact (S1.3, S13.1).
 */
#ifndef IOASID_TESTS_STRESS_H
#define IOASID_TESTS_STRESS_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

#define CAPACITY 2048u
#define WINDOW 160u /* the shared sets fight for the IDs 1 ... WINDOW */
#define SLOTS 4u    /* shared sets */
#define SPIDS 12u   /* numbers that they use */
#define THREADS_MAX 64u
#define HELD_MAX 24u
#define SEEN_MAX 512u
#define SOLO_QUOTA 20u
#define SOLO_SPIDS 40u
#define RESERVED_MIN 1500u /* this range is reserved and given back by one thread */
#define RESERVED_MAX 1563u

/* Private data of shared IDs, malloc'd: what is looked at after it was let go shows as a wrong magic, or to a
 * sanitizer. */
struct cell {
	uint64_t magic;
	unsigned int slot;
};
#define CELL_MAGIC UINT64_C(0x10a51d0c0ffee)

/* A place for a shared set, which comes and goes. */
struct slot {
	unsigned int index;
	uint32_t quota;
	uint32_t mode;
	uint64_t token;	      /* 0: not found by token, so nobody sees it before it is configured */
	pthread_mutex_t lock; /* for slots without token: of `set` */
	_Atomic(struct ioasid_set *) set;   /* its creator's reference; NULL: none */
	_Atomic(struct ioasid_set *) ready; /* the set, once it has its release function */
};

/* What one ID does, as the subscribers see it. */
enum life {
	LIFE_NONE,
	LIFE_ALLOC,
	LIFE_BIND,
	LIFE_SILENT = 4, /* a bit: of a set that does not tell FREE */
};

struct world {
	struct ioasid_pool *pool;
	struct ioasid_set *root;
	struct slot slots[SLOTS];
	uint64_t seed;
	unsigned int threads;

	_Atomic uint8_t first[CAPACITY];     /* enum life, as the first in the order is told */
	_Atomic uint8_t last[CAPACITY];	     /* as the last one is */
	_Atomic uint64_t progress[CAPACITY]; /* thread << 8 | event that is being delivered; 0: none */
	_Atomic uint64_t named[CAPACITY];    /* set and SPID that this event names */
	_Atomic uint32_t spid[CAPACITY];
	_Atomic(struct ioasid_set *) owner[CAPACITY];
	_Atomic uint32_t holders[CAPACITY]; /* counted references whose holder knows that it has one */
	_Atomic uint8_t reserved[CAPACITY];
	/* Sets that do not tell FREE: the shared one, which lives as long as the stress, and those of
	 * threads. */
	_Atomic(struct ioasid_set *) silent[THREADS_MAX + 1];

	atomic_ullong cells_made, cells_gone, work_queued, work_done, events, vetoes;
	atomic_bool stop;
};

/* A counted reference that a thread has. The reference keeps the set's memory, alive or not. */
struct held {
	struct ioasid_set *set;
	ioasid_t id;
};

/* What the model of a thread's own set says of one ID. */
struct solo_id {
	uint8_t state; /* FREE, ACTIVE, PENDING */
	uint32_t refs;
	uint32_t spid; /* IOASID_SPID_NONE */
	void *data;
	ioasid_handle_t handle; /* of the last life */
};

enum { FREE, ACTIVE, PENDING };

struct seen {
	uint32_t event;
	ioasid_t id;
	uint32_t spid;
	void *data;
};

/* A subscriber that comes and goes. */
struct transient {
	struct ioasid_notifier block;
	atomic_bool active;
	char name[24]; /* how it subscribed, for messages */
	_Atomic uint8_t life[CAPACITY];
	_Atomic uint8_t inside[CAPACITY];
};

struct me {
	unsigned int index;
	uint64_t seed;
	const char *op;
	atomic_ullong ops;
	struct held held[HELD_MAX];
	unsigned int held_count;
	struct transient *transient;
	struct ioasid_work work[4];
	unsigned int depth; /* of handlers: 1 at most */
	bool in_range;	    /* allocates a range */

	struct ioasid_set *solo;
	struct ioasid_notifier solo_block;
	struct solo_id ids[CAPACITY];
	uint32_t solo_quota;
	uint32_t solo_held;
	uint32_t solo_pending;
	int solo_veto; /* the event that the next delivery vetoes */
	bool solo_silent;
	_Atomic ioasid_t handed_over; /* freed in a read section, and not told yet */
	struct seen seen[SEEN_MAX];
	unsigned int seen_count;
};

extern struct world world;
extern struct me *everybody[THREADS_MAX];
extern _Thread_local struct me *me;

/* Says what is wrong, and ends the program. */
_Noreturn void broken(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define MUST(condition, ...) \
	do { \
		if (!(condition)) \
			broken(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)
/* The answer has to be one of those given. */
void must_be_one_of(const char *file, int line, const char *call, int got, const int *allowed,
		    unsigned int count);
#define ONE_OF(got, ...) \
	must_be_one_of(__FILE__, __LINE__, #got, (got), (const int[]){ __VA_ARGS__ }, \
		       (unsigned int)(sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int)))

uint32_t chance(uint32_t below);

/* stress_events.c */
void events_begin(void);
void events_end(void);
void transient_init(struct transient *t, unsigned int scope, uint32_t flags);
bool set_is_silent(const struct ioasid_set *set);

/* stress_solo.c */
void solo_begin(void);
void solo_step(void);
void solo_end(void);
/* Is it the set of the thread itself, in one of its own handlers? */
bool solo_is(const struct ioasid_set *set);

/* stress_solo_ids.c */
void solo_alloc(void);
void solo_free(void);
void solo_get(void);
void solo_put(void);
void solo_attach_spid(void);
void solo_detach_spid(void);
void solo_find_by_spid(void);
void solo_data(void);
void solo_look(void);
/* Nothing was told during the last call. */
void solo_saw_nothing(void);
/* What the model says of an ID after a free, and after its reclaim. */
void solo_model_free(ioasid_t id);
void solo_model_reclaim(ioasid_t id);
/* Waits until the library has done what others hold up. */
void solo_settle(ioasid_t id);
void solo_check_answer(const char *what, ioasid_t id, int got, int want);

/* stress_ops.c */
ioasid_t any_id(void);
void put_one(void);
void get_one(struct ioasid_set *set, ioasid_t id);
void find_number(struct ioasid_set *set);
void alloc_one(struct slot *slot, struct ioasid_set *set);
void alloc_several(struct ioasid_set *set);
void name_one(struct ioasid_set *set);
void look_one(struct ioasid_set *set);
void change_data(struct slot *slot, struct ioasid_set *set);
void by_handle(struct ioasid_set *set);
void of_the_set(struct slot *slot, struct ioasid_set *set);
void attack(struct ioasid_set *set);
/* Notes a counted reference that the thread has got. */
void hold(struct ioasid_set *set, ioasid_t id);

/* stress_shared.c */
void shared_begin(void);
void shared_step(void);
/* Drops what the thread holds. */
void shared_end(void);
/* Kills the shared sets. */
void shared_kill(void);
/* A little that a handler, or a work item, does to a shared set. */
void meddle(struct ioasid_set *set, ioasid_t told_of, bool alloc);

/* stress_slots.c */
struct ioasid_set *slot_take(struct slot *slot);
void slot_bear(struct slot *slot);
void slot_kill(struct slot *slot, bool last_one);
struct cell *cell_make(struct slot *slot, struct ioasid_set *set);
void cell_look(const void *data);
void cell_drop(void *data);

/* stress_check.c: nobody is inside a call. */
void check_all(void);
/* Everything has been given back. */
void check_empty(void);

#endif
