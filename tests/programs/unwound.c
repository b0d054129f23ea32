/* Threads that are cancelled in the midst of functions with arrays of all sizes: in calls that wait, by libc itself, and
 * in a handler. What runs on their stacks afterwards, at each depth, is not taken for an access to such an array. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTHS = 48, WAYS = 3 };

static pthread_key_t key;
static sem_t ready;

static void look(volatile char *bytes, int count)
{
	for (int i = 0; i < count; i++)
		bytes[i] = (char)i;
}

static void destroy(void *value)
{
	char bytes[500];
	look(bytes, sizeof bytes);
	free(value);
}

static __attribute__((noinline)) void end(long way)
{
	char bytes[24];
	look(bytes, sizeof bytes);
	switch (way) {
	case 0:
		sem_post(&ready);
		for (;;)
			pause();
	case 1:
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		pthread_cancel(pthread_self());
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		break;
	default:
		pthread_cancel(pthread_self());
		pthread_testcancel();
	}
	look(bytes, sizeof bytes);
}

static __attribute__((noinline)) void descend(long depth, long way)
{
	char bytes[40];
	look(bytes, sizeof bytes);
	if (depth > 0)
		descend(depth - 1, way);
	else
		end(way);
	look(bytes, sizeof bytes);
}

static void *run(void *number)
{
	pthread_setspecific(key, malloc(10));
	descend((long)number / WAYS, (long)number % WAYS);
	return NULL;
}

int main(void)
{
	pthread_key_create(&key, destroy);
	sem_init(&ready, 0, 0);
	for (long number = 0; number < DEPTHS * WAYS; number++) {
		pthread_t thread;
		void *result;
		if (pthread_create(&thread, NULL, run, (void *)number) != 0)
			return 1;
		if (number % WAYS == 0) {
			sem_wait(&ready);
			pthread_cancel(thread);
		}
		if (pthread_join(thread, &result) != 0 || result != PTHREAD_CANCELED)
			return 2;
	}
	puts("all were cancelled");
	return 0;
}
