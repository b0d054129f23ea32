/* Sleeping: as long as asked, until the hour asked, and refusing nonsense. */
#include "states.h"
#include <poll.h>

static void nanosleep_lasts(void)
{
	long start = monotonic_ms();
	struct timespec time = {.tv_nsec = EXPIRES_MS * NS_PER_MS};
	CHECK_OK(nanosleep(&time, NULL));
	check_waited(start, EXPIRES_MS);
}

static void clock_nanosleep_until(void)
{
	long start = monotonic_ms();
	struct timespec deadline = in_ms(CLOCK_MONOTONIC, EXPIRES_MS);
	CHECK_OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL));
	check_waited(start, EXPIRES_MS);
	CHECK(now_ns(CLOCK_MONOTONIC) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
}

static void past_deadline_is_no_wait(void)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, -1000);
	CHECK_OK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &deadline, NULL));
}

static void usleep_lasts(void)
{
	long start = monotonic_ms();
	CHECK_OK(usleep(EXPIRES_MS * 1000));
	check_waited(start, EXPIRES_MS);
}

static void sleep_of_nothing(void)
{
	CHECK_EQ(sleep(0), 0);
}

static void nonsense_is_refused(void)
{
	struct timespec time = {.tv_nsec = NS_PER_S};
	CHECK_ERRNO(nanosleep(&time, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL), EINVAL);
	time.tv_nsec = 1;
	CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL), EINVAL);
}

static void bad_pointer_is_refused(void)
{
	CHECK_ERRNO(nanosleep(nowhere, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, nowhere, NULL), EFAULT);
}

CHECKS({"nanosleep_lasts", nanosleep_lasts, SIGNAL_SAFE},
       {"clock_nanosleep_until", clock_nanosleep_until, SIGNAL_SAFE},
       {"past_deadline_is_no_wait", past_deadline_is_no_wait, SIGNAL_SAFE},
       {"usleep_lasts", usleep_lasts, SIGNAL_SAFE},
       {"sleep_of_nothing", sleep_of_nothing, SIGNAL_SAFE},
       {"nonsense_is_refused", nonsense_is_refused, SIGNAL_SAFE},
       {"bad_pointer_is_refused", bad_pointer_is_refused, SIGNAL_SAFE});
