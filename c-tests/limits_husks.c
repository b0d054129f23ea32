/* Where the address space is limited, what ended threads had is there for threads of another size, and the other way
 * round. */
#include "check.h"
#include <limits.h>
#include <sys/resource.h>

enum { SMALL_THREADS = 4000, SMALL = 64 << 10, ROUNDS = 3 };

#define SPACE (400UL << 20)
#define LARGE (150UL << 20)

static pthread_barrier_t barrier;

static void *meet(void *unused)
{
	pthread_barrier_wait(&barrier);
	return unused;
}

static void *touch(void *unused)
{
	/* both ends of the stack */
	volatile char *low = __builtin_alloca(LARGE - (1 << 20));
	low[0] = 1;
	low[LARGE - (2 << 20)] = 2;
	return unused;
}

static void *touch_small(void *unused)
{
	volatile char *low = __builtin_alloca(SMALL / 2);
	low[0] = 1;
	pthread_barrier_wait(&barrier);
	return unused;
}

static pthread_attr_t with_stack(size_t size)
{
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, size));
	return attributes;
}

static unsigned long used_space(void)
{
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file != NULL);
	CHECK_EQ(fscanf(file, "%lu", &pages), 1);
	CHECK_OK(fclose(file));
	return pages * 4096;
}

static void crowd(void *(*routine)(void *))
{
	static pthread_t threads[SMALL_THREADS];
	pthread_attr_t small = with_stack(SMALL);
	CHECK_OK(pthread_barrier_init(&barrier, NULL, SMALL_THREADS));
	for (int i = 0; i < SMALL_THREADS; i++)
		CHECK_OK(pthread_create(&threads[i], &small, routine, NULL));
	for (int i = 0; i < SMALL_THREADS; i++)
		check_join(threads[i]);
	CHECK_OK(pthread_barrier_destroy(&barrier));
}

int main(void)
{
	pthread_attr_t large = with_stack(LARGE);
	pthread_t thread;
	struct rlimit limit;
	CHECK_OK(pthread_barrier_init(&barrier, NULL, 1));
	check_join(check_start(meet, NULL));
	CHECK_OK(getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = used_space() + SPACE;
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
	for (int i = 0; i < ROUNDS; i++) {
		crowd(touch_small);
		CHECK_OK(pthread_create(&thread, &large, touch, NULL));
		check_join(thread);
	}
	crowd(meet);
	return 0;
}
