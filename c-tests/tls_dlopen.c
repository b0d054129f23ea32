/* A library opened while threads run brings its thread-local variables to all of them, each with its own
 * initial image, also in threads that started before, and again after it was closed and reopened. */
#include "check.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>

enum { THREADS = 50, WAVES = 3 };

static int *(*library_initialised)(void);
static char *(*library_zeroed)(void);
static pthread_barrier_t opened;

static void check_fresh_then_write(int own)
{
	int *initialised = library_initialised();
	char *zeroed = library_zeroed();
	CHECK_EQ(*initialised, 1234);
	for (int i = 0; i < 3000; i++)
		CHECK_EQ(zeroed[i], 0);
	*initialised = own;
	memset(zeroed, 1 + own % 100, 3000);
	sched_yield();
	CHECK(library_initialised() == initialised && library_zeroed() == zeroed);
	CHECK_EQ(*initialised, own);
	for (int i = 0; i < 3000; i++)
		CHECK_EQ(zeroed[i], 1 + own % 100);
}

static void *started_before(void *argument)
{
	pthread_barrier_wait(&opened);
	check_fresh_then_write((int)(long)argument);
	return NULL;
}

static void *started_after(void *argument)
{
	check_fresh_then_write((int)(long)argument);
	return NULL;
}

static void *open_library(void)
{
	char path[PATH_MAX] = "";
	CHECK(readlink("/proc/self/exe", path, sizeof path - 32) > 0);
	dirname(path);
	strcat(path, "/tls_library.so");
	void *library = dlopen(path, RTLD_NOW);
	if (library == NULL)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(library != NULL);
	library_initialised = (int *(*)(void))dlsym(library, "library_initialised");
	library_zeroed = (char *(*)(void))dlsym(library, "library_zeroed");
	CHECK(library_initialised && library_zeroed);
	return library;
}

int main(void)
{
	CHECK_OK(pthread_barrier_init(&opened, NULL, THREADS + 1));
	for (int wave = 0; wave < WAVES; wave++) {
		pthread_t threads[THREADS];
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(started_before, (void *)i);
		void *library = open_library();
		pthread_barrier_wait(&opened);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(started_after, (void *)i);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		CHECK_OK(dlclose(library));
	}
	return 0;
}
