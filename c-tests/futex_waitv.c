/* futex_waitv: who waits for several words is woken at any of them, by whatever call, is told at which, and is counted as
 * often as the kernel counts it; what the kernel refuses is refused. */
#include "futex_waitv.h"
#include <sys/mman.h>

static uint32_t first, second, third;
static struct waiter waiter;

static void *refusals(void *unused)
{
	struct futex_waitv words[MOST_WORDS + 1];
	for (int i = 0; i <= MOST_WORDS; i++)
		words[i] = at(&first, 0);
	struct timespec past = {1, 0}, negative = {-1, 0}, invalid = {0, NS_PER_S};
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_ERRNO(wait_any(words, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(wait_any(words, MOST_WORDS + 1, NULL, 0), EINVAL);
	CHECK_ERRNO(wait_any(NULL, 1, NULL, 0), EINVAL);
	CHECK_ERRNO(wait_any(nowhere, 1, NULL, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_futex_waitv, words, 1, 1, NULL, 0), EINVAL);
	CHECK_ERRNO(wait_any(words, 1, &past, CLOCK_BOOTTIME), EINVAL);
	CHECK_ERRNO(wait_any(words, 1, &past, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	CHECK_ERRNO(wait_any(words, 1, nowhere, CLOCK_MONOTONIC), EFAULT);
	CHECK_ERRNO(wait_any(words, 1, &negative, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(wait_any(words, 1, &invalid, CLOCK_REALTIME), EINVAL);

	/* The last one is looked at, too. */
	struct futex_waitv *last = &words[2];
	*last = (struct futex_waitv){0, (uintptr_t)&first, PRIVATE_U32, 1};
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EINVAL);
	*last = (struct futex_waitv){1UL << 32, (uintptr_t)&first, PRIVATE_U32, 0};
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EINVAL);
	*last = (struct futex_waitv){0, (uintptr_t)&first, FUTEX_PRIVATE_FLAG, 0};
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EINVAL);
	*last = (struct futex_waitv){0, (uintptr_t)&first, PRIVATE_U32 | 0x100, 0};
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EINVAL);
	*last = at((uint32_t *)((char *)&first + 1), 0);
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EINVAL);
	*last = at(nowhere, 0);
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EFAULT);
	*last = at(NULL, 0);
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EFAULT);
	*last = at((uint32_t *)(uintptr_t)(1UL << 63), 0);
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EFAULT);
	*last = at(&first, 1);
	CHECK_ERRNO(wait_any(words, 3, NULL, 0), EAGAIN);
	CHECK_ERRNO(wait_any(words, 3, &past, CLOCK_MONOTONIC), EAGAIN);
	CHECK_EQ(waiting_at(&first), 0);
	CHECK_OK(munmap(nowhere, 4096));
	return unused;
}

static void *deadlines(void *unused)
{
	struct futex_waitv words[2] = {at(&first, 0), at(&second, 0)};
	struct timespec past = {1, 0}, until = in_ms(CLOCK_MONOTONIC, 20);
	CHECK_ERRNO(wait_any(words, 2, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK_ERRNO(wait_any(words, 2, &past, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_ERRNO(wait_any(words, 2, &until, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK(now_ns(CLOCK_MONOTONIC) >= until.tv_sec * (long)NS_PER_S + until.tv_nsec);
	until = in_ms(CLOCK_REALTIME, 20);
	CHECK_ERRNO(wait_any(words, 2, &until, CLOCK_REALTIME), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= until.tv_sec * (long)NS_PER_S + until.tv_nsec);
	CHECK_EQ(waiting_at(&first) + waiting_at(&second), 0);
	return unused;
}

/* As few words as lie on a stack and as many as there may be, in a thread that has hardly any. */
static void tells_which(void)
{
	static uint32_t words[MOST_WORDS];
	static const int counts[] = {1, 2, 8, 9, MOST_WORDS};
	uint32_t *places[MOST_WORDS];
	for (int i = 0; i < MOST_WORDS; i++)
		places[i] = &words[i];
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		int indices[] = {0, counts[i] / 2, counts[i] - 1};
		for (int j = 0; j < 3; j++) {
			waits_for(&waiter, places, counts[i]);
			CHECK_EQ(wake(&words[indices[j]], INT_MAX), 1);
			is_told(&waiter, indices[j]);
			for (int k = 0; k < MOST_WORDS; k++)
				CHECK_EQ(waiting_at(&words[k]), 0);
		}
	}
	pthread_attr_t small;
	CHECK_OK(pthread_attr_init(&small));
	CHECK_OK(pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN));
	CHECK_EQ(waiter.count, MOST_WORDS);
	CHECK_OK(pthread_create(&waiter.thread, &small, wait_once, &waiter));
	await_waiting_at(&words[MOST_WORDS - 1], 1);
	CHECK_EQ(wake(&words[5], 1), 1);
	is_told(&waiter, 5);
	CHECK_OK(pthread_attr_destroy(&small));
}

static long wake_two(uint32_t *one, uint32_t *other)
{
	/* Adds 0 to the other one, and wakes there if that was 0. */
	long operation = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);
	return syscall(SYS_futex, one, FUTEX_WAKE_OP_PRIVATE, 1, 1L, other, operation);
}

/* A call that finds a thread in several places counts each, and the last one tells. */
static void counts_each_place(void)
{
	uint32_t *twice[] = {&first, &second, &first};
	waits_for(&waiter, twice, 3);
	CHECK_EQ(waiting_at(&first), 2);
	CHECK_EQ(wake(&first, INT_MAX), 2);
	is_told(&waiter, 2);
	waits_for(&waiter, twice, 3);
	CHECK_EQ(wake_two(&first, &second), 2);
	is_told(&waiter, 1);
	waits_for(&waiter, twice, 3);
	CHECK_EQ(wake_two(&third, &second), 1);
	is_told(&waiter, 1);
	CHECK_EQ(waiting_at(&first) + waiting_at(&second), 0);
}

static void is_moved(void)
{
	uint32_t *words[] = {&first, &second};
	for (int at_first = 0; at_first < 2; at_first++) {
		waits_for(&waiter, words, 2);
		CHECK_EQ(syscall(SYS_futex, &second, FUTEX_REQUEUE_PRIVATE, 0, (long)INT_MAX, &third, 0), 1);
		CHECK_EQ(waiting_at(&second), 0);
		CHECK_EQ(wake(at_first ? &first : &third, INT_MAX), 1);
		is_told(&waiter, !at_first);
		CHECK_EQ(waiting_at(&third), 0);
	}
	/* Woken by a requeue that moves others. */
	waits_for(&waiter, words, 2);
	CHECK_EQ(syscall(SYS_futex, &second, FUTEX_CMP_REQUEUE_PRIVATE, 1, (long)INT_MAX, &third, 0), 1);
	is_told(&waiter, 1);
}

static int order;

static void *wait_for_first(void *place)
{
	CHECK_EQ(syscall(SYS_futex, &first, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
	*(int *)place = __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Among those who wait for one word it has its place in the order of arrival, whatever else it waits for. */
static void stands_in_line(void)
{
	for (int leaves = 0; leaves < 2; leaves++) {
		int places[2];
		uint32_t *words[] = {&second, &first};
		order = 0;
		pthread_t before = check_start(wait_for_first, &places[0]);
		await_waiting_at(&first, 1);
		waits_for(&waiter, words, 2);
		pthread_t behind = check_start(wait_for_first, &places[1]);
		await_waiting_at(&first, 3);
		if (leaves) {
			CHECK_EQ(wake(&second, 1), 1);
			is_told(&waiter, 0);
		}
		CHECK_EQ(wake(&first, 1), 1);
		check_join(before);
		CHECK_EQ(wake(&first, 1), 1);
		if (!leaves) {
			is_told(&waiter, 1);
			CHECK_EQ(wake(&first, 1), 1);
		}
		check_join(behind);
		CHECK_EQ(places[0], 1);
		CHECK_EQ(places[1], 2);
	}
}

static void matches_all_bits(void)
{
	uint32_t *words[] = {&first, &second};
	waits_for(&waiter, words, 2);
	CHECK_EQ(syscall(SYS_futex, &second, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 1 << 9), 1);
	is_told(&waiter, 1);
}

/* A word that processes share beside one that they do not. */
static void words_may_be_shared(void)
{
	for (int index = 0; index < 2; index++) {
		waiter.words[0] = at(&first, 0);
		waiter.words[0].flags = FUTEX_32;
		waiter.words[1] = at(&second, 0);
		waiter.count = 2;
		waiter.thread = check_start(wait_once, &waiter);
		await_waiting_at(&second, 1);
		CHECK_EQ(wake(&first, 1), 0);
		CHECK_EQ(index ? wake(&second, 1) : syscall(SYS_futex, &first, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
		is_told(&waiter, index);
	}
}

int main(void)
{
	if (!is_there())
		return 0;
	check_here_and_in_thread(refusals, NULL);
	check_here_and_in_thread(deadlines, NULL);
	stay_on_one_cpu();
	tells_which();
	counts_each_place();
	is_moved();
	stands_in_line();
	matches_all_bits();
	words_may_be_shared();
	return 0;
}
