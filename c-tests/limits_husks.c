/* Where the address space is limited, what ended threads had is there for threads of another size, and the other way
 * round. */
#include "space.h"
#include <limits.h>

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
	CHECK_OK(pthread_barrier_init(&barrier, NULL, 1));
	check_join(check_start(meet, NULL));
	limit_space(SPACE);
	for (int i = 0; i < ROUNDS; i++) {
		crowd(touch_small);
		CHECK_OK(pthread_create(&thread, &large, touch, NULL));
		check_join(thread);
	}
	crowd(meet);
	return 0;
}
