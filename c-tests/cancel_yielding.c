/* A thread that can be cancelled anywhere, and does nothing but give way, is cancelled. */
#include "check.h"

static sem_t begun;

static void *give_way(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	CHECK_OK(sem_post(&begun));
	for (;;)
		sched_yield();
	return NULL;
}

int main(void)
{
	CHECK_OK(sem_init(&begun, 0, 0));
	for (int i = 0; i < 20; i++) {
		pthread_t alone = check_start(give_way, NULL), other = check_start(give_way, NULL);
		check_await(&begun);
		check_await(&begun);
		CHECK_OK(pthread_cancel(other));
		CHECK(check_join(other) == PTHREAD_CANCELED);
		CHECK_OK(pthread_cancel(alone));
		CHECK(check_join(alone) == PTHREAD_CANCELED);
	}
	return 0;
}
