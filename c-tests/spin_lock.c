/* Spin locks exclude and make progress with more threads than processors, even when the holder yields or
 * sleeps while the others spin. */
#include "check.h"

enum { THREADS = 12, ROUNDS = 300 };

static pthread_spinlock_t lock;
static volatile long counter;

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_spin_lock(&lock));
		long seen = counter;
		if (i % 30 == 0)
			sched_yield();
		counter = seen + 1;
		CHECK_OK(pthread_spin_unlock(&lock));
	}
	return unused;
}

static void *lock_and_sleep(void *unused)
{
	CHECK_OK(pthread_spin_lock(&lock));
	sleep_ms(20);
	CHECK_OK(pthread_spin_unlock(&lock));
	return unused;
}

static void *try_lock(void *unused)
{
	(void)unused;
	return (void *)(long)pthread_spin_trylock(&lock);
}

static void run_all(void *(*routine)(void *), int count)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < count; i++)
		threads[i] = check_start(routine, NULL);
	for (int i = 0; i < count; i++)
		check_join(threads[i]);
}

int main(void)
{
	CHECK_OK(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
	CHECK_OK(pthread_spin_lock(&lock));
	CHECK_EQ(pthread_spin_trylock(&lock), EBUSY);
	CHECK_EQ((long)check_join(check_start(try_lock, NULL)), EBUSY);
	CHECK_OK(pthread_spin_unlock(&lock));
	run_all(count, THREADS);
	CHECK_EQ(counter, THREADS * ROUNDS);
	run_all(lock_and_sleep, 4);
	CHECK_OK(pthread_spin_destroy(&lock));
	return 0;
}
