/* A signal that the process gets is handled by main, which alone accepts it, before main learns in another way that it
 * was sent: by the end of the child that has sent it, or whose end it tells of, by a byte in a pipe, or from another
 * thread. Beside threads that park and go on all the time. */
#include "signal_beside_others.h"

enum { TIMES = 300 };

static void by_a_thread(void)
{
	for (int i = 0; i < 10 * TIMES; i++) {
		int before = handled;
		CHECK_OK(sem_post(&wanted));
		if (i % 2)
			usleep(100);
		await_sent();
		CHECK_EQ(handled, before + 1);
	}
}

static void by_a_child(void)
{
	for (int i = 0; i < TIMES; i++) {
		int before = handled, status = -1;
		pid_t parent = getpid(), child = check_fork();
		if (child == 0) {
			kill(parent, SIGTERM);
			_exit(0);
		}
		while (waitpid(child, &status, 0) != child)
			CHECK_EQ(errno, EINTR);
		CHECK_EQ(handled, before + 1);
		CHECK_EQ(status, 0);
	}
}

static void by_a_pipe(void)
{
	int there[2], back[2], status = -1;
	char byte;
	CHECK_OK(pipe(there));
	CHECK_OK(pipe(back));
	pid_t parent = getpid(), child = check_fork();
	if (child == 0) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1) {
			kill(parent, SIGTERM);
			CHECK_EQ(write(back[1], &byte, 1), 1);
		}
		_exit(0);
	}
	for (int i = 0; i < 10 * TIMES; i++) {
		int before = handled;
		CHECK_EQ(write(there[1], "", 1), 1);
		while (read(back[0], &byte, 1) != 1)
			CHECK_EQ(errno, EINTR);
		CHECK_EQ(handled, before + 1);
	}
	CHECK_OK(close(there[1]));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

static void handle_child(int signal_number)
{
	CHECK_EQ(signal_number, SIGCHLD);
	handle(SIGTERM);
}

static void of_a_child(void)
{
	struct sigaction action = {.sa_handler = handle_child, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGCHLD, &action, NULL));
	for (int i = 0; i < TIMES; i++) {
		int before = handled, status = -1;
		pid_t child = check_fork();
		if (child == 0)
			_exit(3);
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(handled, before + 1);
		CHECK_EQ(WEXITSTATUS(status), 3);
	}
}

int main(void)
{
	start_others();
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	by_a_thread();
	by_a_child();
	by_a_pipe();
	of_a_child();
	CHECK_EQ(handled_by_acceptor, handled);
	end_others();
	return 0;
}
