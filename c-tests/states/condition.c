/* Condition variables: wake-ups by threads and processes, deadlines on each clock. */
#include "states.h"
#include <sys/mman.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ready, arrived;

static void *make_ready_soon(void *unused)
{
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	ready = 1;
	CHECK_OK(pthread_cond_broadcast(&condition));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return unused;
}

static void *wait_until_ready(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	while (!ready)
		CHECK_OK(pthread_cond_wait(&condition, &mutex));
	arrived++;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return unused;
}

static void wait_is_woken_by_a_thread(void)
{
	pthread_t thread = check_start(make_ready_soon, NULL);
	wait_until_ready(NULL);
	check_join(thread);
}

static void broadcast_wakes_all(void)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		threads[i] = check_start(wait_until_ready, NULL);
	make_ready_soon(NULL);
	for (int i = 0; i < 4; i++)
		check_join(threads[i]);
	CHECK_EQ(arrived, 4);
}

static void signal_reaches_a_thread(void)
{
	pthread_t thread = check_start(wait_until_ready, NULL);
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	ready = 1;
	CHECK_OK(pthread_cond_signal(&condition));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_join(thread);
}

static void expire(pthread_cond_t *place, clockid_t clock)
{
	long start = monotonic_ms();
	struct timespec deadline = in_ms(clock, EXPIRES_MS);
	CHECK_OK(pthread_mutex_lock(&mutex));
	int error;
	do
		error = pthread_cond_timedwait(place, &mutex, &deadline);
	while (error == 0);
	CHECK_EQ(error, ETIMEDOUT);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_waited(start, EXPIRES_MS - 1);
}

static void deadline_expires(void)
{
	expire(&condition, CLOCK_REALTIME);
}

static void monotonic_deadline_expires(void)
{
	pthread_cond_t own;
	pthread_condattr_t attributes;
	CHECK_OK(pthread_condattr_init(&attributes));
	CHECK_OK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
	CHECK_OK(pthread_cond_init(&own, &attributes));
	expire(&own, CLOCK_MONOTONIC);
	CHECK_OK(pthread_cond_destroy(&own));
}

static void deadline_on_a_chosen_clock_expires(void)
{
	struct timespec deadline = in_ms(CLOCK_MONOTONIC, EXPIRES_MS);
	long start = monotonic_ms();
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_EQ(pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_waited(start, EXPIRES_MS - 1);
}

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	int ready;
};

static void make_shared_ready(long place)
{
	struct shared *shared = (struct shared *)place;
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	shared->ready = 1;
	CHECK_OK(pthread_cond_signal(&shared->condition));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
}

static void wait_is_woken_by_a_process(void)
{
	struct shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t mutex_attributes;
	pthread_condattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&mutex_attributes));
	CHECK_OK(pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_mutex_init(&shared->mutex, &mutex_attributes));
	CHECK_OK(pthread_condattr_init(&attributes));
	CHECK_OK(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_cond_init(&shared->condition, &attributes));
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	pid_t child = child_soon(make_shared_ready, (long)shared);
	while (!shared->ready)
		CHECK_OK(pthread_cond_wait(&shared->condition, &shared->mutex));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
	check_child_succeeds(child);
}

CHECKS({"wait_is_woken_by_a_thread", wait_is_woken_by_a_thread, 0},
       {"broadcast_wakes_all", broadcast_wakes_all, 0},
       {"signal_reaches_a_thread", signal_reaches_a_thread, 0},
       {"deadline_expires", deadline_expires, 0},
       {"monotonic_deadline_expires", monotonic_deadline_expires, 0},
       {"deadline_on_a_chosen_clock_expires", deadline_on_a_chosen_clock_expires, 0},
       {"wait_is_woken_by_a_process", wait_is_woken_by_a_process, 0});
