/* Process-shared mutex, condition variable, read-write lock and barrier exclude, wake and meet across fork,
 * with threads in both processes. */
#include "check.h"
#include <sys/mman.h>

enum { THREADS = 4, ROUNDS = 500 };

static struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	int counter, turn, written, serials;
} *shared;

static void initialise(void)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;
	pthread_rwlockattr_t rwlock;
	pthread_barrierattr_t barrier;
	CHECK_OK(pthread_mutexattr_init(&mutex));
	CHECK_OK(pthread_condattr_init(&condition));
	CHECK_OK(pthread_rwlockattr_init(&rwlock));
	CHECK_OK(pthread_barrierattr_init(&barrier));
	CHECK_OK(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED));
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	CHECK_OK(pthread_mutex_init(&shared->mutex, &mutex));
	CHECK_OK(pthread_cond_init(&shared->condition, &condition));
	CHECK_OK(pthread_rwlock_init(&shared->rwlock, &rwlock));
	CHECK_OK(pthread_barrier_init(&shared->barrier, &barrier, 2 * THREADS));
}

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&shared->mutex));
		int seen = shared->counter;
		if (i % 50 == 0)
			usleep(10);
		shared->counter = seen + 1;
		CHECK_OK(pthread_mutex_unlock(&shared->mutex));

		CHECK_OK(pthread_rwlock_wrlock(&shared->rwlock));
		shared->written++;
		CHECK_OK(pthread_rwlock_unlock(&shared->rwlock));
		CHECK_OK(pthread_rwlock_rdlock(&shared->rwlock));
		CHECK(shared->written > 0);
		CHECK_OK(pthread_rwlock_unlock(&shared->rwlock));
	}
	for (int i = 0; i < 50; i++) {
		int result = pthread_barrier_wait(&shared->barrier);
		CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_add_fetch(&shared->serials, 1, __ATOMIC_RELAXED);
	}
	return unused;
}

static void *take_turns(void *own)
{
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	for (int i = 0; i < 200; i++) {
		while (shared->turn % 2 != (long)own)
			CHECK_OK(pthread_cond_wait(&shared->condition, &shared->mutex));
		shared->turn++;
		CHECK_OK(pthread_cond_signal(&shared->condition));
	}
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
	return NULL;
}

static void run(long own)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(count, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	check_join(check_start(take_turns, (void *)own));
}

int main(void)
{
	initialise();
	pid_t pid = check_fork();
	run(pid == 0);
	if (pid == 0)
		_exit(0);
	check_child_succeeds(pid);
	CHECK_EQ(shared->counter, 2 * THREADS * ROUNDS);
	CHECK_EQ(shared->written, 2 * THREADS * ROUNDS);
	CHECK_EQ(shared->serials, 50);
	CHECK_EQ(shared->turn, 400);
	return 0;
}
