/* Many threads in sleep(1) finish together. Prints "tasks=N", the kernel threads that they took meanwhile. */
#include "check.h"
#include <dirent.h>

enum { STACK = 64 << 10, SECONDS_ALLOWED = 10 };

static long woken;

static void *run(void *unused)
{
	CHECK_EQ(sleep(1), 0);
	__atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
	return unused;
}

static long count_tasks(void)
{
	long count = 0;
	DIR *tasks = opendir("/proc/self/task");
	CHECK(tasks != NULL);
	for (struct dirent *entry; (entry = readdir(tasks));)
		count += entry->d_name[0] != '.';
	CHECK_OK(closedir(tasks));
	return count;
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
	printf("tasks=%ld\n", count_tasks());
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
