/* No reader ever sees a writer's half-done work, no two writers meet, and neither side starves, for every kind
 * and every locking call. */
#include "check.h"

enum { READERS = 12, WRITERS = 4, ROUNDS = 2000, CELLS = 16 };

static const int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
			    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
static pthread_rwlock_t lock;
static long rounds;
static volatile long cells[CELLS];

static void acquire(long way, int (*lock_it)(pthread_rwlock_t *), int (*try_it)(pthread_rwlock_t *),
		    int (*clock_it)(pthread_rwlock_t *, clockid_t, const struct timespec *))
{
	struct timespec deadline;
	int error;
	switch (way % 4) {
	case 0:
		while ((error = try_it(&lock)) != 0) {
			CHECK_EQ(error, EBUSY);
			sched_yield();
		}
		break;
	case 1:
		do
			deadline = in_ms(CLOCK_MONOTONIC, way % 3);
		while ((error = clock_it(&lock, CLOCK_MONOTONIC, &deadline)) == ETIMEDOUT);
		CHECK_OK(error);
		break;
	default:
		CHECK_OK(lock_it(&lock));
	}
}

static void *read_cells(void *own)
{
	for (long i = 0; i < rounds; i++) {
		acquire((long)own + i, pthread_rwlock_rdlock, pthread_rwlock_tryrdlock, pthread_rwlock_clockrdlock);
		long expected = cells[0];
		for (int cell = 0; cell < CELLS; cell++) {
			CHECK_EQ(cells[cell], expected);
			if (cell == CELLS / 2 && i % 32 == 0)
				sched_yield();
		}
		CHECK_OK(pthread_rwlock_unlock(&lock));
	}
	return NULL;
}

static void *write_cells(void *own)
{
	for (long i = 0; i < rounds; i++) {
		acquire((long)own + i, pthread_rwlock_wrlock, pthread_rwlock_trywrlock, pthread_rwlock_clockwrlock);
		for (int cell = 0; cell < CELLS; cell++) {
			cells[cell] = cells[cell] + 1;
			if (cell == CELLS / 2 && i % 32 == 0)
				sched_yield();
		}
		CHECK_OK(pthread_rwlock_unlock(&lock));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	rounds = size_argument(argc, argv, 1, ROUNDS);
	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
		pthread_rwlockattr_t attributes;
		pthread_t threads[READERS + WRITERS];
		CHECK_OK(pthread_rwlockattr_init(&attributes));
		CHECK_OK(pthread_rwlockattr_setkind_np(&attributes, kinds[kind]));
		CHECK_OK(pthread_rwlock_init(&lock, &attributes));
		long before = cells[0];
		for (long i = 0; i < READERS + WRITERS; i++)
			threads[i] = check_start(i % 4 ? read_cells : write_cells, (void *)i);
		for (int i = 0; i < READERS + WRITERS; i++)
			check_join(threads[i]);
		CHECK_EQ(cells[0], before + WRITERS * rounds);
		CHECK_OK(pthread_rwlock_destroy(&lock));
	}
	return 0;
}
