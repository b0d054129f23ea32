/* What waits for the process when main, who alone accepts it, opens its mask is handled on return, and so is what
 * another thread has sent meanwhile before main closes it again: beside threads that park and go on all the time. */
#include "signal_process.h"
#include <stdatomic.h>
#include <time.h>

static atomic_int over;
static sem_t wanted, sent;

static void *come_and_go(void *unused)
{
	struct timespec shortly = {.tv_nsec = 20000};
	while (!over)
		nanosleep(&shortly, NULL);
	return unused;
}

static void *send(void *unused)
{
	for (;;) {
		CHECK_OK(sem_wait(&wanted));
		if (over)
			return unused;
		CHECK_OK(kill(getpid(), SIGTERM));
		CHECK_OK(sem_post(&sent));
	}
}

int main(void)
{
	pthread_t threads[3];
	block_in_main();
	acceptor = pthread_self();
	CHECK_OK(sem_init(&wanted, 0, 0));
	CHECK_OK(sem_init(&sent, 0, 0));
	for (int i = 0; i < 2; i++)
		threads[i] = check_start(come_and_go, NULL);
	threads[2] = check_start(send, NULL);
	for (int i = 0; i < 3000; i++) {
		int before = handled;
		if (i % 2) {
			CHECK_OK(kill(getpid(), SIGTERM));
			CHECK_EQ(handled, before);
			CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
			CHECK_EQ(handled, before + 1);
		} else {
			CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &term, NULL));
			CHECK_EQ(handled, before);
			CHECK_OK(sem_post(&wanted));
			while (sem_wait(&sent) != 0)
				CHECK_EQ(errno, EINTR);
		}
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
		CHECK_EQ(handled, before + 1);
		CHECK_EQ(handled_by_acceptor, handled);
	}
	over = 1;
	CHECK_OK(sem_post(&wanted));
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
	return 0;
}
