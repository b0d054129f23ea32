/* Handlers that wait themselves, in the midst of a wait of a thread of libc's own (of a SIGEV_THREAD), before the first
 * pthread_create: both waits end as they should. What another thread is in meanwhile (sigsuspend, a jump out of that)
 * has the mask that it asked for. */
#include "check.h"
#include <setjmp.h>

enum { SOON_MS = 20, HANDLER_MS = 30, WAIT_MS = 150 };

static volatile int handled, had_blocked;
static void (*body)(void);
static sem_t done;
static sigjmp_buf back;

static void in_timer(union sigval unused)
{
	(void)unused;
	sigset_t none;
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	body();
	CHECK_OK(sem_post(&done));
}

/* Runs `what` in a thread of libc's. The caller is the only other one, and waits in no function of libgreen's. */
static void start_in_timer(void (*what)(void))
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_timer};
	struct itimerspec soon = {.it_value.tv_nsec = 1};
	timer_t timer;
	body = what;
	CHECK_OK(sem_init(&done, 0, 0));
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &soon, NULL));
}

static void await_it(void)
{
	while (sem_trywait(&done) == -1)
		sleep_ms(1);
}

static void signal_me_in(long ms)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct itimerspec soon = {.it_value.tv_nsec = ms * NS_PER_MS};
	timer_t timer;
	event._sigev_un._tid = gettid();
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &soon, NULL));
}

static void wait_for_semaphore(int number)
{
	(void)number;
	sem_t never;
	struct timespec deadline = in_ms(CLOCK_REALTIME, HANDLER_MS);
	CHECK_OK(sem_init(&never, 0, 0));
	CHECK_ERRNO(sem_timedwait(&never, &deadline), ETIMEDOUT);
	handled++;
}

static void wait_for_mutex(int number)
{
	(void)number;
	pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
	struct timespec deadline = in_ms(CLOCK_REALTIME, HANDLER_MS);
	CHECK_OK(pthread_mutex_lock(&held));
	CHECK_EQ(pthread_mutex_timedlock(&held, &deadline), ETIMEDOUT);
	handled++;
}

static void wait_for_condition(int number)
{
	(void)number;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec deadline = in_ms(CLOCK_REALTIME, HANDLER_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_EQ(pthread_cond_timedwait(&never, &mutex, &deadline), ETIMEDOUT);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	handled++;
}

static void (*const handlers[])(int) = {wait_for_semaphore, wait_for_mutex, wait_for_condition};

static void semaphore_is_interrupted(void)
{
	sem_t never;
	struct timespec deadline = in_ms(CLOCK_REALTIME, WAIT_MS);
	CHECK_OK(sem_init(&never, 0, 0));
	signal_me_in(SOON_MS);
	CHECK_ERRNO(sem_timedwait(&never, &deadline), EINTR);
	CHECK_EQ(handled, 1);
}

static void mutex_goes_on(void)
{
	pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
	struct timespec deadline = in_ms(CLOCK_REALTIME, WAIT_MS);
	CHECK_OK(pthread_mutex_lock(&held));
	signal_me_in(SOON_MS);
	CHECK_EQ(pthread_mutex_timedlock(&held, &deadline), ETIMEDOUT);
	CHECK_EQ(handled, 1);
}

static void condition_goes_on(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec deadline = in_ms(CLOCK_REALTIME, WAIT_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	signal_me_in(SOON_MS);
	int result;
	do /* a handler may wake it for nothing */
		result = pthread_cond_timedwait(&never, &mutex, &deadline);
	while (result == 0);
	CHECK_EQ(result, ETIMEDOUT);
	CHECK_EQ(handled, 1);
}

static void (*const waits[])(void) = {semaphore_is_interrupted, mutex_goes_on, condition_goes_on};

/* To wait for the first time is what changes how handlers are run. */
static void wait_a_little(void)
{
	sem_t never;
	struct timespec deadline = in_ms(CLOCK_REALTIME, SOON_MS);
	CHECK_OK(sem_init(&never, 0, 0));
	CHECK_ERRNO(sem_timedwait(&never, &deadline), ETIMEDOUT);
}

static void note_mask(int number)
{
	(void)number;
	sigset_t mask;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
	had_blocked = sigismember(&mask, SIGUSR2);
	handled++;
}

static void note_and_jump(int number)
{
	note_mask(number);
	siglongjmp(back, 1);
}

static sigset_t only(int number)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, number));
	return set;
}

/* Main is in sigsuspend, with SIGUSR2 blocked by that only, while the other thread begins to wait. */
static void suspended_meanwhile(void)
{
	sigset_t blocked = only(SIGUSR1), suspended = only(SIGUSR2);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
	start_in_timer(wait_a_little);
	signal_me_in(3 * SOON_MS);
	CHECK_ERRNO(sigsuspend(&suspended), EINTR);
	CHECK_EQ(handled, 1);
	CHECK_EQ(had_blocked, 1);
	await_it();
}

/* Likewise, but has left it by a jump before. */
static void suspended_before(void)
{
	sigset_t blocked = only(SIGUSR1), suspended = only(SIGUSR2), none;
	CHECK_OK(sigemptyset(&none));
	start_in_timer(wait_a_little);
	await_it();
	if (sigsetjmp(back, 1) == 0) {
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
		signal_me_in(SOON_MS);
		sigsuspend(&suspended);
	}
	CHECK_EQ(handled, 1);
	CHECK_EQ(had_blocked, 1);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &none, NULL));
	wait_a_little();
	CHECK_OK(signal(SIGUSR1, note_mask) == SIG_ERR);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 2);
	CHECK_EQ(had_blocked, 0);
}

static void install(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static void in_a_child(void (*handler)(int), void (*what)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		install(handler);
		what();
		_exit(0);
	}
	check_child_succeeds(child);
}

static void (*wait_there)(void);

static void waits_there(void)
{
	start_in_timer(wait_there);
	await_it();
}

int main(void)
{
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		wait_there = waits[i];
		for (size_t j = 0; j < sizeof handlers / sizeof handlers[0]; j++)
			in_a_child(handlers[j], waits_there);
	}
	in_a_child(note_mask, suspended_meanwhile);
	in_a_child(note_and_jump, suspended_before);
	return 0;
}
