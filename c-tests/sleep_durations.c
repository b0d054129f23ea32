/* Every way to sleep lasts at least as long as asked, in every thread, and refuses bad arguments; many short
 * sleeps at once end in the order of their deadlines within reason: all are done when the longest is. */
#include "check.h"
#include <sys/syscall.h>

enum { SLEEPERS = 200 };

#define CHECK_LASTS(call, ns) \
	do { \
		long start = now_ns(CLOCK_MONOTONIC); \
		CHECK_OK(call); \
		CHECK(now_ns(CLOCK_MONOTONIC) - start >= (ns)); \
	} while (0)

static void *every_way(void *unused)
{
	struct timespec ten_ms = {.tv_nsec = 10 * NS_PER_MS}, short_time = {.tv_nsec = 150000}, deadline;
	CHECK_LASTS(usleep(10000), 10 * NS_PER_MS);
	CHECK_LASTS(nanosleep(&ten_ms, NULL), 10 * NS_PER_MS);
	CHECK_LASTS(nanosleep(&short_time, NULL), 150000);
	CHECK_LASTS(clock_nanosleep(CLOCK_MONOTONIC, 0, &ten_ms, NULL), 10 * NS_PER_MS);
	CHECK_LASTS(clock_nanosleep(CLOCK_REALTIME, 0, &ten_ms, NULL), 10 * NS_PER_MS);
	CHECK_LASTS(clock_nanosleep(CLOCK_BOOTTIME, 0, &ten_ms, NULL), 10 * NS_PER_MS);
	deadline = in_ms(CLOCK_MONOTONIC, 10);
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL));
	CHECK(now_ns(CLOCK_MONOTONIC) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	deadline = in_ms(CLOCK_REALTIME, 10);
	CHECK_OK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &deadline, NULL));
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	deadline = in_ms(CLOCK_MONOTONIC, -1000);
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL));
	CHECK_OK(usleep(0));
	CHECK_EQ(sleep(0), 0);

	struct timespec invalid = {.tv_nsec = NS_PER_S};
	CHECK_ERRNO(nanosleep(&invalid, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &invalid, NULL), EINVAL);
	invalid = (struct timespec){.tv_sec = -1};
	CHECK_ERRNO(nanosleep(&invalid, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ten_ms, NULL), EINVAL);
	/* The kernel has another error than libc. */
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ten_ms, NULL), EOPNOTSUPP);
	CHECK_EQ(clock_nanosleep(1234, 0, &ten_ms, NULL), EINVAL);
	return unused;
}

static void *sleep_shortly(void *own)
{
	long ns = (long)own % 50 * 317000;
	struct timespec duration = {.tv_nsec = ns};
	for (int i = 0; i < 5; i++)
		CHECK_LASTS(nanosleep(&duration, NULL), ns);
	return NULL;
}

int main(void)
{
	pthread_t sleepers[SLEEPERS];
	check_here_and_in_thread(every_way, NULL);
	for (long i = 0; i < SLEEPERS; i++)
		sleepers[i] = check_start(sleep_shortly, (void *)i);
	for (int i = 0; i < SLEEPERS; i++)
		check_join(sleepers[i]);
	CHECK_LASTS((int)sleep(1), (long)NS_PER_S);
	return 0;
}
