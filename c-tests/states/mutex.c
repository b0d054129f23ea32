/* Mutexes of every kind: exclusion, refusals, deadlines, owners that die, and other processes. */
#include "states.h"
#include <sys/mman.h>

enum { ROUNDS = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *count_up(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		counter++;
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return unused;
}

static void threads_exclude_each_other(void)
{
	pthread_t threads[2] = {check_start(count_up, NULL), check_start(count_up, NULL)};
	count_up(NULL);
	check_join(threads[0]);
	check_join(threads[1]);
	CHECK_EQ(counter, 3 * ROUNDS);
}

static void hold_until_seen(int *started)
{
	__atomic_store_n(started, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(started, __ATOMIC_ACQUIRE) == 1)
		sleep_ms(1);
	sleep_ms(SOON_MS);
}

static void *release_soon(void *started)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	hold_until_seen(started);
	counter = 1;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return NULL;
}

static void lock_waits_for_the_holder(void)
{
	int started = 0;
	pthread_t thread = check_start(release_soon, &started);
	while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
	__atomic_store_n(&started, 2, __ATOMIC_RELEASE);
	CHECK_OK(pthread_mutex_lock(&mutex));
	CHECK_EQ(counter, 1);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	check_join(thread);
}

static void *hold(void *released)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	__atomic_store_n((int *)released, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n((int *)released, __ATOMIC_ACQUIRE) == 1)
		sleep_ms(1);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return NULL;
}

static void deadline_expires(void)
{
	int released = 0;
	pthread_t thread = check_start(hold, &released);
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	long start = monotonic_ms();
	struct timespec deadline = in_ms(CLOCK_REALTIME, EXPIRES_MS);
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &deadline), ETIMEDOUT);
	deadline = in_ms(CLOCK_MONOTONIC, EXPIRES_MS);
	CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	check_waited(start, 2 * EXPIRES_MS - 2);
	__atomic_store_n(&released, 2, __ATOMIC_RELEASE);
	check_join(thread);
}

static void make(pthread_mutex_t *place, int type, int robust, int protocol, int shared)
{
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_settype(&attributes, type));
	CHECK_OK(pthread_mutexattr_setrobust(&attributes, robust));
	CHECK_OK(pthread_mutexattr_setprotocol(&attributes, protocol));
	CHECK_OK(pthread_mutexattr_setpshared(&attributes, shared));
	CHECK_OK(pthread_mutex_init(place, &attributes));
	CHECK_OK(pthread_mutexattr_destroy(&attributes));
}

static void owner_is_known(void)
{
	pthread_mutex_t own;
	make(&own, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	CHECK_EQ(pthread_mutex_unlock(&own), EPERM);
	CHECK_OK(pthread_mutex_lock(&own));
	CHECK_EQ(pthread_mutex_lock(&own), EDEADLK);
	CHECK_OK(pthread_mutex_unlock(&own));
	make(&own, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	CHECK_OK(pthread_mutex_lock(&own));
	CHECK_OK(pthread_mutex_lock(&own));
	CHECK_OK(pthread_mutex_unlock(&own));
	CHECK_OK(pthread_mutex_unlock(&own));
	CHECK_EQ(pthread_mutex_unlock(&own), EPERM);
}

static void *lock_and_die(void *place)
{
	CHECK_OK(pthread_mutex_lock(place));
	return NULL;
}

static void death_of_an_owner_shows(int protocol)
{
	pthread_mutex_t robust;
	make(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, protocol, PTHREAD_PROCESS_PRIVATE);
	check_join(check_start(lock_and_die, &robust));
	CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&robust));
	CHECK_OK(pthread_mutex_unlock(&robust));
	CHECK_OK(pthread_mutex_lock(&robust));
	CHECK_OK(pthread_mutex_unlock(&robust));
}

static void dead_owner_shows(void)
{
	death_of_an_owner_shows(PTHREAD_PRIO_NONE);
}

static void dead_owner_with_inheritance_shows(void)
{
	death_of_an_owner_shows(PTHREAD_PRIO_INHERIT);
}

static pthread_mutex_t *inheriting;

static void *hold_inheriting(void *started)
{
	CHECK_OK(pthread_mutex_lock(inheriting));
	hold_until_seen(started);
	CHECK_OK(pthread_mutex_unlock(inheriting));
	return NULL;
}

static void inheriting_mutex_waits(void)
{
	pthread_mutex_t place;
	int started = 0;
	inheriting = &place;
	make(&place, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
	pthread_t thread = check_start(hold_inheriting, &started);
	while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	CHECK_EQ(pthread_mutex_trylock(&place), EBUSY);
	__atomic_store_n(&started, 2, __ATOMIC_RELEASE);
	CHECK_OK(pthread_mutex_lock(&place));
	CHECK_OK(pthread_mutex_unlock(&place));
	check_join(thread);
}

struct shared {
	pthread_mutex_t mutex;
	int held;
};

static struct shared *shared_object(int robust, int protocol)
{
	struct shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	make(&shared->mutex, PTHREAD_MUTEX_NORMAL, robust, protocol, PTHREAD_PROCESS_SHARED);
	return shared;
}

static pid_t child_holding(struct shared *shared, int releases)
{
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		CHECK_OK(pthread_mutex_lock(&shared->mutex));
		__atomic_store_n(&shared->held, 1, __ATOMIC_RELEASE);
		sleep_ms(SOON_MS);
		if (releases)
			CHECK_OK(pthread_mutex_unlock(&shared->mutex));
		_exit(0);
	}
	while (!__atomic_load_n(&shared->held, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return child;
}

static void lock_waits_for_a_process(void)
{
	struct shared *shared = shared_object(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	pid_t child = child_holding(shared, 1);
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
	check_child_succeeds(child);
}

static void death_of_a_process_shows(int protocol)
{
	struct shared *shared = shared_object(PTHREAD_MUTEX_ROBUST, protocol);
	pid_t child = child_holding(shared, 0);
	CHECK_EQ(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
	CHECK_OK(pthread_mutex_consistent(&shared->mutex));
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
	check_child_succeeds(child);
}

static void dead_process_shows(void)
{
	death_of_a_process_shows(PTHREAD_PRIO_NONE);
}

static void dead_process_with_inheritance_shows(void)
{
	death_of_a_process_shows(PTHREAD_PRIO_INHERIT);
}

CHECKS({"threads_exclude_each_other", threads_exclude_each_other, 0},
       {"lock_waits_for_the_holder", lock_waits_for_the_holder, 0},
       {"deadline_expires", deadline_expires, 0},
       {"owner_is_known", owner_is_known, 0},
       {"dead_owner_shows", dead_owner_shows, 0},
       {"dead_owner_with_inheritance_shows", dead_owner_with_inheritance_shows, 0},
       {"inheriting_mutex_waits", inheriting_mutex_waits, 0},
       {"lock_waits_for_a_process", lock_waits_for_a_process, 0},
       {"dead_process_shows", dead_process_shows, 0},
       {"dead_process_with_inheritance_shows", dead_process_with_inheritance_shows, 0});
