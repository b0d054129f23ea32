/* Scheduling policies and priorities: what a thread has, gives itself, gets from another and hands on; refusals; and
 * that real-time threads which wait for the same thing are woken by their priority. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>

enum { WAITERS = 4 };

static void check_scheduling(pthread_t thread, int expected_policy, int expected_priority)
{
	struct sched_param parameters = {.sched_priority = -1};
	int policy = -1;
	CHECK_OK(pthread_getschedparam(thread, &policy, &parameters));
	CHECK_EQ(policy, expected_policy);
	CHECK_EQ(parameters.sched_priority, expected_priority);
}

static int set(pthread_t thread, int policy, int priority)
{
	struct sched_param parameters = {.sched_priority = priority};
	return pthread_setschedparam(thread, policy, &parameters);
}

static void *nothing(void *unused)
{
	return unused;
}

static void *check_refusals(void *unused)
{
	check_scheduling(pthread_self(), SCHED_OTHER, 0);
	CHECK_EQ(set(pthread_self(), SCHED_OTHER, 1), EINVAL);
	CHECK_EQ(set(pthread_self(), SCHED_FIFO, 0), EINVAL);
	CHECK_EQ(set(pthread_self(), SCHED_FIFO, 100), EINVAL);
	CHECK_EQ(set(pthread_self(), 77, 0), EINVAL);
	CHECK_EQ(pthread_setschedprio(pthread_self(), 1), EINVAL);
	CHECK_OK(pthread_setschedprio(pthread_self(), 0));
	CHECK_OK(set(pthread_self(), SCHED_OTHER, 0));
	check_scheduling(pthread_self(), SCHED_OTHER, 0);

	pthread_attr_t attributes;
	struct sched_param parameters = {.sched_priority = 1};
	pthread_t thread;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED));
	CHECK_OK(pthread_attr_setschedpolicy(&attributes, SCHED_FIFO));
	CHECK_OK(pthread_attr_setschedparam(&attributes, &parameters));
	CHECK_OK(pthread_attr_setschedpolicy(&attributes, SCHED_OTHER));
	CHECK_EQ(pthread_create(&thread, &attributes, nothing, NULL), EINVAL);
	return unused;
}

static sem_t started, go_on, woken, ended;

static void *check_policy(void *policy)
{
	check_scheduling(pthread_self(), (int)(long)policy >> 8, (int)(long)policy & 255);
	return NULL;
}

static void check_child_has(int policy, int priority)
{
	check_join(check_start(check_policy, (void *)(long)(policy << 8 | priority)));
}

static void check_kernel_has(int priority)
{
	struct sched_param parameters;
	CHECK_EQ(sched_getparam(0, &parameters), 0);
	CHECK_EQ(parameters.sched_priority, priority);
}

static void a_ceiling_raises_it(int from, int to)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t protected;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT));
	CHECK_OK(pthread_mutexattr_setprioceiling(&attributes, to));
	CHECK_OK(pthread_mutex_init(&protected, &attributes));
	CHECK_OK(pthread_mutex_lock(&protected));
	check_kernel_has(to);
	CHECK_OK(pthread_mutex_unlock(&protected));
	check_kernel_has(from);
	CHECK_OK(pthread_mutex_destroy(&protected));
}

static void *be_real_time(void *unused)
{
	CHECK_OK(set(pthread_self(), SCHED_FIFO, 7));
	a_ceiling_raises_it(7, 20);
	check_scheduling(pthread_self(), SCHED_FIFO, 7);
	check_child_has(SCHED_FIFO, 7);
	CHECK_OK(pthread_setschedprio(pthread_self(), 9));
	check_scheduling(pthread_self(), SCHED_FIFO, 9);
	CHECK_OK(sem_post(&started));
	CHECK_OK(sem_wait(&go_on));
	/* Another thread has changed it. */
	check_scheduling(pthread_self(), SCHED_RR, 11);
	CHECK_EQ(sched_getscheduler(0), SCHED_RR);
	check_child_has(SCHED_RR, 11);
	CHECK_OK(set(pthread_self(), SCHED_OTHER, 0));
	check_scheduling(pthread_self(), SCHED_OTHER, 0);
	check_child_has(SCHED_OTHER, 0);
	return unused;
}

static void another_thread_sees_and_changes_it(void)
{
	pthread_t thread = check_start(be_real_time, NULL);
	CHECK_OK(sem_wait(&started));
	check_scheduling(thread, SCHED_FIFO, 9);
	CHECK_OK(pthread_setschedprio(thread, 10));
	check_scheduling(thread, SCHED_FIFO, 10);
	CHECK_EQ(set(thread, SCHED_OTHER, 3), EINVAL);
	CHECK_OK(set(thread, SCHED_RR, 11));
	check_scheduling(thread, SCHED_RR, 11);
	CHECK_OK(sem_post(&go_on));
	check_join(thread);
	check_scheduling(pthread_self(), SCHED_OTHER, 0);
}

static void *be_changed(void *waits)
{
	if (waits) {
		CHECK_OK(sem_post(&started));
		CHECK_OK(sem_wait(&go_on));
	} else {
		struct sched_param parameters;
		while (sched_getparam(0, &parameters) == 0 && parameters.sched_priority == 0)
			sched_yield();
	}
	check_scheduling(pthread_self(), SCHED_FIFO, 12);
	CHECK_EQ(sched_getscheduler(0), SCHED_FIFO);
	check_kernel_has(12);
	check_child_has(SCHED_FIFO, 12);
	/* It is looked at from outside, too. */
	if (!waits)
		CHECK_OK(sem_wait(&go_on));
	return waits;
}

static void another_thread_gives_it(int waits)
{
	pthread_t thread = check_start(be_changed, waits ? &started : NULL);
	if (waits) {
		CHECK_OK(sem_wait(&started));
		sleep_ms(5);
	}
	CHECK_EQ(set(thread, SCHED_FIFO, 0), EINVAL);
	CHECK_OK(set(thread, SCHED_FIFO, 12));
	check_scheduling(thread, SCHED_FIFO, 12);
	check_scheduling(pthread_self(), SCHED_OTHER, 0);
	CHECK_OK(sem_post(&go_on));
	check_join(thread);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static volatile long last;
static volatile int waiting;

static void *wait_for_semaphore(void *priority)
{
	if (priority)
		CHECK_OK(set(pthread_self(), SCHED_FIFO, (int)(long)priority));
	CHECK_OK(sem_post(&started));
	CHECK_OK(sem_wait(&semaphore));
	last = (long)priority;
	CHECK_OK(sem_post(&woken));
	return NULL;
}

static void *wait_for_condition(void *priority)
{
	if (priority)
		CHECK_OK(set(pthread_self(), SCHED_FIFO, (int)(long)priority));
	CHECK_OK(pthread_mutex_lock(&mutex));
	waiting++;
	CHECK_OK(sem_post(&started));
	CHECK_OK(pthread_cond_wait(&condition, &mutex));
	last = (long)priority;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_OK(sem_post(&woken));
	return NULL;
}

static void *wait_for_mutex(void *priority)
{
	if (priority)
		CHECK_OK(set(pthread_self(), SCHED_FIFO, (int)(long)priority));
	CHECK_OK(sem_post(&started));
	CHECK_OK(pthread_mutex_lock(&mutex));
	last = (long)priority;
	CHECK_OK(sem_post(&woken));
	CHECK_OK(sem_wait(&ended));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return NULL;
}

static void wake_by_semaphore(void)
{
	CHECK_OK(sem_post(&semaphore));
}

static void wake_by_condition(void)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_cond_signal(&condition));
	CHECK_OK(pthread_mutex_unlock(&mutex));
}

static int unlocked;

static void wake_by_mutex(void)
{
	if (!unlocked++)
		CHECK_OK(pthread_mutex_unlock(&mutex));
	else
		CHECK_OK(sem_post(&ended));
}

static void check_order(void *(*wait)(void *), void (*wake)(void))
{
	static const long priorities[WAITERS] = {0, 5, 30, 10}, order[WAITERS] = {30, 10, 5, 0};
	pthread_t threads[WAITERS];
	for (int i = 0; i < WAITERS; i++) {
		threads[i] = check_start(wait, (void *)priorities[i]);
		CHECK_OK(sem_wait(&started));
		/* It is going to wait now. */
		sleep_ms(10);
	}
	for (int i = 0; i < WAITERS; i++) {
		wake();
		CHECK_OK(sem_wait(&woken));
		CHECK_EQ(last, order[i]);
	}
	if (wait == wait_for_mutex)
		CHECK_OK(sem_post(&ended));
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
}

static void *be_denied(void *unused)
{
	CHECK_OK(sem_wait(&go_on));
	return unused;
}

static void another_thread_may_not_either(void)
{
	pthread_t thread = check_start(be_denied, NULL);
	CHECK_EQ(set(thread, SCHED_FIFO, 1), EPERM);
	check_scheduling(thread, SCHED_OTHER, 0);
	CHECK_OK(sem_post(&go_on));
	check_join(thread);
}

static void *try_real_time(void *unused)
{
	(void)unused;
	return (void *)(long)set(pthread_self(), SCHED_FIFO, 1);
}

int main(void)
{
	CHECK_OK(sem_init(&started, 0, 0));
	CHECK_OK(sem_init(&go_on, 0, 0));
	CHECK_OK(sem_init(&woken, 0, 0));
	CHECK_OK(sem_init(&ended, 0, 0));
	CHECK_OK(sem_init(&semaphore, 0, 0));
	check_here_and_in_thread(check_refusals, NULL);
	check_refusals(NULL);
	if (check_join(check_start(try_real_time, NULL)) == (void *)(long)EPERM) {
		another_thread_may_not_either();
		return 0;
	}
	another_thread_sees_and_changes_it();
	another_thread_gives_it(0);
	another_thread_gives_it(1);
	check_order(wait_for_semaphore, wake_by_semaphore);
	check_order(wait_for_condition, wake_by_condition);
	CHECK_OK(pthread_mutex_lock(&mutex));
	check_order(wait_for_mutex, wake_by_mutex);
	return 0;
}
