/* join and detach refuse what they must: EDEADLK for joining oneself, EINVAL for a detached thread, oneself or one
 * that joins the caller. (glibc notices neither a second joiner nor a cycle of joiners, and POSIX leaves both
 * undefined.) */
#include "check.h"
#include <semaphore.h>

static sem_t go, done;

static void *join_self(void *unused)
{
	(void)unused;
	return (void *)(long)pthread_join(pthread_self(), NULL);
}

static void *join_self_detached(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_detach(pthread_self()));
	CHECK_EQ(pthread_join(pthread_self(), NULL), EINVAL);
	CHECK_OK(sem_post(&done));
	return NULL;
}

static void *join_detached(void *detached)
{
	CHECK_EQ(pthread_join(*(pthread_t *)detached, NULL), EINVAL);
	return NULL;
}

static void *join_who_joins(void *unused)
{
	pthread_t self = pthread_self();
	CHECK_OK(pthread_detach(self));
	check_join(check_start(join_detached, &self));
	CHECK_OK(sem_post(&done));
	return unused;
}

static void *wait_for_go(void *unused)
{
	CHECK_OK(sem_wait(&go));
	return unused;
}

int main(void)
{
	CHECK_EQ(pthread_join(pthread_self(), NULL), EDEADLK);
	CHECK_EQ((long)check_join(check_start(join_self, NULL)), EDEADLK);

	CHECK_OK(sem_init(&go, 0, 0));
	CHECK_OK(sem_init(&done, 0, 0));
	pthread_t thread = check_start(wait_for_go, NULL);
	CHECK_OK(pthread_detach(thread));
	CHECK_EQ(pthread_join(thread, NULL), EINVAL);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	CHECK_EQ(pthread_detach(thread), EINVAL);
	CHECK_OK(sem_post(&go));

	check_start(join_self_detached, NULL);
	CHECK_OK(sem_wait(&done));
	check_start(join_who_joins, NULL);
	CHECK_OK(sem_wait(&done));
	return 0;
}
