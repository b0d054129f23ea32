/* A request for cancellation that comes just when its thread leaves the CPU, or ends, is nothing to those who run
 * there next: they sleep, wait and time out as ever. */
#include "check.h"
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { BYSTANDERS = 3, ROUNDS = 1000 };

static atomic_int over;
static sem_t nobody_posts;

/* One who was taken for the cancelled one never comes out of such a call, or ends here as soon as he can be cancelled
 * anywhere. */
static void *sleep_and_wait(void *unused)
{
	while (!over) {
		struct timespec moment = {.tv_nsec = 20000};
		CHECK_OK(nanosleep(&moment, NULL));
		struct timespec deadline = in_ms(CLOCK_REALTIME, 0);
		CHECK_ERRNO(sem_timedwait(&nobody_posts, &deadline), ETIMEDOUT);
		sched_yield();
	}
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	return unused;
}

/* Can be cancelled anywhere, computes, and leaves the CPU again and again. */
static void *come_and_go(void *unused)
{
	(void)unused;
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
	for (;;) {
		for (volatile int i = 0; i < 2000; i++)
			;
		sched_yield();
	}
	return NULL;
}

/* Waits in the kernel at a cancellation point, and comes back from it. */
static void *wait_for_signals(void *unused)
{
	(void)unused;
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR2));
	for (;;) {
		struct timespec moment = {.tv_nsec = 20000};
		CHECK_ERRNO(sigtimedwait(&set, NULL, &moment), EAGAIN);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long rounds = size_argument(argc, argv, 1, ROUNDS);
	sigset_t usr2;
	CHECK_OK(sigemptyset(&usr2));
	CHECK_OK(sigaddset(&usr2, SIGUSR2));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr2, NULL));
	CHECK_OK(sem_init(&nobody_posts, 0, 0));
	pthread_t bystanders[BYSTANDERS];
	for (int i = 0; i < BYSTANDERS; i++)
		bystanders[i] = check_start(sleep_and_wait, NULL);
	for (long round = 0; round < rounds; round++) {
		pthread_t thread = check_start(round % 2 ? come_and_go : wait_for_signals, NULL);
		struct timespec moment = {.tv_nsec = round % 50 * 1000};
		CHECK_OK(nanosleep(&moment, NULL));
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
	}
	over = 1;
	for (int i = 0; i < BYSTANDERS; i++)
		CHECK(check_join(bystanders[i]) == NULL);
	return 0;
}
