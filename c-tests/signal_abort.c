/* abort() runs the handler of SIGABRT wherever it is called: on main, on threads, in handlers, from another
 * kernel thread of libc's (as root: where the threads' credentials differ and one changes them for all). */
#include "check.h"
#include <semaphore.h>
#include <setjmp.h>
#include <sys/syscall.h>

enum { HANDLED = 7 };

static sigjmp_buf out;

static void end_well(int signal_number)
{
	(void)signal_number;
	_exit(HANDLED);
}

static void jump_out(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

static void abort_in_handler(int signal_number)
{
	(void)signal_number;
	abort();
}

static void *call_abort(void *unused)
{
	(void)unused;
	abort();
}

static void on_main(void)
{
	abort();
}

static void on_a_thread(void)
{
	check_join(check_start(call_abort, NULL));
}

static void in_a_handler(void)
{
	signal(SIGUSR1, abort_in_handler);
	raise(SIGUSR1);
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void beside_threads(void)
{
	check_start(wait_for_ever, NULL);
	abort();
}

static void while_blocked(void)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	on_a_thread();
}

static void by_a_jump(void)
{
	signal(SIGABRT, jump_out);
	if (sigsetjmp(out, 1) == 0)
		abort();
	signal(SIGABRT, end_well);
	abort();
}

static sem_t differs;

static void *differ(void *unused)
{
	CHECK_OK(syscall(SYS_setresuid, 2001, 2002, 2003));
	CHECK_OK(sem_post(&differs));
	return wait_for_ever(unused);
}

static void where_credentials_differ(void)
{
	if (geteuid() != 0)
		_exit(HANDLED);
	CHECK_OK(sem_init(&differs, 0, 0));
	check_start(differ, NULL);
	CHECK_OK(sem_wait(&differs));
	CHECK_OK(setresuid(1001, 1002, 1003));
}

static void handled(void (*aborts)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		signal(SIGABRT, end_well);
		aborts();
		_exit(1);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), HANDLED);
}

static void *all(void *unused)
{
	void (*const ways[])(void) = {on_main, on_a_thread, in_a_handler, beside_threads, while_blocked, by_a_jump,
				      where_credentials_differ};
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		handled(ways[i]);
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
