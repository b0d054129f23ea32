/* syscall(SYS_futex) with LOCK_PI, LOCK_PI2, TRYLOCK_PI, UNLOCK_PI, WAIT_REQUEUE_PI and CMP_REQUEUE_PI: the word names
 * the thread that holds the lock by what gettid says, and is handed to one that waits. */
#include "check.h"
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
enum { THREADS = 20, ROUNDS = 200 };

static uint32_t lock_word, condition;

static long futex(uint32_t *address, int operation, uint32_t value, const void *fourth, uint32_t *second, uint32_t last)
{
	return syscall(SYS_futex, address, operation | FUTEX_PRIVATE_FLAG, value, fourth, second, last);
}

static void lock(void)
{
	uint32_t none = 0;
	if (!__atomic_compare_exchange_n(&lock_word, &none, (uint32_t)gettid(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK_OK(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	CHECK_EQ(lock_word & FUTEX_TID_MASK, gettid());
}

static void unlock(void)
{
	uint32_t own = (uint32_t)gettid();
	if (!__atomic_compare_exchange_n(&lock_word, &own, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		CHECK_OK(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static int inside, count;

static void *take_turns(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		lock();
		CHECK_EQ(inside++, 0);
		count++;
		if (i % 16 == 0)
			sched_yield();
		CHECK_EQ(--inside, 0);
		unlock();
	}
	return unused;
}

static void exclusion(void)
{
	pthread_t threads[THREADS];
	count = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(take_turns, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(count, THREADS * ROUNDS);
	CHECK_EQ(lock_word & FUTEX_TID_MASK, 0);
}

static void *finds_it_held(void *unused)
{
	struct timespec past = {1, 0}, soon = in_ms(CLOCK_REALTIME, 10), invalid = {0, NS_PER_S};
	CHECK_ERRNO(futex(&lock_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, &past, NULL, 0), ETIMEDOUT);
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, &soon, NULL, 0), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= soon.tv_sec * (long)NS_PER_S + soon.tv_nsec);
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, &invalid, NULL, 0), EINVAL);
	soon = in_ms(CLOCK_MONOTONIC, 10);
	/* of Linux 5.14 */
	CHECK_EQ(futex(&lock_word, FUTEX_LOCK_PI2, 0, &soon, NULL, 0), -1);
	CHECK(errno == ETIMEDOUT || errno == ENOSYS);
	return unused;
}

static void *answers(void *unused)
{
	enum { NO_THREAD = 0x3ffffffe };
	lock_word = 0;
	CHECK_OK(futex(&lock_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	CHECK_EQ(lock_word & FUTEX_TID_MASK, gettid());
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_ERRNO(futex(&lock_word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
	CHECK_OK(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	CHECK_EQ(lock_word, 0);
	CHECK_ERRNO(futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), EPERM);
	lock_word = NO_THREAD;
	CHECK_ERRNO(futex(&lock_word, FUTEX_LOCK_PI, 0, NULL, NULL, 0), ESRCH);
	lock_word = 0;
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock_word, 0), EAGAIN);
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &condition, 0), EINVAL);
	CHECK_ERRNO(futex(&condition, FUTEX_CMP_REQUEUE_PI, 2, NULL, &lock_word, 0), EINVAL);
	CHECK_ERRNO(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock_word, 1), EAGAIN);
	CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock_word, 0), 0);
	return unused;
}

static void held_by_another(void)
{
	lock();
	check_join(check_start(finds_it_held, NULL));
	unlock();
}

/* A condition variable of these. */

static int waiting, go;

static void *wait_for_go(void *unused)
{
	lock();
	waiting++;
	while (!go) {
		uint32_t seen = condition;
		unlock();
		if (futex(&condition, FUTEX_WAIT_REQUEUE_PI, seen, NULL, &lock_word, 0) == -1) {
			CHECK_EQ(errno, EAGAIN);
			lock();
		}
		CHECK_EQ(lock_word & FUTEX_TID_MASK, gettid());
	}
	CHECK_EQ(inside++, 0);
	sched_yield();
	CHECK_EQ(--inside, 0);
	unlock();
	return unused;
}

static void conditions(int holds_the_lock)
{
	pthread_t threads[THREADS];
	waiting = go = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(wait_for_go, NULL);
	for (int ready = 0; ready < THREADS; sleep_ms(1)) {
		lock();
		ready = waiting;
		unlock();
	}
	sleep_ms(2);
	lock();
	go = 1;
	condition++;
	if (!holds_the_lock)
		unlock();
	long moved = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)(long)THREADS, &lock_word, condition);
	CHECK(moved >= 0 && moved <= THREADS);
	if (holds_the_lock)
		unlock();
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(lock_word & FUTEX_TID_MASK, 0);
}

static void *time_is_over(void *unused)
{
	struct timespec soon = in_ms(CLOCK_MONOTONIC, 5);
	condition = 0;
	CHECK_ERRNO(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &soon, &lock_word, 0), ETIMEDOUT);
	return unused;
}

int main(void)
{
	check_here_and_in_thread(answers, NULL);
	check_here_and_in_thread(time_is_over, NULL);
	held_by_another();
	exclusion();
	conditions(1);
	conditions(0);
	exclusion();
	return 0;
}
