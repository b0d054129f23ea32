/* What a condition variable does with its mutex: it tells of the death of an owner, keeps the mutex from being
 * destroyed, refuses what the caller does not hold, and may be shared between processes when its mutex is not. */
#include "check.h"

enum { THREADS = 4, ROUNDS = 300 };

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void make(pthread_mutex_t *mutex, int type, int robust, int protocol)
{
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_settype(&attributes, type));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, robust));
	CHECK_OK(pthread_mutexattr_setprotocol(&attributes, protocol));
	CHECK_OK(pthread_mutex_init(mutex, &attributes));
	CHECK_OK(pthread_mutexattr_destroy(&attributes));
}

static void *wake_and_die(void *mutex)
{
	CHECK_OK(pthread_mutex_lock(mutex));
	CHECK_OK(pthread_cond_signal(&condition));
	return NULL;
}

static void the_death_of_the_owner_shows(void)
{
	pthread_mutex_t mutex;
	make(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_t thread = check_start(wake_and_die, &mutex);
	CHECK_EQ(pthread_cond_wait(&condition, &mutex), EOWNERDEAD);
	check_join(thread);
	CHECK_OK(pthread_mutex_consistent(&mutex));

	thread = check_start(wake_and_die, &mutex);
	struct timespec deadline = in_ms(CLOCK_REALTIME, 30000);
	CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &deadline), EOWNERDEAD);
	check_join(thread);
	/* Left inconsistent, by the unlock that belongs to the wait. */
	deadline = in_ms(CLOCK_REALTIME, -1);
	CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &deadline), ENOTRECOVERABLE);
	CHECK_OK(pthread_mutex_destroy(&mutex));
}

static void what_is_not_held_is_refused(int robust)
{
	pthread_mutex_t mutex;
	make(&mutex, PTHREAD_MUTEX_ERRORCHECK, robust, PTHREAD_PRIO_NONE);
	CHECK_EQ(pthread_cond_wait(&condition, &mutex), EPERM);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK_OK(pthread_mutex_destroy(&mutex));
}

static pthread_mutex_t waited_with;
static int waits, woken;

static void *wait_once(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&waited_with));
	waits = 1;
	while (!woken)
		CHECK_OK(pthread_cond_wait(&condition, &waited_with));
	CHECK_OK(pthread_mutex_unlock(&waited_with));
	return unused;
}

static void what_is_waited_with_cannot_be_destroyed(int type, int protocol)
{
	make(&waited_with, type, PTHREAD_MUTEX_STALLED, protocol);
	waits = woken = 0;
	pthread_t thread = check_start(wait_once, NULL);
	for (int seen = 0; !seen;) {
		CHECK_OK(pthread_mutex_lock(&waited_with));
		seen = waits;
		CHECK_OK(pthread_mutex_unlock(&waited_with));
		sched_yield();
	}
	CHECK_EQ(pthread_mutex_destroy(&waited_with), EBUSY);
	CHECK_OK(pthread_mutex_lock(&waited_with));
	CHECK_EQ(pthread_mutex_destroy(&waited_with), EBUSY);
	woken = 1;
	CHECK_OK(pthread_cond_signal(&condition));
	CHECK_OK(pthread_mutex_unlock(&waited_with));
	check_join(thread);
	CHECK_OK(pthread_mutex_destroy(&waited_with));
}

/* A queue of one place, and threads that fight for the mutex beside it. */
static pthread_mutex_t private;
static pthread_cond_t shared[2];
static int full, taken, counted;

static void *put(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&private));
		while (full)
			CHECK_OK(pthread_cond_wait(&shared[0], &private));
		full = 1;
		CHECK_OK(pthread_cond_signal(&shared[1]));
		CHECK_OK(pthread_mutex_unlock(&private));
	}
	return unused;
}

static void *take(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&private));
		while (!full) {
			struct timespec deadline = in_ms(CLOCK_REALTIME, 30000);
			CHECK_OK(pthread_cond_timedwait(&shared[1], &private, &deadline));
		}
		full = 0;
		taken++;
		CHECK_OK(pthread_cond_signal(&shared[0]));
		CHECK_OK(pthread_mutex_unlock(&private));
	}
	return unused;
}

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&private));
		counted++;
		if (i % 16 == 0)
			sched_yield();
		CHECK_OK(pthread_mutex_unlock(&private));
		struct timespec deadline = in_ms(CLOCK_REALTIME, 30000);
		CHECK_OK(pthread_mutex_timedlock(&private, &deadline));
		counted++;
		CHECK_OK(pthread_mutex_unlock(&private));
	}
	return unused;
}

static void a_shared_one_waits_with_a_private_mutex(int type)
{
	pthread_condattr_t attributes;
	CHECK_OK(pthread_condattr_init(&attributes));
	CHECK_OK(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_cond_init(&shared[0], &attributes));
	CHECK_OK(pthread_cond_init(&shared[1], &attributes));
	make(&private, type, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	taken = counted = 0;
	pthread_t threads[2 * THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(count, NULL);
	for (int i = 0; i < THREADS; i++)
		threads[THREADS + i] = check_start(i % 2 ? put : take, NULL);
	for (int i = 0; i < 2 * THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(taken, THREADS / 2 * ROUNDS);
	CHECK_EQ(counted, THREADS * 2 * ROUNDS);
	CHECK_OK(pthread_mutex_destroy(&private));
	CHECK_OK(pthread_cond_destroy(&shared[0]));
	CHECK_OK(pthread_cond_destroy(&shared[1]));
}

int main(void)
{
	the_death_of_the_owner_shows();
	what_is_not_held_is_refused(PTHREAD_MUTEX_STALLED);
	what_is_not_held_is_refused(PTHREAD_MUTEX_ROBUST);
	what_is_waited_with_cannot_be_destroyed(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
	what_is_waited_with_cannot_be_destroyed(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE);
	what_is_waited_with_cannot_be_destroyed(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT);
	a_shared_one_waits_with_a_private_mutex(PTHREAD_MUTEX_NORMAL);
	a_shared_one_waits_with_a_private_mutex(PTHREAD_MUTEX_RECURSIVE);
	a_shared_one_waits_with_a_private_mutex(PTHREAD_MUTEX_ERRORCHECK);
	return 0;
}
