/* Timers: by signal, by thread, by descriptor; and the clocks. */
#include "states.h"
#include <semaphore.h>
#include <sys/timerfd.h>

static sem_t fired;

static void arm(timer_t timer)
{
	struct itimerspec when = {.it_value.tv_nsec = EXPIRES_MS * NS_PER_MS};
	CHECK_OK(timer_settime(timer, 0, &when, NULL));
}

static void timer_signals(void)
{
	timer_t timer;
	sigset_t set = only(SIGUSR2);
	siginfo_t information;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 42};
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	arm(timer);
	CHECK_EQ(sigwaitinfo(&set, &information), SIGUSR2);
	CHECK_EQ(information.si_value.sival_int, 42);
	CHECK_EQ(information.si_code, SI_TIMER);
	CHECK_OK(timer_delete(timer));
}

static void post(union sigval value)
{
	CHECK_OK(sem_post(value.sival_ptr));
}

static void timer_calls_back(void)
{
	timer_t timer;
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = post, .sigev_value.sival_ptr = &fired};
	CHECK_OK(sem_init(&fired, 0, 0));
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	arm(timer);
	CHECK_OK(sem_wait(&fired));
	CHECK_OK(timer_delete(timer));
}

static void timer_descriptor_is_read(void)
{
	uint64_t times;
	struct itimerspec when = {.it_value.tv_nsec = EXPIRES_MS * NS_PER_MS};
	int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	CHECK(descriptor >= 0);
	long start = monotonic_ms();
	CHECK_OK(timerfd_settime(descriptor, 0, &when, NULL));
	CHECK_EQ(read(descriptor, &times, sizeof times), sizeof times);
	CHECK_EQ(times, 1);
	check_waited(start, EXPIRES_MS - 1);
	CHECK_OK(close(descriptor));
}

static void own_processor_time_grows(void)
{
	long before = now_ns(CLOCK_THREAD_CPUTIME_ID);
	long start = monotonic_ms();
	while (monotonic_ms() < start + 5)
		;
	CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) > before);
	CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) > 0);
}

CHECKS({"timer_signals", timer_signals, 0},
       {"timer_calls_back", timer_calls_back, 0},
       {"timer_descriptor_is_read", timer_descriptor_is_read, 0},
       {"own_processor_time_grows", own_processor_time_grows, 0});
