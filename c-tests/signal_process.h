/* A signal that is sent to the process, SIGTERM, and blocked in the main thread: who has handled it. */
#ifndef SIGNAL_PROCESS_H
#define SIGNAL_PROCESS_H

#include "check.h"

/* Only a signal that is lost takes longer. */
enum { SLOW_MS = 30000 };

static pthread_t main_thread, acceptor;
static volatile sig_atomic_t handled, handled_by_acceptor, handled_by_main;
static sem_t ready, never_posted;
static sigset_t term, none;

static void handle(int signal_number)
{
	CHECK_EQ(signal_number, SIGTERM);
	if (pthread_equal(pthread_self(), acceptor))
		handled_by_acceptor++;
	if (pthread_equal(pthread_self(), main_thread))
		handled_by_main++;
	handled++;
}

static void block_in_main(void)
{
	struct sigaction action = {.sa_handler = handle};
	main_thread = pthread_self();
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(sigemptyset(&term));
	CHECK_OK(sigaddset(&term, SIGTERM));
	CHECK_OK(sigaction(SIGTERM, &action, NULL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&never_posted, 0, 0));
}

#endif
