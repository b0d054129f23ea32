/* A thread that signals are meant for, parked, computing, or asleep now and then; and who handled one, with what. */
#ifndef SIGNALLED_H
#define SIGNALLED_H

#include "check.h"
#include <stdatomic.h>

static sem_t ready, handled, go;
static atomic_int stop, count;
/* Of the thread, and of the last one when that has ended. */
static pid_t id;
static pthread_t handled_by;
static siginfo_t came_with;

static void handle(int signal_number, siginfo_t *info, void *context)
{
	(void)signal_number;
	(void)context;
	handled_by = pthread_self();
	came_with = *info;
	count++;
	CHECK_OK(sem_post(&handled));
}

static void handle_signal(int signal_number)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
	CHECK_OK(sigaction(signal_number, &action, NULL));
}

/* Before anything else here. */
static void init_signalled(void)
{
	CHECK_OK(sem_init(&ready, 0, 0));
	CHECK_OK(sem_init(&handled, 0, 0));
	CHECK_OK(sem_init(&go, 0, 0));
}

static void announce(void)
{
	id = gettid();
	CHECK_OK(sem_post(&ready));
}

static void *wait_parked(void *unused)
{
	announce();
	check_await(&go);
	return unused;
}

static void *compute(void *unused)
{
	announce();
	while (!stop)
		;
	return unused;
}

static void *wait_asleep(void *unused)
{
	announce();
	while (!stop)
		sleep_ms(10);
	return unused;
}

/* Starts one of these. */
static pthread_t start_signalled(void *(*routine)(void *))
{
	stop = 0;
	pthread_t thread = check_start(routine, NULL);
	check_await(&ready);
	return thread;
}

static void end_signalled(pthread_t thread)
{
	stop = 1;
	CHECK_OK(sem_post(&go));
	check_join(thread);
	while (sem_trywait(&go) == 0)
		;
}

#endif
