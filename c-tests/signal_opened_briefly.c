/* What waits for the process when main, who alone accepts it, opens its mask is handled on return, and so is what
 * another thread has sent meanwhile before main closes it again: beside threads that park and go on all the time. */
#include "signal_beside_others.h"

int main(void)
{
	start_others();
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
			await_sent();
		}
		CHECK_OK(pthread_sigmask(SIG_BLOCK, &term, NULL));
		CHECK_EQ(handled, before + 1);
		CHECK_EQ(handled_by_acceptor, handled);
	}
	end_others();
	return 0;
}
