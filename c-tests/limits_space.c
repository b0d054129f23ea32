/* Where the address space is limited, a few threads take no more of it than their stacks. */
#include "space.h"
#include <sys/mman.h>

enum { THREADS = 3 };

#define SPACE (320UL << 20)
#define STACK (8UL << 20)
#define REST (120UL << 20)

static pthread_barrier_t barrier;

static void *meet(void *unused)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	pthread_attr_t attributes = with_stack(STACK);
	CHECK_OK(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	limit_space(SPACE);
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(pthread_create(&threads[i], &attributes, meet, NULL));
	pthread_barrier_wait(&barrier);
	void *rest = mmap(NULL, REST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(rest != MAP_FAILED);
	CHECK_OK(munmap(rest, REST));
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return 0;
}
