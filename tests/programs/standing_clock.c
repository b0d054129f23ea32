/* A library that stands in for clock_gettime alone: its clocks stand still, and two threads that read one at a time
 * wait for each other. It tells at the exit how often it was called. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long calls;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	pthread_mutex_lock(&mutex);
	calls++;
	for (volatile int i = 0; i < 3000; i++)
		;
	*time = (struct timespec){.tv_sec = 1000};
	pthread_mutex_unlock(&mutex);
	return 0;
}

__attribute__((destructor)) static void tell(void)
{
	printf("clock_gettime %ld\n", calls);
}
