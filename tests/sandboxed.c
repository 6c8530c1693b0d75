/* Cases in a sandbox; see sandboxed.h. */
#include "tests/sandboxed.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/TestRun.h>
#include <linux/seccomp.h>

#include "examples/sandbox.h"
#include "tests/harness.h"
#include "tests/support.h"

enum { REFUSED_STATUS = 99 };

/* What the tests' own code needs: to end, to return from a handler, to sleep, to note which thread was told. */
static const long own_calls[] = {
	SYS_exit_group, SYS_rt_sigreturn, SYS_clock_nanosleep, SYS_gettid,
};

/* Shared with the child: what it was refused, plus 1. */
static volatile long *refused;

static void on_refusal(int sig, siginfo_t *info, void *unused)
{
	(void)sig;
	(void)unused;
	*refused = info->si_syscall + 1;
	_exit(REFUSED_STATUS);
}

static void failures_print(void)
{
	for (CU_pFailureRecord f = CU_get_failure_list(); f != NULL; f = f->pNext)
		printf("# in the child: %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
	fflush(stdout);
}

static _Noreturn void child(void (*play)(void))
{
	struct sigaction action = { .sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO };
	const unsigned int before = CU_get_number_of_failures();
	jmp_buf abandoned;

	sigemptyset(&action.sa_mask);
	sigaction(SIGSYS, &action, NULL);
	signal(SIGALRM, SIG_DFL);
	alarm(100);
	/* A case that is abandoned ends here, and not as if this were the test program. */
	CU_get_current_test()->pJumpBuf = &abandoned;
	if (setjmp(abandoned) == 0)
		play();
	if (CU_get_number_of_failures() != before)
		failures_print();
	_exit(CU_get_number_of_failures() != before);
}

long sandboxed(void (*play)(void))
{
	int status = 0;
	pid_t pid;

	if (refused == NULL)
		refused = mmap(NULL, sizeof(*refused), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE((void *)refused != MAP_FAILED);
	*refused = 0;
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0)
		child(play);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_STATUS && *refused != 0)
		return *refused - 1;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return SANDBOXED_UNNAMED;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? SANDBOXED_WELL : SANDBOXED_BADLY;
}

void sandbox_needed(void)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(sandbox_enter(SECCOMP_RET_ALLOW, NULL, 0) == -ENOSYS);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1)
		test_skip_all(test_under_valgrind() ? "not under valgrind, which has no seccomp" : "seccomp is not to be had here");
}

/* ---- The threads of a pool ---- */

/* They block all signals (S14.4), and a blocked SIGSYS kills without a word. So the linker puts this in the
 * place of what each of them begins with. */
void __real_ioasid__thread_warm(void);
void __wrap_ioasid__thread_warm(void);

void __wrap_ioasid__thread_warm(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	__real_ioasid__thread_warm();
}

void sandbox_close(void)
{
	/* The watchdog's timer is not inherited, stdout has its buffer: nothing else is left to be made. */
	fflush(stdout);
	REQUIRE_EQ(sandbox_enter(SECCOMP_RET_TRAP, own_calls, sizeof(own_calls) / sizeof(own_calls[0])), 0);
}
