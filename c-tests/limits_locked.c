/* A program that locks its memory (mlockall) has its threads' stacks locked, and not much else. */
#include "check.h"
#include <malloc.h>
#include <sys/mman.h>

enum { STACK = 1 << 20, THREADS = 6, OTHERS = 4 << 20, SMALL = 100 << 20 };

static pthread_barrier_t all;

/* In bytes. */
static long locked_memory(void)
{
	long kilobytes = -1;
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	CHECK(status != NULL);
	while (fgets(line, sizeof line, status))
		sscanf(line, "VmLck: %ld", &kilobytes);
	fclose(status);
	CHECK(kilobytes >= 0);
	return kilobytes * 1024;
}

static void *meet(void *unused)
{
	pthread_barrier_wait(&all);
	pthread_barrier_wait(&all);
	return unused;
}

/* How much more is locked while some threads run. */
static long locked_by_threads(void)
{
	pthread_t threads[THREADS];
	pthread_attr_t attributes;
	long before = locked_memory();
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, STACK));
	CHECK_OK(pthread_barrier_init(&all, NULL, THREADS + 1));
	for (int i = 0; i < THREADS; i++)
		CHECK_OK(pthread_create(&threads[i], &attributes, meet, NULL));
	pthread_barrier_wait(&all);
	long during = locked_memory();
	pthread_barrier_wait(&all);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	return during - before;
}

static void in_child(void (*check)(void))
{
	pid_t child = check_fork();
	if (child == 0) {
		check();
		_exit(0);
	}
	check_child_succeeds(child);
}

static void locked_before(void)
{
	CHECK_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	long locked = locked_by_threads();
	CHECK(locked >= THREADS * STACK);
	CHECK(locked <= 2 * THREADS * STACK);
	CHECK_OK(munlockall());
	CHECK_EQ(locked_memory(), 0);
}

static void locked_afterwards(void)
{
	CHECK_EQ(locked_by_threads(), 0);
	CHECK_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	CHECK(locked_memory() <= SMALL);
	/* other stacks than there are */
	CHECK_OK(munlockall());
	CHECK_OK(mlockall(MCL_FUTURE));
	CHECK(locked_memory() <= OTHERS);
}

int main(void)
{
	/* malloc reserves 64 MiB of addresses, which count, for each kernel thread that calls it, as one does that
	 * starts others where a busy machine holds these up. That is glibc's doing and not looked at here. */
	CHECK(mallopt(M_ARENA_MAX, 1));
	/* Without the right to lock that much memory there is nothing to test. */
	void *much = mmap(NULL, SMALL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(much != MAP_FAILED);
	if (mlock2(much, SMALL, MLOCK_ONFAULT) != 0)
		return 0;
	CHECK_OK(munmap(much, SMALL));
	in_child(locked_before);
	in_child(locked_afterwards);
	return 0;
}
