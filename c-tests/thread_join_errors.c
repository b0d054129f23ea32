/* join and detach refuse what they must: EDEADLK for oneself and for a cycle, EINVAL for a detached thread. */
#include "check.h"
#include <semaphore.h>

static sem_t go;

static void *join_self(void *unused)
{
	(void)unused;
	return (void *)(long)pthread_join(pthread_self(), NULL);
}

static void *wait_for_go(void *unused)
{
	(void)unused;
	CHECK_OK(sem_wait(&go));
	return NULL;
}

static void *join_main(void *main_thread)
{
	return (void *)(long)pthread_join(*(pthread_t *)main_thread, NULL);
}

static void *join_other(void *other)
{
	/* EINVAL while main's expired timed join below is the one joiner. */
	int error;
	while ((error = pthread_join(*(pthread_t *)other, NULL)) == EINVAL)
		sched_yield();
	CHECK_OK(error);
	return NULL;
}

static void joining_oneself_is_a_deadlock(void)
{
	CHECK_EQ(pthread_join(pthread_self(), NULL), EDEADLK);
	CHECK_EQ((long)check_join(check_start(join_self, NULL)), EDEADLK);
}

static void joining_ones_joiner_is_a_deadlock(void)
{
	pthread_t main_thread = pthread_self();
	pthread_t thread = check_start(join_main, &main_thread);
	/* Whichever of the two joins second gets EDEADLK; only main can be that one here for sure when the
	 * thread is already waiting, so accept either order and check that exactly one was refused. */
	void *result = NULL;
	int main_error = pthread_join(thread, &result);
	if (main_error == EDEADLK) {
		/* The thread waits for main, which never ends: leave it to process exit. */
		return;
	}
	CHECK_OK(main_error);
	CHECK_EQ((long)result, EDEADLK);
}

static void a_detached_thread_cannot_be_joined_or_detached_again(void)
{
	pthread_t thread = check_start(wait_for_go, NULL);
	CHECK_OK(pthread_detach(thread));
	CHECK_EQ(pthread_join(thread, NULL), EINVAL);
	CHECK_EQ(pthread_detach(thread), EINVAL);
	CHECK_OK(sem_post(&go));
}

static void a_thread_has_one_joiner(void)
{
	pthread_t thread = check_start(wait_for_go, NULL);
	pthread_t joiner = check_start(join_other, &thread);
	/* The joiner has registered itself as soon as a timed join is refused instead of expiring. */
	struct timespec past = in_ms(CLOCK_REALTIME, -1000);
	int error;
	while ((error = pthread_timedjoin_np(thread, NULL, &past)) == ETIMEDOUT)
		sleep_ms(1);
	CHECK_EQ(error, EINVAL);
	CHECK_EQ(pthread_join(thread, NULL), EINVAL);
	CHECK_OK(sem_post(&go));
	check_join(joiner);
}

int main(void)
{
	CHECK_OK(sem_init(&go, 0, 0));
	joining_oneself_is_a_deadlock();
	a_detached_thread_cannot_be_joined_or_detached_again();
	a_thread_has_one_joiner();
	joining_ones_joiner_is_a_deadlock();
	return 0;
}
