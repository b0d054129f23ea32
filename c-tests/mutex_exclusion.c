/* At most one thread is inside, under contention of every kind of locking call, and no update is lost. */
#include "check.h"

enum { THREADS = 16, ROUNDS = 4000, KINDS = 4 };

static const int kinds[KINDS] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
				 PTHREAD_MUTEX_ADAPTIVE_NP};
static pthread_mutex_t mutex;
static long rounds;
static volatile int inside;
static volatile long counter;

static void acquire(long way)
{
	struct timespec deadline;
	switch (way % 4) {
	case 0:
		while (pthread_mutex_trylock(&mutex) != 0)
			sched_yield();
		break;
	case 1:
		/* so near that it often expires */
		do
			deadline = in_ms(CLOCK_MONOTONIC, way % 3);
		while (pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline) != 0);
		break;
	default:
		CHECK_OK(pthread_mutex_lock(&mutex));
	}
}

static void *run(void *argument)
{
	for (long i = 0; i < rounds; i++) {
		acquire((long)argument + i);
		CHECK_EQ(inside, 0);
		inside = 1;
		long seen = counter;
		if (i % 64 == 0)
			sched_yield();
		counter = seen + 1;
		inside = 0;
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	rounds = size_argument(argc, argv, 1, ROUNDS);
	for (int kind = 0; kind < KINDS; kind++) {
		pthread_mutexattr_t attributes;
		pthread_t threads[THREADS];
		CHECK_OK(pthread_mutexattr_init(&attributes));
		CHECK_OK(pthread_mutexattr_settype(&attributes, kinds[kind]));
		CHECK_OK(pthread_mutex_init(&mutex, &attributes));
		counter = 0;
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(run, (void *)i);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		CHECK_EQ(counter, rounds * THREADS);
		CHECK_OK(pthread_mutex_destroy(&mutex));
	}
	return 0;
}
