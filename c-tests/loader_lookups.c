/* Threads that open, close and look for things in libraries, all at once, with an allocator of the program's whose lock is
 * a mutex: whoever waits for that lock with the loader's goes on. */
#include "own_allocator.h"
#include <dlfcn.h>
#include <link.h>

enum { LOOKERS = 60, ALLOCATORS = 4, ROUNDS = 4, LOOKS = 3 };

static pthread_barrier_t together;

static void find_nothing(void)
{
	CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol") == NULL);
	CHECK(dlerror() != NULL);
	CHECK(dlvsym(RTLD_DEFAULT, "pthread_create", "NO_SUCH_VERSION") == NULL);
	CHECK(dlerror() != NULL);
}

static void find_in_library(void)
{
	void *library = dlopen("libm.so.6", RTLD_NOW);
	CHECK(library != NULL);
	CHECK(dlsym(library, "no_such_symbol") == NULL);
	CHECK(dlerror() != NULL);
	CHECK(dlsym(library, "sin") != NULL);
	CHECK_OK(dlclose(library));
}

static void find_object(void)
{
	Dl_info info;
	CHECK(dladdr((void *)pthread_create, &info) != 0);
	CHECK(info.dli_fbase != NULL);
}

static void open_and_close(void)
{
	struct link_map *map;
	void *library = dlopen("libresolv.so.2", RTLD_NOW);
	CHECK(library != NULL);
	CHECK_OK(dlinfo(library, RTLD_DI_LINKMAP, &map));
	CHECK_OK(dlclose(library));
}

static void open_none(void)
{
	CHECK(dlopen("no-such-library.so", RTLD_NOW) == NULL);
	CHECK(dlerror() != NULL);
}

static void (*const acts[])(void) = {find_nothing, find_in_library, find_object, open_and_close, open_none};

static void *look(void *first)
{
	pthread_barrier_wait(&together);
	for (int i = 0; i < LOOKS; i++)
		acts[((intptr_t)first + i) % (int)(sizeof acts / sizeof *acts)]();
	return NULL;
}

int main(void)
{
	pthread_t allocators[ALLOCATORS], lookers[LOOKERS];
	CHECK_OK(pthread_barrier_init(&together, NULL, LOOKERS));
	for (int i = 0; i < ALLOCATORS; i++)
		allocators[i] = check_start(own_allocator_use, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		for (intptr_t i = 0; i < LOOKERS; i++)
			lookers[i] = check_start(look, (void *)i);
		for (int i = 0; i < LOOKERS; i++)
			check_join(lookers[i]);
	}
	own_allocator_is_left = 1;
	for (int i = 0; i < ALLOCATORS; i++)
		check_join(allocators[i]);
	return 0;
}
