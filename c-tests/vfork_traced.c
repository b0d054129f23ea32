/* A child of vfork that has itself traced, as debuggers start programs, stops for a signal, and who waits for it is told,
 * also where many threads block. */
#include "blocked.h"
#include <stdatomic.h>
#include <sys/ptrace.h>

enum { BLOCKED = 8 };

static atomic_int child;

static void *wait_for_child(void *unused)
{
	int status;
	while (child == 0)
		sleep_ms(1);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	return unused;
}

int main(void)
{
	struct blocked blocked = have_blocked(BLOCKED);
	pthread_t waiter = check_start(wait_for_child, NULL);
	sleep_ms(20);
	pid_t made = vfork();
	if (made == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		child = getpid();
		/* until it is waited for */
		sleep_ms(50);
		raise(SIGUSR1);
		_exit(127);
	}
	CHECK_EQ(made, child);
	check_join(waiter);
	unblock(&blocked);
	return 0;
}
