/* Threads that do nothing but make further ones do not make more of them than there is time to run: at any moment
 * few wait for their first turn, so that whoever else makes a thread does not wait long for it either. */
#include "check.h"
#include <stdatomic.h>

enum { CREATORS = 4, EACH = 10000, MOST_WAITING = 4000 };

static atomic_long made, begun, most_waiting;

static void *begin(void *unused)
{
	atomic_fetch_add(&begun, 1);
	return unused;
}

static void *create_many(void *unused)
{
	pthread_attr_t detached;
	CHECK_OK(pthread_attr_init(&detached));
	CHECK_OK(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED));
	CHECK_OK(pthread_attr_setstacksize(&detached, 64 * 1024));
	for (int i = 0; i < EACH; i++) {
		pthread_t thread;
		/* The system may not have room for more at the moment. */
		if (pthread_create(&thread, &detached, begin, NULL))
			continue;
		long waiting = atomic_fetch_add(&made, 1) + 1 - atomic_load(&begun);
		long most = atomic_load(&most_waiting);
		while (waiting > most && !atomic_compare_exchange_weak(&most_waiting, &most, waiting))
			;
	}
	CHECK_OK(pthread_attr_destroy(&detached));
	return unused;
}

int main(void)
{
	pthread_t creators[CREATORS];
	for (int i = 0; i < CREATORS; i++)
		creators[i] = check_start(create_many, NULL);
	for (int i = 0; i < CREATORS; i++)
		check_join(creators[i]);
	CHECK(made > MOST_WAITING);
	CHECK(most_waiting < MOST_WAITING);
	return 0;
}
