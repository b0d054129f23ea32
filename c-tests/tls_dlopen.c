/* A library opened while threads run brings its thread-local variables to all of them, each with its own
 * initial image, also in threads that started before, and again after it was closed and reopened. */
#include "tls_library.h"

enum { THREADS = 50, WAVES = 3 };

static struct library library;
static pthread_barrier_t opened;

static void *started_before(void *argument)
{
	pthread_barrier_wait(&opened);
	library_is_fresh(&library, (int)(long)argument);
	return NULL;
}

static void *started_after(void *argument)
{
	library_is_fresh(&library, (int)(long)argument);
	return NULL;
}

int main(void)
{
	CHECK_OK(pthread_barrier_init(&opened, NULL, THREADS + 1));
	for (int wave = 0; wave < WAVES; wave++) {
		pthread_t threads[THREADS];
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(started_before, (void *)i);
		library = library_open("tls_library");
		pthread_barrier_wait(&opened);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(started_after, (void *)i);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		library_close(&library);
	}
	return 0;
}
