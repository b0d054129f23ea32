/* Counts what a program executes: steps through it, instruction by instruction.
 *
 *   steps [-l] PROGRAM [ARGUMENT...]
 *
 * Counted is the kernel thread that calls getpgid(STEPS_MARK), from its first time to its second,
 * while the others stand still.
 * Prints one JSON line: instructions, those that lock the bus (a locked read-modify-write costs
 * as much as twenty others), and system calls. The counts are the same on a busy machine as
 * on an idle one. With -l the locked ones follow, by address.
 */
#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* An instruction has 15 bytes at most; its prefixes and opcode are within the first 8. */
enum { LOOK = 8, ADDRESSES = 4096, LIMIT_SECONDS = 60 };

struct counts {
	long instructions, locked, system_calls;
};

static struct {
	unsigned long address;
	long count;
} locked_at[ADDRESSES];

static pid_t child;

/* The counted thread waits for one that stands still. */
static void give_up(int number)
{
	(void)number;
	static const char message[] = "steps: the work goes on in another kernel thread; try again\n";
	(void)!write(STDERR_FILENO, message, sizeof message - 1);
	_exit(1); /* ends the program, too: PTRACE_O_EXITKILL */
}

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

/* Lets `thread` go on by `request` until a thread stops again: by PTRACE_SYSCALL any, and all go
 * on but for the one that is returned; by PTRACE_SINGLESTEP this one, and the others stay where
 * they next stop, as time that steps take must not count. Signals are handed on. */
static pid_t resume(pid_t thread, enum __ptrace_request request)
{
	check(ptrace(request, thread, NULL, NULL) == 0, "ptrace");
	for (;;) {
		int status;
		pid_t stopped = waitpid(-1, &status, __WALL);
		check(stopped > 0, "waitpid");
		if (!WIFSTOPPED(status)) {
			errno = ECHILD;
			check(stopped != child, "the program has ended between its marks");
			continue;
		}
		int signal = WSTOPSIG(status);
		int is_step = signal == (SIGTRAP | 0x80) || (signal == SIGTRAP && status >> 16 == 0);
		int is_wanted = stopped == thread || request == PTRACE_SYSCALL;
		if (is_step && is_wanted)
			return stopped;
		/* An event, or the SIGSTOP that a traced thread begins with. */
		if (status >> 16 || signal == SIGSTOP)
			signal = 0;
		if (is_wanted)
			ptrace(request, stopped, NULL, (void *)(long)signal);
	}
}

static struct user_regs_struct registers(pid_t thread)
{
	struct user_regs_struct found;
	check(ptrace(PTRACE_GETREGS, thread, NULL, &found) == 0, "PTRACE_GETREGS");
	return found;
}

static int is_mark(const struct user_regs_struct *at, unsigned long number)
{
	return number == SYS_getpgid && at->rdi == STEPS_MARK;
}

/* Prefixes of one byte, then the opcode: `lock`, or an exchange with memory, which locks always. */
static int is_locked(const unsigned char *code)
{
	for (int i = 0; i < LOOK - 2; i++) {
		if (code[i] == 0xf0)
			return 1;
		if ((code[i] & 0xf0) == 0x40 || code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3)
			continue;
		return (code[i] & 0xfe) == 0x86 && (code[i + 1] & 0xc0) != 0xc0;
	}
	return 0;
}

static void note_locked(unsigned long address)
{
	unsigned i = 0;
	while (i < ADDRESSES && locked_at[i].count && locked_at[i].address != address)
		i++;
	if (i < ADDRESSES) {
		locked_at[i].address = address;
		locked_at[i].count++;
	}
}

static struct counts count_to_mark(pid_t thread)
{
	struct counts counts = {0, 0, 0};
	for (;;) {
		unsigned char code[LOOK];
		struct user_regs_struct at = registers(thread);
		struct iovec here = {code, LOOK}, there = {(void *)at.rip, LOOK};
		check(process_vm_readv(child, &here, 1, &there, 1, 0) == LOOK, "process_vm_readv");
		int is_call = code[0] == 0x0f && code[1] == 0x05;
		if (is_call && is_mark(&at, at.rax))
			return counts;
		counts.instructions++;
		counts.system_calls += is_call;
		if (is_locked(code)) {
			counts.locked++;
			note_locked(at.rip);
		}
		resume(thread, PTRACE_SINGLESTEP);
	}
}

int main(int argc, char **argv)
{
	int lists = argc > 1 && strcmp(argv[1], "-l") == 0;
	char **program = argv + 1 + lists;
	if (!*program) {
		fprintf(stderr, "usage: steps [-l] PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(*program, program);
		perror(*program);
		_exit(127);
	}
	int status;
	check(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "the program did not start");
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	check(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)options) == 0, "PTRACE_SETOPTIONS");
	pid_t thread = child;
	struct user_regs_struct at;
	do {
		thread = resume(thread, PTRACE_SYSCALL);
		at = registers(thread);
	} while (!is_mark(&at, at.orig_rax) || (long)at.rax != -ESRCH);
	signal(SIGALRM, give_up);
	alarm(LIMIT_SECONDS);
	struct counts counts = count_to_mark(thread);
	kill(child, SIGKILL);
	printf("{\"instructions\": %ld, \"locked\": %ld, \"system_calls\": %ld}\n", counts.instructions,
	       counts.locked, counts.system_calls);
	for (int i = 0; lists && i < ADDRESSES && locked_at[i].count; i++)
		printf("%#lx %ld\n", locked_at[i].address, locked_at[i].count);
	return 0;
}
