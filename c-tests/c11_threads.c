/* C11 threads: create, join, detach, exit, current, equal, sleep, yield. */
#include "check.h"
#include <semaphore.h>
#include <threads.h>

static sem_t done;

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static int exit_with_argument(void *argument)
{
	thrd_exit((int)(long)argument);
}

static int post(void *self_place)
{
	*(thrd_t *)self_place = thrd_current();
	CHECK_OK(sem_post(&done));
	return 0;
}

static int sleep_a_little(void *argument)
{
	struct timespec duration = {.tv_nsec = 20 * NS_PER_MS}, left;
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(thrd_sleep(&duration, &left), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	thrd_yield();
	return return_argument(argument);
}

int main(void)
{
	static int (*const routines[])(void *) = {return_argument, exit_with_argument, sleep_a_little};
	CHECK_OK(sem_init(&done, 0, 0));
	for (int round = 0; round < 3; round++) {
		thrd_t threads[50];
		for (long i = 0; i < 50; i++)
			CHECK_EQ(thrd_create(&threads[i], routines[round], (void *)(i - 25)), thrd_success);
		for (long i = 0; i < 50; i++) {
			int result;
			CHECK_EQ(thrd_join(threads[i], &result), thrd_success);
			CHECK_EQ(result, i - 25);
		}
	}
	thrd_t thread, self;
	CHECK_EQ(thrd_create(&thread, post, &self), thrd_success);
	CHECK_EQ(thrd_detach(thread), thrd_success);
	CHECK_OK(sem_wait(&done));
	CHECK(thrd_equal(thread, self));
	CHECK(!thrd_equal(thrd_current(), self));

	struct timespec invalid = {.tv_nsec = NS_PER_S};
	CHECK(thrd_sleep(&invalid, NULL) < -1);
	return 0;
}
