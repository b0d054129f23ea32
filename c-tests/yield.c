/* sched_yield and its other forms return 0 and let others run: threads that poll a variable and yield make progress,
 * however many they are and whatever order they have to run in. */
#include "check.h"
#include <dlfcn.h>
#include <threads.h>

enum { THREADS = 16, ROUNDS = 100 };

static int turn;
/* libc has it for old programs only: new ones cannot be linked against it, and have to ask for its version */
static int (*old_yield)(void);

static void give_way(int how)
{
	switch (how % 3) {
	case 0:
		CHECK_OK(sched_yield());
		break;
	case 1:
		thrd_yield();
		break;
	default:
		CHECK_OK(old_yield());
	}
}

static void *take_turns(void *own)
{
	for (int round = 0; round < ROUNDS; round++) {
		/* Backwards, so that creation order is no help. */
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % THREADS != THREADS - 1 - (long)own)
			give_way((int)(long)own);
		__atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	old_yield = (int (*)(void))dlsym(RTLD_DEFAULT, "pthread_yield");
	if (!old_yield)
		old_yield = (int (*)(void))dlvsym(RTLD_DEFAULT, "pthread_yield", "GLIBC_2.2.5");
	CHECK(old_yield != NULL);
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(take_turns, (void *)i);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(turn, THREADS * ROUNDS);
	CHECK_OK(sched_yield());
	return 0;
}
