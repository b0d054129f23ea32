/* Switches from thread to thread: by yielding, and by waking each other. */
#define _GNU_SOURCE
#include "micro.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

struct yielders {
	pthread_barrier_t all_started;
	long each;
};

static void *yielder(void *argument)
{
	struct yielders *shared = argument;
	pthread_barrier_wait(&shared->all_started);
	for (long i = 0; i < shared->each; i++)
		sched_yield();
	return NULL;
}

static double yield_among(int threads, long operations)
{
	struct yielders shared = {.each = operations / threads + 1};
	pthread_t ids[8];
	pthread_barrier_init(&shared.all_started, NULL, (unsigned)threads + 1);
	for (int i = 0; i < threads; i++)
		ids[i] = start(yielder, &shared);
	pthread_barrier_wait(&shared.all_started);
	double began = now();
	for (int i = 0; i < threads; i++)
		join(ids[i]);
	double elapsed = now() - began;
	pthread_barrier_destroy(&shared.all_started);
	return elapsed;
}

double yield_2_threads(long operations)
{
	return yield_among(2, operations);
}
double yield_8_threads(long operations)
{
	return yield_among(8, operations);
}

/* Runs `operations` round trips of `here` against `there` in a thread. */
static double round_trips(void *(*there)(void *), void (*here)(void *, long), void *shared, long operations,
			  long *count_there)
{
	*count_there = operations + 1;
	pthread_t partner = start(there, shared);
	here(shared, 1); /* the partner is up */
	double began = now();
	here(shared, operations);
	double elapsed = now() - began;
	join(partner);
	return elapsed;
}

struct cond_pair {
	pthread_mutex_t mutex;
	pthread_cond_t here, there;
	int turn_is_there;
	long count;
};

static void *cond_there(void *argument)
{
	struct cond_pair *pair = argument;
	pthread_mutex_lock(&pair->mutex);
	for (long i = 0; i < pair->count; i++) {
		while (!pair->turn_is_there)
			pthread_cond_wait(&pair->there, &pair->mutex);
		pair->turn_is_there = 0;
		pthread_cond_signal(&pair->here);
	}
	pthread_mutex_unlock(&pair->mutex);
	return NULL;
}

static void cond_here(void *argument, long count)
{
	struct cond_pair *pair = argument;
	pthread_mutex_lock(&pair->mutex);
	for (long i = 0; i < count; i++) {
		pair->turn_is_there = 1;
		pthread_cond_signal(&pair->there);
		while (pair->turn_is_there)
			pthread_cond_wait(&pair->here, &pair->mutex);
	}
	pthread_mutex_unlock(&pair->mutex);
}

double cond_round_trip(long operations)
{
	struct cond_pair pair = {
	    .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .here = PTHREAD_COND_INITIALIZER,
	    .there = PTHREAD_COND_INITIALIZER,
	};
	return round_trips(cond_there, cond_here, &pair, operations, &pair.count);
}

struct sem_pair {
	sem_t here, there;
	long count;
};

static void *sem_there(void *argument)
{
	struct sem_pair *pair = argument;
	for (long i = 0; i < pair->count; i++) {
		sem_wait(&pair->there);
		sem_post(&pair->here);
	}
	return NULL;
}

static void sem_here(void *argument, long count)
{
	struct sem_pair *pair = argument;
	for (long i = 0; i < count; i++) {
		sem_post(&pair->there);
		sem_wait(&pair->here);
	}
}

double sem_round_trip(long operations)
{
	struct sem_pair pair;
	sem_init(&pair.here, 0, 0);
	sem_init(&pair.there, 0, 0);
	double elapsed = round_trips(sem_there, sem_here, &pair, operations, &pair.count);
	sem_destroy(&pair.here);
	sem_destroy(&pair.there);
	return elapsed;
}

struct byte_pair {
	int here_reads, here_writes, there_reads, there_writes;
	long count;
};

static void *byte_there(void *argument)
{
	struct byte_pair *pair = argument;
	char byte;
	for (long i = 0; i < pair->count; i++) {
		check(read(pair->there_reads, &byte, 1) == 1, "read");
		check(write(pair->there_writes, &byte, 1) == 1, "write");
	}
	return NULL;
}

static void byte_here(void *argument, long count)
{
	struct byte_pair *pair = argument;
	char byte = 'x';
	for (long i = 0; i < count; i++) {
		check(write(pair->here_writes, &byte, 1) == 1, "write");
		check(read(pair->here_reads, &byte, 1) == 1, "read");
	}
}

double pipe_round_trip(long operations)
{
	int out[2], back[2];
	check(pipe(out) == 0 && pipe(back) == 0, "pipe");
	struct byte_pair pair = {
	    .here_reads = back[0],
	    .here_writes = out[1],
	    .there_reads = out[0],
	    .there_writes = back[1],
	};
	double elapsed = round_trips(byte_there, byte_here, &pair, operations, &pair.count);
	for (int i = 0; i < 2; i++) {
		close(out[i]);
		close(back[i]);
	}
	return elapsed;
}

double socketpair_round_trip(long operations)
{
	int ends[2];
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	struct byte_pair pair = {
	    .here_reads = ends[0],
	    .here_writes = ends[0],
	    .there_reads = ends[1],
	    .there_writes = ends[1],
	};
	double elapsed = round_trips(byte_there, byte_here, &pair, operations, &pair.count);
	close(ends[0]);
	close(ends[1]);
	return elapsed;
}
