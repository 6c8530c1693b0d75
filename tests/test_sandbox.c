/* A sealed pool under the system calls of docs/sandbox.md, and no others (S14.5). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "examples/lifecycle.h"
#include "examples/sandbox.h"
#include "tests/every_call.h"
#include "tests/harness.h"
#include "tests/sandboxed.h"

enum { WORKERS = 3 };

/* ---- The document and the filter ---- */

/* Cuts "| `name` | only | ..." into its first two columns, the first without its quotes. */
static bool row_read(char *line, const char **name, const char **only)
{
	char *at = line, *end;

	if (strncmp(at, "| `", 3) != 0)
		return false;
	*name = at + 3;
	at = strstr(at + 3, "` |");
	if (at == NULL)
		return false;
	*at = '\0';
	at += 3;
	at += *at == ' ';
	*only = at;
	end = strstr(at, "|");
	if (end == NULL)
		return false;
	*end = '\0';
	if (end > at && end[-1] == ' ')
		end[-1] = '\0';
	return true;
}

static void the_document_is_the_filter(void)
{
	const char *top = getenv("top_srcdir"), *name = NULL, *only = NULL;
	unsigned int row = 0;
	char line[1024];
	FILE *f;

	snprintf(line, sizeof(line), "%s/docs/sandbox.md", top != NULL ? top : ".");
	f = fopen(line, "r");
	REQUIRE(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (!row_read(line, &name, &only))
			continue;
		if (!CHECK(row < sandbox_rule_count))
			break;
		test_check(strcmp(name, sandbox_rules[row].name) == 0, name, __FILE__, __LINE__);
		test_check(strcmp(only, sandbox_rules[row].only) == 0, only, __FILE__, __LINE__);
		row++;
	}
	fclose(f);
	CHECK_EQ(row, sandbox_rule_count);
}

/* ---- The sandbox is one ---- */

static void open_a_file(void)
{
	sandbox_close();
	(void)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
}

static void start_a_process(void)
{
	sandbox_close();
	(void)syscall(SYS_vfork);
}

static void map_code(void)
{
	void *p;

	sandbox_close();
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void ask_for_flags(void)
{
	sandbox_close();
	CHECK(fcntl(1, F_DUPFD_CLOEXEC, 0) > 0);
	(void)fcntl(1, F_GETFL);
}

static void open_in_a_worker_run(void *context, struct ioasid_work *work)
{
	(void)context;
	(void)work;
	(void)syscall(SYS_socket, 0, 0, 0);
}

static void open_in_a_worker(void)
{
	struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .max_workers = WORKERS };
	struct ioasid_work work = { .run = open_in_a_worker_run };
	struct ioasid_pool *pool;

	REQUIRE_EQ(ioasid_pool_create(&attr, &pool), 0);
	CHECK_EQ(ioasid_pool_seal(pool, NULL), 0);
	sandbox_close();
	CHECK_EQ(ioasid_queue_work(ioasid_pool_root(pool), &work), 0);
	CHECK_EQ(ioasid_flush_work(ioasid_pool_root(pool)), 0);
}

/* What a pool that is not sealed does: it starts a thread when all others are busy. */
static void start_a_worker_late(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *sets[2] = { set_make(pool, 1), set_make(pool, 1) };
	struct job jobs[2];
	struct gate gate = GATE_CLOSED;

	sandbox_close();
	for (unsigned int i = 0; i < 2; i++) {
		job_init(&jobs[i], i, &gate);
		CHECK_EQ(ioasid_queue_work(sets[i], &jobs[i].work), 0);
	}
	gate_await(&gate, 2);
}

static void what_is_not_listed_is_refused(void)
{
#ifndef IOASID_SANITIZED
	CHECK_EQ(sandboxed(open_a_file), SYS_openat);
#endif
	(void)open_a_file;
	CHECK_EQ(sandboxed(start_a_process), SYS_vfork);
	CHECK_EQ(sandboxed(map_code), SYS_mprotect);
	CHECK_EQ(sandboxed(ask_for_flags), SYS_fcntl);
	CHECK_EQ(sandboxed(open_in_a_worker), SYS_socket);
	/* Threads are created with all signals blocked. */
	CHECK_EQ(sandboxed(start_a_worker_late), SANDBOXED_UNNAMED);
}

/* ---- The life cycles ---- */

static int close_machine(struct machine *m)
{
	int rc = ioasid_context_seal(m->context, NULL);

	if (rc == 0)
		rc = ioasid_pool_seal(m->pool, NULL);
	if (rc == 0)
		sandbox_close();
	return rc;
}

static void live(int (*lifecycle)(struct run *run), unsigned int steps)
{
	static struct run run;

	memset(&run, 0, sizeof(run));
	run.opened = close_machine;
	if (!CHECK_EQ(lifecycle(&run), 0))
		printf("# %s\n", run.wrong);
	CHECK_EQ(run.count, steps);
}

static void native(void)
{
	live(lifecycle_native, 7);
}

static void native_dies(void)
{
	live(lifecycle_native_dies, 8);
}

static void guest(void)
{
	live(lifecycle_guest, 13);
}

static void misbehaving(void)
{
	live(lifecycle_misbehaving, 17);
}

static void kvm_exits(void)
{
	live(lifecycle_kvm_exit, 10);
}

static void the_life_cycles_run(void)
{
	CHECK_EQ(sandboxed(native), SANDBOXED_WELL);
	CHECK_EQ(sandboxed(native_dies), SANDBOXED_WELL);
	CHECK_EQ(sandboxed(guest), SANDBOXED_WELL);
	CHECK_EQ(sandboxed(misbehaving), SANDBOXED_WELL);
	CHECK_EQ(sandboxed(kvm_exits), SANDBOXED_WELL);
}

/* The pool of this one has workers; their number is the library's choice. */
static int close_crash(struct machine *m)
{
	int rc = ioasid_pool_seal(m->pool, NULL);

	if (rc == 0)
		sandbox_close();
	return rc;
}

static void crash(void)
{
	unsigned int ids = rounds(20000);
	struct crash crash = { .ids = ids < IOASID_CAPACITY_MAX / 2 ? ids : IOASID_CAPACITY_MAX / 2, .bound = 64 };
	static struct run run;

	memset(&run, 0, sizeof(run));
	run.opened = close_crash;
	if (!CHECK_EQ(lifecycle_crash(&run, &crash), 0))
		printf("# %s\n", run.wrong);
}

static void a_vm_dies(void)
{
	CHECK_EQ(sandboxed(crash), SANDBOXED_WELL);
}

/* ---- Everything else ---- */

/* Not with a sealed pool, or made before: a new pool, and what reads a file. */
static bool is_outside(const struct every_call *call)
{
	return call->call == every_call_named("ioasid_pool_create") ||
	       call->call == every_call_named("ioasid_token_of_process");
}

static void all_calls(void)
{
	struct every ev;

	every_begin(&ev);
	CHECK_EQ(every_call_named("ioasid_pool_create")(&ev), 0);
	CHECK_EQ(ioasid_pool_seal(ev.pool, NULL), 0);
	CHECK_EQ(ioasid_pool_seal(ev.quiet, NULL), 0);
	/* Its thread has to have begun. */
	CHECK_EQ(ioasid_pool_seal(ev.got_pool, NULL), 0);
	sandbox_close();
	for (unsigned int i = 0; i < every_call_count; i++)
		if (!is_outside(&every_call[i]))
			(void)every_call[i].call(&ev);
	every_end_spent(&ev);
}

static void every_call_gets_by(void)
{
	CHECK_EQ(sandboxed(all_calls), SANDBOXED_WELL);
}

/* Many threads of the program, each of which uses the library, and malloc, for the first time in the sandbox,
 * near the quota's end, where credit is called in over grace periods. */
enum { EATERS = 12, MEAL = 400 };
struct eater {
	struct ioasid_set *set;
	struct gate *gate;
	struct task task;
};

static void eat(void *arg)
{
	struct eater *eater = arg;
	ioasid_t ids[MEAL], first;

	gate_pass(eater->gate);
	for (unsigned int round = 0; round < rounds(2); round++) {
		for (unsigned int i = 0; i < MEAL; i++) {
			REQUIRE_EQ(ioasid_alloc(eater->set, 1, IOASID_CAPACITY_MAX - 1, eater, &ids[i]), 0);
			CHECK_EQ(ioasid_attach_spid(eater->set, ids[i], ioasid_spid_make(i * 1031)), 0);
		}
		for (unsigned int i = 0; i < MEAL; i++)
			CHECK_EQ(ioasid_free(eater->set, ids[i]), 0);
		CHECK_EQ(ioasid_alloc_range(eater->set, 64, 64, 1, IOASID_CAPACITY_MAX - 1, &first), 0);
		for (unsigned int i = 0; i < 64; i++)
			CHECK_EQ(ioasid_free(eater->set, first + i), 0);
	}
}

static void threads(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct gate gate = GATE_CLOSED;
	struct eater eaters[EATERS];

	for (unsigned int i = 0; i < EATERS; i++) {
		eaters[i] = (struct eater){ .set = set_make(pool, MEAL), .gate = &gate };
		task_start(&eaters[i].task, eat, &eaters[i]);
	}
	gate_await(&gate, EATERS);
	CHECK_EQ(ioasid_pool_seal(pool, NULL), 0);
	sandbox_close();
	gate_open(&gate);
	for (unsigned int i = 0; i < EATERS; i++) {
		task_join(&eaters[i].task);
		set_end(eaters[i].set);
	}
	pool_end(pool);
}

static void threads_of_the_program(void)
{
	CHECK_EQ(sandboxed(threads), SANDBOXED_WELL);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "the document is the filter (S14.5)", the_document_is_the_filter },
		{ "what is not listed is refused, and seen (S14.5)", what_is_not_listed_is_refused },
		{ "the life cycles run in the sandbox (S14.5, S11.1 to S11.4)", the_life_cycles_run },
		{ "a VM dies in the sandbox while another allocates (S14.5, S11.5)", a_vm_dies },
		{ "every call of the core gets by (S14.5)", every_call_gets_by },
		{ "threads of the program begin with it in the sandbox (S14.5)", threads_of_the_program },
	};

	sandbox_needed();
	return TEST_MAIN("sandbox", cases, argc, argv);
}
