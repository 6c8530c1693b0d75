/*
 * What the tests of events share beside support.h: single calls of the library in threads of their own, and a
 * recorder that knows not only what its watchers were told and in which order, but also whether two events
 * that must not overlap did.
 */
#ifndef IOASID_TESTS_SCENE_H
#define IOASID_TESTS_SCENE_H

#include "support.h"

/* The references of an ID, alloc's included; a negative errno as it comes. */
int refs_of(struct ioasid_set *set, ioasid_t id);
ioasid_spid_t spid_of(uint32_t value);
/* ioasid_find_by_spid(), with the reference put again: the ID, or the errno. */
int find_spid(struct ioasid_set *set, uint32_t value);
/* What ioasid_spid() tells, or its errno. */
int tell_spid(struct ioasid_set *set, ioasid_t id);

/*
 * One call of the library in a thread of its own: start, and what it answered. @fn gets the three arguments;
 * most calls of the library fit with a line of adapter, some of which are below.
 */
struct call {
	struct task task;
	int answer;
	int (*fn)(struct ioasid_set *set, ioasid_t id, uint32_t value);
	struct ioasid_set *set;
	ioasid_t id;
	uint32_t value;
};
void call_start(struct call *call, int (*fn)(struct ioasid_set *set, ioasid_t id, uint32_t value),
		struct ioasid_set *set, ioasid_t id, uint32_t value);
/* Has it come to rest inside the call? False: the call has returned. */
bool call_blocked(struct call *call);
int call_join(struct call *call);
/* The same at once: runs the call in another thread and waits for it. */
int call_elsewhere(int (*fn)(struct ioasid_set *set, ioasid_t id, uint32_t value), struct ioasid_set *set,
		   ioasid_t id, uint32_t value);
int do_alloc(struct ioasid_set *set, ioasid_t id, uint32_t unused); /* the ID, or the errno */
int do_free(struct ioasid_set *set, ioasid_t id, uint32_t unused);
int do_get(struct ioasid_set *set, ioasid_t id, uint32_t unused);
int do_put(struct ioasid_set *set, ioasid_t id, uint32_t unused);
int do_refs(struct ioasid_set *set, ioasid_t id, uint32_t unused);
int do_attach(struct ioasid_set *set, ioasid_t id, uint32_t spid);
int do_detach(struct ioasid_set *set, ioasid_t id, uint32_t unused);
int do_find_spid(struct ioasid_set *set, ioasid_t unused, uint32_t spid);
int do_tell_spid(struct ioasid_set *set, ioasid_t id, uint32_t unused);
int do_set_put(struct ioasid_set *set, ioasid_t unused, uint32_t unused2);

/*
 * The recorder: what watchers were told, in order, as text to compare with. "kvm:BIND(7/40)" says that the
 * watcher kvm got BIND of the ID 7 with the SPID 40; without one the number is left out. Entries are
 * separated by one blank.
 */
#define RECORDS_MAX 4096
struct record {
	const char *who;
	uint32_t event;
	ioasid_t id;
	uint32_t spid;
	pid_t tid;
};
struct recorder {
	pthread_mutex_t lock;
	unsigned int count;
	struct record records[RECORDS_MAX];
	struct running {
		ioasid_t id;
		uint32_t spid;
		struct ioasid_set *set;
		pid_t tid;
	} running[64]; /* handlers that run now: to see that events of an ID, or of a SPID, never overlap */
	unsigned int overlaps;
};
struct watcher {
	struct ioasid_notifier block;
	const char *name;
	struct recorder *recorder;
	/* Called after the event was recorded, and what it answers is the handler's answer; NULL: 0. */
	int (*hook)(struct watcher *watcher, const struct ioasid_event *event);
	void *arg;
};
void recorder_init(struct recorder *recorder);
/* A block for the recorder; the watcher is the test's memory. */
void watcher_init(struct watcher *s, struct recorder *recorder, const char *name, uint32_t events,
		  uint32_t priority);
void watcher_join(struct watcher *s, struct ioasid_set *scope);
void watcher_leave(struct watcher *s, struct ioasid_set *scope);
/* Checks that exactly this was recorded since the last look, and that no two events overlapped. */
void check_events_at(struct recorder *recorder, const char *want, const char *file, unsigned int line);
#define CHECK_EVENTS(recorder, want) check_events_at((recorder), (want), __FILE__, __LINE__)
/* As CHECK_EVENTS(), of one watcher. What others got stays to be looked at only through other names; nothing
 * is forgotten. */
void check_events_of(struct recorder *recorder, const char *who, const char *want, const char *file,
		     unsigned int line);
#define CHECK_EVENTS_OF(recorder, who, want) check_events_of((recorder), (who), (want), __FILE__, __LINE__)
/* How often an event of an ID was recorded for a watcher; @who NULL: any. */
unsigned int events_seen(struct recorder *recorder, const char *who, uint32_t event, ioasid_t id);
/* Which thread was the first to deliver an event of an ID, 0: none. */
pid_t events_thread(struct recorder *recorder, uint32_t event, ioasid_t id);
void recorder_forget(struct recorder *recorder);

/* A hook that stops a handler at a gate, at one kind of event of one ID (0: of any); arg points to this. */
struct stop {
	uint32_t event;
	ioasid_t id;
	struct gate gate;
};
int stop_hook(struct watcher *watcher, const struct ioasid_event *event);

/* What most cases begin with: a pool, a set of token 1 and quota 100, and a watcher of all its events called
 * kvm. */
struct scene {
	struct recorder rec;
	struct watcher kvm;
	struct ioasid_pool *pool;
	struct ioasid_set *root;
	struct ioasid_set *set;
};
void scene_begin(struct scene *scene);
/* Ends the set and the pool, which nothing may hold any more. */
void scene_end(struct scene *scene);

/*
 * Work items with a number, which they write down when they run, and a gate to stop at (NULL: none). What ran
 * is in jobs_run.
 */
struct job {
	struct ioasid_work work;
	unsigned int number;
	struct gate *gate;
};
struct jobs_run {
	pthread_mutex_t lock;
	unsigned int order[4096];
	unsigned int count;
	unsigned int running; /* at this moment */
	unsigned int most;    /* at one time */
};
extern struct jobs_run jobs_run;
void jobs_clear(void);
void job_init(struct job *job, unsigned int number, struct gate *gate);

#endif
