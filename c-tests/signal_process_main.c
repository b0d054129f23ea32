/* A signal that is sent to the process goes to the main thread first, if that accepts it, and finds others when that has
 * ended. */
#include "signal_process.h"
#include <poll.h>

static int finished;

static int is_finished(void)
{
	return __atomic_load_n(&finished, __ATOMIC_ACQUIRE);
}

static void *wait_for_end(void *unused)
{
	while (!is_finished())
		usleep(1000);
	return unused;
}

/* The main thread comes first if it accepts, parked or not. */
static void main_is_preferred(void)
{
	pthread_t others[3];
	__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	for (int i = 0; i < 3; i++)
		others[i] = check_start(wait_for_end, NULL);
	int before = handled_by_main;
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		if (child == 0) {
			usleep(500);
			kill(getppid(), SIGTERM);
			_exit(0);
		}
		for (long since = monotonic_ms(); handled_by_main == before + i;) {
			if (poll(NULL, 0, 1000) == -1)
				CHECK_EQ(errno, EINTR);
			CHECK(monotonic_ms() - since < SLOW_MS);
		}
		CHECK_EQ(handled_by_main, before + i + 1);
		CHECK_EQ(waitpid(child, NULL, 0), child);
	}
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++)
		check_join(others[i]);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
}

static void *end_process(void *unused)
{
	int before = handled;
	acceptor = pthread_self();
	sleep_ms(5);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
	pid_t child = check_fork();
	if (child == 0) {
		usleep(3000);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	if (handled == before)
		sleep(30);
	CHECK_EQ(handled, before + 1);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	_exit(0);
	return unused;
}

static void after_the_main_thread(void)
{
	pid_t child = check_fork();
	if (child == 0) {
		check_start(end_process, NULL);
		pthread_exit(NULL);
	}
	check_child_succeeds(child);
}

int main(void)
{
	block_in_main();
	main_is_preferred();
	after_the_main_thread();
	return 0;
}
