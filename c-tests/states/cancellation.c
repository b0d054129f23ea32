/* Cancelling a thread: in every kind of wait, asynchronously, when it has forbidden it, in time for its clean-up. */
#include "states.h"
#include <semaphore.h>
#include <sys/syscall.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int ends[2];
static int cleaned;
static volatile int spinning;

static void clean(void *unused)
{
	(void)unused;
	cleaned++;
}

static void unlock(void *place)
{
	CHECK_OK(pthread_mutex_unlock(place));
}

static void in_read(void)
{
	char byte;
	CHECK_EQ(read(ends[1], &byte, 1), 1);
}

static void in_sleep(void)
{
	sleep_ms(100000);
}

static void in_condition(void)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_wait(&condition, &mutex);
	pthread_cleanup_pop(1);
}

static void in_semaphore(void)
{
	sem_wait(&semaphore);
}

static void in_pause(void)
{
	pause();
}

static void in_sigwait(void)
{
	sigset_t set = only(SIGUSR2);
	int got;
	sigwait(&set, &got);
}

static void in_computation(void)
{
	spinning = 1;
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	for (;;)
		;
}

static void in_mutex(void)
{
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	pthread_mutex_lock(&mutex);
}

static void in_rwlock(void)
{
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	pthread_rwlock_rdlock(&rwlock);
}

static void in_system_call(void)
{
	struct timespec long_time = {.tv_sec = 100};
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	syscall(SYS_nanosleep, &long_time, NULL);
}

static void in_short_calls(void)
{
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	for (;;) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
}

static void after_testing(void)
{
	for (;;) {
		sched_yield();
		pthread_testcancel();
	}
}

static void *be_cancelled(void *wait)
{
	pthread_cleanup_push(clean, NULL);
	((void (*)(void))wait)();
	pthread_cleanup_pop(1);
	return NULL;
}

static void cancel_in(void (*wait)(void))
{
	pthread_t thread = check_start(be_cancelled, (void *)wait);
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

static void reader_is_cancelled(void)
{
	pipe_pair(ends);
	cancel_in(in_read);
}

static void sleeper_is_cancelled(void)
{
	cancel_in(in_sleep);
}

static void condition_waiter_is_cancelled(void)
{
	cancel_in(in_condition);
	CHECK_OK(pthread_mutex_trylock(&mutex));
}

static void semaphore_waiter_is_cancelled(void)
{
	CHECK_OK(sem_init(&semaphore, 0, 0));
	cancel_in(in_semaphore);
}

static void signal_waiters_are_cancelled(void)
{
	cancel_in(in_pause);
	cleaned = 0;
	cancel_in(in_sigwait);
}

static void asynchronous_computation_is_cancelled(void)
{
	cancel_in(in_computation);
	CHECK(spinning);
}

static void asynchronous_mutex_waiter_is_cancelled(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	cancel_in(in_mutex);
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void asynchronous_rwlock_waiter_is_cancelled(void)
{
	CHECK_OK(pthread_rwlock_wrlock(&rwlock));
	cancel_in(in_rwlock);
	CHECK_OK(pthread_rwlock_unlock(&rwlock));
}

static void asynchronous_system_call_is_cancelled(void)
{
	cancel_in(in_system_call);
}

static void asynchronous_caller_is_cancelled(void)
{
	cancel_in(in_short_calls);
}

static void tester_is_cancelled(void)
{
	cancel_in(after_testing);
}

static int requested;

static void *forbid_for_a_while(void *unused)
{
	int before;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
	__atomic_store_n(&requested, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&requested, __ATOMIC_ACQUIRE) == 1)
		sleep_ms(1);
	cleaned = 100;
	CHECK_OK(pthread_setcancelstate(before, NULL));
	pthread_testcancel();
	return unused;
}

static void forbidden_request_waits(void)
{
	pthread_t thread = check_start(forbid_for_a_while, &cleaned);
	while (__atomic_load_n(&requested, __ATOMIC_ACQUIRE) == 0)
		sleep_ms(1);
	CHECK_OK(pthread_cancel(thread));
	__atomic_store_n(&requested, 2, __ATOMIC_RELEASE);
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 100);
}

CHECKS({"reader_is_cancelled", reader_is_cancelled, 0},
       {"sleeper_is_cancelled", sleeper_is_cancelled, 0},
       {"condition_waiter_is_cancelled", condition_waiter_is_cancelled, 0},
       {"semaphore_waiter_is_cancelled", semaphore_waiter_is_cancelled, 0},
       {"signal_waiters_are_cancelled", signal_waiters_are_cancelled, 0},
       {"asynchronous_computation_is_cancelled", asynchronous_computation_is_cancelled, 0},
       {"asynchronous_mutex_waiter_is_cancelled", asynchronous_mutex_waiter_is_cancelled, 0},
       {"asynchronous_rwlock_waiter_is_cancelled", asynchronous_rwlock_waiter_is_cancelled, 0},
       {"asynchronous_system_call_is_cancelled", asynchronous_system_call_is_cancelled, 0},
       {"asynchronous_caller_is_cancelled", asynchronous_caller_is_cancelled, 0},
       {"tester_is_cancelled", tester_is_cancelled, 0},
       {"forbidden_request_waits", forbidden_request_waits, 0});
