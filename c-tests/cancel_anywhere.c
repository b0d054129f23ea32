/* Asynchronous cancellation reaches a thread wherever it is: waiting for any lock, runnable, in a system call, in a
 * loop of short calls. A thread that allows cancellation at its points only, or not at all, sees nothing of it. */
#include "check.h"
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static pthread_once_t once;
static atomic_int started, cleaned, word;
static volatile int sink;

static void clean(void *unused)
{
	(void)unused;
	cleaned++;
}

static void *be_cancelled(void *action)
{
	pthread_cleanup_push(clean, NULL);
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	started = 1;
	((void (*)(void))action)();
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancel_in(void (*action)(void))
{
	started = cleaned = 0;
	pthread_t thread = check_start(be_cancelled, (void *)action);
	while (!started)
		sched_yield();
	sleep_ms(2);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

static void wait_for_mutex(void)
{
	pthread_mutex_lock(&mutex);
}

static void wait_for_mutex_with_limit(void)
{
	struct timespec limit = in_ms(CLOCK_REALTIME, 100000);
	pthread_mutex_timedlock(&mutex, &limit);
}

static void read_lock(void)
{
	pthread_rwlock_rdlock(&rwlock);
}

static void write_lock(void)
{
	pthread_rwlock_wrlock(&rwlock);
}

static void wait_at_barrier(void)
{
	pthread_barrier_wait(&barrier);
}

static void spin_for_lock(void)
{
	pthread_spin_lock(&spin);
}

static void locks(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	cancel_in(wait_for_mutex);
	cancel_in(wait_for_mutex_with_limit);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));

	CHECK_OK(pthread_rwlock_wrlock(&rwlock));
	cancel_in(read_lock);
	cancel_in(write_lock);

	CHECK_OK(pthread_barrier_init(&barrier, NULL, 2));
	cancel_in(wait_at_barrier);

	CHECK_OK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
	CHECK_OK(pthread_spin_lock(&spin));
	cancel_in(spin_for_lock);
}

static void initialise(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static void run_once(void)
{
	CHECK_OK(pthread_once(&once, initialise));
}

static void *initialise_slowly(void *unused)
{
	run_once();
	return unused;
}

static void who_waits_for_the_initialiser(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_t first = check_start(initialise_slowly, NULL);
	sleep_ms(2);
	cancel_in(run_once);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK(check_join(first) == NULL);
}

static void sleep_in_kernel(void)
{
	struct timespec long_time = {.tv_sec = 100};
	syscall(SYS_nanosleep, &long_time, NULL);
}

static void wait_on_private_futex(void)
{
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
}

static void wait_on_shared_futex(void)
{
	syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL);
}

static void system_calls(void)
{
	cancel_in(sleep_in_kernel);
	cancel_in(wait_on_private_futex);
	cancel_in(wait_on_shared_futex);
}

static void compute(void)
{
	for (;;)
		sink++;
}

static void yield_and_compute(void)
{
	sched_yield();
	compute();
}

static void lock_and_unlock(void)
{
	for (;;) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
}

static void yield(void)
{
	for (;;)
		sched_yield();
}

static void look_at_clock(void)
{
	for (;;)
		now_ns(CLOCK_MONOTONIC);
}

/* The request comes while the thread is runnable. It goes on to compute. */
static void runnable(void)
{
	started = cleaned = 0;
	pthread_t thread = check_start(be_cancelled, (void *)yield_and_compute);
	while (!started)
		sched_yield();
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

static void loops(void)
{
	cancel_in(compute);
	cancel_in(yield_and_compute);
	cancel_in(yield);
	cancel_in(look_at_clock);
	/* May end with the mutex held. */
	cancel_in(lock_and_unlock);
	CHECK_OK(pthread_mutex_init(&mutex, NULL));
}

static void unlock_checking(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_mutex_unlock(&checking));
}

static void wait_for_condition(void)
{
	CHECK_OK(pthread_mutex_lock(&checking));
	pthread_cleanup_push(unlock_checking, NULL);
	started = 2;
	for (;;)
		pthread_cond_wait(&condition, &checking);
	pthread_cleanup_pop(0);
}

/* The mutex of a condition variable is held again before the cleanup handlers run, whoever has it meanwhile. */
static void a_condition_waiter_gets_its_mutex_first(void)
{
	started = cleaned = 0;
	pthread_t thread = check_start(be_cancelled, (void *)wait_for_condition);
	while (started < 2)
		sched_yield();
	CHECK_OK(pthread_mutex_lock(&checking));
	CHECK_OK(pthread_cancel(thread));
	sleep_ms(2);
	CHECK_EQ(cleaned, 0);
	CHECK_OK(pthread_mutex_unlock(&checking));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

static void cancel_oneself(void)
{
	CHECK_OK(pthread_cancel(pthread_self()));
	cleaned += 100;
}

static void *be_cancelled_by_oneself(void *unused)
{
	pthread_cleanup_push(clean, NULL);
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	cancel_oneself();
	pthread_cleanup_pop(0);
	return unused;
}

static void oneself_at_once(void)
{
	cleaned = 0;
	CHECK(check_join(check_start(be_cancelled_by_oneself, NULL)) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

/* Nothing of a request shows: no call ends early. */
static void wait_undisturbed(void)
{
	struct timespec moment = {.tv_nsec = 20 * NS_PER_MS};
	started = 1;
	CHECK_OK(syscall(SYS_nanosleep, &moment, NULL));
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	started = 2;
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, &moment, 8), EAGAIN);
	started = 3;
	CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &moment), ETIMEDOUT);
}

static volatile int requested;

static void *defer(void *unused)
{
	wait_undisturbed();
	while (!requested)
		sched_yield();
	pthread_testcancel();
	return unused;
}

static void *forbid(void *unused)
{
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	wait_undisturbed();
	struct timespec moment = {.tv_nsec = 5 * NS_PER_MS};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_ERRNO(sigtimedwait(&set, NULL, &moment), EAGAIN);
	sem_t semaphore;
	CHECK_OK(sem_init(&semaphore, 0, 0));
	struct timespec limit = in_ms(CLOCK_REALTIME, 5);
	CHECK_ERRNO(sem_timedwait(&semaphore, &limit), ETIMEDOUT);
	CHECK_OK(nanosleep(&moment, NULL));
	while (!requested)
		sched_yield();
	cleaned++;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
	cleaned++;
	return unused;
}

/* The request comes in the `at`th of the waits. */
static void cancel_undisturbed(void *(*routine)(void *), int at)
{
	started = cleaned = requested = 0;
	pthread_t thread = check_start(routine, NULL);
	while (started < at)
		sched_yield();
	sleep_ms(1);
	CHECK_OK(pthread_cancel(thread));
	requested = 1;
	CHECK(check_join(thread) == PTHREAD_CANCELED);
}

static void others_see_nothing(void)
{
	for (int at = 1; at <= 3; at++) {
		cancel_undisturbed(defer, at);
		cancel_undisturbed(forbid, at);
		CHECK_EQ(cleaned, 1);
	}
}

int main(void)
{
	locks();
	who_waits_for_the_initialiser();
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	system_calls();
	runnable();
	loops();
	a_condition_waiter_gets_its_mutex_first();
	oneself_at_once();
	others_see_nothing();
	return 0;
}
