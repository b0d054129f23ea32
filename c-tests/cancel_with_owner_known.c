/* A thread that is cancelled while it waits with a mutex that processes share, and whose owner the kernel knows, is to
 * itself who it was: its cleanup handlers unlock, in any order, what else it holds. */
#include "check.h"
#include <stdatomic.h>
#include <sys/mman.h>

static struct {
	pthread_cond_t cond;
	pthread_mutex_t mutex;
} * shared;

static pthread_mutex_t recursive, checking;
static pid_t id;
static atomic_int waiting;

static void unlock_own(void *unused)
{
	(void)unused;
	CHECK_EQ(gettid(), id);
	CHECK_OK(pthread_mutex_lock(&recursive));
	CHECK_OK(pthread_mutex_unlock(&recursive));
	CHECK_OK(pthread_mutex_unlock(&recursive));
	CHECK_EQ(pthread_mutex_lock(&checking), EDEADLK);
	CHECK_OK(pthread_mutex_unlock(&checking));
}

static void unlock_shared(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_mutex_unlock(&shared->mutex));
}

static void *wait_with_all(void *own_first)
{
	id = gettid();
	CHECK_OK(pthread_mutex_lock(&recursive));
	CHECK_OK(pthread_mutex_lock(&checking));
	CHECK_OK(pthread_mutex_lock(&shared->mutex));
	pthread_cleanup_push(own_first ? unlock_shared : unlock_own, NULL);
	pthread_cleanup_push(own_first ? unlock_own : unlock_shared, NULL);
	waiting = 1;
	for (;;)
		CHECK_OK(pthread_cond_wait(&shared->cond, &shared->mutex));
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void initialise(int cond_is_shared, int robust, int inherits)
{
	pthread_condattr_t of_cond;
	CHECK_OK(pthread_condattr_init(&of_cond));
	CHECK_OK(pthread_condattr_setpshared(&of_cond, cond_is_shared));
	CHECK_OK(pthread_cond_init(&shared->cond, &of_cond));
	pthread_mutexattr_t of_mutex;
	CHECK_OK(pthread_mutexattr_init(&of_mutex));
	CHECK_OK(pthread_mutexattr_settype(&of_mutex, PTHREAD_MUTEX_RECURSIVE));
	CHECK_OK(pthread_mutex_init(&recursive, &of_mutex));
	CHECK_OK(pthread_mutexattr_settype(&of_mutex, PTHREAD_MUTEX_ERRORCHECK));
	CHECK_OK(pthread_mutex_init(&checking, &of_mutex));
	CHECK_OK(pthread_mutexattr_setpshared(&of_mutex, PTHREAD_PROCESS_SHARED));
	CHECK_OK(pthread_mutexattr_setrobust(&of_mutex, robust));
	CHECK_OK(pthread_mutexattr_setprotocol(&of_mutex, inherits));
	CHECK_OK(pthread_mutex_init(&shared->mutex, &of_mutex));
}

static void check_free(pthread_mutex_t *mutex)
{
	CHECK_OK(pthread_mutex_trylock(mutex));
	CHECK_OK(pthread_mutex_unlock(mutex));
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	for (int kind = 0; kind < 16; kind++) {
		initialise(kind & 1, kind >> 1 & 1 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED,
			   kind >> 2 & 1 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
		waiting = 0;
		pthread_t thread = check_start(wait_with_all, kind >> 3 & 1 ? &waiting : NULL);
		while (!waiting)
			sleep_ms(1);
		/* It has released it, so it waits. */
		CHECK_OK(pthread_mutex_lock(&shared->mutex));
		CHECK_OK(pthread_mutex_unlock(&shared->mutex));
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
		check_free(&recursive);
		check_free(&checking);
		check_free(&shared->mutex);
	}
	return 0;
}
