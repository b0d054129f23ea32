/* Threads that create others, with an allocator of the program's whose lock is a mutex: whoever has that may wait for
 * something, and others wait for it in pthread_create, some of them beside threads that open libraries. */
#include "own_allocator.h"
#include <dlfcn.h>

enum { CREATORS = 4, OPENERS = 4, ROUNDS = 6, AT_A_TIME = 12 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* A thread that keeps the lock while it sleeps. */
static void *keep(void *unused)
{
	while (!own_allocator_is_left) {
		pthread_mutex_lock(&own_allocator);
		usleep(1000);
		pthread_mutex_unlock(&own_allocator);
		usleep(200);
	}
	return unused;
}

static void *open_libm(void *unused)
{
	while (!own_allocator_is_left) {
		void *library = dlopen("libm.so.6", RTLD_NOW);
		CHECK(library != NULL);
		CHECK(dlsym(library, "sin") != NULL);
		CHECK_EQ(dlclose(library), 0);
	}
	return unused;
}

static void *pass_gate(void *gate_of_ours)
{
	CHECK_OK(pthread_mutex_lock(gate_of_ours));
	CHECK_OK(pthread_mutex_unlock(gate_of_ours));
	return NULL;
}

static void *create_many(void *unused)
{
	pthread_t created[AT_A_TIME];
	for (int round = 0; round < ROUNDS; round++) {
		/* So that they all are there at once, and not one after the other on the same stack. */
		CHECK_OK(pthread_mutex_lock(&gate));
		for (int i = 0; i < AT_A_TIME; i++)
			CHECK_OK(pthread_create(&created[i], NULL, pass_gate, &gate));
		CHECK_OK(pthread_mutex_unlock(&gate));
		for (int i = 0; i < AT_A_TIME; i++)
			CHECK_OK(pthread_join(created[i], NULL));
	}
	return unused;
}

int main(void)
{
	pthread_t keeper, openers[OPENERS], creators[CREATORS];
	CHECK_OK(pthread_create(&keeper, NULL, keep, NULL));
	for (int i = 0; i < OPENERS; i++)
		CHECK_OK(pthread_create(&openers[i], NULL, open_libm, NULL));
	for (int i = 0; i < CREATORS; i++)
		CHECK_OK(pthread_create(&creators[i], NULL, create_many, NULL));
	for (int i = 0; i < CREATORS; i++)
		CHECK_OK(pthread_join(creators[i], NULL));
	own_allocator_is_left = 1;
	CHECK_OK(pthread_join(keeper, NULL));
	for (int i = 0; i < OPENERS; i++)
		CHECK_OK(pthread_join(openers[i], NULL));
	return 0;
}
