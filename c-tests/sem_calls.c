/* Semaphores: values, EAGAIN, ETIMEDOUT not before the deadline on either clock, EOVERFLOW, EINVAL, and a post
 * for every waiter. */
#include "check.h"
#include <limits.h>
#include <semaphore.h>

enum { WAITERS = 50 };

static sem_t semaphore;
static int passed;

static void *wait_once(void *unused)
{
	CHECK_OK(sem_wait(&semaphore));
	__atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
	return unused;
}

static void check_value(int expected)
{
	int value = -1;
	CHECK_OK(sem_getvalue(&semaphore, &value));
	CHECK_EQ(value, expected);
}

static void check_expires(clockid_t clock, long ms)
{
	struct timespec deadline = in_ms(clock, ms);
	CHECK_ERRNO(sem_clockwait(&semaphore, clock, &deadline), ETIMEDOUT);
	CHECK(now_ns(clock) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
}

static void counting(void)
{
	CHECK_OK(sem_init(&semaphore, 0, 2));
	check_value(2);
	CHECK_OK(sem_wait(&semaphore));
	CHECK_OK(sem_trywait(&semaphore));
	check_value(0);
	CHECK_ERRNO(sem_trywait(&semaphore), EAGAIN);
	CHECK_OK(sem_post(&semaphore));
	check_value(1);
	CHECK_OK(sem_destroy(&semaphore));

	CHECK_ERRNO(sem_init(&semaphore, 0, (unsigned)SEM_VALUE_MAX + 1u), EINVAL);
	CHECK_OK(sem_init(&semaphore, 0, SEM_VALUE_MAX));
	CHECK_ERRNO(sem_post(&semaphore), EOVERFLOW);
	check_value(SEM_VALUE_MAX);
	CHECK_OK(sem_destroy(&semaphore));
}

static void deadlines(void)
{
	CHECK_OK(sem_init(&semaphore, 0, 0));
	struct timespec deadline = in_ms(CLOCK_REALTIME, 20);
	CHECK_ERRNO(sem_timedwait(&semaphore, &deadline), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	check_expires(CLOCK_REALTIME, 20);
	check_expires(CLOCK_MONOTONIC, 20);
	check_expires(CLOCK_MONOTONIC, -1000);
	deadline.tv_nsec = NS_PER_S;
	CHECK_ERRNO(sem_timedwait(&semaphore, &deadline), EINVAL);
	deadline = in_ms(CLOCK_MONOTONIC, 10);
	CHECK_ERRNO(sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, &deadline), EINVAL);
	/* An available semaphore is taken however late it is. */
	CHECK_OK(sem_post(&semaphore));
	deadline = in_ms(CLOCK_MONOTONIC, -1000);
	CHECK_OK(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &deadline));
	CHECK_OK(sem_destroy(&semaphore));
}

static void each_post_lets_one_pass(void)
{
	pthread_t threads[WAITERS];
	CHECK_OK(sem_init(&semaphore, 0, 0));
	for (int i = 0; i < WAITERS; i++)
		threads[i] = check_start(wait_once, NULL);
	for (int i = 0; i < WAITERS; i++) {
		CHECK_EQ(__atomic_load_n(&passed, __ATOMIC_RELAXED), i);
		CHECK_OK(sem_post(&semaphore));
		while (__atomic_load_n(&passed, __ATOMIC_RELAXED) != i + 1)
			sched_yield();
	}
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
	check_value(0);
	CHECK_OK(sem_destroy(&semaphore));
}

int main(void)
{
	counting();
	deadlines();
	each_post_lets_one_pass();
	return 0;
}
