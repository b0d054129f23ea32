/* The thread-local variables of a library that was opened at run time take memory in the threads that use them, and
 * no longer than these live. */
#include "tls_library.h"
#include <malloc.h>

enum { THREADS = 60, WAVES = 3, STILL_HELD = 12 };

static struct library library;
static pthread_barrier_t all_use_it;

static size_t heap(void)
{
	struct mallinfo2 now = mallinfo2();
	return now.uordblks + now.hblkhd;
}

static void *use_it(void *argument)
{
	library_is_fresh(&library, (int)(long)argument);
	pthread_barrier_wait(&all_use_it);
	return NULL;
}

static void *end_at_once(void *argument)
{
	return argument;
}

int main(void)
{
	CHECK_OK(pthread_barrier_init(&all_use_it, NULL, THREADS + 1));
	library = library_open("tls_library_large");
	size_t before = heap();
	for (int wave = 0; wave < WAVES; wave++) {
		pthread_t threads[THREADS];
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(use_it, (void *)i);
		pthread_barrier_wait(&all_use_it);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		/* glibc keeps a few ended threads with all that they had. */
		CHECK(heap() < before + STILL_HELD * library.zeroed_bytes);
	}
	/* Who does not use it, has none. */
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(end_at_once, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK(heap() < before + STILL_HELD * library.zeroed_bytes);
	library_close(&library);
	return 0;
}
