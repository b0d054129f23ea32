/* Threads that block where nobody can see it, in a raw nanosleep instruction, and threads that only compute do
 * not hold up the others: a 5 ms ticker never waits as long as one of them does, but at most for the bound in ms
 * (argv, half of that by default: a busy machine holds up native threads as well). */
#include "check.h"
#include <sys/syscall.h>

enum { SLEEPERS = 4, HOGS = 2, TICKS = 150, TICK_MS = 5, SLEEP_MS = 2000, BOUND_MS = 1000 };

static int stop;
static volatile unsigned long sink;

static void *sleep_in_the_kernel(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		struct timespec duration = {.tv_sec = SLEEP_MS / 1000};
		long result = SYS_nanosleep;
		/* not through libc, so that no interposer can know */
		__asm__ volatile("syscall" : "+a"(result) : "D"(&duration), "S"(NULL) : "rcx", "r11", "memory");
		CHECK(result == 0 || result == -EINTR);
	}
	return unused;
}

static void *compute(void *unused)
{
	unsigned long state = 1;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		for (int i = 0; i < 100000; i++)
			state = state * 6364136223846793005ul + 1442695040888963407ul;
	sink = state;
	return unused;
}

static void *tick(void *longest)
{
	long last = monotonic_ms();
	for (int i = 0; i < TICKS; i++) {
		sleep_ms(TICK_MS);
		long now = monotonic_ms();
		if (now - last > *(long *)longest)
			*(long *)longest = now - last;
		last = now;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long bound = size_argument(argc, argv, 1, BOUND_MS), longest = 0;
	pthread_t busy[SLEEPERS + HOGS];
	for (int i = 0; i < SLEEPERS + HOGS; i++)
		busy[i] = check_start(i < SLEEPERS ? sleep_in_the_kernel : compute, NULL);
	check_join(check_start(tick, &longest));
	printf("longest gap=%ld ms\n", longest);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < SLEEPERS + HOGS; i++)
		check_join(busy[i]);
	CHECK(longest <= bound);
	return 0;
}
