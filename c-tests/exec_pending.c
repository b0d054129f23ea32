/* What is blocked and waits for the thread alone that executes another program stays pending there, with what came
 * with it and in its order, and so does what waits for the process; of what waits for others nothing is left. An
 * execution that fails changes nothing. */
#include "check.h"
#include <fcntl.h>
#include <sys/syscall.h>

enum { VALUES = 3 };

extern char **environ;
static char *program;

static void block_all(void)
{
	sigset_t all;
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
}

/* The other program: what waits for it. */
static int look(void)
{
	sigset_t pending, expected;
	siginfo_t info;
	struct timespec none = {0};
	sigemptyset(&expected);
	sigaddset(&expected, SIGUSR1);
	sigaddset(&expected, SIGUSR2);
	sigaddset(&expected, SIGRTMIN);
	CHECK_OK(sigpending(&pending));
	for (int i = 1; i <= SIGRTMAX; i++)
		if (i != SIGALRM && sigismember(&expected, i) >= 0)
			CHECK_EQ(sigismember(&pending, i) ? i : 0, sigismember(&expected, i) ? i : 0);
	CHECK_EQ(sigtimedwait(&expected, &info, &none), SIGUSR1);
	CHECK_EQ(info.si_pid, getpid());
	for (int i = 0; i < VALUES; i++) {
		sigset_t queued;
		sigemptyset(&queued);
		sigaddset(&queued, SIGRTMIN);
		CHECK_EQ(sigtimedwait(&queued, &info, &none), SIGRTMIN);
		CHECK_EQ(info.si_code, SI_QUEUE);
		CHECK_EQ(info.si_value.sival_int, i);
	}
	CHECK_EQ(sigtimedwait(&expected, &info, &none), SIGUSR2);
	CHECK_ERRNO(sigtimedwait(&expected, &info, &none), EAGAIN);
	return 0;
}

static void *execute(void *way)
{
	char *arguments[] = {program, "look", NULL};
	CHECK_OK(raise(SIGUSR1));
	CHECK_OK(kill(getpid(), SIGUSR2));
	for (int i = 0; i < VALUES; i++)
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = i}));
	CHECK_ERRNO(execv("/nowhere", arguments), ENOENT);
	switch ((long)way) {
	case 0:
		execve(program, arguments, environ);
		break;
	case 1:
		execv(program, arguments);
		break;
	case 2:
		execl(program, program, "look", NULL);
		break;
	case 3:
		syscall(SYS_execve, program, arguments, environ);
		break;
	case 4:
		fexecve(open(program, O_RDONLY), arguments, environ);
		break;
	default:
		execvp(program, arguments);
	}
	check_failed(__FILE__, __LINE__, "execution", (long)way);
}

static void *wait_here(void *unused)
{
	CHECK_OK(raise(SIGHUP));
	for (;;)
		pause();
	return unused;
}

/* A failure leaves all as it was. */
static void *fail(void *unused)
{
	sigset_t both;
	siginfo_t info;
	struct timespec none = {0};
	char *arguments[] = {program, NULL};
	CHECK_OK(raise(SIGUSR1));
	for (int i = 0; i < VALUES; i++)
		CHECK_OK(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = i}));
	CHECK_ERRNO(execve("/nowhere", arguments, environ), ENOENT);
	CHECK_ERRNO(execve("/", arguments, environ), EACCES);
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigaddset(&both, SIGRTMIN);
	CHECK_EQ(sigtimedwait(&both, &info, &none), SIGUSR1);
	CHECK_EQ(info.si_code, SI_USER);
	for (int i = 0; i < VALUES; i++) {
		CHECK_EQ(sigtimedwait(&both, &info, &none), SIGRTMIN);
		CHECK_EQ(info.si_value.sival_int, i);
	}
	CHECK_ERRNO(sigtimedwait(&both, &info, &none), EAGAIN);
	return unused;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "look"))
		return look();
	program = argv[0];
	block_all();
	check_join(check_start(fail, NULL));
	fail(NULL);
	for (long way = 0; way < 6; way++)
		for (int by_main = 0; by_main < 2; by_main++) {
			pid_t child = check_fork();
			if (child == 0) {
				check_start(wait_here, NULL);
				if (by_main)
					execute((void *)way);
				check_join(check_start(execute, (void *)way));
			}
			check_child_succeeds(child);
		}
	return 0;
}
