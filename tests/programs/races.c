/* Threads that take turns at a counter, and one variable without a lock: ThreadSanitizer sees one race. */
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, TURNS = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turns;
static int unlocked;

static void *take_turns(void *number)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&mutex);
		turns++;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	unlocked = (int)(long)number;
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, take_turns, (void *)i);
	pthread_mutex_lock(&mutex);
	while (turns < THREADS * TURNS)
		pthread_cond_wait(&condition, &mutex);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%d turns\n", turns);
	return 0;
}
