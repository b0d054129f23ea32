/* tryjoin, timedjoin and clockjoin: EBUSY and ETIMEDOUT leave the thread joinable, never return early, and
 * collect the result once it ended. */
#include "check.h"
#include <semaphore.h>

static sem_t go;

static void *wait_for_go(void *result)
{
	CHECK_OK(sem_wait(&go));
	return result;
}

static void *sleep_then_return(void *result)
{
	sleep_ms(30);
	return result;
}

static void check_expires(pthread_t thread, clockid_t clock, long ms)
{
	struct timespec deadline = in_ms(clock, ms);
	CHECK_EQ(pthread_clockjoin_np(thread, NULL, clock, &deadline), ETIMEDOUT);
	CHECK(now_ns(clock) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
}

int main(void)
{
	CHECK_OK(sem_init(&go, 0, 0));
	void *result = NULL;
	pthread_t thread = check_start(wait_for_go, (void *)7L);

	CHECK_EQ(pthread_tryjoin_np(thread, &result), EBUSY);
	struct timespec deadline = in_ms(CLOCK_REALTIME, 30);
	CHECK_EQ(pthread_timedjoin_np(thread, &result, &deadline), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	check_expires(thread, CLOCK_MONOTONIC, 30);
	check_expires(thread, CLOCK_REALTIME, 30);
	check_expires(thread, CLOCK_REALTIME, -1000);

	CHECK_OK(sem_post(&go));
	deadline = in_ms(CLOCK_REALTIME, 30000);
	CHECK_OK(pthread_timedjoin_np(thread, &result, &deadline));
	CHECK_EQ((long)result, 7);

	/* the end of the thread wakes a timed joiner long before its deadline */
	thread = check_start(sleep_then_return, (void *)8L);
	deadline = in_ms(CLOCK_MONOTONIC, 50000);
	CHECK_OK(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &deadline));
	CHECK_EQ((long)result, 8);
	CHECK(now_ns(CLOCK_MONOTONIC) < deadline.tv_sec * (long)NS_PER_S);

	/* no deadline at all waits for ever */
	thread = check_start(sleep_then_return, (void *)9L);
	CHECK_OK(pthread_timedjoin_np(thread, &result, NULL));
	CHECK_EQ((long)result, 9);

	/* an ended thread is collected whatever the deadline */
	thread = check_start(sleep_then_return, (void *)10L);
	int error;
	while ((error = pthread_tryjoin_np(thread, &result)) == EBUSY)
		sleep_ms(1);
	CHECK_OK(error);
	CHECK_EQ((long)result, 10);

	CHECK_EQ(pthread_timedjoin_np(pthread_self(), NULL, &deadline), EDEADLK);
	CHECK_EQ(pthread_tryjoin_np(pthread_self(), NULL), EBUSY);
	return 0;
}
