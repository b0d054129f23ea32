/* Threads that wait in a call while what is for others meets their kernel threads: signals for the main thread, and
 * changes of their own scheduling. */
#ifndef BYSTANDER_H
#define BYSTANDER_H

#include "check.h"
#include <sched.h>
#include <stdatomic.h>

static pthread_t main_thread;
static atomic_int handled, main_is_open;

static void count_in_main(int signal_number)
{
	CHECK_EQ(signal_number, SIGUSR1);
	CHECK(pthread_equal(pthread_self(), main_thread));
	handled++;
}

/* By the main thread, before the others begin. */
static void handle_in_main(void)
{
	/* Not deferred: while the signal were blocked for the handler, the next one would go to another thread. */
	struct sigaction action = {.sa_handler = count_in_main, .sa_flags = SA_NODEFER};
	main_thread = pthread_self();
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

/* A thread that sends `count` signals to the process, one after the other. It blocks them itself: they are for the main
 * thread, but what meets them is any kernel thread that does not. */
static void *send_to_main(void *count)
{
	sigset_t usr1;
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
	while (!main_is_open)
		sleep_ms(1);
	for (int i = 1; i <= (int)(long)count; i++) {
		CHECK_OK(kill(getpid(), SIGUSR1));
		while (handled < i)
			sleep_ms(1);
	}
	handled = 0;
	return NULL;
}

/* By the main thread: `count` signals are sent to it. */
static void have_sent_to_main(long count)
{
	main_is_open = 0;
	pthread_t sender = check_start(send_to_main, (void *)count);
	/* pthread_create blocks all signals until it is done, which the new thread may well see. */
	main_is_open = 1;
	check_join(sender);
}

/* Binds the caller to the CPUs that it may use anyway. */
static void bind_to_what_it_may(void)
{
	cpu_set_t cpus;
	CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
	CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
}

/* The same, of another thread. */
static void bind_another(pthread_t thread)
{
	cpu_set_t cpus;
	CHECK_OK(pthread_getaffinity_np(thread, sizeof cpus, &cpus));
	CHECK_OK(pthread_setaffinity_np(thread, sizeof cpus, &cpus));
}

#endif
