/*
 * Living in somebody else's process: its memory functions, signals, locale, stdio and descriptors are left
 * alone (S14.2 to S14.4, S13.4).
 */
#include "every_call.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a process has, and a library should not change. */
struct host {
	struct sigaction actions[NSIG];
	sigset_t mask;
	mode_t umask;
	char locale[256];
	char cwd[4096];
};

static void host_look(struct host *host)
{
	memset(host, 0, sizeof(*host));
	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, NULL, &host->actions[sig]);
	pthread_sigmask(SIG_SETMASK, NULL, &host->mask);
	host->umask = umask(0);
	umask(host->umask);
	snprintf(host->locale, sizeof(host->locale), "%s", setlocale(LC_ALL, NULL));
	if (getcwd(host->cwd, sizeof(host->cwd)) == NULL)
		host->cwd[0] = '\0';
}

static void check_host(const struct host *before)
{
	struct host after;

	host_look(&after);
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGRTMAX - 1) /* the tests' own watchdog */
			CHECK(before->actions[sig].sa_handler == after.actions[sig].sa_handler);
	CHECK(memcmp(&before->mask, &after.mask, sizeof(before->mask)) == 0);
	CHECK_EQ(before->umask, after.umask);
	CHECK(strcmp(before->locale, after.locale) == 0);
	CHECK(strcmp(before->cwd, after.cwd) == 0);
}

/* Every call there is, the errors too, with a log that says something. */
static void use_everything(void)
{
	struct every ev;

	every_begin(&ev);
	for (unsigned int i = 0; i < every_call_count; i++) {
		int got = every_call[i].call(&ev);

		if (every_call[i].call == every_call_named("ioasid_reclaim_fd") && got >= 0)
			close(got);
	}
	every_end_spent(&ev);
}

static void the_host_is_left_alone(void)
{
	struct host before;

	/* A locale with commas, where there is one, and a mask of its own: not what a process begins with. */
	if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
		(void)setlocale(LC_ALL, "C.UTF-8");
	host_look(&before);
	use_everything();
	check_host(&before);
	(void)setlocale(LC_ALL, "C");
}

/* Nothing of the library writes where the host does. */
static void nothing_is_printed(void)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	int file = memfd_create("output", MFD_CLOEXEC);
	struct stat st;

	REQUIRE(out >= 0 && err >= 0 && file >= 0);
	fflush(NULL);
	dup2(file, STDOUT_FILENO);
	dup2(file, STDERR_FILENO);
	use_everything();
	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	REQUIRE_EQ(fstat(file, &st), 0);
	CHECK_EQ(st.st_size, 0);
	close(file);
}

#define FDS 1024

static void fds_open(bool *open)
{
	for (int fd = 0; fd < FDS; fd++)
		open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static void descriptors_are_close_on_exec(void)
{
	bool before[FDS], after[FDS];
	struct ioasid_pool *quiet, *busy;
	struct ioasid_set *set;
	unsigned int fresh = 0;
	int fd;

	fds_open(before);
	busy = pool_make(0);
	quiet = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	set = set_make(quiet, 10);
	id_make_at(set, 7);
	CHECK_EQ(ioasid_get(set, 7), 0);
	CHECK_EQ(ioasid_free(set, 7), 0);
	fd = ioasid_reclaim_fd(quiet, 7);
	CHECK(fd >= 0);
	CHECK(ioasid_pool_fd(quiet) >= 0);
	fds_open(after);
	for (int i = 0; i < FDS; i++) {
		if (!after[i] || before[i])
			continue;
		fresh++;
		CHECK_EQ(fcntl(i, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	CHECK(fresh >= 2);
	close(fd);
	CHECK_EQ(ioasid_put(set, 7), 1);
	set_end(set);
	pool_end(quiet);
	pool_end(busy);
	/* And none is left open. */
	fds_open(after);
	for (int i = 0; i < FDS; i++)
		CHECK_EQ(after[i], before[i]);
}

/* An item that looks at its own thread's mask: what /proc tells of it under valgrind is valgrind's. */
struct masked_job {
	struct ioasid_work work;
	struct gate *gate;
	pthread_t thread;
	sigset_t blocked;
};

static void note_mask(void *context, struct ioasid_work *work)
{
	struct masked_job *job = context;

	(void)work;
	job->thread = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &job->blocked);
	gate_pass(job->gate);
}

static void workers_block_all_signals(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *sets[3];
	struct gate gate = GATE_CLOSED;
	struct masked_job jobs[3];

	/* Three items that block make it start more than the first. */
	for (unsigned int i = 0; i < 3; i++) {
		sets[i] = set_make(pool, 1);
		jobs[i] = (struct masked_job){ .work = { .run = note_mask, .context = &jobs[i] }, .gate = &gate };
		CHECK_EQ(ioasid_queue_work(sets[i], &jobs[i].work), 0);
	}
	gate_await(&gate, 3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(!pthread_equal(jobs[i].thread, pthread_self()));
		CHECK(!pthread_equal(jobs[i].thread, jobs[(i + 1) % 3].thread));
		/* But those that cannot be blocked, and the two that the C library keeps to itself. */
		for (int sig = 1; sig <= 64; sig++)
			if (sig != SIGKILL && sig != SIGSTOP && sig != 32 && sig != 33)
				CHECK_EQ(sigismember(&jobs[i].blocked, sig), 1);
	}
	gate_open(&gate);
	for (unsigned int i = 0; i < 3; i++)
		set_end(sets[i]);
	pool_end(pool);
}

/* The library's memory. */
struct counted {
	pthread_mutex_t lock;
	size_t bytes, blocks;
	size_t calls;
};

static void *counted_alloc(void *context, size_t size, size_t align)
{
	struct counted *c = context;
	void *p = NULL;

	CHECK(align != 0 && (align & (align - 1)) == 0 && size > 0);
	if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
		return NULL;
	/* It is not zeroed, says the contract. */
	memset(p, 0xa5, size);
	pthread_mutex_lock(&c->lock);
	c->bytes += size;
	c->blocks++;
	c->calls++;
	pthread_mutex_unlock(&c->lock);
	return p;
}

static void counted_free(void *context, void *memory, size_t size)
{
	struct counted *c = context;

	CHECK(memory != NULL);
	pthread_mutex_lock(&c->lock);
	c->bytes -= size;
	c->blocks--;
	pthread_mutex_unlock(&c->lock);
	free(memory);
}

static void memory_comes_from_the_functions_given(void)
{
	struct counted c = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct ioasid_memory memory = { counted_alloc, counted_free, &c },
			     half = { counted_alloc, NULL, NULL };
	uint64_t bytes = 1, blocks = 1;
	struct scene sc;

	CHECK_EQ(ioasid_memory_use(&half), -EINVAL);
	half = (struct ioasid_memory){ NULL, counted_free, NULL };
	CHECK_EQ(ioasid_memory_use(&half), -EINVAL);
	CHECK_EQ(ioasid_memory_used(NULL, NULL), -EINVAL);
	REQUIRE_EQ(ioasid_memory_use(&memory), 0);
	memset(&memory, 0, sizeof(memory)); /* copied */
	scene_begin(&sc);
	CHECK_EQ(ioasid_memory_use(NULL), -EBUSY);
	for (ioasid_t id = 1; id <= 50; id++) {
		id_make_at(sc.set, id * 1000);
		CHECK_EQ(do_attach(sc.set, id * 1000, id * 3000), 0);
	}
	CHECK_EQ(ioasid_memory_used(&bytes, &blocks), 0);
	CHECK(c.blocks > 0);
	CHECK_EQ(bytes, c.bytes);
	CHECK_EQ(blocks, c.blocks);
	scene_end(&sc);
	/* This thread's caches go when the functions change; nothing else is left. */
	CHECK_EQ(ioasid_memory_use(NULL), 0);
	CHECK_EQ(c.bytes, 0);
	CHECK_EQ(c.blocks, 0);
	CHECK(c.calls > 10);
	CHECK_EQ(ioasid_memory_used(&bytes, NULL), 0);
	CHECK_EQ(bytes, 0);
}

static void *no_memory(void *context, size_t size, size_t align)
{
	(void)context;
	(void)size;
	(void)align;
	return NULL;
}

static void unused_free(void *context, void *memory, size_t size)
{
	(void)context;
	(void)memory;
	(void)size;
	CHECK(false);
}

static void without_memory_there_is_no_pool(void)
{
	struct ioasid_memory memory = { no_memory, unused_free, NULL };
	struct ioasid_pool *pool = (struct ioasid_pool *)&memory;

	REQUIRE_EQ(ioasid_memory_use(&memory), 0);
	CHECK_EQ(ioasid_pool_create(NULL, &pool), -ENOMEM);
	CHECK(pool == (struct ioasid_pool *)&memory);
	CHECK_EQ(ioasid_memory_use(NULL), 0);
	pool_end(pool_make(0));
}

/*
 * Where the process has jemalloc the library keeps its blocks in an arena of its own, so that they are told
 * apart from the host's. References are weak: without jemalloc, or under a sanitizer, this is the C library's
 * malloc, and there is nothing to see.
 */
extern int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen)
	__attribute__((weak));

static unsigned int arena_of(void *p)
{
	unsigned int arena = UINT32_MAX;
	size_t size = sizeof(arena);

	CHECK_EQ(mallctl("arenas.lookup", &arena, &size, &p, sizeof(p)), 0);
	return arena;
}

/* Blocks of all sizes that the host has just freed: jemalloc has them at hand in the thread's cache. */
static void fill_thread_cache(void)
{
	void *blocks[64];

	for (size_t size = 64; size <= 32768; size *= 2) {
		for (int quarter = 4; quarter < 8; quarter++) {
			for (int i = 0; i < 64; i++)
				blocks[i] = malloc(size / 4 * (size_t)quarter);
			for (int i = 0; i < 64; i++)
				free(blocks[i]);
		}
	}
}

#define APART 40

/* In a program without jemalloc: the C library's malloc serves, and gets all of it back. */
static void malloc_serves(void)
{
	uint64_t before, during, after;
	struct ioasid_pool *pool;

	CHECK_EQ(ioasid_memory_used(&before, NULL), 0);
	pool = pool_make(0);
	CHECK_EQ(ioasid_memory_used(&during, NULL), 0);
	CHECK(during > before);
	pool_end(pool);
	CHECK_EQ(ioasid_memory_used(&after, NULL), 0);
	CHECK(after <= during);
}

static void jemalloc_keeps_it_apart(void)
{
	struct ioasid_set *sets[APART];
	struct ioasid_pool *pool;
	unsigned int ours;
	void *host;

	if (mallctl == NULL) {
		malloc_serves();
		return;
	}
	fill_thread_cache();
	pool = pool_make(0);
	ours = arena_of(pool);
	for (int i = 0; i < APART; i++) {
		sets[i] = set_make(pool, 10);
		CHECK_EQ(arena_of(sets[i]), ours);
	}
	for (int i = 0; i < APART; i++)
		set_end(sets[i]);
	pool_end(pool);
	/* Nor does the host get what the library has given back. */
	for (size_t size = 64; size <= 32768; size += 64) {
		host = malloc(size);
		REQUIRE(host != NULL);
		CHECK(arena_of(host) != ours);
		free(host);
	}
}

static const struct test_case cases[] = {
	{ "signal handlers, mask, locale and umask are as before (S14.3)", the_host_is_left_alone },
	{ "nothing is written to stdout or stderr (S13.4, S14.3)", nothing_is_printed },
	{ "descriptors are close-on-exec, and none is left open (S14.2)", descriptors_are_close_on_exec },
	{ "workers have all signals blocked (S14.4)", workers_block_all_signals },
	{ "memory comes from the functions given, and all of it goes back (S14.3)",
	  memory_comes_from_the_functions_given },
	{ "without memory there is no pool", without_memory_there_is_no_pool },
	{ "with jemalloc the library's blocks are in an arena of their own (S14.3)",
	  jemalloc_keeps_it_apart },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("process_host", cases, argc, argv);
}
