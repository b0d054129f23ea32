/* A handler that interrupts a call may fork, and return in the child as well: the call goes on there as in the parent,
 * where the child has no threads. */
#include "check.h"
#include <fcntl.h>
#include <sys/socket.h>

static int ends[2], copy_ends[2], sockets[2];
static volatile pid_t child;
static volatile sig_atomic_t forked;

static void fork_here(int signal_number)
{
	(void)signal_number;
	int error = errno;
	pid_t pid = fork();
	if (pid == 0)
		alarm(WATCHDOG_SECONDS);
	child = pid;
	forked = 1;
	errno = error;
}

static long copy(void)
{
	return tee(ends[0], copy_ends[1], 10, 0);
}

static long peek(void)
{
	char byte;
	return recv(sockets[0], &byte, 1, MSG_PEEK);
}

static void *call(void *call)
{
	long result = ((long (*)(void))call)();
	CHECK_EQ(result, 1);
	if (child == 0)
		_exit(0);
	return NULL;
}

static void interrupt(long (*what)(void), int other_end)
{
	child = -1;
	forked = 0;
	pthread_t thread = check_start(call, (void *)what);
	/* Mostly it waits by then; otherwise the handler runs before the call. */
	sleep_ms(10);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	while (!forked)
		sleep_ms(1);
	CHECK_EQ(write(other_end, "x", 1), 1);
	check_join(thread);
	CHECK(child > 0);
	check_child_succeeds(child);
}

static void make_all(void)
{
	CHECK_OK(pipe(ends));
	CHECK_OK(pipe(copy_ends));
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
}

static void close_all(void)
{
	for (int i = 0; i < 2; i++) {
		CHECK_OK(close(ends[i]));
		CHECK_OK(close(copy_ends[i]));
		CHECK_OK(close(sockets[i]));
	}
}

int main(void)
{
	struct sigaction action = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	/* Later the numbers have been others' before. */
	for (int i = 0; i < 10; i++) {
		make_all();
		interrupt(copy, ends[1]);
		interrupt(peek, sockets[1]);
		close_all();
	}
	return 0;
}
