/* A program with much static thread-local storage: every thread has its own, fresh; a stack that has no room for it
 * is refused, and one that has is used to its end. */
#include "check.h"
#include <alloca.h>

enum { THREADS = 30, WAVES = 3, BYTES = 300 << 10, STACK = 64 << 10 };

static __thread unsigned char zeroed[BYTES];
static __thread long initialised[BYTES / 8] = {[0] = 5, [BYTES / 8 - 1] = 6};

static pthread_barrier_t all_written;

static void *run(void *argument)
{
	for (int i = 0; i < BYTES; i++)
		CHECK_EQ(zeroed[i], 0);
	for (int i = 0; i < BYTES / 8; i++)
		CHECK_EQ(initialised[i], i == 0 ? 5 : i == BYTES / 8 - 1 ? 6 : 0);
	memset(zeroed, (int)(long)argument, sizeof zeroed);
	memset(initialised, (int)(long)argument, sizeof initialised);
	pthread_barrier_wait(&all_written);
	for (int i = 0; i < BYTES; i++)
		CHECK_EQ(zeroed[i], (unsigned char)(long)argument);
	return NULL;
}

static void waves_of_threads(void)
{
	CHECK_OK(pthread_barrier_init(&all_written, NULL, THREADS));
	for (int wave = 0; wave < WAVES; wave++) {
		pthread_t threads[THREADS];
		for (long i = 0; i < THREADS; i++)
			threads[i] = check_start(run, (void *)(i + 1));
		for (long i = 0; i < THREADS; i++)
			check_join(threads[i]);
	}
}

static void *use_stack(void *bytes)
{
	size_t left = (size_t)bytes;
	volatile char *block = alloca(left);
	for (; left > 0; left--)
		block[left - 1] = 1;
	return NULL;
}

static int create(size_t stack, size_t used, pthread_t *thread)
{
	pthread_attr_t attributes;
	CHECK_OK(pthread_attr_init(&attributes));
	CHECK_OK(pthread_attr_setstacksize(&attributes, stack));
	int error = pthread_create(thread, &attributes, use_stack, (void *)used);
	CHECK_OK(pthread_attr_destroy(&attributes));
	return error;
}

static void stacks_that_are_too_small(void)
{
	pthread_t thread;
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(create((size_t)sysconf(_SC_THREAD_STACK_MIN), 0, &thread), EINVAL);
		CHECK_EQ(create(BYTES, 0, &thread), EINVAL);
		CHECK_EQ(create(2 * BYTES, 0, &thread), EINVAL);
	}
	for (int i = 0; i < 3; i++) {
		CHECK_OK(create(2 * BYTES + STACK, STACK / 4 * 3, &thread));
		check_join(thread);
	}
}

int main(void)
{
	stacks_that_are_too_small();
	waves_of_threads();
	stacks_that_are_too_small();
	return 0;
}
