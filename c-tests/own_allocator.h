/* An allocator of the program's own, whose lock is a mutex. */
#ifndef OWN_ALLOCATOR_H
#define OWN_ALLOCATOR_H

#include "check.h"

enum { OWN_ALLOCATOR_BUSY = 1000 };

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_calloc(size_t count, size_t size);
void __libc_free(void *block);

static pthread_mutex_t own_allocator = PTHREAD_MUTEX_INITIALIZER;

static void own_allocator_take(void)
{
	pthread_mutex_lock(&own_allocator);
	for (volatile int i = 0; i < OWN_ALLOCATOR_BUSY; i++)
		;
}

void *malloc(size_t size)
{
	own_allocator_take();
	void *block = __libc_malloc(size);
	pthread_mutex_unlock(&own_allocator);
	return block;
}

void *calloc(size_t count, size_t size)
{
	own_allocator_take();
	void *block = __libc_calloc(count, size);
	pthread_mutex_unlock(&own_allocator);
	return block;
}

void *realloc(void *block, size_t size)
{
	own_allocator_take();
	void *other = __libc_realloc(block, size);
	pthread_mutex_unlock(&own_allocator);
	return other;
}

void free(void *block)
{
	own_allocator_take();
	__libc_free(block);
	pthread_mutex_unlock(&own_allocator);
}

static volatile int own_allocator_is_left;

/* A thread that uses it until it is left. */
__attribute__((unused)) static void *own_allocator_use(void *unused)
{
	while (!own_allocator_is_left) {
		free(malloc(100));
		usleep(50);
	}
	return unused;
}

#endif
