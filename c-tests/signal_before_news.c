/* A signal that the process gets is handled by main, which alone accepts it, before main learns in another way that it
 * was sent: by the end of the child that has sent it, or whose end it tells of, by a byte in a pipe, or from another
 * thread. Beside threads that park and go on all the time. */
#include "signal_process.h"
#include <stdatomic.h>
#include <time.h>

enum { TIMES = 300 };

static atomic_int over;
static sem_t wanted, sent;

static void *come_and_go(void *unused)
{
	struct timespec shortly = {.tv_nsec = 15000};
	while (!over)
		nanosleep(&shortly, NULL);
	return unused;
}

static void *send(void *unused)
{
	for (;;) {
		CHECK_OK(sem_wait(&wanted));
		if (over)
			return unused;
		CHECK_OK(kill(getpid(), SIGTERM));
		CHECK_OK(sem_post(&sent));
	}
}

static void by_a_thread(void)
{
	for (int i = 0; i < 10 * TIMES; i++) {
		int before = handled;
		CHECK_OK(sem_post(&wanted));
		if (i % 2)
			usleep(100);
		while (sem_wait(&sent) != 0)
			CHECK_EQ(errno, EINTR);
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
	pthread_t threads[3];
	sigset_t all, before;
	block_in_main();
	acceptor = pthread_self();
	CHECK_OK(sem_init(&wanted, 0, 0));
	CHECK_OK(sem_init(&sent, 0, 0));
	CHECK_OK(sigfillset(&all));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &all, &before));
	for (int i = 0; i < 2; i++)
		threads[i] = check_start(come_and_go, NULL);
	threads[2] = check_start(send, NULL);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	by_a_thread();
	by_a_child();
	by_a_pipe();
	of_a_child();
	CHECK_EQ(handled_by_acceptor, handled);
	over = 1;
	CHECK_OK(sem_post(&wanted));
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
	return 0;
}
