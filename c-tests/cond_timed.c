/* Condition variables wait until their deadline and not less, on the clock they were made for or are given,
 * hold the mutex again when they return, and refuse bad arguments. */
#include "check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *try_lock(void *unused)
{
	(void)unused;
	return (void *)(long)pthread_mutex_trylock(&mutex);
}

static void check_mutex_is_held(void)
{
	CHECK_EQ((long)check_join(check_start(try_lock, NULL)), EBUSY);
}

static void check_timedwait(pthread_cond_t *condition, clockid_t clock, long ms)
{
	struct timespec deadline = in_ms(clock, ms);
	CHECK_EQ(pthread_cond_timedwait(condition, &mutex, &deadline), ETIMEDOUT);
	CHECK(now_ns(clock) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	check_mutex_is_held();
}

static void check_clockwait(pthread_cond_t *condition, clockid_t clock, long ms)
{
	struct timespec deadline = in_ms(clock, ms);
	CHECK_EQ(pthread_cond_clockwait(condition, &mutex, clock, &deadline), ETIMEDOUT);
	CHECK(now_ns(clock) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	check_mutex_is_held();
}

int main(void)
{
	static pthread_cond_t static_condition = PTHREAD_COND_INITIALIZER;
	pthread_cond_t monotonic;
	pthread_condattr_t attributes;
	clockid_t clock;
	CHECK_OK(pthread_condattr_init(&attributes));
	CHECK_OK(pthread_condattr_getclock(&attributes, &clock));
	CHECK_EQ(clock, CLOCK_REALTIME);
	CHECK_EQ(pthread_condattr_setclock(&attributes, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	CHECK_OK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
	CHECK_OK(pthread_cond_init(&monotonic, &attributes));

	CHECK_OK(pthread_mutex_lock(&mutex));
	check_timedwait(&static_condition, CLOCK_REALTIME, 20);
	check_timedwait(&static_condition, CLOCK_REALTIME, -100);
	check_timedwait(&monotonic, CLOCK_MONOTONIC, 20);
	check_timedwait(&monotonic, CLOCK_MONOTONIC, -100);
	check_clockwait(&static_condition, CLOCK_MONOTONIC, 20);
	check_clockwait(&static_condition, CLOCK_REALTIME, 20);
	check_clockwait(&monotonic, CLOCK_REALTIME, 20);

	struct timespec invalid = {.tv_nsec = NS_PER_S};
	CHECK_EQ(pthread_cond_timedwait(&static_condition, &mutex, &invalid), EINVAL);
	invalid.tv_nsec = -1;
	CHECK_EQ(pthread_cond_timedwait(&static_condition, &mutex, &invalid), EINVAL);
	struct timespec deadline = in_ms(CLOCK_MONOTONIC, 20);
	CHECK_EQ(pthread_cond_clockwait(&static_condition, &mutex, CLOCK_PROCESS_CPUTIME_ID, &deadline), EINVAL);
	check_mutex_is_held();
	CHECK_OK(pthread_mutex_unlock(&mutex));

	/* Nobody waits: signals are not remembered. */
	CHECK_OK(pthread_cond_signal(&monotonic));
	CHECK_OK(pthread_cond_broadcast(&monotonic));
	CHECK_OK(pthread_mutex_lock(&mutex));
	check_timedwait(&monotonic, CLOCK_MONOTONIC, 10);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_OK(pthread_cond_destroy(&monotonic));
	CHECK_OK(pthread_cond_destroy(&static_condition));
	return 0;
}
