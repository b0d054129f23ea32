/* libc's own per-thread state is per thread: errno, the locale of uselocale, h_errno, strerror's and strtok's
 * buffers of the moment, and a new thread starts with none of its predecessor's. */
#include "check.h"
#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>

enum { THREADS = 500, WAVES = 3 };

static locale_t other_locale;
static pthread_barrier_t all_written;

static void *run(void *argument)
{
	int own = (int)(long)argument;
	CHECK_EQ(errno, 0);
	CHECK(uselocale(NULL) == LC_GLOBAL_LOCALE);
	CHECK(dlerror() == NULL);

	CHECK(uselocale(other_locale) == LC_GLOBAL_LOCALE);
	int *errno_address = &errno;
	h_errno = own + 1;
	errno = own;
	pthread_barrier_wait(&all_written);
	CHECK_EQ(errno, own);
	CHECK(&errno == errno_address);
	CHECK_EQ(h_errno, own + 1);
	CHECK(uselocale(NULL) == other_locale);
	sched_yield();
	CHECK_ERRNO(close(-1), EBADF);
	errno = own;
	sleep_ms(2);
	CHECK_EQ(errno, own);
	CHECK(uselocale(NULL) == other_locale);
	CHECK(dlopen("no-such-library.so", RTLD_NOW) == NULL);
	/* Leaves errno, locale and a pending dlerror behind for whoever is next. */
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = size_argument(argc, argv, 1, THREADS);
	pthread_t *ids = calloc((size_t)threads, sizeof *ids);
	CHECK(ids != NULL);
	CHECK_OK(pthread_barrier_init(&all_written, NULL, (unsigned)threads));
	other_locale = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
	CHECK(other_locale != NULL);
	for (int wave = 0; wave < WAVES; wave++) {
		for (long i = 0; i < threads; i++)
			ids[i] = check_start(run, (void *)(i + 1000));
		for (long i = 0; i < threads; i++)
			check_join(ids[i]);
	}
	CHECK(uselocale(NULL) == LC_GLOBAL_LOCALE);
	freelocale(other_locale);
	free(ids);
	return 0;
}
