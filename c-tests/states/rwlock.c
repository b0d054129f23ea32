/* Read-write locks: readers together, writers alone, refusals and deadlines. */
#include "states.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int held, wanted;

static void *hold(void *writes)
{
	CHECK_OK(writes ? pthread_rwlock_wrlock(&lock) : pthread_rwlock_rdlock(&lock));
	__atomic_store_n(&held, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&wanted, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_rwlock_unlock(&lock));
	return NULL;
}

static pthread_t holder(int writes)
{
	pthread_t thread = check_start(hold, writes ? &held : NULL);
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return thread;
}

static void let_go(void)
{
	__atomic_store_n(&wanted, 1, __ATOMIC_RELEASE);
}

static void reader_waits_for_the_writer(void)
{
	pthread_t thread = holder(1);
	CHECK_EQ(pthread_rwlock_tryrdlock(&lock), EBUSY);
	let_go();
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	check_join(thread);
}

static void writer_waits_for_the_reader(void)
{
	pthread_t thread = holder(0);
	CHECK_EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	let_go();
	CHECK_OK(pthread_rwlock_wrlock(&lock));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	check_join(thread);
}

static void deadline_expires(void)
{
	pthread_t thread = holder(1);
	long start = monotonic_ms();
	struct timespec deadline = in_ms(CLOCK_REALTIME, EXPIRES_MS);
	CHECK_EQ(pthread_rwlock_timedrdlock(&lock, &deadline), ETIMEDOUT);
	deadline = in_ms(CLOCK_MONOTONIC, EXPIRES_MS);
	CHECK_EQ(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &deadline), ETIMEDOUT);
	check_waited(start, 2 * EXPIRES_MS - 2);
	let_go();
	check_join(thread);
}

static void own_write_lock_is_a_deadlock(void)
{
	CHECK_OK(pthread_rwlock_wrlock(&lock));
	CHECK_EQ(pthread_rwlock_wrlock(&lock), EDEADLK);
	CHECK_EQ(pthread_rwlock_rdlock(&lock), EDEADLK);
	CHECK_OK(pthread_rwlock_unlock(&lock));
}

CHECKS({"reader_waits_for_the_writer", reader_waits_for_the_writer, 0},
       {"writer_waits_for_the_reader", writer_waits_for_the_reader, 0},
       {"deadline_expires", deadline_expires, 0},
       {"own_write_lock_is_a_deadlock", own_write_lock_is_a_deadlock, 0});
