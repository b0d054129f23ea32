/* futex_wake, futex_wait, futex_requeue (Linux 6.7) and futex_waitv by number meet those who wait, wake and requeue by
 * futex(2), whichever of them is used on either side. */
#include "one_cpu.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

/* <asm/unistd_64.h>; older headers lack them. */
enum { FUTEX_WAITV = 449, FUTEX_WAKE_BY_MASK = 454, FUTEX_WAIT_BY_MASK = 455, FUTEX_REQUEUE_TWO = 456 };
/* FUTEX2_PRIVATE | FUTEX2_SIZE_U32 */
enum { PRIVATE_U32 = 0x82 };

struct expected {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static uint32_t first, second;

static long wait_as_ever(void)
{
	return syscall(SYS_futex, &first, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static long wait_by_mask(void)
{
	return syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, PRIVATE_U32, NULL, 0);
}

static long wait_for_several(void)
{
	static uint32_t other;
	struct expected words[2] = {{0, (uintptr_t)&other, PRIVATE_U32, 0}, {0, (uintptr_t)&first, PRIVATE_U32, 0}};
	/* It tells which one. */
	return syscall(FUTEX_WAITV, words, 2, 0, NULL, 0) - 1;
}

typedef long (*waiting)(void);
static const waiting ways[] = {wait_as_ever, wait_by_mask, wait_for_several};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void *wait_so(void *way)
{
	CHECK_EQ((*(const waiting *)way)(), 0);
	return NULL;
}

static long wake_as_ever(uint32_t *word)
{
	return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static long wake_by_mask(uint32_t *word)
{
	return syscall(FUTEX_WAKE_BY_MASK, word, 3UL, 1, PRIVATE_U32);
}

static long requeue_as_ever(void)
{
	return syscall(SYS_futex, &first, FUTEX_CMP_REQUEUE_PRIVATE, 0, 1L, &second, 0);
}

static long requeue_two(void)
{
	struct expected words[2] = {{0, (uintptr_t)&first, PRIVATE_U32, 0}, {0, (uintptr_t)&second, PRIVATE_U32, 0}};
	return syscall(FUTEX_REQUEUE_TWO, words, 0, 0, 1);
}

/* Until somebody was there: he may not have come yet. */
static void wakes(long (*wake)(uint32_t *), uint32_t *word)
{
	long count;
	while ((count = wake(word)) == 0)
		sched_yield();
	CHECK_EQ(count, 1);
}

static void moves(long (*requeue)(void))
{
	long count;
	while ((count = requeue()) == 0)
		sched_yield();
	CHECK_EQ(count, 1);
	CHECK_EQ(wake_as_ever(&first), 0);
}

static void each_meets_each(void)
{
	for (int way = 0; way < WAYS; way++) {
		pthread_t waiter = check_start(wait_so, (void *)&ways[way]);
		wakes(wake_as_ever, &first);
		check_join(waiter);
		waiter = check_start(wait_so, (void *)&ways[way]);
		wakes(wake_by_mask, &first);
		check_join(waiter);
		waiter = check_start(wait_so, (void *)&ways[way]);
		moves(requeue_as_ever);
		wakes(wake_by_mask, &second);
		check_join(waiter);
		waiter = check_start(wait_so, (void *)&ways[way]);
		moves(requeue_two);
		wakes(wake_as_ever, &second);
		check_join(waiter);
	}
}

static void *answers(void *unused)
{
	struct timespec past = {1, 0}, negative = {-1, 0}, invalid = {0, NS_PER_S};
	uint32_t *misaligned = (uint32_t *)((char *)&first + 1);
	struct expected words[2] = {{1, (uintptr_t)&first, PRIVATE_U32, 0}, {0, (uintptr_t)&second, PRIVATE_U32, 0}};
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 1UL, 1UL, PRIVATE_U32, NULL, 0), EAGAIN);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 0UL, PRIVATE_U32, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 1UL << 32, 1UL, PRIVATE_U32, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, 0x80, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, misaligned, 0UL, 1UL, PRIVATE_U32, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, PRIVATE_U32, &negative, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, PRIVATE_U32, &invalid, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, PRIVATE_U32, &past, CLOCK_BOOTTIME), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, PRIVATE_U32, &past, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_ERRNO(syscall(FUTEX_WAIT_BY_MASK, &first, 0UL, 1UL, PRIVATE_U32, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK_EQ(syscall(FUTEX_WAKE_BY_MASK, &first, 1UL, 0, PRIVATE_U32), 0);
	CHECK_EQ(syscall(FUTEX_WAKE_BY_MASK, &first, 1UL, INT_MAX, PRIVATE_U32), 0);
	CHECK_ERRNO(syscall(FUTEX_WAKE_BY_MASK, &first, 0UL, 1, PRIVATE_U32), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_REQUEUE_TWO, words, 0, 1, 1), EAGAIN);
	CHECK_ERRNO(syscall(FUTEX_REQUEUE_TWO, words, 1, 1, 1), EINVAL);
	CHECK_ERRNO(syscall(FUTEX_REQUEUE_TWO, words, 0, -1, 1), EINVAL);
	words[0].value = 0;
	CHECK_EQ(syscall(FUTEX_REQUEUE_TWO, words, 0, 1, 1), 0);
	return unused;
}

int main(void)
{
	if (syscall(FUTEX_WAKE_BY_MASK, &first, 1UL, 0, PRIVATE_U32) == -1) {
		CHECK_EQ(errno, ENOSYS);
		return 0;
	}
	check_here_and_in_thread(answers, NULL);
	stay_on_one_cpu();
	each_meets_each();
	return 0;
}
