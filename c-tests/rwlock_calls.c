/* Read-write locks: readers share, a writer is alone, EBUSY, EDEADLK, and timed calls that expire at their
 * deadline and not before; a waiting writer of the non-recursive writer-preferring kind holds off readers. */
#include "check.h"
#include <semaphore.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void *try_read(void *unused)
{
	(void)unused;
	int error = pthread_rwlock_tryrdlock(&lock);
	if (error == 0)
		CHECK_OK(pthread_rwlock_unlock(&lock));
	return (void *)(long)error;
}

static void *try_write(void *unused)
{
	(void)unused;
	int error = pthread_rwlock_trywrlock(&lock);
	if (error == 0)
		CHECK_OK(pthread_rwlock_unlock(&lock));
	return (void *)(long)error;
}

static void *write_lock(void *unused)
{
	CHECK_OK(pthread_rwlock_wrlock(&lock));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	return unused;
}

static void *read_lock(void *unused)
{
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	return unused;
}

static void check_clock(int (*call)(pthread_rwlock_t *, clockid_t, const struct timespec *), clockid_t clock)
{
	struct timespec deadline = in_ms(clock, 15);
	CHECK_EQ(call(&lock, clock, &deadline), ETIMEDOUT);
	CHECK(now_ns(clock) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
}

static void *expire_everything(void *as_reader_too)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, 15);
	CHECK_EQ(pthread_rwlock_timedwrlock(&lock, &deadline), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	check_clock(pthread_rwlock_clockwrlock, CLOCK_MONOTONIC);
	check_clock(pthread_rwlock_clockwrlock, CLOCK_REALTIME);
	if (as_reader_too) {
		deadline = in_ms(CLOCK_REALTIME, 15);
		CHECK_EQ(pthread_rwlock_timedrdlock(&lock, &deadline), ETIMEDOUT);
		CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
		check_clock(pthread_rwlock_clockrdlock, CLOCK_MONOTONIC);
		check_clock(pthread_rwlock_clockrdlock, CLOCK_REALTIME);
		deadline = in_ms(CLOCK_REALTIME, -1000);
		CHECK_EQ(pthread_rwlock_timedrdlock(&lock, &deadline), ETIMEDOUT);
	}
	deadline.tv_nsec = NS_PER_S;
	CHECK_EQ(pthread_rwlock_timedwrlock(&lock, &deadline), EINVAL);
	return NULL;
}

static long in_other_thread(void *(*routine)(void *), void *argument)
{
	return (long)check_join(check_start(routine, argument));
}

static void held_for_reading(void)
{
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	CHECK_EQ(in_other_thread(try_read, NULL), 0);
	CHECK_EQ(in_other_thread(try_write, NULL), EBUSY);
	CHECK_EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
	in_other_thread(expire_everything, NULL);
	pthread_t writer = check_start(write_lock, NULL);
	CHECK_OK(pthread_rwlock_unlock(&lock));
	sleep_ms(5);
	CHECK_EQ(pthread_tryjoin_np(writer, NULL), EBUSY);
	CHECK_OK(pthread_rwlock_unlock(&lock));
	check_join(writer);
}

static void held_for_writing(void)
{
	CHECK_OK(pthread_rwlock_wrlock(&lock));
	CHECK_EQ(in_other_thread(try_read, NULL), EBUSY);
	CHECK_EQ(in_other_thread(try_write, NULL), EBUSY);
	CHECK_EQ(pthread_rwlock_wrlock(&lock), EDEADLK);
	CHECK_EQ(pthread_rwlock_rdlock(&lock), EDEADLK);
	in_other_thread(expire_everything, "reader too");
	pthread_t writer = check_start(write_lock, NULL), reader = check_start(read_lock, NULL);
	sleep_ms(5);
	CHECK_EQ(pthread_tryjoin_np(writer, NULL), EBUSY);
	CHECK_EQ(pthread_tryjoin_np(reader, NULL), EBUSY);
	CHECK_OK(pthread_rwlock_unlock(&lock));
	check_join(writer);
	check_join(reader);
}

static void a_waiting_writer_goes_first_if_so_made(void)
{
	pthread_rwlockattr_t attributes;
	int kind;
	CHECK_OK(pthread_rwlockattr_init(&attributes));
	CHECK_OK(pthread_rwlockattr_getkind_np(&attributes, &kind));
	CHECK_EQ(kind, PTHREAD_RWLOCK_DEFAULT_NP);
	CHECK_EQ(pthread_rwlockattr_setkind_np(&attributes, 99), EINVAL);
	CHECK_OK(pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
	CHECK_OK(pthread_rwlock_destroy(&lock));
	CHECK_OK(pthread_rwlock_init(&lock, &attributes));
	CHECK_OK(pthread_rwlock_rdlock(&lock));
	pthread_t writer = check_start(write_lock, NULL);
	while (in_other_thread(try_read, NULL) == 0)
		sched_yield();
	CHECK_EQ(in_other_thread(try_read, NULL), EBUSY);
	CHECK_OK(pthread_rwlock_unlock(&lock));
	check_join(writer);
	CHECK_EQ(in_other_thread(try_read, NULL), 0);
	CHECK_OK(pthread_rwlockattr_destroy(&attributes));
}

int main(void)
{
	held_for_reading();
	held_for_writing();
	/* An expired deadline does not matter while the lock is free. */
	struct timespec past = in_ms(CLOCK_REALTIME, -1000);
	CHECK_OK(pthread_rwlock_timedwrlock(&lock, &past));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	CHECK_OK(pthread_rwlock_timedrdlock(&lock, &past));
	CHECK_OK(pthread_rwlock_unlock(&lock));
	a_waiting_writer_goes_first_if_so_made();
	CHECK_OK(pthread_rwlock_destroy(&lock));
	return 0;
}
