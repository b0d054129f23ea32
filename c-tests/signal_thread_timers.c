/* A timer signals the thread whose id it was given (SIGEV_THREAD_ID), wherever that is, with what the kernel tells of
 * timers; one that signals the process goes to main. */
#include "signalled.h"
#include <sys/syscall.h>

enum { SIGNAL = SIGUSR1, VALUE = 4711, PERIODS = 20 };

static timer_t make(pid_t thread, clockid_t clock)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
	event.sigev_value.sival_int = VALUE;
	event._sigev_un._tid = thread;
	CHECK_OK(timer_create(clock, &event, &timer));
	return timer;
}

static void start(timer_t timer, long first_ms, long period_ms)
{
	struct itimerspec times = {.it_value.tv_nsec = first_ms * NS_PER_MS, .it_interval.tv_nsec = period_ms * NS_PER_MS};
	CHECK_OK(timer_settime(timer, 0, &times, NULL));
}

static void block(int how)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	CHECK_OK(pthread_sigmask(how, &set, NULL));
}

/* The signal is the thread's, and none is lost on the way. */
static void signals_the_thread(void *(*routine)(void *))
{
	pthread_t thread = start_signalled(routine);
	timer_t timer = make(id, CLOCK_MONOTONIC);
	for (int i = 0; i < PERIODS; i++) {
		start(timer, 1, 0);
		check_await(&handled);
		CHECK(pthread_equal(handled_by, thread));
		CHECK_EQ(came_with.si_code, SI_TIMER);
		CHECK_EQ(came_with.si_value.sival_int, VALUE);
		CHECK_EQ(came_with.si_timerid, (int)(long)timer);
	}
	CHECK_OK(timer_delete(timer));
	end_signalled(thread);
}

/* While the thread blocks it the signal waits for it, once, and expirations are counted. */
static void *accept_later(void *unused)
{
	sigset_t set;
	siginfo_t info;
	struct timespec now = {0};
	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	block(SIG_BLOCK);
	timer_t timer = make(gettid(), CLOCK_MONOTONIC);
	start(timer, 1, 1);
	sleep_ms(PERIODS);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGNAL);
	CHECK_EQ(info.si_code, SI_TIMER);
	CHECK_EQ(info.si_value.sival_int, VALUE);
	CHECK(info.si_overrun >= PERIODS / 2);
	CHECK(timer_getoverrun(timer) >= PERIODS / 2);
	CHECK_OK(timer_delete(timer));
	while (sigtimedwait(&set, NULL, &now) == SIGNAL)
		;
	block(SIG_UNBLOCK);
	return unused;
}

/* As profilers do it: each thread by its own CPU time. */
static void *profile(void *unused)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
	int kernels;
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	CHECK_OK(syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &kernels));
	timer = (timer_t)(long)kernels;
	start(timer, 1, 1);
	for (int before = count; count < before + 3;)
		;
	CHECK(pthread_equal(handled_by, pthread_self()));
	CHECK_OK(timer_delete(timer));
	return unused;
}

static void signals_main(pid_t own)
{
	pthread_t thread = start_signalled(wait_parked);
	timer_t timer = make(own, CLOCK_REALTIME);
	start(timer, 1, 0);
	check_await(&handled);
	CHECK(pthread_equal(handled_by, pthread_self()));
	CHECK_OK(timer_delete(timer));
	end_signalled(thread);
}

static void signals_the_process(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGNAL};
	timer_t timer;
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	start(timer, 1, 0);
	check_await(&handled);
	CHECK(pthread_equal(handled_by, pthread_self()));
	CHECK_OK(timer_delete(timer));
}

static void knows_nobody(pid_t ended)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
	event._sigev_un._tid = ended;
	CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &timer), EINVAL);
}

int main(void)
{
	handle_signal(SIGNAL);
	init_signalled();
	signals_the_thread(wait_parked);
	signals_the_process();
	signals_the_thread(compute);
	signals_the_thread(wait_asleep);
	knows_nobody(id);
	check_join(check_start(accept_later, NULL));
	check_join(check_start(profile, NULL));
	while (sem_trywait(&handled) == 0)
		;
	signals_the_process();
	signals_main(getpid());
	return 0;
}
