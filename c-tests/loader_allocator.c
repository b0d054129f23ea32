/* Threads that open libraries, with an allocator of the program's whose lock is a mutex: who waits for that lock with the
 * loader's goes on, however many others have come to wait for the loader's in the kernel meanwhile. */
#include "own_allocator.h"
#include <dlfcn.h>

enum { OPENERS = 100, ALLOCATORS = 4, ROUNDS = 5 };

static pthread_barrier_t together;

static void *open_none(void *unused)
{
	pthread_barrier_wait(&together);
	CHECK(dlopen("no-such-library.so", RTLD_NOW) == NULL);
	CHECK(dlerror() != NULL);
	return unused;
}

int main(void)
{
	pthread_t allocators[ALLOCATORS], openers[OPENERS];
	CHECK_OK(pthread_barrier_init(&together, NULL, OPENERS));
	for (int i = 0; i < ALLOCATORS; i++)
		CHECK_OK(pthread_create(&allocators[i], NULL, own_allocator_use, NULL));
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < OPENERS; i++)
			CHECK_OK(pthread_create(&openers[i], NULL, open_none, NULL));
		for (int i = 0; i < OPENERS; i++)
			CHECK_OK(pthread_join(openers[i], NULL));
	}
	own_allocator_is_left = 1;
	for (int i = 0; i < ALLOCATORS; i++)
		CHECK_OK(pthread_join(allocators[i], NULL));
	return 0;
}
