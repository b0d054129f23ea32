/* Every way to make a process: fork, _Fork, clone and the system calls by number, with a copy of the memory. The
 * child has one thread, whose state is its own and in order, and can make others; the parent's threads go on. */
#include "net.h"
#include <linux/sched.h>
#include <pty.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

static char clone_stack[1 << 18] __attribute__((aligned(64)));
static int ends[2];

static void *read_byte(void *descriptor)
{
	char byte;
	return (void *)(long)read(*(int *)descriptor, &byte, 1);
}

static void *write_byte(void *descriptor)
{
	sleep_ms(2);
	return (void *)(long)write(*(int *)descriptor, "x", 1);
}

/* Threads that wait for each other, on descriptors of before and of now. */
static int threads_work(void)
{
	int own[2];
	alarm(WATCHDOG_SECONDS);
	CHECK_OK(pipe(own));
	for (int i = 0; i < 3; i++) {
		pthread_t reader = check_start(read_byte, &own[0]), writer = check_start(write_byte, &own[1]);
		CHECK_EQ((long)check_join(reader), 1);
		CHECK_EQ((long)check_join(writer), 1);
	}
	CHECK_EQ(write(ends[1], "y", 1), 1);
	CHECK_EQ((long)read_byte(&ends[0]), 1);
	CHECK_OK(close(own[0]));
	CHECK_OK(close(own[1]));
	return 0;
}

static int child_of_clone(void *expected)
{
	CHECK(getppid() == *(pid_t *)expected);
	return threads_work();
}

static void parent_of(pid_t pid)
{
	CHECK(pid > 0);
	check_child_succeeds(pid);
}

static void each_way(void)
{
	pid_t own = getpid(), pid;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(threads_work());
	parent_of(pid);
	pid = _Fork();
	if (pid == 0)
		_exit(threads_work());
	parent_of(pid);
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0)
		_exit(threads_work());
	parent_of(pid);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0)
		_exit(threads_work());
	parent_of(pid);
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
	if (pid == 0)
		_exit(threads_work());
	parent_of(pid);
	CHECK_ERRNO(syscall(SYS_clone3, NULL, sizeof arguments), EFAULT);
	CHECK_ERRNO(syscall(SYS_clone3, &arguments, 1), EINVAL);
	parent_of(clone(child_of_clone, clone_stack + sizeof clone_stack, SIGCHLD, &own));
	parent_of(clone(child_of_clone, clone_stack + sizeof clone_stack, SIGCHLD | CLONE_FILES, &own));
	CHECK_ERRNO(clone(NULL, clone_stack + sizeof clone_stack, SIGCHLD, NULL), EINVAL);
	int terminal;
	pid = forkpty(&terminal, NULL, NULL, NULL);
	if (pid == 0)
		_exit(isatty(STDIN_FILENO) ? threads_work() : 1);
	parent_of(pid);
	CHECK_OK(close(terminal));
}

static atomic_int handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void *raise_in_thread(void *unused)
{
	CHECK_OK(raise(SIGUSR1));
	return unused;
}

/* A child without its parent's handlers has the default actions, and what was ignored still is. */
static void without_handlers(void)
{
	struct sigaction action = {.sa_handler = count}, ignore = {.sa_handler = SIG_IGN}, found;
	struct clone_args arguments = {.exit_signal = SIGCHLD, .flags = CLONE_CLEAR_SIGHAND};
	int status;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGUSR2, &ignore, NULL));
	fflush(NULL);
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
	if (pid == 0) {
		alarm(WATCHDOG_SECONDS);
		CHECK_OK(sigaction(SIGUSR1, NULL, &found));
		CHECK(found.sa_handler == SIG_DFL);
		CHECK_OK(sigaction(SIGUSR2, NULL, &found));
		CHECK(found.sa_handler == SIG_IGN);
		CHECK_OK(raise(SIGUSR2));
		check_join(check_start(raise_in_thread, NULL));
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGUSR1);
	handled = 0;
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 1);
}

static int child_in_our_memory(void *place)
{
	*(volatile int *)place = getpid();
	if (dup2(STDERR_FILENO, ends[0]) != ends[0])
		return 1;
	closefrom(0);
	return 5;
}

/* A child that shares the memory, as vfork's, but has a stack of its own. */
static void sharing_clone(void)
{
	volatile int seen = 0;
	int status;
	pid_t pid = clone(child_in_our_memory, clone_stack + sizeof clone_stack, CLONE_VM | CLONE_VFORK | SIGCHLD,
			  (void *)&seen);
	CHECK(pid > 0);
	CHECK_EQ(seen, pid);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 5);
}

static atomic_int stop;

static void *wait_and_read(void *unused)
{
	int pair[2];
	CHECK_OK(pipe(pair));
	while (!stop) {
		CHECK_EQ((long)write_byte(&pair[1]), 1);
		CHECK_EQ((long)read_byte(&pair[0]), 1);
	}
	CHECK_OK(close(pair[0]));
	CHECK_OK(close(pair[1]));
	return unused;
}

static void *in_a_thread(void *unused)
{
	each_way();
	without_handlers();
	sharing_clone();
	return unused;
}

int main(void)
{
	CHECK_OK(pipe(ends));
	each_way();
	without_handlers();
	sharing_clone();
	pthread_t busy = check_start(wait_and_read, NULL);
	each_way();
	without_handlers();
	sharing_clone();
	check_join(check_start(in_a_thread, NULL));
	stop = 1;
	check_join(busy);
	each_way();
	return 0;
}
