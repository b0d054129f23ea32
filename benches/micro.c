/* Microbenchmarks of threads, locks and blocking calls.
 *
 *   micro --list         the names, one per line
 *   micro NAME...        runs those, one JSON line each: name, nanoseconds
 *   micro --count N NAME runs N operations of one, for `steps` to count
 *
 * The same binary runs natively and preloaded. "Round trip" is there and back:
 * two wake-ups and two switches. Where several threads work at once, the time
 * is wall-clock time divided by the operations of all of them. A name that
 * ends in _unthreaded must run in a process of its own, before any thread was
 * made; a name with _cold likewise, since a process reuses finished threads.
 */
#define _GNU_SOURCE
#include "micro.h"
#include "steps.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALIBRATION_SECONDS 0.05
#define MEASURED_SECONDS 0.3

/* So many operations before the counted ones: stacks are warm, symbols bound. */
enum { COUNT_WARM_UP = 100 };

void check(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

pthread_t start_with_stack(void *(*run)(void *), void *argument, size_t stack)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	if (stack)
		pthread_attr_setstacksize(&attributes, stack);
	errno = pthread_create(&thread, &attributes, run, argument);
	check(errno == 0, "pthread_create");
	pthread_attr_destroy(&attributes);
	return thread;
}

pthread_t start(void *(*run)(void *), void *argument)
{
	return start_with_stack(run, argument, 0);
}

void join(pthread_t thread)
{
	errno = pthread_join(thread, NULL);
	check(errno == 0, "pthread_join");
}

static void *park(void *go)
{
	sem_wait(go);
	return NULL;
}

double beside_parked_thread(double (*body)(long), long operations)
{
	sem_t go;
	sem_init(&go, 0, 0);
	pthread_t parked = start(park, &go);
	double elapsed = body(operations);
	sem_post(&go);
	join(parked);
	sem_destroy(&go);
	return elapsed;
}

static const struct benchmark {
	const char *name;
	double (*run)(long operations);
	long fixed_operations; /* 0: as many as fill MEASURED_SECONDS */
} benchmarks[] = {
    {"yield_2_threads", yield_2_threads, 0},
    {"yield_8_threads", yield_8_threads, 0},
    {"cond_round_trip", cond_round_trip, 0},
    {"sem_round_trip", sem_round_trip, 0},
    {"pipe_round_trip", pipe_round_trip, 0},
    {"socketpair_round_trip", socketpair_round_trip, 0},
    {"create_cold", create_cold, COLD_THREADS},
    {"create_join_cold", create_join_cold, COLD_THREADS},
    {"create_join_warm", create_join_warm, 0},
    {"mutex_uncontended", mutex_uncontended, 0},
    {"mutex_contended_4_threads", mutex_contended_4_threads, 0},
    {"rwlock_read_uncontended", rwlock_read_uncontended, 0},
    {"getpid_unthreaded", getpid_unthreaded, 0},
    {"read_zero_unthreaded", read_zero_unthreaded, 0},
    {"read_zero_threaded", read_zero_threaded, 0},
    {"recv_eagain_unthreaded", recv_eagain_unthreaded, 0},
    {"recv_eagain_threaded", recv_eagain_threaded, 0},
};

enum { BENCHMARKS = sizeof benchmarks / sizeof *benchmarks };

static double nanoseconds(const struct benchmark *b)
{
	long operations = b->fixed_operations;
	if (operations == 0) {
		double elapsed;
		operations = 100;
		while ((elapsed = b->run(operations)) < CALIBRATION_SECONDS)
			operations *= 4;
		operations = (long)((double)operations * MEASURED_SECONDS / elapsed) + 1;
	}
	return b->run(operations) / (double)operations * 1e9;
}

static const struct benchmark *find(const char *name)
{
	for (int i = 0; i < BENCHMARKS; i++)
		if (strcmp(benchmarks[i].name, name) == 0)
			return &benchmarks[i];
	fprintf(stderr, "micro: no benchmark is called %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: micro --list | NAME... | --count N NAME\n");
		return 2;
	}
	if (strcmp(argv[1], "--list") == 0) {
		for (int i = 0; i < BENCHMARKS; i++)
			puts(benchmarks[i].name);
		return 0;
	}
	if (strcmp(argv[1], "--count") == 0 && argc == 4) {
		const struct benchmark *b = find(argv[3]);
		b->run(COUNT_WARM_UP);
		getpgid(STEPS_MARK);
		b->run(atol(argv[2]));
		getpgid(STEPS_MARK);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		const struct benchmark *b = find(argv[i]);
		printf("{\"name\": \"%s\", \"ns\": %.2f}\n", b->name, nanoseconds(b));
		fflush(stdout);
	}
	return 0;
}
