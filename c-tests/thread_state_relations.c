/* What the kernel knows by the thread: who traces whom, and whose children a signal is sent to at their parent's
 * death. A tracer stays one wherever it waits; a child lives on while the thread that has made it does, also when
 * many threads that came and went have blocked in the kernel beside it. And the word that it clears at the end. */
#include "thread_state.h"
#include <linux/futex.h>
#include <sys/ptrace.h>

enum { CROWD = 40, PEEKS = 20 };

static volatile long word = 0x1234567;

static pid_t start_sleeper(void)
{
	pid_t child = check_fork();
	if (child == 0)
		for (;;)
			pause();
	return child;
}

static void wait_until_stopped(pid_t child)
{
	int status;
	CHECK_EQ(waitpid(child, &status, __WALL), child);
	CHECK(WIFSTOPPED(status));
}

static void peek(pid_t child)
{
	for (int i = 0; i < PEEKS; i++) {
		errno = 0;
		CHECK_EQ(ptrace(PTRACE_PEEKDATA, child, &word, 0), word);
		CHECK_OK(errno);
		usleep(100);
	}
}

static void *trace(void *unused)
{
	pid_t child = start_sleeper();
	CHECK_OK(ptrace(PTRACE_ATTACH, child, 0, 0));
	wait_until_stopped(child);
	peek(child);
	CHECK_OK(ptrace(PTRACE_DETACH, child, 0, 0));
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, NULL, 0), child);
	return unused;
}

static void *pause_often(void *unused)
{
	while (!stop)
		usleep(50);
	return unused;
}

static void check_tracing(void)
{
	/* as the process's only thread, then as one of several */
	pid_t child = start_sleeper();
	CHECK_OK(ptrace(PTRACE_ATTACH, child, 0, 0));
	wait_until_stopped(child);
	pthread_t watchers[WATCHERS];
	for (int i = 0; i < WATCHERS; i++)
		watchers[i] = check_start(pause_often, NULL);
	peek(child);
	CHECK_OK(ptrace(PTRACE_DETACH, child, 0, 0));
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, NULL, 0), child);
	check_join(check_start(trace, NULL));
	end_watchers(watchers);
}

static int crowd_pipe[2];
static pid_t children[CROWD];
static int alive[2];

static void *block_and_fork(void *number)
{
	char byte;
	long result;
	/* on kernel threads that nobody needs afterwards */
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_read), "D"(crowd_pipe[0]), "S"(&byte), "d"(1)
			 : "rcx", "r11", "memory");
	CHECK_EQ(result, 1);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
		CHECK_EQ(write(alive[1], "", 1), 1);
		for (;;)
			pause();
	}
	children[(long)number] = child;
	while (!stop)
		usleep(10000);
	return NULL;
}

static void check_children_live(void)
{
	pthread_t threads[CROWD];
	char bytes[CROWD];
	CHECK_OK(pipe(crowd_pipe));
	CHECK_OK(pipe(alive));
	stop = 0;
	for (long i = 0; i < CROWD; i++)
		threads[i] = check_start(block_and_fork, (void *)i);
	while (check_kernel_threads() < CROWD)
		sleep_ms(1);
	CHECK_EQ(write(crowd_pipe[1], bytes, CROWD), CROWD);
	for (int got = 0; got < CROWD; got++)
		CHECK_EQ(read(alive[0], bytes, 1), 1);
	usleep(300000);
	for (int i = 0; i < CROWD; i++)
		CHECK_EQ(waitpid(children[i], NULL, WNOHANG), 0);
	stop = 1;
	for (int i = 0; i < CROWD; i++) {
		CHECK_OK(kill(children[i], SIGKILL));
		check_join(threads[i]);
		CHECK_EQ(waitpid(children[i], NULL, 0), children[i]);
	}
}

/* The word that the kernel clears at the thread's end, by name of the thread that asks. Nobody joins it: glibc
 * waits for another word. */
static _Atomic int cleared = 1;

static void *ask_to_clear(void *unused)
{
	for (int i = 0; i < PEEKS; i++) {
		CHECK_EQ(syscall(SYS_set_tid_address, &cleared), gettid());
		usleep(100);
	}
	return unused;
}

static void check_cleared_word(void)
{
	CHECK_OK(pthread_detach(check_start(ask_to_clear, NULL)));
	/* The kernel wakes it as a futex. */
	while (cleared)
		syscall(SYS_futex, &cleared, FUTEX_WAIT, 1, NULL);
}

int main(void)
{
	CHECK_EQ(syscall(SYS_set_tid_address, NULL), getpid());
	check_cleared_word();
	check_tracing();
	check_children_live();
	return 0;
}
