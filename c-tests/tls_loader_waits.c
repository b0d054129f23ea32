/* A callback of dl_iterate_phdr may wait while other threads load and look through the objects: more of them than
 * there are kernel threads. */
#include "check.h"
#include "tls_library.h"
#include <link.h>

enum { LOOK = 12, LOAD = 4, ROUNDS = 10 };

static int rest(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)info, (void)size, (void)argument;
	sleep_ms(1);
	return 0;
}

static void *look(void *unused)
{
	for (int i = 0; i < ROUNDS; i++)
		CHECK_OK(dl_iterate_phdr(rest, NULL));
	return unused;
}

static void *load(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct library library = library_open("tls_library");
		if (i == 0)
			library_is_fresh(&library, 1);
		library_close(&library);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[LOOK + LOAD];
	for (int i = 0; i < LOOK + LOAD; i++)
		threads[i] = check_start(i < LOOK ? look : load, NULL);
	for (int i = 0; i < LOOK + LOAD; i++)
		check_join(threads[i]);
	return 0;
}
