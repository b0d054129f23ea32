/* Joins that meet something else: a detach, a cancellation of one who is joining the joiner, a time-out. */
#include "check.h"
#include <semaphore.h>

static sem_t go;
static pthread_t main_thread, worker;

static void *wait_for_go(void *result)
{
	check_await(&go);
	return result;
}

static volatile int joining;

/* Nothing if the detach came first, after all. */
static void *join_worker(void *unused)
{
	(void)unused;
	void *result = NULL;
	joining = 1;
	int error = pthread_join(worker, &result);
	CHECK(error == 0 || ((error == EINVAL || error == ESRCH) && result == NULL));
	return result;
}

/* A detach comes too late for somebody who joins already: glibc takes no notice of it. */
static void detach_during_join(void)
{
	void *result;
	do {
		joining = 0;
		worker = check_start(wait_for_go, &go);
		pthread_t joiner = check_start(join_worker, NULL);
		while (!joining)
			sched_yield();
		sleep_ms(20);
		CHECK_OK(pthread_detach(worker));
		CHECK_EQ(pthread_join(worker, NULL), EINVAL);
		CHECK_OK(sem_post(&go));
		result = check_join(joiner);
	} while (result == NULL);
	CHECK(result == &go);
}

static void *join_main(void *unused)
{
	(void)unused;
	pthread_join(main_thread, NULL);
	return NULL;
}

/* Who is being cancelled will not wait for ever, so joining him is no deadlock. */
static void join_who_joins_me(void)
{
	pthread_t thread = check_start(join_main, NULL);
	sleep_ms(20);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
}

/* A join that has timed out leaves the thread to others. */
static void join_after_timeout(void)
{
	worker = check_start(wait_for_go, &worker);
	struct timespec soon = in_ms(CLOCK_REALTIME, 5);
	CHECK_EQ(pthread_timedjoin_np(worker, NULL, &soon), ETIMEDOUT);
	CHECK_EQ(pthread_tryjoin_np(worker, NULL), EBUSY);
	CHECK_OK(sem_post(&go));
	CHECK(check_join(worker) == &worker);
}

int main(void)
{
	main_thread = pthread_self();
	CHECK_OK(sem_init(&go, 0, 0));
	detach_during_join();
	join_who_joins_me();
	join_after_timeout();
	return 0;
}
