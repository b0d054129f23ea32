/* A handler may jump out of a wait for a thread's end: the thread can be waited for again then. */
#include "check.h"
#include <setjmp.h>

enum { ROUNDS = 20, LIMIT_MS = 30000 };

static __thread sigjmp_buf out;
static sem_t end;

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

static void *wait_for_end(void *argument)
{
	check_await(&end);
	return argument;
}

static void *signal_once(void *thread)
{
	sleep_ms(1);
	CHECK_OK(pthread_kill(*(pthread_t *)thread, SIGUSR1));
	return NULL;
}

static void *join_again(void *limited)
{
	pthread_t self = pthread_self(), thread = check_start(wait_for_end, &end);
	struct timespec late = in_ms(CLOCK_REALTIME, LIMIT_MS);
	void *result;
	for (volatile int round = 0; round < ROUNDS; round++) {
		if (sigsetjmp(out, 1) == 0) {
			CHECK_OK(pthread_detach(check_start(signal_once, &self)));
			if (limited)
				CHECK_OK(pthread_timedjoin_np(thread, &result, &late));
			else
				CHECK_OK(pthread_join(thread, &result));
			CHECK(!"the thread has ended");
		}
	}
	CHECK_OK(sem_post(&end));
	CHECK_OK(pthread_join(thread, &result));
	CHECK(result == &end);
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_handler = jump};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_init(&end, 0, 0));
	check_join(check_start(join_again, NULL));
	check_join(check_start(join_again, &end));
	join_again(NULL);
	return 0;
}
