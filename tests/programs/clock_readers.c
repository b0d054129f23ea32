/* Threads that read a clock, a known number of times, and wait with time limits. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 20, ROUNDS = 10, READINGS = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *read_and_wait(void *unused)
{
	struct timespec now, moment = {.tv_nsec = 100000};
	for (int round = 0; round < ROUNDS; round++) {
		for (int reading = 0; reading < READINGS; reading++)
			assert(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
		assert(nanosleep(&moment, NULL) == 0);
		assert(poll(NULL, 0, 1) == 0);
		assert(clock_gettime(CLOCK_REALTIME, &now) == 0);
		pthread_mutex_lock(&mutex);
		assert(pthread_cond_timedwait(&condition, &mutex, &now) == ETIMEDOUT);
		pthread_mutex_unlock(&mutex);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert(pthread_create(&threads[i], NULL, read_and_wait, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		assert(pthread_join(threads[i], NULL) == 0);
	puts("done");
	return 0;
}
