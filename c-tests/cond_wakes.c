/* signal wakes at least one waiter, broadcast all; the waiter atomically lets go of the mutex; a recursive
 * or errorcheck mutex works with it; destroy waits for waiters that were already woken. */
#include "check.h"

enum { WAITERS = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int waiting, tickets, done;

static void *wait_for_ticket(void *unused)
{
	CHECK_OK(pthread_mutex_lock(&mutex));
	waiting++;
	while (tickets == 0)
		CHECK_OK(pthread_cond_wait(&condition, &mutex));
	tickets--;
	done++;
	CHECK_OK(pthread_mutex_unlock(&mutex));
	return unused;
}

/* With the mutex held on return: everyone counted in waiting is inside pthread_cond_wait. */
static void lock_when(int *variable, int value)
{
	for (;;) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		if (*variable == value)
			return;
		CHECK_OK(pthread_mutex_unlock(&mutex));
		sched_yield();
	}
}

static void signal_wakes_one_each(void)
{
	pthread_t threads[WAITERS];
	for (int i = 0; i < WAITERS; i++)
		threads[i] = check_start(wait_for_ticket, NULL);
	lock_when(&waiting, WAITERS);
	for (int i = 0; i < WAITERS; i++) {
		tickets = 1;
		/* Alternately with and without the mutex. */
		if (i % 2)
			CHECK_OK(pthread_cond_signal(&condition));
		CHECK_OK(pthread_mutex_unlock(&mutex));
		if (i % 2 == 0)
			CHECK_OK(pthread_cond_signal(&condition));
		lock_when(&done, i + 1);
	}
	CHECK_OK(pthread_mutex_unlock(&mutex));
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
}

static void broadcast_wakes_all(void)
{
	pthread_t threads[WAITERS];
	waiting = done = 0;
	for (int i = 0; i < WAITERS; i++)
		threads[i] = check_start(wait_for_ticket, NULL);
	lock_when(&waiting, WAITERS);
	tickets = WAITERS;
	CHECK_OK(pthread_cond_broadcast(&condition));
	CHECK_OK(pthread_mutex_unlock(&mutex));
	/* Returns only when the woken ones no longer use it. */
	CHECK_OK(pthread_cond_destroy(&condition));
	memset(&condition, 0xa5, sizeof condition);
	for (int i = 0; i < WAITERS; i++)
		check_join(threads[i]);
	CHECK_EQ(done, WAITERS);
}

static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t other_condition = PTHREAD_COND_INITIALIZER;
static int flag;

static void *set_flag(void *other_mutex)
{
	CHECK_OK(pthread_mutex_lock(other_mutex));
	flag = 1;
	CHECK_OK(pthread_cond_signal(&other_condition));
	CHECK_OK(pthread_mutex_unlock(other_mutex));
	return NULL;
}

static void the_mutex_is_owned_again(pthread_mutex_t *other_mutex)
{
	flag = 0;
	CHECK_OK(pthread_mutex_lock(other_mutex));
	pthread_t thread = check_start(set_flag, other_mutex);
	while (!flag)
		CHECK_OK(pthread_cond_wait(&other_condition, other_mutex));
	CHECK_OK(pthread_mutex_unlock(other_mutex));
	CHECK_EQ(pthread_mutex_unlock(other_mutex), EPERM);
	check_join(thread);
}

int main(void)
{
	signal_wakes_one_each();
	broadcast_wakes_all();
	the_mutex_is_owned_again(&errorcheck);
	the_mutex_is_owned_again(&recursive);
	CHECK_OK(pthread_mutex_lock(&errorcheck));
	CHECK_OK(pthread_mutex_unlock(&errorcheck));
	CHECK_EQ(pthread_cond_wait(&other_condition, &errorcheck), EPERM);
	return 0;
}
