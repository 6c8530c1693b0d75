/*
 * After fork(): the child owns nothing, and the parent does not notice (S14.2).
 */
#include "every_call.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_allocator.h"

static struct every ev;

/*
 * Runs a function in a child, which reports what is wrong as lines on a pipe. A child that waits for a lock
 * which nobody will ever give back is ended by an alarm.
 */
static int report_fd;

static void wrong(const char *format, const char *what, int got)
{
	char line[160];
	int n = snprintf(line, sizeof(line), format, what, got);

	line[n] = '\n';
	if (write(report_fd, line, (size_t)n + 1) < 0)
		_exit(2);
}

enum leaving { BY_EXIT, BY_THREAD_EXIT };

static void in_child(void (*fn)(void), enum leaving leaving)
{
	char line[160];
	int fds[2], status = 0;
	pid_t pid;
	FILE *f;

	REQUIRE_EQ(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		report_fd = fds[1];
		signal(SIGALRM, SIG_DFL);
		alarm(100);
		fn();
		if (leaving == BY_THREAD_EXIT)
			pthread_exit(NULL);
		_exit(0);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	REQUIRE(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		test_check(false, line, __FILE__, __LINE__);
	}
	fclose(f);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), 0);
}

static void refuse_changes(void)
{
	for (unsigned int i = 0; i < every_call_count; i++) {
		int got;

		if (every_call[i].kind == EVERY_LOOKS)
			continue;
		got = every_call[i].call(&ev);
		if (got != -EPERM)
			wrong("%s in a child answers %d", every_call[i].name, got);
	}
}

static void allow_looks(void)
{
	ev.got_stats.struct_size = sizeof(ev.got_stats);
	for (unsigned int i = 0; i < every_call_count; i++) {
		int got;

		if (every_call[i].kind != EVERY_LOOKS)
			continue;
		got = every_call[i].call(&ev);
		if (got != 0)
			wrong("%s in a child answers %d", every_call[i].name, got);
	}
}

static void child_looks_and_changes(void)
{
	allow_looks();
	refuse_changes();
	allow_looks();
}

static void every_change_is_refused(void)
{
	every_begin(&ev);
	in_child(child_looks_and_changes, BY_EXIT);
	every_end(&ev);
}

static void child_of_child(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		refuse_changes();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		wrong("%s: status %d", "grandchild", status);
}

static void so_it_is_in_a_grandchild(void)
{
	every_begin(&ev);
	in_child(child_of_child, BY_EXIT);
	every_end(&ev);
}

static void child_says_nonsense(void)
{
	ioasid_t id = 1;

	if (ioasid_alloc(NULL, 5, 4, NULL, NULL) != -EPERM)
		wrong("%s: not %d", "alloc", -EPERM);
	if (ioasid_free(NULL, 1) != -EPERM)
		wrong("%s: not %d", "free", -EPERM);
	if (ioasid_set_alloc(NULL, 9, 0, 0, NULL) != -EPERM)
		wrong("%s: not %d", "set_alloc", -EPERM);
	if (ioasid_find_by_spid(NULL, spid_of(IOASID_SPID_NONE), &id) != -EPERM)
		wrong("%s: not %d", "find_by_spid", -EPERM);
}

static void before_anything_else_is_looked_at(void)
{
	every_begin(&ev);
	in_child(child_says_nonsense, BY_EXIT);
	every_end(&ev);
}

static int keep(void *data)
{
	return *(int *)data == 4711;
}

static void child_finds(void)
{
	void *data = NULL;
	uint32_t refs = 0;

	if (ioasid_find(ev.set, ev.id, keep, &data) != 0 || data != &ev.data)
		wrong("%s does not find %d", "find", 7);
	data = NULL;
	ioasid_read_begin();
	if (ioasid_find(ev.root, ev.id, NULL, &data) != 0 || data != &ev.data || *(int *)data != 4711)
		wrong("%s does not find %d", "find in a section", 7);
	ioasid_read_end();
	if (ioasid_find_handle(ev.set, ev.handle, keep, &data) != 0)
		wrong("%s does not find %d", "find_handle", 7);
	if (ioasid_find(ev.set, ev.unknown, NULL, &data) != -ENOENT)
		wrong("%s finds %d", "find", 9);
	if (ioasid_refs(ev.set, ev.id, &refs) != 0 || refs != 2)
		wrong("%s tells %d", "refs", (int)refs);
}

static void find_works_in_the_child(void)
{
	every_begin(&ev);
	ev.data = 4711;
	in_child(child_finds, BY_EXIT);
	every_end(&ev);
}

/* The thread exits, and what the library hangs on threads is run down; the parent's must not be touched. */
static void nothing_is_torn_down_twice(void)
{
	ioasid_t id = 0;

	every_begin(&ev);
	CHECK_EQ(ioasid_alloc(ev.set, 1, IOASID_INVALID, NULL, &id), 0);
	CHECK_EQ(ioasid_free(ev.set, id), 0);
	CHECK_EQ(ioasid_queue_work(ev.set, &ev.work), 0);
	in_child(child_looks_and_changes, BY_THREAD_EXIT);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(stats_of(ev.set).allocated, 2);
	CHECK_EQ(do_alloc(ev.set, 50, 0), 50);
	every_end(&ev);
}

/* Another thread is in the middle of something when the fork comes: whatever it holds is held for ever in the
 * child. */
static void fork_beside(struct call *call, struct gate *gate)
{
	gate_await(gate, 1);
	in_child(child_looks_and_changes, BY_THREAD_EXIT);
	gate_open(gate);
	call_join(call);
}

static void fork_beside_a_handler(void)
{
	struct stop stop = { IOASID_EVENT_ALLOC, 50, GATE_CLOSED };
	struct call alloc;

	every_begin(&ev);
	ev.watcher.hook = stop_hook;
	ev.watcher.arg = &stop;
	call_start(&alloc, do_alloc, ev.set, 50, 0);
	fork_beside(&alloc, &stop.gate);
	CHECK_EQ(alloc.answer, 50);
	every_end(&ev);
}

static int do_register_replay(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_register_notifier(set, &ev.other.block, IOASID_NOTIFIER_REPLAY);
}

/* Registration holds what orders registrations, and a turn. */
static void fork_beside_a_replay(void)
{
	struct stop stop = { IOASID_EVENT_ALLOC, 7, GATE_CLOSED };
	struct call joining;

	every_begin(&ev);
	ev.other.hook = stop_hook;
	ev.other.arg = &stop;
	call_start(&joining, do_register_replay, ev.set, 0, 0);
	fork_beside(&joining, &stop.gate);
	CHECK_EQ(joining.answer, 0);
	every_end(&ev);
}

static void fork_beside_a_custom_allocator(void)
{
	/* Not on the stack, which the child loses before somebody may look for what it has lost. */
	static struct fake fake;
	static struct ioasid_pool *pool;
	static struct ioasid_set *set;
	struct call alloc;

	pool = pool_make(0);
	set = set_make(pool, 10);
	every_begin(&ev);
	fake_init(&fake, 77);
	CHECK_EQ(ioasid_register_allocator(pool, &fake.callbacks), 0);
	gate_close(&fake.alloc_gate);
	call_start(&alloc, do_alloc, set, 77, 0);
	fork_beside(&alloc, &fake.alloc_gate);
	CHECK_EQ(alloc.answer, 77);
	CHECK_EQ(ioasid_free(set, 77), 0);
	CHECK_EQ(ioasid_unregister_allocator(pool, &fake.callbacks), 0);
	set_end(set);
	pool_end(pool);
	every_end(&ev);
}

/* In the log callback a lock is held; here it is held by a destroy that reports. */
static struct gate log_gate = GATE_CLOSED;

static void log_and_stop(void *context, uint32_t level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
	gate_pass(&log_gate);
}

static int do_destroy(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_pool_destroy(ioasid_set_pool(set));
}

static void fork_beside_a_log_call(void)
{
	struct call destroy;

	every_begin(&ev);
	gate_close(&log_gate);
	CHECK_EQ(ioasid_pool_set_log(ev.pool, log_and_stop, NULL), 0);
	call_start(&destroy, do_destroy, ev.root, 0, 0);
	gate_await(&log_gate, 1);
	in_child(refuse_changes, BY_THREAD_EXIT);
	gate_open(&log_gate);
	CHECK_EQ(call_join(&destroy), -EBUSY);
	CHECK_EQ(ioasid_pool_set_log(ev.pool, NULL, NULL), 0);
	every_end(&ev);
}

/* What the parent has put off is the parent's. */
static void child_ends_the_section(void)
{
	unsigned int before = ev.rec.count;

	ioasid_read_end();
	if (ev.rec.count != before)
		wrong("%s delivered %d events", "the child", (int)(ev.rec.count - before));
}

static void frees_put_off_are_the_parents(void)
{
	every_begin(&ev);
	id_make_at(ev.set, 50);
	recorder_forget(&ev.rec);
	ioasid_read_begin();
	CHECK_EQ(ioasid_free(ev.set, 50), 0);
	in_child(child_ends_the_section, BY_EXIT);
	CHECK_EVENTS(&ev.rec, "");
	ioasid_read_end();
	CHECK_EVENTS(&ev.rec, "every:FREE(50)");
	every_end(&ev);
}

/* Before the first pool there is nothing that a child could not own: decided in main(), before any case makes
 * one. */
static bool early_child_works;

static bool use_library(void)
{
	struct ioasid_pool *pool = NULL;
	struct ioasid_set *set = NULL;
	ioasid_t id = 0;

	return ioasid_pool_create(NULL, &pool) == 0 &&
	       ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 5, &set) == 0 &&
	       ioasid_alloc(set, 1, 100, NULL, &id) == 0 && ioasid_free(set, id) == 0 &&
	       ioasid_set_put(set) == 1 && ioasid_pool_destroy(pool) == 0;
}

static void fork_early(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(use_library() ? 0 : 1);
	early_child_works = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void a_fork_before_the_first_pool_is_none(void)
{
	CHECK(early_child_works);
	CHECK(use_library());
}

static const struct test_case cases[] = {
	{ "both processes may use the library if the fork came before the first pool",
	  a_fork_before_the_first_pool_is_none },
	{ "in a child every call that would change anything answers -EPERM, and looks work",
	  every_change_is_refused },
	{ "so it is in a grandchild", so_it_is_in_a_grandchild },
	{ "-EPERM is decided before arguments are looked at", before_anything_else_is_looked_at },
	{ "find works on what was there at the fork", find_works_in_the_child },
	{ "a child that ends tears nothing down that is the parent's", nothing_is_torn_down_twice },
	{ "a fork beside a running handler leaves a child that does not hang", fork_beside_a_handler },
	{ "a fork beside a replay leaves a child that does not hang", fork_beside_a_replay },
	{ "a fork beside a custom allocator leaves a child that does not hang",
	  fork_beside_a_custom_allocator },
	{ "a fork beside a log call leaves a child that does not hang", fork_beside_a_log_call },
	{ "frees that a read section has put off are completed by the parent only",
	  frees_put_off_are_the_parents },
};

int main(int argc, char **argv)
{
	fork_early();
	return TEST_MAIN("process_fork", cases, argc, argv);
}
