/* syscall(SYS_futex): WAIT, WAKE and their BITSET forms return what futex(2) says, wait until relative (WAIT)
 * or absolute (WAIT_BITSET) deadlines, and count whom they wake. */
#include "check.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { WAITERS = 20 };

static uint32_t word;
static int waiting, woken;

static long futex(uint32_t *address, int operation, uint32_t value, const struct timespec *timeout, uint32_t *second,
		  uint32_t last)
{
	return syscall(SYS_futex, address, operation, value, timeout, second, last);
}

static void *wait_plain(void *operation)
{
	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(futex(&word, (int)(long)operation, 0, NULL, NULL, 0), 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *wait_for_bits(void *bits)
{
	CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (uint32_t)(long)bits), 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void nothing_to_wait_for(void)
{
	word = 1;
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, ~0u), EAGAIN);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0), EINVAL);
	uint32_t *misaligned = (uint32_t *)((char *)&word + 1);
	CHECK_ERRNO(futex(misaligned, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS);
	struct timespec invalid = {.tv_nsec = NS_PER_S};
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 1, &invalid, NULL, 0), EINVAL);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 0);
}

static void deadlines(int operation_flags)
{
	word = 1;
	struct timespec timeout = {.tv_nsec = 20 * NS_PER_MS};
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT | operation_flags, 1, &timeout, NULL, 0), ETIMEDOUT);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);

	timeout = in_ms(CLOCK_MONOTONIC, 20);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET | operation_flags, 1, &timeout, NULL, ~0u), ETIMEDOUT);
	CHECK(now_ns(CLOCK_MONOTONIC) >= timeout.tv_sec * (long)NS_PER_S + timeout.tv_nsec);

	timeout = in_ms(CLOCK_REALTIME, 20);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME | operation_flags, 1, &timeout, NULL, ~0u),
		    ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= timeout.tv_sec * (long)NS_PER_S + timeout.tv_nsec);

	timeout = in_ms(CLOCK_MONOTONIC, -1000);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET | operation_flags, 1, &timeout, NULL, ~0u), ETIMEDOUT);
	timeout = (struct timespec){0, 0};
	CHECK_ERRNO(futex(&word, FUTEX_WAIT | operation_flags, 1, &timeout, NULL, 0), ETIMEDOUT);
}

/* A waiter counts itself just before it waits, so the first wakes may find nobody yet: wake until all woke. */
static void wake_counts_whom_it_woke(int operation_flags)
{
	pthread_t threads[WAITERS];
	long total = 0;
	word = waiting = woken = 0;
	for (int i = 0; i < WAITERS; i++)
		threads[i] = check_start(wait_plain, (void *)(long)(FUTEX_WAIT | operation_flags));
	while (total < WAITERS) {
		long count = futex(&word, FUTEX_WAKE | operation_flags, 3, NULL, NULL, 0);
		CHECK(count >= 0 && count <= 3);
		total += count;
		if (count == 0)
			sched_yield();
	}
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
	CHECK_EQ(woken, WAITERS);
	CHECK_EQ(futex(&word, FUTEX_WAKE | operation_flags, INT_MAX, NULL, NULL, 0), 0);
}

static void bitsets_select(void)
{
	pthread_t odd = check_start(wait_for_bits, (void *)1L), even = check_start(wait_for_bits, (void *)2L);
	woken = 0;
	while (futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 2) == 0)
		sched_yield();
	check_join(even);
	CHECK_EQ(woken, 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 4), 0);
	while (futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, 5) == 0)
		sched_yield();
	check_join(odd);
	CHECK_EQ(woken, 2);

	/* plain WAKE matches every bitset */
	odd = check_start(wait_for_bits, (void *)8L);
	while (futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0)
		sched_yield();
	check_join(odd);
}

int main(void)
{
	nothing_to_wait_for();
	deadlines(FUTEX_PRIVATE_FLAG);
	deadlines(0);
	wake_counts_whom_it_woke(FUTEX_PRIVATE_FLAG);
	wake_counts_whom_it_woke(0);
	bitsets_select();
	return 0;
}
