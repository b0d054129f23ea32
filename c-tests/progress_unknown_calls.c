/* A crowd that enters a blocking call which nobody stands in for, here by system call instructions of its own, is
 * soon all in the kernel, and is served: each thread is held up by itself only. */
#include "check.h"
#include <sys/syscall.h>

enum { THREADS = 200, ATTEMPTS = 5, SOON_MS = 300, LATE_MS = 1200 };

static int ends[2], entered;

static long read_byte(int fd)
{
	char byte;
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_read), "D"(fd), "S"(&byte), "d"(1) : "rcx", "r11", "memory");
	return result;
}

static void *block(void *unused)
{
	__atomic_add_fetch(&entered, 1, __ATOMIC_RELEASE);
	CHECK_EQ(read_byte(ends[0]), 1);
	return unused;
}

/* How long it takes until all are there. */
static long crowd(void)
{
	pthread_t threads[THREADS];
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, 64 << 10));
	CHECK_OK(pipe(ends));
	entered = 0;
	long start = monotonic_ms();
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(pthread_create(&threads[i], &attributes, block, NULL));
	while (__atomic_load_n(&entered, __ATOMIC_ACQUIRE) < THREADS)
		sleep_ms(1);
	long took = monotonic_ms() - start;
	char bytes[THREADS] = {0};
	CHECK_EQ(write(ends[1], bytes, THREADS), THREADS);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_OK(close(ends[0]) | close(ends[1]));
	return took;
}

int main(void)
{
	long best = crowd();
	for (int i = 1; i < ATTEMPTS && best > SOON_MS; i++) {
		long took = crowd();
		best = took < best ? took : best;
	}
	printf("%ld ms\n", best);
	/* One after the other, each found by a look of its own, some 9 ms later, they would take 1,800. */
	CHECK(best < LATE_MS);
	return 0;
}
