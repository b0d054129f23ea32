/* Threads that block where nobody can see it, in a raw read instruction, and threads that only compute do not hold
 * up the others: while all of them do nothing else, a thread that sleeps 5 ms at a time gets its turn each time. */
#include "check.h"
#include <sys/syscall.h>

enum { READERS = 4, HOGS = 2, TICKS = 150, TICK_MS = 5 };

static int stop, ends[2];
static volatile unsigned long sink;

static void *read_in_the_kernel(void *unused)
{
	char byte;
	long result;
	do {
		/* not through libc, so that no interposer can know */
		__asm__ volatile("syscall"
				 : "=a"(result)
				 : "a"(SYS_read), "D"(ends[0]), "S"(&byte), "d"(1)
				 : "rcx", "r11", "memory");
	} while (result == -EINTR);
	CHECK_EQ(result, 1);
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

static void *tick(void *unused)
{
	for (int i = 0; i < TICKS; i++)
		sleep_ms(TICK_MS);
	return unused;
}

int main(void)
{
	pthread_t busy[READERS + HOGS];
	CHECK_OK(pipe(ends));
	for (int i = 0; i < READERS + HOGS; i++)
		busy[i] = check_start(i < READERS ? read_in_the_kernel : compute, NULL);
	check_join(check_start(tick, NULL));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	CHECK_EQ(write(ends[1], "xxxx", READERS), READERS);
	for (int i = 0; i < READERS + HOGS; i++)
		check_join(busy[i]);
	return 0;
}
