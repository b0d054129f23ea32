/* Making threads: new ones, and ones that finished threads leave behind. */
#define _GNU_SOURCE
#include "micro.h"

#include <semaphore.h>
#include <stdatomic.h>

static void *nothing(void *argument)
{
	return argument;
}

double create_join_warm(long operations)
{
	double began = now();
	for (long i = 0; i < operations; i++)
		join(start(nothing, NULL));
	return now() - began;
}

struct crowd {
	sem_t all_started, go;
	atomic_int started;
};

static void *join_crowd(void *argument)
{
	struct crowd *crowd = argument;
	if (atomic_fetch_add(&crowd->started, 1) + 1 == COLD_THREADS)
		sem_post(&crowd->all_started);
	sem_wait(&crowd->go);
	return NULL;
}

/* COLD_THREADS threads, all alive at once, so that none reuses another. */
static double cold_crowd(double *until_all_started)
{
	static pthread_t threads[COLD_THREADS];
	struct crowd crowd = {.started = 0};
	sem_init(&crowd.all_started, 0, 0);
	sem_init(&crowd.go, 0, 0);
	double began = now();
	for (int i = 0; i < COLD_THREADS; i++)
		threads[i] = start_with_stack(join_crowd, &crowd, SMALL_STACK);
	sem_wait(&crowd.all_started);
	*until_all_started = now() - began;
	for (int i = 0; i < COLD_THREADS; i++)
		sem_post(&crowd.go);
	for (int i = 0; i < COLD_THREADS; i++)
		join(threads[i]);
	return now() - began;
}

double create_cold(long operations)
{
	double until_all_started;
	(void)operations;
	cold_crowd(&until_all_started);
	return until_all_started;
}

double create_join_cold(long operations)
{
	double until_all_started;
	(void)operations;
	return cold_crowd(&until_all_started);
}
