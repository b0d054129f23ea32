/* pthread_once: one call, for which all others wait; a routine that is cancelled does not count. */
#include "states.h"
#include <threads.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static int calls;

static void initialise_slowly(void)
{
	sleep_ms(SOON_MS);
	__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
}

static void *ask(void *unused)
{
	CHECK_OK(pthread_once(&once, initialise_slowly));
	CHECK_EQ(__atomic_load_n(&calls, __ATOMIC_SEQ_CST), 1);
	return unused;
}

static void called_once_for_all(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(ask, NULL);
	ask(NULL);
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
}

static void called_once_for_one(void)
{
	CHECK_OK(pthread_once(&once, initialise_slowly));
	CHECK_OK(pthread_once(&once, initialise_slowly));
	CHECK_EQ(calls, 1);
	call_once(&flag, initialise_slowly);
	call_once(&flag, initialise_slowly);
	CHECK_EQ(calls, 2);
}

static void hang(void)
{
	for (;;)
		sleep_ms(10);
}

static void *ask_in_vain(void *unused)
{
	pthread_once(&once, hang);
	return unused;
}

static void cancelled_call_does_not_count(void)
{
	pthread_t thread = check_start(ask_in_vain, NULL);
	sleep_ms(SOON_MS);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_OK(pthread_once(&once, initialise_slowly));
	CHECK_EQ(calls, 1);
}

CHECKS({"called_once_for_all", called_once_for_all, 0},
       {"called_once_for_one", called_once_for_one, 0},
       {"cancelled_call_does_not_count", cancelled_call_does_not_count, 0});
