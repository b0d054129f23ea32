/* Threads that open libraries, with an allocator of the program's whose lock is a mutex: who waits for that lock with the
 * loader's goes on, however many others have come to wait for the loader's in the kernel meanwhile. */
#include "check.h"
#include <dlfcn.h>

enum { OPENERS = 100, ALLOCATORS = 4, ROUNDS = 5, BUSY = 1000 };

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_calloc(size_t count, size_t size);
void __libc_free(void *block);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take(void)
{
	pthread_mutex_lock(&lock);
	for (volatile int i = 0; i < BUSY; i++)
		;
}

void *malloc(size_t size)
{
	take();
	void *block = __libc_malloc(size);
	pthread_mutex_unlock(&lock);
	return block;
}

void *calloc(size_t count, size_t size)
{
	take();
	void *block = __libc_calloc(count, size);
	pthread_mutex_unlock(&lock);
	return block;
}

void *realloc(void *block, size_t size)
{
	take();
	void *other = __libc_realloc(block, size);
	pthread_mutex_unlock(&lock);
	return other;
}

void free(void *block)
{
	take();
	__libc_free(block);
	pthread_mutex_unlock(&lock);
}

static volatile int stop;
static pthread_barrier_t together;

static void *allocate(void *unused)
{
	while (!stop) {
		free(malloc(100));
		usleep(50);
	}
	return unused;
}

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
		CHECK_OK(pthread_create(&allocators[i], NULL, allocate, NULL));
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < OPENERS; i++)
			CHECK_OK(pthread_create(&openers[i], NULL, open_none, NULL));
		for (int i = 0; i < OPENERS; i++)
			CHECK_OK(pthread_join(openers[i], NULL));
	}
	stop = 1;
	for (int i = 0; i < ALLOCATORS; i++)
		CHECK_OK(pthread_join(allocators[i], NULL));
	return 0;
}
