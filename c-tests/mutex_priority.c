/* Mutexes with priority inheritance exclude, time out and tell their errors; one with a priority ceiling refuses
 * threads of the usual scheduling policy, which cannot be given a priority. */
#include "check.h"

enum { THREADS = 8, ROUNDS = 500 };

static pthread_mutex_t mutex;
static volatile long counter;

static void *count(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		long seen = counter;
		if (i % 100 == 0)
			usleep(10);
		counter = seen + 1;
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return unused;
}

static void *fail_to_lock(void *knows_owner)
{
	if (knows_owner != NULL)
		CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
	CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
	struct timespec deadline = in_ms(CLOCK_REALTIME, 20);
	CHECK_EQ(pthread_mutex_timedlock(&mutex, &deadline), ETIMEDOUT);
	CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * (long)NS_PER_S + deadline.tv_nsec);
	return NULL;
}

static void check_protocol(int protocol, int type)
{
	/* With inheritance the kernel looks who the owner is, whatever the type. */
	int knows_owner = protocol == PTHREAD_PRIO_INHERIT || type != PTHREAD_MUTEX_NORMAL;
	pthread_mutexattr_t attributes;
	pthread_t threads[THREADS];
	int reported = -1;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setprotocol(&attributes, protocol));
	CHECK_OK(pthread_mutexattr_getprotocol(&attributes, &reported));
	CHECK_EQ(reported, protocol);
	CHECK_OK(pthread_mutexattr_settype(&attributes, type));
	CHECK_OK(pthread_mutex_init(&mutex, &attributes));
	counter = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(count, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(counter, THREADS * ROUNDS);

	CHECK_OK(pthread_mutex_lock(&mutex));
	if (type == PTHREAD_MUTEX_ERRORCHECK) {
		CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
		CHECK_EQ(pthread_mutex_trylock(&mutex), protocol == PTHREAD_PRIO_INHERIT ? EDEADLK : EBUSY);
	}
	if (type == PTHREAD_MUTEX_RECURSIVE) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	check_join(check_start(fail_to_lock, knows_owner ? &mutex : NULL));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	if (knows_owner)
		CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
	CHECK_OK(pthread_mutex_destroy(&mutex));
	CHECK_OK(pthread_mutexattr_destroy(&attributes));
}

static void *fail_at_ceiling(void *unused)
{
	/* Once: glibc believes that the first attempt has raised the priority. */
	CHECK_EQ(pthread_mutex_lock(&mutex), EINVAL);
	return unused;
}

static void check_ceiling(void)
{
	pthread_mutexattr_t attributes;
	int ceiling = -1;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT));
	CHECK_OK(pthread_mutexattr_setprioceiling(&attributes, 10));
	CHECK_OK(pthread_mutex_init(&mutex, &attributes));
	CHECK_OK(pthread_mutex_getprioceiling(&mutex, &ceiling));
	CHECK_EQ(ceiling, 10);
	check_join(check_start(fail_at_ceiling, NULL));
	CHECK_OK(pthread_mutex_destroy(&mutex));
}

int main(void)
{
	check_ceiling();
	check_protocol(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_NORMAL);
	check_protocol(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ERRORCHECK);
	check_protocol(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_RECURSIVE);
	check_protocol(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_NORMAL);
	check_protocol(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutexattr_t attributes;
	CHECK_OK(pthread_mutexattr_init(&attributes));
	CHECK_EQ(pthread_mutexattr_setprotocol(&attributes, 99), EINVAL);
	return 0;
}
