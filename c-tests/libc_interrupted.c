/* A handler makes the process's first thread while one of libc's functions has begun, between any two of its first
 * instructions: that goes on as it has begun. */
#include "check.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <ucontext.h>

enum { BEGINNING = 16, MOST_STEPS = 6, TRAP_FLAG = 0x100 };

static const unsigned char *function;
static volatile int steps_left, is_made;

static void *nothing(void *unused)
{
	return unused;
}

static void step(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number, (void)info;
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *next = (const unsigned char *)registers[REG_RIP];
	if (next <= function || next >= function + BEGINNING || --steps_left)
		return;
	registers[REG_EFL] &= ~TRAP_FLAG;
	check_join(check_start(nothing, NULL));
	is_made = 1;
}

/* The first line keeps what the caller may have below its stack pointer. */
static void begin_steps(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::
			     : "memory", "cc");
}

static void end_steps(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::
			     : "memory", "cc");
}

static void try_syscall(void *call)
{
	long parent = getppid();
	begin_steps();
	long told = ((long (*)(long, ...))call)(SYS_getppid);
	end_steps();
	CHECK_EQ(told, parent);
}

static void try_open(void *call)
{
	begin_steps();
	int fd = ((int (*)(const char *, int, ...))call)("/dev/null", O_RDONLY);
	end_steps();
	CHECK(fd >= 0);
}

static void try_select(void *call)
{
	struct timeval none = {0};
	begin_steps();
	int count = ((int (*)(int, fd_set *, fd_set *, fd_set *, struct timeval *))call)(0, NULL, NULL, NULL, &none);
	end_steps();
	CHECK_EQ(count, 0);
}

static void try_sigaction(void *call)
{
	struct sigaction action = {.sa_handler = SIG_IGN}, before;
	begin_steps();
	int result = ((int (*)(int, const struct sigaction *, struct sigaction *))call)(SIGUSR1, &action, &before);
	end_steps();
	CHECK_OK(result);
	CHECK(before.sa_handler == SIG_DFL);
}

static const struct {
	const char *name;
	void (*attempt)(void *);
} functions[] = {{"syscall", try_syscall}, {"open", try_open}, {"select", try_select}, {"sigaction", try_sigaction}};

static void interrupt(int index, int steps, int on_alternate_stack)
{
	static char memory[1 << 16];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
	struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
	if (on_alternate_stack) {
		CHECK_OK(sigaltstack(&stack, NULL));
		action.sa_flags |= SA_ONSTACK;
	}
	CHECK_OK(sigaction(SIGTRAP, &action, NULL));
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	CHECK(libc != NULL);
	void *call = dlsym(libc, functions[index].name);
	CHECK(call != NULL);
	function = call;
	steps_left = steps;
	functions[index].attempt(call);
}

int main(void)
{
	for (int i = 0; i < (int)(sizeof functions / sizeof *functions); i++)
		for (int steps = 1; steps <= MOST_STEPS; steps++)
			for (int on_alternate_stack = 0; on_alternate_stack < 2; on_alternate_stack++) {
				pid_t child = check_fork();
				if (child == 0) {
					interrupt(i, steps, on_alternate_stack);
					/* Not all begin with so many. */
					_exit(is_made || steps > 1 ? 0 : 1);
				}
				check_child_succeeds(child);
			}
	return 0;
}
