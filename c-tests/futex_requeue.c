/* FUTEX_REQUEUE and FUTEX_CMP_REQUEUE wake some waiters and move the others to a second word, where a wake of
 * that word, and only of that, finds them. */
#include "one_cpu.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { WAITERS = 10 };

static uint32_t from, to;
static int woken;

static long futex(uint32_t *address, int operation, uint32_t value, unsigned long second_value, uint32_t *second,
		  uint32_t last)
{
	return syscall(SYS_futex, address, operation, value, second_value, second, last);
}

static void *wait_on_from(void *unused)
{
	CHECK_EQ(futex(&from, FUTEX_WAIT_PRIVATE, 0, 0, NULL, 0), 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return unused;
}

static void wait_until_woken(int count)
{
	while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < count)
		sched_yield();
}

/* Moves all waiters one by one as they arrive, waking none of them. */
static void move_all(int operation)
{
	for (int moved = 0; moved < WAITERS;) {
		long count = futex(&from, operation, 0, 1, &to, 0);
		CHECK(count == 0 || count == 1);
		moved += (int)count;
		if (count == 0)
			sched_yield();
	}
}

static void check_moved(int operation)
{
	pthread_t threads[WAITERS];
	woken = 0;
	for (int i = 0; i < WAITERS; i++)
		threads[i] = check_start(wait_on_from, NULL);
	move_all(operation);
	CHECK_EQ(futex(&from, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), 0);
	CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), 0);
	/* To the word itself: all are counted, once, and stay where they are. */
	CHECK_EQ(futex(&to, operation, 0, INT_MAX, &to, 0), WAITERS);
	/* Back again: one woken, two moved; the result counts both for either operation. */
	CHECK_EQ(futex(&to, operation, 1, 2, &from, 0), 3);
	wait_until_woken(1);
	CHECK_EQ(futex(&to, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), WAITERS - 3);
	wait_until_woken(WAITERS - 2);
	CHECK_EQ(futex(&from, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0), 2);
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
	CHECK_EQ(woken, WAITERS);
}

int main(void)
{
	stay_on_one_cpu();
	CHECK_ERRNO(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &to, 5), EAGAIN);
	check_moved(FUTEX_REQUEUE_PRIVATE);
	check_moved(FUTEX_CMP_REQUEUE_PRIVATE);
	return 0;
}
