/* The seccomp filter of a sealed pool; see sandbox.h. */
#include "examples/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>

/* Newer machines have only the second of these. */
#ifdef SYS_poll
#define POLL_NUMBER SYS_poll
#else
#define POLL_NUMBER (-1)
#endif

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#define FOREIGN 0x40000000u /* from here on numbers are of another convention */
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#define FOREIGN UINT32_MAX
#endif

#define ANY(call) { #call, SYS_##call, "", SANDBOX_ANY, 0, 0 }
#define ONLY(call, how, arg, value, words) { #call, SYS_##call, words, how, arg, (uint32_t)(value) }

/* In the order of docs/sandbox.md, which says what each is for. */
const struct sandbox_rule sandbox_rules[] = {
	ANY(futex),
	ONLY(membarrier, SANDBOX_EQUALS, 0, MEMBARRIER_CMD_PRIVATE_EXPEDITED,
	     "`cmd` is `MEMBARRIER_CMD_PRIVATE_EXPEDITED`"),
	{ "poll", POLL_NUMBER, "", SANDBOX_ANY, 0, 0 },
	ANY(ppoll),
	ANY(sched_yield),
	ANY(clock_gettime),
	ANY(restart_syscall),
	ONLY(mmap, SANDBOX_WITHOUT, 2, PROT_EXEC, "`prot` without `PROT_EXEC`"),
	ANY(munmap),
	ANY(madvise),
	ONLY(mprotect, SANDBOX_WITHOUT, 2, PROT_EXEC, "`prot` without `PROT_EXEC`"),
	ANY(mremap),
	ANY(brk),
	ANY(read),
	ANY(write),
	ANY(close),
	ANY(eventfd2),
	ONLY(fcntl, SANDBOX_EQUALS, 1, F_DUPFD_CLOEXEC, "`cmd` is `F_DUPFD_CLOEXEC`"),
	ANY(rt_sigprocmask),
	ANY(exit),
	ANY(ioctl),
	ANY(pread64),
	ANY(pwrite64),
	ANY(mincore),
};
const unsigned int sandbox_rule_count = sizeof(sandbox_rules) / sizeof(sandbox_rules[0]);

/* What a sanitizer's runtime does beside the program: a background thread, signal stacks, reports. */
static const long runtime_calls[] = {
	-1,
#ifdef IOASID_SANITIZED
	SYS_sigaltstack, SYS_getpid, SYS_gettid, SYS_readlink, SYS_nanosleep, SYS_clock_nanosleep, SYS_openat, SYS_clone,
	SYS_prctl, SYS_rt_sigaction, SYS_tgkill, SYS_getrusage, SYS_gettimeofday,
	SYS_rseq, SYS_set_robust_list,
#endif
};

enum { MORE_MAX = 64, CODE_MAX = 8 + 5 * sizeof(sandbox_rules) / sizeof(sandbox_rules[0]) +
				 2 * (MORE_MAX + sizeof(runtime_calls) / sizeof(runtime_calls[0])) };

#ifdef MACHINE
struct code {
	struct sock_filter line[CODE_MAX];
	unsigned short count;
};

static void emit(struct code *code, unsigned int op, uint32_t k, uint8_t yes, uint8_t no)
{
	code->line[code->count++] = (struct sock_filter){ (uint16_t)op, yes, no, k };
}

static void emit_rule(struct code *code, const struct sandbox_rule *rule, uint32_t refused)
{
	const bool any = rule->how == SANDBOX_ANY;

	if (rule->number < 0)
		return;
	emit(code, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->number, 0, any ? 1 : 4);
	if (!any) {
		/* The low half comes first on the machines above. */
		emit(code, BPF_LD | BPF_W | BPF_ABS,
		     (uint32_t)(offsetof(struct seccomp_data, args) + rule->arg * sizeof(uint64_t)), 0, 0);
		if (rule->how == SANDBOX_EQUALS)
			emit(code, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 1, 0);
		else
			emit(code, BPF_JMP | BPF_JSET | BPF_K, rule->value, 0, 1);
		emit(code, BPF_RET | BPF_K, refused, 0, 0);
	}
	emit(code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void emit_calls(struct code *code, const long *calls, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (calls[i] < 0)
			continue;
		emit(code, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		emit(code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
}

static int load(struct code *code)
{
	const struct sock_fprog program = { code->count, code->line };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	/* With TSYNC also for threads that run already; a number above 0 is one that it could not be done
	 * for. */
	switch (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program)) {
	case 0:
		return 0;
	case -1:
		return -errno;
	default:
		return -ESRCH;
	}
}

int sandbox_enter(uint32_t refused, const long *more, unsigned int count)
{
	struct code code = { .count = 0 };

	if (count > MORE_MAX)
		return -E2BIG;
	emit(&code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(&code, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	emit(&code, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	emit(&code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit(&code, BPF_JMP | BPF_JGE | BPF_K, FOREIGN, 0, 1);
	emit(&code, BPF_RET | BPF_K, refused, 0, 0);
	for (unsigned int i = 0; i < sandbox_rule_count; i++)
		emit_rule(&code, &sandbox_rules[i], refused);
	emit_calls(&code, runtime_calls, sizeof(runtime_calls) / sizeof(runtime_calls[0]));
	emit_calls(&code, more, count);
	emit(&code, BPF_RET | BPF_K, refused, 0, 0);
	return load(&code);
}
#else
int sandbox_enter(uint32_t refused, const long *more, unsigned int count)
{
	(void)refused;
	(void)more;
	(void)count;
	return -ENOSYS;
}
#endif
