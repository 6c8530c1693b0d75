/*
 * Stops inside the library; see stops.h.
 */
#include "stops.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libioasid/ids_scan.h"
#include "libioasid/mem.h"
#include "libioasid/park.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"

/* --- The other thread --- */

static struct {
	struct task task;
	sem_t go, gone;
	void (*step)(void); /* NULL: end */
} other;

static void other_main(void *arg)
{
	(void)arg;
	for (;;) {
		sem_wait(&other.go);
		if (!other.step)
			return;
		other.step();
		sem_post(&other.gone);
	}
}

void other_begin(void)
{
	REQUIRE_EQ(sem_init(&other.go, 0, 0), 0);
	REQUIRE_EQ(sem_init(&other.gone, 0, 0), 0);
	task_start(&other.task, other_main, NULL);
}

void elsewhere(void (*step)(void))
{
	other.step = step;
	sem_post(&other.go);
	sem_wait(&other.gone);
}

void other_end(void)
{
	other.step = NULL;
	sem_post(&other.go);
	task_join(&other.task);
}

/* --- Where a thread can be stopped --- */

unsigned int stops;

static void stop(stop_fn *at)
{
	stop_fn fn = *at;

	*at = NULL;
	if (fn) {
		stops++;
		fn();
	}
}

/* A function of the library that stops at its beginning for at_<name>. */
#define STOP(name, params, args) \
	_Thread_local stop_fn at_##name; \
	int __real_ioasid__##name params; \
	int __wrap_ioasid__##name params; \
	int __wrap_ioasid__##name params \
	{ \
		stop(&at_##name); \
		return __real_ioasid__##name args; \
	}

STOP(quota_pool_take, (struct ioasid_pool *pool, uint32_t n), (pool, n))
STOP(quota_birth, (struct ioasid_set *set, uint32_t quota), (set, quota))
STOP(ids_scan, (struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id),
     (pool, min, max, birth, id))
STOP(ids_take, (struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id),
     (pool, min, max, birth, id))
STOP(set_touch, (struct ioasid_set *set, ioasid_t id), (set, id))
STOP(park_help, (struct ioasid_pool *pool, ioasid_t id, uint64_t seen, uint64_t until), (pool, id, seen, until))

_Thread_local stop_fn at_quota_give, at_rcu_sync, at_park_watch, at_mem_alloc, at_mutex;
_Thread_local pthread_mutex_t *which_mutex;
void __real_ioasid__quota_give(struct ioasid_set *set, uint32_t n);
void __wrap_ioasid__quota_give(struct ioasid_set *set, uint32_t n);
void __real_ioasid__rcu_sync(void);
void __wrap_ioasid__rcu_sync(void);
bool __real_ioasid__park_watch(struct ioasid_pool *pool, ioasid_t id, struct park_watch *watch, uint64_t seen);
bool __wrap_ioasid__park_watch(struct ioasid_pool *pool, ioasid_t id, struct park_watch *watch, uint64_t seen);
void *__real_ioasid__mem_alloc(size_t size);
void *__wrap_ioasid__mem_alloc(size_t size);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

void __wrap_ioasid__quota_give(struct ioasid_set *set, uint32_t n)
{
	stop(&at_quota_give);
	__real_ioasid__quota_give(set, n);
}

void __wrap_ioasid__rcu_sync(void)
{
	stop(&at_rcu_sync);
	__real_ioasid__rcu_sync();
}

bool __wrap_ioasid__park_watch(struct ioasid_pool *pool, ioasid_t id, struct park_watch *watch, uint64_t seen)
{
	stop(&at_park_watch);
	return __real_ioasid__park_watch(pool, id, watch, seen);
}

void *__wrap_ioasid__mem_alloc(size_t size)
{
	stop(&at_mem_alloc);
	return __real_ioasid__mem_alloc(size);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (mutex == which_mutex)
		stop(&at_mutex);
	return __real_pthread_mutex_lock(mutex);
}

/* --- The page that is closed --- */

static struct {
	char *page;
	size_t size;
	void (*at_look)(void);
	struct sigaction old;
} closed;

static void on_look(int sig, siginfo_t *info, void *context)
{
	char *at = info->si_addr;

	(void)sig;
	(void)context;
	if (at < closed.page || at >= closed.page + closed.size ||
	    mprotect(closed.page, closed.size, PROT_READ | PROT_WRITE))
		_exit(99);
	stops++;
	closed.at_look();
}

void close_page(void (*at_look)(void))
{
	closed.at_look = at_look;
	if (mprotect(closed.page, closed.size, PROT_NONE))
		_exit(98);
}

ioasid_t page_begin(struct ioasid_pool *pool)
{
	struct sigaction action = { .sa_sigaction = on_look, .sa_flags = SA_SIGINFO };

	closed.size = (size_t)sysconf(_SC_PAGESIZE);
	closed.page = (char *)pool->table + closed.size;
	sigemptyset(&action.sa_mask);
	REQUIRE_EQ(sigaction(SIGSEGV, &action, &closed.old), 0);
	return (ioasid_t)(closed.size / sizeof(struct slot));
}

void page_end(void)
{
	REQUIRE_EQ(mprotect(closed.page, closed.size, PROT_READ | PROT_WRITE), 0);
	REQUIRE_EQ(sigaction(SIGSEGV, &closed.old, NULL), 0);
}
