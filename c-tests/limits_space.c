/* Where the address space is limited, a few threads take no more of it than their stacks. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>

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

static unsigned long used_space(void)
{
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file != NULL);
	CHECK_EQ(fscanf(file, "%lu", &pages), 1);
	CHECK_OK(fclose(file));
	return pages * 4096;
}

int main(void)
{
	pthread_t threads[THREADS];
	pthread_attr_t attributes;
	struct rlimit limit;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, STACK));
	CHECK_OK(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	CHECK_OK(getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = used_space() + SPACE;
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
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
