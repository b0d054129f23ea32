/* futex_waitv by number, and who waits where. */
#ifndef FUTEX_WAITV_H
#define FUTEX_WAITV_H

#include "one_cpu.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { MOST_WORDS = 128, PRIVATE_U32 = FUTEX_32 | FUTEX_PRIVATE_FLAG };

static long wait_any(struct futex_waitv *words, int count, const struct timespec *until, clockid_t clock)
{
	return syscall(SYS_futex_waitv, words, count, 0, until, clock);
}

static struct futex_waitv at(uint32_t *word, uint32_t value)
{
	return (struct futex_waitv){.val = value, .uaddr = (uintptr_t)word, .flags = PRIVATE_U32};
}

__attribute__((unused)) static long wake(uint32_t *word, int count)
{
	return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

/* How many wait at the word, which holds 0: all are moved to where they are. */
static long waiting_at(uint32_t *word)
{
	return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (long)INT_MAX, word, 0);
}

__attribute__((unused)) static void await_waiting_at(uint32_t *word, long count)
{
	while (waiting_at(word) != count)
		sched_yield();
}

/* A thread that waits once for the words, all of which hold 0, and what it is told. */
struct waiter {
	struct futex_waitv words[MOST_WORDS];
	int count;
	long told;
	int error;
	pthread_t thread;
};

static void *wait_once(void *argument)
{
	struct waiter *me = argument;
	me->told = wait_any(me->words, me->count, NULL, 0);
	me->error = errno;
	return NULL;
}

/* Starts it, and returns when it waits for all of them: it comes to the last word last. */
__attribute__((unused)) static void waits_for(struct waiter *waiter, uint32_t **words, int count)
{
	long before = waiting_at(words[count - 1]);
	for (int i = 0; i < count; i++) {
		waiter->words[i] = at(words[i], 0);
		before += i < count - 1 && words[i] == words[count - 1];
	}
	waiter->count = count;
	waiter->thread = check_start(wait_once, waiter);
	await_waiting_at(words[count - 1], before + 1);
}

__attribute__((unused)) static void is_told(struct waiter *waiter, long index)
{
	check_join(waiter->thread);
	CHECK_EQ(waiter->told, index);
}

/* Whether the kernel has the call. */
static int is_there(void)
{
	if (wait_any(NULL, 0, NULL, 0) == -1 && errno == EINVAL)
		return 1;
	CHECK_EQ(errno, ENOSYS);
	return 0;
}

#endif
