/* Detached threads run to their end and give back what they hold, however they were detached. */
#include "check.h"
#include <semaphore.h>

enum { THREADS = 200 };

static sem_t done;

static void *post(void *unused)
{
	CHECK_OK(sem_post(&done));
	return unused;
}

static void *detach_self(void *unused)
{
	CHECK_OK(pthread_detach(pthread_self()));
	sched_yield();
	return post(unused);
}

static void *sleep_then_post(void *unused)
{
	sleep_ms(10);
	return post(unused);
}

int main(void)
{
	CHECK_OK(sem_init(&done, 0, 0));
	pthread_attr_t detached;
	CHECK_OK(pthread_attr_init(&detached));
	CHECK_OK(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED));
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;
		CHECK_OK(pthread_create(&thread, &detached, post, NULL));
		check_start(detach_self, NULL);
		CHECK_OK(pthread_detach(check_start(sleep_then_post, NULL)));
	}
	for (int i = 0; i < 3 * THREADS; i++)
		CHECK_OK(sem_wait(&done));
	CHECK_OK(pthread_attr_destroy(&detached));

	/* Detaching after the end frees it then. */
	pthread_t ended = check_start(post, NULL);
	CHECK_OK(sem_wait(&done));
	sleep_ms(5);
	CHECK_OK(pthread_detach(ended));
	return 0;
}
