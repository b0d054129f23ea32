/* A handler does not end a wait for a condition variable, as glibc has it, in a process that has no threads yet, nor in
 * its forked child either; it may wait itself, or signal. */
#include "check.h"

enum { PERIOD_MS = 10, WAIT_MS = 60, HANDLER_MS = 1 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile int handled;

static void take_note(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void wait_here(int signal_number)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec deadline = in_ms(CLOCK_REALTIME, HANDLER_MS);
	take_note(signal_number);
	CHECK_OK(pthread_mutex_lock(&own));
	CHECK_EQ(pthread_cond_timedwait(&never, &own, &deadline), ETIMEDOUT);
	CHECK_OK(pthread_mutex_unlock(&own));
}

static void signal_it(int signal_number)
{
	take_note(signal_number);
	CHECK_OK(pthread_cond_signal(&condition));
}

static timer_t signal_often(void (*handler)(int), int flags)
{
	timer_t timer;
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct itimerspec often = {{0, PERIOD_MS * NS_PER_MS}, {0, PERIOD_MS * NS_PER_MS}};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &often, NULL));
	handled = 0;
	return timer;
}

static void outlasts(void (*handler)(int), int flags)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	timer_t timer = signal_often(handler, flags);
	long start = monotonic_ms();
	struct timespec deadline = in_ms(CLOCK_REALTIME, WAIT_MS);
	CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &deadline), ETIMEDOUT);
	CHECK(monotonic_ms() - start >= WAIT_MS - 1);
	deadline = in_ms(CLOCK_MONOTONIC, WAIT_MS);
	CHECK_EQ(pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	CHECK(handled > 0);
	CHECK_OK(timer_delete(timer));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void is_woken_by_the_handler(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	timer_t timer = signal_often(signal_it, 0);
	CHECK_OK(pthread_cond_wait(&condition, &mutex));
	CHECK(handled > 0);
	CHECK_OK(timer_delete(timer));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void waits(void)
{
	outlasts(take_note, 0);
	outlasts(take_note, SA_RESTART);
	outlasts(wait_here, 0);
	is_woken_by_the_handler();
}

static void *return_at_once(void *unused)
{
	return unused;
}

int main(void)
{
	waits();
	check_in_a_child(waits);
	check_join(check_start(return_at_once, NULL));
	waits();
	check_in_a_child(waits);
	return 0;
}
