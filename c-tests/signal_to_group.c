/* What the main thread sends to its process group, and does not block, has been handled when the call returns, as
 * kill(3p) promises where no other thread accepts it; beside threads that wait, and one that computes. */
#include "check.h"
#include <sys/syscall.h>

enum { SLEEPERS = 4, ROUNDS = 300 };

static volatile sig_atomic_t handled;
static pthread_t handler_thread;
static volatile int over;
static sem_t end;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
	handler_thread = pthread_self();
}

static void *wait_for_end(void *unused)
{
	check_await(&end);
	return unused;
}

static void *compute(void *unused)
{
	while (!over)
		;
	return unused;
}

static int by_number(pid_t process, int signal_number)
{
	return (int)syscall(SYS_kill, process, signal_number);
}

static int by_group(pid_t group, int signal_number)
{
	return killpg(-group, signal_number);
}

static void check_all(int signal_number)
{
	int (*const ways[])(pid_t, int) = {kill, by_number, by_group};
	const pid_t groups[] = {0, -getpgrp()};
	for (unsigned way = 0; way < sizeof ways / sizeof *ways; way++)
		for (unsigned group = 0; group < sizeof groups / sizeof *groups; group++) {
			int before = handled;
			CHECK_OK(ways[way](groups[group], signal_number));
			CHECK_EQ(handled, before + 1);
			CHECK(pthread_equal(handler_thread, pthread_self()));
		}
	CHECK_ERRNO(killpg(-1, signal_number), EINVAL);
	CHECK_ERRNO(kill(0, 65), EINVAL);
}

int main(void)
{
	struct sigaction action = {.sa_handler = count};
	sigset_t both, before;
	CHECK(setpgid(0, 0) == 0 || getpgrp() == getpid());
	CHECK_OK(sem_init(&end, 0, 0));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGRTMIN, &action, NULL));
	check_all(SIGUSR1);
	check_all(SIGRTMIN);
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigaddset(&both, SIGRTMIN);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &both, &before));
	pthread_t threads[SLEEPERS], busy = check_start(compute, NULL);
	for (int i = 0; i < SLEEPERS; i++)
		threads[i] = check_start(wait_for_end, NULL);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	for (int round = 0; round < ROUNDS; round++) {
		check_all(SIGUSR1);
		check_all(SIGRTMIN);
		/* Main goes on where there is room. */
		if (round % 3 == 0)
			sleep_ms(1);
	}
	over = 1;
	for (int i = 0; i < SLEEPERS; i++)
		CHECK_OK(sem_post(&end));
	for (int i = 0; i < SLEEPERS; i++)
		check_join(threads[i]);
	check_join(busy);
	return 0;
}
