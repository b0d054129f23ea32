/* Barriers: nobody passes before all have come, round after round, exactly one is the serial thread, and the
 * barrier can be destroyed as soon as one's own wait returned. */
#include "check.h"

enum { THREADS = 20, ROUNDS = 300 };

static pthread_barrier_t meeting;
static int arrived[ROUNDS], serial[ROUNDS];

static void *meet(void *own)
{
	for (int round = 0; round < ROUNDS; round++) {
		__atomic_add_fetch(&arrived[round], 1, __ATOMIC_SEQ_CST);
		if (((long)own + round) % 16 == 0)
			sched_yield();
		int result = pthread_barrier_wait(&meeting);
		CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
		CHECK_EQ(__atomic_load_n(&arrived[round], __ATOMIC_SEQ_CST), THREADS);
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_add_fetch(&serial[round], 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *wait_once(void *barrier)
{
	int result = pthread_barrier_wait(barrier);
	CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
	return NULL;
}

static void many_rounds(void)
{
	pthread_t threads[THREADS];
	CHECK_OK(pthread_barrier_init(&meeting, NULL, THREADS));
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(meet, (void *)i);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	for (int round = 0; round < ROUNDS; round++)
		CHECK_EQ(serial[round], 1);
	CHECK_OK(pthread_barrier_destroy(&meeting));
}

static void destroyed_right_after(void)
{
	for (int round = 0; round < 200; round++) {
		pthread_barrier_t *barrier = malloc(sizeof *barrier);
		pthread_t threads[3];
		CHECK(barrier != NULL);
		CHECK_OK(pthread_barrier_init(barrier, NULL, 4));
		for (int i = 0; i < 3; i++)
			threads[i] = check_start(wait_once, barrier);
		wait_once(barrier);
		/* The others may not have returned yet: destroy waits for them. */
		CHECK_OK(pthread_barrier_destroy(barrier));
		memset(barrier, 0xa5, sizeof *barrier);
		free(barrier);
		for (int i = 0; i < 3; i++)
			check_join(threads[i]);
	}
}

int main(void)
{
	CHECK_EQ(pthread_barrier_init(&meeting, NULL, 0), EINVAL);
	CHECK_OK(pthread_barrier_init(&meeting, NULL, 1));
	CHECK_EQ(pthread_barrier_wait(&meeting), PTHREAD_BARRIER_SERIAL_THREAD);
	CHECK_EQ(pthread_barrier_wait(&meeting), PTHREAD_BARRIER_SERIAL_THREAD);
	CHECK_OK(pthread_barrier_destroy(&meeting));
	many_rounds();
	destroyed_right_after();
	return 0;
}
