/* Every kind of mutex: what lock, trylock, unlock and destroy return, from the owner and from others. */
#include "check.h"
#include <semaphore.h>

static pthread_mutex_t static_normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t static_recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t static_errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t static_adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

static void *try_lock(void *mutex)
{
	return (void *)(long)pthread_mutex_trylock(mutex);
}

static void *unlock(void *mutex)
{
	return (void *)(long)pthread_mutex_unlock(mutex);
}

static void *lock_unlock(void *mutex)
{
	CHECK_OK(pthread_mutex_lock(mutex));
	CHECK_OK(pthread_mutex_unlock(mutex));
	return NULL;
}

static long in_other_thread(void *(*routine)(void *), pthread_mutex_t *mutex)
{
	return (long)check_join(check_start(routine, mutex));
}

/* What holds for every kind: exclusion, waiting, EBUSY for others and for destroy. */
static void check_common(pthread_mutex_t *mutex)
{
	CHECK_OK(pthread_mutex_lock(mutex));
	CHECK_EQ(in_other_thread(try_lock, mutex), EBUSY);
	CHECK_EQ(pthread_mutex_destroy(mutex), EBUSY);
	pthread_t waiter = check_start(lock_unlock, mutex);
	sleep_ms(5);
	CHECK_EQ(pthread_tryjoin_np(waiter, NULL), EBUSY);
	CHECK_OK(pthread_mutex_unlock(mutex));
	check_join(waiter);
	CHECK_OK(pthread_mutex_trylock(mutex));
	CHECK_OK(pthread_mutex_unlock(mutex));
	CHECK_EQ(in_other_thread(lock_unlock, mutex), 0);
}

static void check_normal(pthread_mutex_t *mutex)
{
	check_common(mutex);
	CHECK_OK(pthread_mutex_lock(mutex));
	CHECK_EQ(pthread_mutex_trylock(mutex), EBUSY);
	CHECK_OK(pthread_mutex_unlock(mutex));
	CHECK_OK(pthread_mutex_destroy(mutex));
}

static void check_recursive(pthread_mutex_t *mutex)
{
	check_common(mutex);
	CHECK_EQ(pthread_mutex_unlock(mutex), EPERM);
	for (int depth = 0; depth < 3; depth++)
		CHECK_OK(depth % 2 ? pthread_mutex_trylock(mutex) : pthread_mutex_lock(mutex));
	CHECK_EQ(in_other_thread(unlock, mutex), EPERM);
	for (int depth = 0; depth < 3; depth++) {
		CHECK_EQ(in_other_thread(try_lock, mutex), EBUSY);
		CHECK_OK(pthread_mutex_unlock(mutex));
	}
	CHECK_EQ(pthread_mutex_unlock(mutex), EPERM);
	CHECK_EQ(in_other_thread(lock_unlock, mutex), 0);
	CHECK_OK(pthread_mutex_destroy(mutex));
}

static void check_errorcheck(pthread_mutex_t *mutex)
{
	check_common(mutex);
	CHECK_EQ(pthread_mutex_unlock(mutex), EPERM);
	CHECK_OK(pthread_mutex_lock(mutex));
	CHECK_EQ(pthread_mutex_lock(mutex), EDEADLK);
	CHECK_EQ(pthread_mutex_trylock(mutex), EBUSY);
	struct timespec soon = in_ms(CLOCK_REALTIME, 1);
	CHECK_EQ(pthread_mutex_timedlock(mutex, &soon), EDEADLK);
	CHECK_EQ(in_other_thread(unlock, mutex), EPERM);
	CHECK_OK(pthread_mutex_unlock(mutex));
	CHECK_OK(pthread_mutex_destroy(mutex));
}

static void each_type_works_with(void (*check)(pthread_mutex_t *), int type)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t mutex;
	int reported;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_settype(&attributes, type));
	CHECK_OK(pthread_mutexattr_gettype(&attributes, &reported));
	CHECK_EQ(reported, type);
	CHECK_OK(pthread_mutex_init(&mutex, &attributes));
	check(&mutex);
	CHECK_OK(pthread_mutexattr_destroy(&attributes));
}

/* The owner is the thread, not the kernel thread that happens to run it: a recursive mutex held across
 * blocking calls is still its own and nobody else's. */
static void *own_across_blocking(void *mutex)
{
	for (int i = 0; i < 20; i++) {
		CHECK_OK(pthread_mutex_lock(mutex));
		CHECK_OK(pthread_mutex_lock(mutex));
		sleep_ms(1);
		CHECK_OK(pthread_mutex_lock(mutex));
		CHECK_OK(pthread_mutex_unlock(mutex));
		CHECK_OK(pthread_mutex_unlock(mutex));
		CHECK_OK(pthread_mutex_unlock(mutex));
		CHECK_EQ(pthread_mutex_unlock(mutex), EPERM);
	}
	return NULL;
}

static void ownership_survives_blocking(void)
{
	pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		threads[i] = check_start(own_across_blocking, &mutex);
	for (int i = 0; i < 8; i++)
		check_join(threads[i]);
	CHECK_OK(pthread_mutex_destroy(&mutex));
}

int main(void)
{
	check_normal(&static_normal);
	check_recursive(&static_recursive);
	check_errorcheck(&static_errorcheck);
	check_normal(&static_adaptive);
	each_type_works_with(check_normal, PTHREAD_MUTEX_NORMAL);
	each_type_works_with(check_recursive, PTHREAD_MUTEX_RECURSIVE);
	each_type_works_with(check_errorcheck, PTHREAD_MUTEX_ERRORCHECK);
	each_type_works_with(check_normal, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_EQ(pthread_mutexattr_settype(&attributes, 99), EINVAL);
	ownership_survives_blocking();
	return 0;
}
