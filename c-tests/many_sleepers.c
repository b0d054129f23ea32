/* Many threads in sleep(1) finish together. Prints "tasks=N", the kernel threads that they took meanwhile. */
#include "check.h"

enum { STACK = 64 << 10, SECONDS_ALLOWED = 10 };

static long woken;

static void *run(void *unused)
{
	CHECK_EQ(sleep(1), 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
	return unused;
}

int main(int argc, char **argv)
{
	long threads = size_argument(argc, argv, 1, 2000);
	pthread_t *ids = calloc((size_t)threads, sizeof *ids);
	CHECK(ids != NULL);
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, STACK));
	long start = monotonic_ms();
	for (long i = 0; i < threads; i++)
		CHECK_OK(pthread_create(&ids[i], &attributes, run, NULL));
	printf("tasks=%ld\n", check_kernel_threads());
	for (long i = 0; i < threads; i++)
		check_join(ids[i]);
	long elapsed = monotonic_ms() - start;
	printf("elapsed=%ld ms\n", elapsed);
	CHECK_EQ(woken, threads);
	CHECK(elapsed >= 1000);
	CHECK(elapsed < SECONDS_ALLOWED * 1000);
	free(ids);
	return 0;
}
