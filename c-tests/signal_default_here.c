/* A signal that a thread sends to itself, and that nobody handles, ends or stops the process before the call returns:
 * the thread does not go on meanwhile. */
#include "check.h"
#include <poll.h>
#include <sys/resource.h>

enum { ROUNDS = 8, WENT_ON = 42 };

/* Those that end the process with a core dump, and without. */
static const int ending[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE, SIGSEGV, SIGSYS,   SIGXCPU,
			     SIGXFSZ, SIGHUP,  SIGINT,  SIGUSR1, SIGTERM, SIGPIPE, SIGPROF, SIGKILL};

static int progress[2];

static void *raise_it(void *signal_number)
{
	raise((int)(long)signal_number);
	_exit(WENT_ON);
}

static void *kill_oneself(void *signal_number)
{
	pthread_kill(pthread_self(), (int)(long)signal_number);
	_exit(WENT_ON);
}

static void *stop_oneself(void *unused)
{
	CHECK_OK(raise(SIGSTOP));
	CHECK_EQ(write(progress[1], "x", 1), 1);
	return unused;
}

static void ends(int signal_number, void *(*send)(void *))
{
	pid_t child = check_fork();
	if (child == 0) {
		struct rlimit none = {0, 0};
		CHECK_OK(setrlimit(RLIMIT_CORE, &none));
		/* Whoever runs this may have it ignored. */
		if (signal_number != SIGKILL)
			CHECK(signal(signal_number, SIG_DFL) != SIG_ERR);
		check_start(send, (void *)(long)signal_number);
		for (;;)
			pause();
	}
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), signal_number);
}

static void stops(void)
{
	CHECK_OK(pipe(progress));
	pid_t child = check_fork();
	if (child == 0) {
		check_join(check_start(stop_oneself, NULL));
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
	CHECK(WIFSTOPPED(status));
	struct pollfd look = {.fd = progress[0], .events = POLLIN};
	CHECK_EQ(poll(&look, 1, 0), 0);
	CHECK_OK(kill(child, SIGCONT));
	check_child_succeeds(child);
	CHECK_EQ(poll(&look, 1, 0), 1);
	CHECK_OK(close(progress[0]));
	CHECK_OK(close(progress[1]));
}

int main(void)
{
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		for (int round = 0; round < ROUNDS; round++)
			ends(ending[i], round % 2 ? raise_it : kill_oneself);
	for (int round = 0; round < ROUNDS; round++)
		stops();
	return 0;
}
