/* timedlock and clocklock: ETIMEDOUT at the deadline and not before, on both clocks; a free mutex is taken
 * whatever the deadline; the unlock of the owner wakes a timed waiter. */
#include "check.h"
#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t locked, unlock_now;

static void *hold(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(sem_post(&locked));
	CHECK_OK(sem_wait(&unlock_now));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return unused;
}

static void check_expires(clockid_t clock, long ms)
{
	struct timespec deadline = in_ms(clock, ms);
	CHECK_EQ(pthread_mutex_clocklock(&mutex, clock, &deadline), ETIMEDOUT);
	CHECK(now_ns(clock) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
}

int main(void)
{
	CHECK_OK(sem_init(&locked, 0, 0));
	CHECK_OK(sem_init(&unlock_now, 0, 0));
	pthread_t holder = check_start(hold, NULL);
	CHECK_OK(sem_wait(&locked));

	struct timespec deadline = in_ms(CLOCK_REALTIME, 20);
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &deadline), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	check_expires(CLOCK_REALTIME, 20);
	check_expires(CLOCK_MONOTONIC, 20);
	check_expires(CLOCK_MONOTONIC, -5000);
	deadline.tv_nsec = NS_PER_S;
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &deadline), EINVAL);
	deadline.tv_nsec = -1;
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &deadline), EINVAL);
	deadline = in_ms(CLOCK_MONOTONIC, 10);
	CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &deadline), EINVAL);

	CHECK_OK(sem_post(&unlock_now));
	deadline = in_ms(CLOCK_MONOTONIC, 50000);
	CHECK_OK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_join(holder);

	deadline = in_ms(CLOCK_REALTIME, -5000);
	CHECK_OK(pthread_mutex_timedlock(&mutex, &deadline));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	/* The deadline is not even looked at when the mutex is free. */
	deadline.tv_nsec = -1;
	CHECK_OK(pthread_mutex_timedlock(&mutex, &deadline));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return 0;
}
