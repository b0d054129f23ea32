/* sched_yield returns 0 and lets others run: threads that poll a variable and yield make progress, however
 * many they are and whatever order they have to run in. */
#include "check.h"

enum { THREADS = 16, ROUNDS = 100 };

static int turn;

static void *take_turns(void *own)
{
	for (int round = 0; round < ROUNDS; round++) {
		/* Backwards, so that creation order is no help. */
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % THREADS != THREADS - 1 - (long)own)
			CHECK_OK(sched_yield());
		__atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(take_turns, (void *)i);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(turn, THREADS * ROUNDS);
	CHECK_OK(sched_yield());
	return 0;
}
