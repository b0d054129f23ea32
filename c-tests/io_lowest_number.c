/* A new file gets the lowest number that the program leaves free, also while threads sleep in system calls of their own
 * and others wait for a processor. */
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

enum { SLEEPERS = 4, SECONDS = 2 };

static int over;

static void *sleep_unexpected(void *unused)
{
	struct timespec while_others_wait = {.tv_nsec = 8 * NS_PER_MS};
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		long result;
		__asm__ volatile("syscall"
				 : "=a"(result)
				 : "a"(SYS_nanosleep), "D"(&while_others_wait), "S"(NULL)
				 : "rcx", "r11", "memory");
		CHECK_EQ(result, 0);
		sched_yield();
	}
	return unused;
}

static void *compute(void *unused)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		for (volatile int i = 0; i < 1000; i++)
			;
		sched_yield();
	}
	return unused;
}

int main(void)
{
	pthread_t threads[SLEEPERS + 1];
	struct timespec begin, now;
	int lowest = open("/dev/null", O_RDONLY);
	CHECK(lowest >= 0);
	CHECK_OK(close(lowest));
	for (int i = 0; i < SLEEPERS; i++)
		threads[i] = check_start(sleep_unexpected, NULL);
	threads[SLEEPERS] = check_start(compute, NULL);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
	do {
		CHECK_EQ(open("/dev/null", O_RDONLY), lowest);
		CHECK_OK(close(lowest));
		CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	} while (now.tv_sec < begin.tv_sec + SECONDS);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i <= SLEEPERS; i++)
		check_join(threads[i]);
	return 0;
}
