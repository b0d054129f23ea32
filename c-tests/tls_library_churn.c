/* Threads come and go while others load and unload libraries with thread-local variables of every TLS model: each
 * thread finds the variables of the program, and of a library that stays, fresh. */
#include "tls_library.h"
#include <stdatomic.h>

enum { CREATORS = 4, LOADERS = 3, LOADS = 150 };

static const char *const shapes[LOADERS] = {"tls_library", "tls_library_large", "tls_library_static"};
static __thread long initialised = 77;
static struct library lasting;
static atomic_int loading = LOADERS;

static void *look(void *argument)
{
	CHECK_EQ(initialised, 77);
	initialised = 78;
	if ((long)argument % 2)
		library_is_fresh(&lasting, 5);
	return NULL;
}

static void *create(void *argument)
{
	for (long i = 0; atomic_load(&loading) > 0; i++) {
		pthread_t threads[3];
		for (long at = 0; at < 3; at++)
			threads[at] = check_start(look, (void *)(i + at));
		for (long at = 0; at < 3; at++)
			check_join(threads[at]);
	}
	return argument;
}

static void *load(void *name)
{
	for (int i = 0; i < LOADS; i++) {
		struct library library = library_open(name);
		library_is_fresh(&library, i);
		sched_yield();
		library_close(&library);
		if (i % 10 == 0)
			sleep_ms(1);
	}
	atomic_fetch_sub(&loading, 1);
	return NULL;
}

int main(void)
{
	lasting = library_open("tls_library_aligned");
	pthread_t threads[CREATORS + LOADERS];
	for (int i = 0; i < CREATORS; i++)
		threads[i] = check_start(create, NULL);
	for (int i = 0; i < LOADERS; i++)
		threads[CREATORS + i] = check_start(load, (void *)shapes[i]);
	for (int i = 0; i < CREATORS + LOADERS; i++)
		check_join(threads[i]);
	return 0;
}
