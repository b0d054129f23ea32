/* Posts and waits of every kind balance: none is lost and none counts twice under contention. */
#include "check.h"
#include <semaphore.h>

enum { POSTERS = 8, WAITERS = 8, ROUNDS = 10000 };

static sem_t items, slots;
static long rounds;
static int in_flight;

static void take(sem_t *semaphore, long way)
{
	struct timespec deadline;
	switch (way % 4) {
	case 0:
		/* Two threads left over that only spin would need the other one's whole time slice each turn. */
		for (int tries = 0; sem_trywait(semaphore) == -1; tries++) {
			CHECK_EQ(errno, EAGAIN);
			if (tries == 10) {
				CHECK_OK(sem_wait(semaphore));
				break;
			}
			sched_yield();
		}
		break;
	case 1:
		for (;;) {
			deadline = in_ms(CLOCK_MONOTONIC, 1);
			if (sem_clockwait(semaphore, CLOCK_MONOTONIC, &deadline) == 0)
				break;
			CHECK_EQ(errno, ETIMEDOUT);
		}
		break;
	default:
		CHECK_OK(sem_wait(semaphore));
	}
}

static void *produce(void *own)
{
	for (long i = 0; i < rounds; i++) {
		take(&slots, (long)own);
		CHECK(__atomic_add_fetch(&in_flight, 1, __ATOMIC_SEQ_CST) <= 2);
		CHECK_OK(sem_post(&items));
	}
	return NULL;
}

static void *consume(void *own)
{
	for (long i = 0; i < rounds; i++) {
		take(&items, (long)own);
		CHECK(__atomic_sub_fetch(&in_flight, 1, __ATOMIC_SEQ_CST) >= 0);
		CHECK_OK(sem_post(&slots));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	rounds = size_argument(argc, argv, 1, ROUNDS);
	pthread_t threads[POSTERS + WAITERS];
	int value;
	CHECK_OK(sem_init(&items, 0, 0));
	CHECK_OK(sem_init(&slots, 0, 2));
	for (long i = 0; i < POSTERS + WAITERS; i++)
		threads[i] = check_start(i % 2 ? produce : consume, (void *)(i / 2));
	for (int i = 0; i < POSTERS + WAITERS; i++)
		check_join(threads[i]);
	CHECK_OK(sem_getvalue(&items, &value));
	CHECK_EQ(value, 0);
	CHECK_OK(sem_getvalue(&slots, &value));
	CHECK_EQ(value, 2);
	return 0;
}
