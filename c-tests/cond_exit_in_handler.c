/* A handler that ends its thread in the midst of pthread_cond_wait, by pthread_exit or as a cancellation point: cleanup
 * handlers run with the mutex held, as glibc has it, and the condition variable works for the others. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>

static pthread_mutex_t mutex;
static pthread_cond_t cond;
static sem_t waiting, entered, requested;

static void end_by_exit(int signal_number)
{
	(void)signal_number;
	pthread_exit(&mutex);
}

static void end_by_cancellation(int signal_number)
{
	(void)signal_number;
	CHECK_OK(sem_post(&entered));
	/* No cancellation point before the request is there. */
	while (sem_trywait(&requested) == -1)
		;
	pthread_testcancel();
	CHECK(!"reached");
}

static int unlocked;

/* Fails if the caller does not hold it. */
static void unlock(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	unlocked++;
}

static pid_t waiter;

static void *wait_for_it(void *deadline)
{
	waiter = gettid();
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_cleanup_push(unlock, NULL);
	CHECK_OK(sem_post(&waiting));
	if (deadline)
		pthread_cond_timedwait(&cond, &mutex, deadline);
	else
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
	return NULL;
}

/* As the kernel says, if it knows the thread. */
static int sleeps(pid_t thread)
{
	char path[64], state = 'S';
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
	FILE *file = fopen(path, "r");
	if (file) {
		CHECK_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		CHECK_OK(fclose(file));
	}
	return state == 'S';
}

static pthread_t start(struct timespec *deadline)
{
	pthread_t thread = check_start(wait_for_it, deadline);
	check_await(&waiting);
	/* It has let the mutex go. */
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	/* Between that and its sleep glibc has no cleanup handler. */
	while (!sleeps(waiter))
		sched_yield();
	return thread;
}

static void check_end(int signal_number, struct timespec *deadline, int holds)
{
	unlocked = 0;
	pthread_t ending = start(deadline), other = start(NULL);
	if (holds)
		CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_kill(ending, signal_number));
	if (signal_number == SIGUSR2) {
		check_await(&entered);
		CHECK_OK(pthread_cancel(ending));
		CHECK_OK(sem_post(&requested));
	}
	if (holds) {
		/* It has to wait for the mutex. */
		sleep_ms(1);
		CHECK_EQ(unlocked, 0);
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	CHECK(check_join(ending) == (signal_number == SIGUSR2 ? PTHREAD_CANCELED : (void *)&mutex));
	CHECK_EQ(unlocked, 1);
	/* It may have been cancelled before it has seen the request. */
	while (sem_trywait(&requested) == 0)
		;
	CHECK_OK(pthread_cond_signal(&cond));
	CHECK(check_join(other) == NULL);
	CHECK_EQ(unlocked, 2);
}

static void check_kind(int kind, int robustness)
{
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_settype(&attributes, kind));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, robustness));
	CHECK_OK(pthread_mutex_init(&mutex, &attributes));
	CHECK_OK(pthread_cond_init(&cond, NULL));
	struct timespec late = in_ms(CLOCK_REALTIME, 1000L * WATCHDOG_SECONDS);
	for (int holds = 0; holds < 2; holds++) {
		check_end(SIGUSR1, NULL, holds);
		check_end(SIGUSR1, &late, holds);
		check_end(SIGUSR2, NULL, holds);
		check_end(SIGUSR2, &late, holds);
	}
	CHECK_OK(pthread_cond_destroy(&cond));
	CHECK_OK(pthread_mutex_destroy(&mutex));
}

int main(void)
{
	struct sigaction action = {.sa_handler = end_by_exit};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	action.sa_handler = end_by_cancellation;
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(sem_init(&waiting, 0, 0));
	CHECK_OK(sem_init(&entered, 0, 0));
	CHECK_OK(sem_init(&requested, 0, 0));
	check_kind(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	check_kind(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
	check_kind(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ROBUST);
	return 0;
}
