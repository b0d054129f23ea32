/* A signal for the process may hit a thread that has a kernel thread of its own and sleeps there, in a lock of libgreen's.
 * It is for main all the same, which is told at once, also where the kernel goes on with such a sleep by itself, after a
 * handler with SA_RESTART. */
#include "check.h"
#include <sched.h>
#include <stdatomic.h>

enum { SIGNALS = 10 };

static pthread_t main_thread;
static sem_t over;
static atomic_int handled;
/* A byte for each signal that was handled. */
static int acknowledged[2];

static void handle(int signal_number)
{
	(void)signal_number;
	CHECK(pthread_equal(pthread_self(), main_thread));
	handled++;
	CHECK_EQ(write(acknowledged[1], "", 1), 1);
}

static void wire(void)
{
	cpu_set_t cpus;
	CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
	CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
}

/* On the process's first kernel thread, while main waits for its end: the kernel asks that first who takes a signal. */
static void *sleep_there(void *unused)
{
	wire();
	check_await(&over);
	return unused;
}

static void send_from_outside(pid_t to)
{
	char byte;
	for (int i = 1; i <= SIGNALS; i++) {
		sleep_ms(20);
		CHECK_OK(kill(to, i % 2 ? SIGUSR1 : SIGUSR2));
		CHECK_EQ(read(acknowledged[0], &byte, 1), 1);
	}
	CHECK_OK(kill(to, SIGTERM));
}

static void end_waits(int signal_number)
{
	handle(signal_number);
	CHECK_OK(sem_post(&over));
}

static void install(int signal_number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(signal_number, &action, NULL));
}

int main(void)
{
	main_thread = pthread_self();
	CHECK_OK(pipe(acknowledged));
	CHECK_OK(sem_init(&over, 0, 0));
	install(SIGUSR1, handle);
	install(SIGUSR2, handle);
	install(SIGTERM, end_waits);
	pthread_t thread = check_start(sleep_there, NULL);
	pid_t parent = getpid(), child = check_fork();
	if (child == 0) {
		send_from_outside(parent);
		_exit(0);
	}
	check_join(thread);
	CHECK_EQ(handled, SIGNALS + 1);
	check_child_succeeds(child);
	return 0;
}
