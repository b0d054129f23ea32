/* Threads of a Go runtime make their system calls by instructions of their own: what they tell the kernel about
 * themselves, mask and alternate stack, holds as long as they live, and the kernel knows them by their ids. Threads that
 * other code of the process makes go on beside them. (This program says of itself that Go's linker has made it.) */
#include "net.h"
#include <stdint.h>
#include <sys/syscall.h>

__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
	".balign 4\n"
	".long 4, 4, 4\n"
	".ascii \"Go\\0\\0\"\n"
	".ascii \"test\"\n"
	".popsection\n");

enum { THREADS = 6, ROUNDS = 30, ALTERNATE = 64 * 1024 };

static __thread char *alternate;
static __thread volatile int handled;

static long raw(long number, long a, long b, long c, long d)
{
	long result;
	register long fourth __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
}

static void handle(int signal_number)
{
	char local;
	(void)signal_number;
	CHECK((uintptr_t)&local - (uintptr_t)alternate < ALTERNATE);
	handled++;
}

static void *own_calls(void *unused)
{
	unsigned long mine = 1UL << (SIGHUP - 1) | 1UL << (SIGUSR2 - 1), now;
	long id = raw(SYS_gettid, 0, 0, 0, 0);
	char path[64], byte = 0;
	int ends[2];
	alternate = malloc(ALTERNATE);
	CHECK(alternate != NULL);
	stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE}, reported;
	CHECK_OK(raw(SYS_sigaltstack, (long)&stack, 0, 0, 0));
	CHECK_OK(raw(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mine, 0, 8));
	CHECK_EQ(gettid(), id);
	snprintf(path, sizeof path, "/proc/self/task/%ld", id);
	CHECK_OK(access(path, F_OK));
	unix_pair(ends);
	for (int i = 0; i < ROUNDS; i++) {
		usleep(100);
		write_exactly(ends[0], &byte, 1);
		CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
		CHECK_EQ(raw(SYS_gettid, 0, 0, 0, 0), id);
		CHECK_OK(raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&now, 8));
		CHECK_EQ(now, mine);
		CHECK_OK(raw(SYS_sigaltstack, 0, (long)&reported, 0, 0));
		CHECK(reported.ss_sp == alternate && reported.ss_flags == 0);
		CHECK_OK(raw(SYS_tgkill, getpid(), id, SIGUSR1, 0));
		CHECK_EQ(handled, i + 1);
	}
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	stack.ss_flags = SS_DISABLE;
	CHECK_OK(raw(SYS_sigaltstack, (long)&stack, 0, 0, 0));
	free(alternate);
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
	pthread_t threads[THREADS];
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(own_calls, NULL);
	own_calls(NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
