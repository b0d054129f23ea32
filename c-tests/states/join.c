/* Creating, ending and joining threads. */
#include "states.h"
#include <semaphore.h>

static sem_t gate;

static void *return_argument(void *argument)
{
	return argument;
}

static void *exit_soon(void *argument)
{
	sleep_ms(SOON_MS);
	pthread_exit(argument);
}

static void result_is_handed_over(void)
{
	CHECK(check_join(check_start(return_argument, &gate)) == &gate);
	CHECK(check_join(check_start(exit_soon, &gate)) == &gate);
}

static void many_at_once(void)
{
	pthread_t threads[20];
	for (long i = 0; i < 20; i++)
		threads[i] = check_start(exit_soon, (void *)i);
	for (long i = 0; i < 20; i++)
		CHECK_EQ((long)check_join(threads[i]), i);
}

static void *wait_at_the_gate(void *unused)
{
	CHECK_OK(sem_wait(&gate));
	return unused;
}

static void running_thread_is_busy(void)
{
	CHECK_OK(sem_init(&gate, 0, 0));
	pthread_t thread = check_start(wait_at_the_gate, NULL);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	struct timespec deadline = in_ms(CLOCK_REALTIME, EXPIRES_MS);
	CHECK_EQ(pthread_timedjoin_np(thread, NULL, &deadline), ETIMEDOUT);
	CHECK_OK(sem_post(&gate));
	check_join(thread);
}

static void joining_oneself_is_refused(void)
{
	pthread_attr_t attributes;
	int detached;
	CHECK_OK(pthread_getattr_np(pthread_self(), &attributes));
	CHECK_OK(pthread_attr_getdetachstate(&attributes, &detached));
	CHECK_EQ(pthread_join(pthread_self(), NULL), detached == PTHREAD_CREATE_DETACHED ? EINVAL : EDEADLK);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

static void *post_gate(void *unused)
{
	CHECK_OK(sem_post(&gate));
	return unused;
}

static void detached_thread_runs(void)
{
	CHECK_OK(sem_init(&gate, 0, 0));
	CHECK_OK(pthread_detach(check_start(post_gate, NULL)));
	CHECK_OK(sem_wait(&gate));
}

static void stack_is_known(void)
{
	pthread_attr_t attributes;
	void *stack;
	size_t size;
	CHECK_OK(pthread_getattr_np(pthread_self(), &attributes));
	CHECK_OK(pthread_attr_getstack(&attributes, &stack, &size));
	CHECK((char *)&size > (char *)stack && (char *)&size < (char *)stack + size);
	CHECK_OK(pthread_attr_destroy(&attributes));
}

CHECKS({"result_is_handed_over", result_is_handed_over, 0},
       {"many_at_once", many_at_once, 0},
       {"running_thread_is_busy", running_thread_is_busy, 0},
       {"joining_oneself_is_refused", joining_oneself_is_refused, 0},
       {"detached_thread_runs", detached_thread_runs, 0},
       {"stack_is_known", stack_is_known, 0});
