/* A forked child may join a thread of its parent's, as destructors at its end do: one that ran there is gone here, and
 * one that had ended has its result. (glibc bears one such join, not several: its list of stacks is not made for that.) */
#include "check.h"

static sem_t end;
static pthread_t running, ended;

static void *wait_for_end(void *argument)
{
	check_await(&end);
	return argument;
}

static void *nothing(void *argument)
{
	return argument;
}

static void *fork_and_join(void *unused)
{
	pid_t child = check_fork();
	if (child == 0) {
		CHECK(check_join(running) == NULL);
		_exit(0);
	}
	check_child_succeeds(child);
	child = check_fork();
	if (child == 0) {
		void *result = check_join(ended);
		CHECK(result == &ended || result == NULL);
		_exit(0);
	}
	check_child_succeeds(child);
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&end, 0, 0));
	running = check_start(wait_for_end, &end);
	ended = check_start(nothing, &ended);
	/* Mostly it has ended by then. */
	sleep_ms(20);
	fork_and_join(NULL);
	check_join(check_start(fork_and_join, NULL));
	CHECK_OK(sem_post(&end));
	CHECK(check_join(running) == &end);
	CHECK(check_join(ended) == &ended);
	return 0;
}
