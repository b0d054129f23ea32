/* What another process sends to this one is for main, which accepts it: whatever signal that is, also one of those by
 * which the kernel tells a thread of its own faults, and whoever computes. (Natively, too, another thread that accepts
 * it and enters the kernel at that moment may be faster.) */
#include "check.h"
#include <stdatomic.h>

static const int all[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,   SIGABRT, SIGBUS,   SIGFPE,
			  SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGTERM,   SIGCONT, SIGTSTP,  SIGTTIN,
			  SIGTTOU, SIGURG,  SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO,
			  SIGPWR,  SIGSYS,  SIGSTKFLT};
enum { COUNT = sizeof all / sizeof *all, ATTEMPTS = 50 };

static pthread_t main_thread;
static atomic_int handled, by_main, last, over;

static void handle(int signal_number)
{
	by_main = pthread_equal(pthread_self(), main_thread) != 0;
	last = signal_number;
	handled++;
}

static void *compute(void *unused)
{
	(void)unused;
	while (!over)
		;
	return NULL;
}

/* A child that sends the signal of each byte that it reads. */
static void send_what_comes(int from, pid_t to)
{
	char signal_number;
	while (read(from, &signal_number, 1) == 1)
		CHECK_OK(kill(to, signal_number));
}

int main(void)
{
	main_thread = pthread_self();
	/* Not deferred, nor interrupted: each is handled before the next one is sent. */
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_NODEFER};
	for (int i = 0; i < COUNT; i++)
		CHECK_OK(sigaction(all[i], &action, NULL));
	int orders[2];
	CHECK_OK(pipe(orders));
	pid_t parent = getpid();
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_OK(close(orders[1]));
		send_what_comes(orders[0], parent);
		_exit(0);
	}
	pthread_t computing[2];
	for (int i = 0; i < 2; i++)
		computing[i] = check_start(compute, NULL);
	for (int i = 0; i < COUNT; i++) {
		int attempts = 0;
		do {
			CHECK(attempts++ < ATTEMPTS);
			int before = handled;
			char order = all[i];
			CHECK_EQ(write(orders[1], &order, 1), 1);
			while (handled == before)
				sleep_ms(1);
			CHECK_EQ(last, all[i]);
		} while (!by_main);
	}
	over = 1;
	for (int i = 0; i < 2; i++)
		check_join(computing[i]);
	CHECK_OK(close(orders[1]));
	check_child_succeeds(child);
	return 0;
}
