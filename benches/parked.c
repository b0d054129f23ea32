/* What a parked thread costs: creates N threads with stacks of STACK bytes,
 * all parked on a semaphore, and prints one JSON line about memory and time.
 * Then all of them wait on one condition variable, and are woken at once.
 *
 *   parked N STACK          measure, wake them, let them go, join them, report
 *   parked N STACK --hold   say "parked" and keep them until standard input ends
 *
 * RSS and page tables are this process's own (/proc/self/status); kernel
 * stacks and slab memory (task structs and the like) are what the whole
 * machine's /proc/meminfo grew by, so they need a quiet machine. Where a
 * thread cannot be created, the report says at which and why, exit status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static sem_t all_started, go, end;
static atomic_long started;
static long wanted;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER, counted = PTHREAD_COND_INITIALIZER;
static long waiting, awake;
static int is_called;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The number after `key` in a file of "Key:   123 kB" lines. */
static long field(const char *path, const char *key)
{
	char line[256];
	long value = -1;
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		exit(1);
	}
	while (value < 0 && fgets(line, sizeof line, file))
		if (strncmp(line, key, strlen(key)) == 0)
			value = atol(line + strlen(key));
	fclose(file);
	return value;
}

struct memory {
	long rss, page_tables, kernel_stacks, slab; /* KiB */
};

static struct memory measure(void)
{
	return (struct memory){
	    .rss = field("/proc/self/status", "VmRSS:"),
	    .page_tables = field("/proc/self/status", "VmPTE:"),
	    .kernel_stacks = field("/proc/meminfo", "KernelStack:"),
	    .slab = field("/proc/meminfo", "SUnreclaim:"),
	};
}

static void count_one(long *count)
{
	if (++*count == wanted)
		pthread_cond_signal(&counted);
}

static void *park(void *argument)
{
	if (atomic_fetch_add(&started, 1) + 1 == wanted)
		sem_post(&all_started);
	sem_wait(&go);
	pthread_mutex_lock(&mutex);
	count_one(&waiting);
	while (!is_called)
		pthread_cond_wait(&woken, &mutex);
	count_one(&awake);
	pthread_mutex_unlock(&mutex);
	sem_wait(&end);
	return argument;
}

static void await(const long *count)
{
	while (*count < wanted)
		pthread_cond_wait(&counted, &mutex);
}

/* From one broadcast until each of them has held the mutex again. */
static double broadcast(void)
{
	pthread_mutex_lock(&mutex);
	await(&waiting);
	double began = now();
	is_called = 1;
	pthread_cond_broadcast(&woken);
	await(&awake);
	double elapsed = now() - began;
	pthread_mutex_unlock(&mutex);
	return elapsed;
}

static void post_all(sem_t *semaphore, long count)
{
	for (long i = 0; i < count; i++)
		sem_post(semaphore);
}

/* How many of `count` threads could be made; `error` says why not all. */
static long create(pthread_t *threads, long count, size_t stack, int *error)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	*error = pthread_attr_setstacksize(&attributes, stack);
	long created = 0;
	while (*error == 0 && created < count) {
		*error = pthread_create(&threads[created], &attributes, park, NULL);
		created += *error == 0;
	}
	pthread_attr_destroy(&attributes);
	return created;
}

static void release_and_join(pthread_t *threads, long count)
{
	post_all(&end, count);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4 || atol(argv[1]) <= 0 || (argc == 4 && strcmp(argv[3], "--hold"))) {
		fprintf(stderr, "usage: parked N STACK [--hold]\n");
		return 2;
	}
	wanted = atol(argv[1]);
	size_t stack = (size_t)atol(argv[2]);
	pthread_t *threads = calloc((size_t)wanted, sizeof *threads);
	if (!threads) {
		perror("calloc");
		return 1;
	}
	sem_init(&all_started, 0, 0);
	sem_init(&go, 0, 0);
	sem_init(&end, 0, 0);

	struct memory before = measure();
	double began = now();
	int error;
	long created = create(threads, wanted, stack, &error);
	if (error) {
		pthread_mutex_lock(&mutex);
		is_called = 1;
		pthread_mutex_unlock(&mutex);
		post_all(&go, created);
		release_and_join(threads, created);
		printf("{\"threads\": %ld, \"created\": %ld, \"error\": \"%s\"}\n", wanted, created,
		       strerror(error));
		return 1;
	}
	sem_wait(&all_started);
	double create_seconds = now() - began;
	if (argc == 4) {
		puts("parked");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	struct memory after = measure();
	long tasks = field("/proc/self/status", "Threads:");
	post_all(&go, wanted);
	double broadcast_seconds = broadcast();
	began = now();
	release_and_join(threads, wanted);
	double finish_seconds = now() - began;

	double each = 1024.0 / (double)wanted;
	printf("{\"threads\": %ld, \"created\": %ld, \"stack\": %zu, \"kernel_tasks\": %ld, "
	       "\"create_seconds\": %.3f, \"broadcast_seconds\": %.4f, \"finish_seconds\": %.3f, "
	       "\"rss_bytes\": %.0f, \"page_table_bytes\": %.0f, "
	       "\"kernel_stack_bytes\": %.0f, \"slab_bytes\": %.0f}\n",
	       wanted, created, stack, tasks, create_seconds, broadcast_seconds, finish_seconds,
	       (double)(after.rss - before.rss) * each,
	       (double)(after.page_tables - before.page_tables) * each,
	       (double)(after.kernel_stacks - before.kernel_stacks) * each,
	       (double)(after.slab - before.slab) * each);
	return 0;
}
