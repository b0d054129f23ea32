/* A crowd in futex_waitv: prints "tasks=N", the kernel threads that it takes; each is woken at a word of its own. Then
 * consumers that wait for several counters, for one, or for a moment, and producers that wake one of them at a time,
 * while signals come: what was produced is consumed, and whoever was counted as woken is told so. */
#include "futex_waitv.h"

enum { CROWD = 60, COUNTERS = 5, PRODUCERS = 4, CONSUMERS = 12, PRODUCED = 3000, TOTAL = PRODUCERS * PRODUCED, WAKES = 5000, SOON_NS = 50000 };

static long crowd(void)
{
	static struct waiter waiters[CROWD];
	static uint32_t common, own[CROWD];
	for (int i = 0; i < CROWD; i++) {
		uint32_t *words[] = {&common, &own[i]};
		waits_for(&waiters[i], words, 2);
	}
	long tasks = check_kernel_threads();
	for (int i = 0; i < CROWD; i += 2) {
		CHECK_EQ(wake(&own[i], 1), 1);
		is_told(&waiters[i], 1);
	}
	CHECK_EQ(waiting_at(&common), CROWD / 2);
	CHECK_EQ(wake(&common, INT_MAX), CROWD / 2);
	for (int i = 1; i < CROWD; i += 2)
		is_told(&waiters[i], 0);
	return tasks;
}

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static void handle_usr1(int flags)
{
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = flags};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static uint32_t counters[COUNTERS], over;
static int consumed;

static int take(uint32_t *counter)
{
	uint32_t value = __atomic_load_n(counter, __ATOMIC_SEQ_CST);
	while (value > 0) {
		if (!__atomic_compare_exchange_n(counter, &value, value - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		if (__atomic_add_fetch(&consumed, 1, __ATOMIC_SEQ_CST) == TOTAL) {
			__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
			wake(&over, INT_MAX);
		}
		return 1;
	}
	return 0;
}

static int is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_SEQ_CST) != 0;
}

/* The first waits for all counters, the next for all but one, and so on; each third has a short time limit. */
static void *consume(void *argument)
{
	long number = (long)argument;
	int from = (int)(number % COUNTERS), count = COUNTERS - from;
	struct futex_waitv words[COUNTERS + 1];
	for (int i = 0; i < count; i++)
		words[i] = at(&counters[from + i], 0);
	words[count] = at(&over, 0);
	if (number == 1) {
		cpu_set_t all;
		CHECK_OK(sched_getaffinity(0, sizeof all, &all));
		CHECK_OK(sched_setaffinity(0, sizeof all, &all));
	}
	while (!is_over()) {
		int taken = 0;
		for (int i = from; i < COUNTERS; i++)
			taken += take(&counters[i]);
		if (taken)
			continue;
		struct timespec soon = in_ms(CLOCK_MONOTONIC, 1);
		long told = wait_any(words, count + 1, number % 3 ? NULL : &soon, CLOCK_MONOTONIC);
		CHECK(told <= count);
		CHECK(told >= 0 || errno == EAGAIN || (errno == ETIMEDOUT && number % 3 == 0));
	}
	return NULL;
}

static void *produce(void *argument)
{
	unsigned state = (unsigned)(long)argument;
	for (int i = 0; i < PRODUCED; i++) {
		uint32_t *counter = &counters[rand_r(&state) % COUNTERS];
		__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
		wake(counter, 1);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void exchange(void)
{
	pthread_t producers[PRODUCERS], consumers[CONSUMERS];
	for (long i = 0; i < CONSUMERS; i++)
		consumers[i] = check_start(consume, (void *)i);
	for (long i = 0; i < PRODUCERS; i++)
		producers[i] = check_start(produce, (void *)i);
	for (int i = 0; !is_over(); i++) {
		pthread_kill(consumers[i % CONSUMERS], SIGUSR1);
		sched_yield();
	}
	for (int i = 0; i < PRODUCERS; i++)
		check_join(producers[i]);
	for (int i = 0; i < CONSUMERS; i++)
		check_join(consumers[i]);
	CHECK_EQ(consumed, TOTAL);
}

/* Who has been counted as woken at one word is told so, whether his time is over at that moment, or a signal comes, or
 * the other word has changed. */
static uint32_t woken_at, flips;
static long told_so;

static void *is_woken_often(void *unused)
{
	struct futex_waitv words[2] = {at(&woken_at, 0), at(&flips, 0)};
	while (!is_over()) {
		long at_ns = now_ns(CLOCK_MONOTONIC) + SOON_NS;
		struct timespec soon = {.tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S};
		long told = wait_any(words, 2, &soon, CLOCK_MONOTONIC);
		if (told >= 0) {
			CHECK_EQ(told, 0);
			told_so++;
		} else {
			CHECK(errno == ETIMEDOUT || errno == EAGAIN || errno == EINTR);
		}
	}
	return unused;
}

static void *flip(void *unused)
{
	while (!is_over()) {
		__atomic_xor_fetch(&flips, 1, __ATOMIC_SEQ_CST);
		sched_yield();
	}
	return unused;
}

static void none_is_lost(void)
{
	long woken = 0;
	told_so = 0;
	__atomic_store_n(&over, 0, __ATOMIC_SEQ_CST);
	pthread_t waiter = check_start(is_woken_often, NULL), flipper = check_start(flip, NULL);
	for (int i = 0; i < WAKES; i++) {
		woken += wake(&woken_at, 1);
		if (i % 8 == 0)
			pthread_kill(waiter, SIGUSR1);
		sched_yield();
	}
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	check_join(waiter);
	check_join(flipper);
	CHECK_EQ(told_so, woken);
}

int main(void)
{
	if (!is_there()) {
		printf("tasks=0\n");
		return 0;
	}
	long tasks = crowd();
	handle_usr1(SA_RESTART);
	exchange();
	none_is_lost();
	handle_usr1(0);
	none_is_lost();
	printf("tasks=%ld\n", tasks);
	return 0;
}
