/* Thousands of threads (argv: how many) created and joined, some at once, leave memory where it was. */
#include "check.h"

enum { BATCH = 100, WARM_UP_BATCHES = 20, ALLOWED_GROWTH_PAGES = 2048 };

static long counter;

static void *run(void *argument)
{
	__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
	return argument;
}

static long resident_pages(void)
{
	long size, resident;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file && fscanf(file, "%ld %ld", &size, &resident) == 2);
	CHECK_OK(fclose(file));
	return resident;
}

int main(int argc, char **argv)
{
	long threads = size_argument(argc, argv, 1, 20000);
	long baseline = 0;
	for (long batch = 0; batch < threads / BATCH; batch++) {
		pthread_t ids[BATCH];
		for (long i = 0; i < BATCH; i++)
			ids[i] = check_start(run, (void *)i);
		for (long i = 0; i < BATCH; i++)
			CHECK_EQ((long)check_join(ids[i]), i);
		if (batch == WARM_UP_BATCHES)
			baseline = resident_pages();
	}
	CHECK_EQ(counter, threads / BATCH * BATCH);
	long growth = resident_pages() - baseline;
	printf("growth=%ld pages\n", growth);
	CHECK(growth < ALLOWED_GROWTH_PAGES);
	return 0;
}
