/* SIGTERM for main, which alone accepts it, beside threads that park and go on all the time; one sends it when asked. */
#ifndef SIGNAL_BESIDE_OTHERS_H
#define SIGNAL_BESIDE_OTHERS_H

#include "signal_process.h"
#include <stdatomic.h>
#include <time.h>

enum { OTHERS = 3 };

static pthread_t others[OTHERS];
static atomic_int over;
static sem_t wanted, sent;

static void *come_and_go(void *unused)
{
	struct timespec shortly = {.tv_nsec = 15000};
	while (!over)
		nanosleep(&shortly, NULL);
	return unused;
}

static void *send_when_asked(void *unused)
{
	for (;;) {
		CHECK_OK(sem_wait(&wanted));
		if (over)
			return unused;
		CHECK_OK(kill(getpid(), SIGTERM));
		CHECK_OK(sem_post(&sent));
	}
}

/* The caller, main, blocks SIGTERM on return, and the others block all signals. */
static void start_others(void)
{
	sigset_t all;
	block_in_main();
	acceptor = pthread_self();
	CHECK_OK(sem_init(&wanted, 0, 0));
	CHECK_OK(sem_init(&sent, 0, 0));
	CHECK_OK(sigfillset(&all));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
	for (int i = 0; i < OTHERS; i++)
		others[i] = check_start(i < OTHERS - 1 ? come_and_go : send_when_asked, NULL);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &term, NULL));
}

static void await_sent(void)
{
	while (sem_wait(&sent) != 0)
		CHECK_EQ(errno, EINTR);
}

static void end_others(void)
{
	over = 1;
	CHECK_OK(sem_post(&wanted));
	for (int i = 0; i < OTHERS; i++)
		check_join(others[i]);
}

#endif
