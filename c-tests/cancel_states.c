/* A cancelled thread goes on as long as it refuses, and while it waits for a mutex; it can cancel itself; one that
 * has ended keeps its result. */
#include "check.h"
#include <semaphore.h>
#include <stdatomic.h>

enum { ROUNDS = 10 };

static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static atomic_int cleaned, requested;

/* Some time longer than until the request. */
static void *refuse_for_a_while(void *started)
{
	enum { TURNS = 20 };
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
	CHECK_OK(sem_post(started));
	for (int left = TURNS; left > 0; left -= requested) {
		CHECK_OK(usleep(1000));
		pthread_testcancel();
	}
	cleaned++;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL));
	pthread_testcancel();
	return NULL;
}

static void disabled_cancellation_waits(void)
{
	sem_t started;
	CHECK_OK(sem_init(&started, 0, 0));
	cleaned = requested = 0;
	pthread_t thread = check_start(refuse_for_a_while, &started);
	CHECK_OK(sem_wait(&started));
	CHECK_OK(pthread_cancel(thread));
	requested = 1;
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

/* Waiting for a mutex is no cancellation point: the thread gets it first. */
static void *lock_then_test(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	cleaned++;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	pthread_testcancel();
	return unused;
}

static void a_mutex_is_waited_for(void)
{
	cleaned = 0;
	CHECK_OK(pthread_mutex_lock(&mutex));
	pthread_t thread = check_start(lock_then_test, NULL);
	sleep_ms(5);
	CHECK_OK(pthread_cancel(thread));
	sleep_ms(5);
	CHECK_EQ(cleaned, 0);
	CHECK_OK(pthread_mutex_unlock(&mutex));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
}

static void *cancel_self(void *unused)
{
	CHECK_OK(pthread_cancel(pthread_self()));
	pthread_testcancel();
	return unused;
}

static void *cancel_self_at_once(void *unused)
{
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	CHECK_OK(pthread_cancel(pthread_self()));
	return unused;
}

static void *return_argument(void *argument)
{
	return argument;
}

int main(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		disabled_cancellation_waits();
		a_mutex_is_waited_for();
		CHECK(check_join(check_start(cancel_self, NULL)) == PTHREAD_CANCELED);
		CHECK(check_join(check_start(cancel_self_at_once, NULL)) == PTHREAD_CANCELED);
		pthread_t ended = check_start(return_argument, &mutex);
		sleep_ms(1);
		CHECK_OK(pthread_cancel(ended));
		CHECK(check_join(ended) == &mutex);
	}
	return 0;
}
