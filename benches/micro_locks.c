/* Locks that nobody else wants, and one that four threads want. */
#define _GNU_SOURCE
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>

static double lock_unlock(long operations)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	double began = now();
	for (long i = 0; i < operations; i++) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
	return now() - began;
}

double mutex_uncontended(long operations)
{
	return beside_parked_thread(lock_unlock, operations);
}

static double read_lock_unlock(long operations)
{
	static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
	double began = now();
	for (long i = 0; i < operations; i++) {
		pthread_rwlock_rdlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
	return now() - began;
}

double rwlock_read_uncontended(long operations)
{
	return beside_parked_thread(read_lock_unlock, operations);
}

struct contenders {
	pthread_barrier_t all_started;
	pthread_mutex_t mutex;
	long each, total;
};

static void *contender(void *argument)
{
	struct contenders *shared = argument;
	pthread_barrier_wait(&shared->all_started);
	for (long i = 0; i < shared->each; i++) {
		pthread_mutex_lock(&shared->mutex);
		shared->total++;
		pthread_mutex_unlock(&shared->mutex);
	}
	return NULL;
}

double mutex_contended_4_threads(long operations)
{
	enum { THREADS = 4 };
	struct contenders shared = {.mutex = PTHREAD_MUTEX_INITIALIZER, .each = operations / THREADS + 1};
	pthread_t ids[THREADS];
	pthread_barrier_init(&shared.all_started, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		ids[i] = start(contender, &shared);
	pthread_barrier_wait(&shared.all_started);
	double began = now();
	for (int i = 0; i < THREADS; i++)
		join(ids[i]);
	double elapsed = now() - began;
	pthread_barrier_destroy(&shared.all_started);
	if (shared.total != shared.each * THREADS) {
		fprintf(stderr, "micro: the mutex lost updates: %ld of %ld\n", shared.total,
			shared.each * THREADS);
		exit(1);
	}
	return elapsed;
}
