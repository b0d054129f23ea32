/* pthread_once runs its routine once, and every caller returns only after it has finished, though it sleeps. */
#include "check.h"

enum { THREADS = 30, CONTROLS = 5 };

static pthread_once_t controls[CONTROLS] = {PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT,
					    PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT};
static int started[CONTROLS], finished[CONTROLS], current;

static void initialise(void)
{
	CHECK_EQ(__atomic_add_fetch(&started[current], 1, __ATOMIC_SEQ_CST), 1);
	sleep_ms(10);
	__atomic_add_fetch(&finished[current], 1, __ATOMIC_SEQ_CST);
}

static void *call(void *unused)
{
	CHECK_OK(pthread_once(&controls[current], initialise));
	CHECK_EQ(__atomic_load_n(&finished[current], __ATOMIC_SEQ_CST), 1);
	return unused;
}

static void never_called(void)
{
	CHECK(!"the routine ran twice");
}

int main(void)
{
	for (current = 0; current < CONTROLS; current++) {
		pthread_t threads[THREADS];
		for (int i = 0; i < THREADS; i++)
			threads[i] = check_start(call, NULL);
		for (int i = 0; i < THREADS; i++)
			check_join(threads[i]);
		CHECK_EQ(started[current], 1);
		CHECK_OK(pthread_once(&controls[current], never_called));
	}
	return 0;
}
