/* abort() runs the handler of SIGABRT wherever it is called: on main, on threads, in handlers, from another
 * kernel thread of libc's (as root: where the threads' credentials differ and one changes them for all). And where no
 * handler ends or leaves it the process dies of SIGABRT. */
#include "check.h"
#include <gnu/libc-version.h>
#include <sched.h>
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

static void go_on(int signal_number)
{
	(void)signal_number;
}

static void after_a_handler(void)
{
	signal(SIGABRT, go_on);
	abort();
}

static void after_a_handler_on_a_thread(void)
{
	signal(SIGABRT, go_on);
	on_a_thread();
}

static void *abort_wired(void *unused)
{
	cpu_set_t all;
	CHECK_OK(sched_getaffinity(0, sizeof all, &all));
	CHECK_OK(sched_setaffinity(0, sizeof all, &all));
	abort();
	return unused;
}

static void after_a_handler_on_a_wired_thread(void)
{
	signal(SIGABRT, go_on);
	check_join(check_start(abort_wired, NULL));
}

static void while_ignored(void)
{
	signal(SIGABRT, SIG_IGN);
	on_a_thread();
}

static void by_default(void)
{
	signal(SIGABRT, SIG_DFL);
	on_a_thread();
}

static int status_of(void (*aborts)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		signal(SIGABRT, end_well);
		aborts();
		_exit(1);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	return status;
}

static void ends_well_by(void (*aborts)(void))
{
	int status = status_of(aborts);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), HANDLED);
}

static void dies_by(void (*aborts)(void))
{
	int status = status_of(aborts);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGABRT);
}

static void *all(void *unused)
{
	void (*const handled[])(void) = {on_main, on_a_thread, in_a_handler, beside_threads, by_a_jump,
					 where_credentials_differ};
	void (*const deadly[])(void) = {after_a_handler, after_a_handler_on_a_thread, after_a_handler_on_a_wired_thread,
					while_ignored, by_default};
	for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
		ends_well_by(handled[i]);
	for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
		dies_by(deadly[i]);
	/* Later glibcs do not let it be handled then. */
	if (strverscmp(gnu_get_libc_version(), "2.41") < 0)
		ends_well_by(while_blocked);
	else
		dies_by(while_blocked);
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
