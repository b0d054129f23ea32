/* A close that is cancelled while it waits for what was not sent (SO_LINGER) has closed its descriptor. Who has met the
 * old file before that is not left waiting for it: when the other end has nothing more to send his call ends. A handler
 * in the midst of the close has him meet it, now and then. */
#include "net.h"
#include <sched.h>
#include <stdatomic.h>

enum { MS = 3000, LINGER_S = 20 };

static int descriptor;
static atomic_int is_closing, is_handled, has_begun;
static sem_t begin;

/* At the first signal that meets the close. */
static void let_the_reader_begin(int signal_number)
{
	(void)signal_number;
	if (!is_closing || is_handled)
		return;
	CHECK_OK(sem_post(&begin));
	while (!has_begun)
		sched_yield();
	struct timespec moment = {.tv_nsec = NS_PER_MS / 2};
	nanosleep(&moment, NULL);
	is_handled = 1;
}

static void *close_it(void *unused)
{
	is_closing = 1;
	close(descriptor);
	is_closing = 0;
	if (!is_handled)
		CHECK_OK(sem_post(&begin));
	is_handled = 1;
	return unused;
}

static void *signal_it(void *closer)
{
	/* A kernel thread of its own is not held up by who closes. */
	cpu_set_t cpus;
	CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
	CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	while (!is_handled)
		pthread_kill(*(pthread_t *)closer, SIGUSR1);
	return NULL;
}

static void *read_all(void *unused)
{
	char byte;
	check_await(&begin);
	has_begun = 1;
	while (recv(descriptor, &byte, 1, 0) > 0)
		;
	return unused;
}

int main(void)
{
	CHECK_OK(sem_init(&begin, 0, 0));
	CHECK(signal(SIGUSR1, let_the_reader_begin) != SIG_ERR);
	long end = monotonic_ms() + MS;
	while (monotonic_ms() < end) {
		int peer;
		descriptor = lingering_end(LINGER_S, &peer);
		is_closing = is_handled = has_begun = 0;
		pthread_t reader = check_start(read_all, NULL);
		pthread_t closer = check_start(close_it, NULL);
		pthread_t signaller = check_start(signal_it, &closer);
		check_join(signaller);
		sleep_ms(1);
		CHECK_OK(pthread_cancel(closer));
		/* Unless the signal has ended its wait. */
		check_join(closer);
		CHECK_OK(shutdown(peer, SHUT_WR));
		check_join(reader);
		CHECK_OK(close(peer));
	}
	return 0;
}
