/* Who can be cancelled anywhere can be while he waits for a stream's lock; the lock stays whose it is, and goes to the
 * next one who waits. Whoever can be cancelled at points only waits on. */
#include "check.h"
#include <stdatomic.h>

enum { TIMES = 20 };

static FILE *stream;
static atomic_int served;

static void *wait_anywhere(void *unused)
{
	int before;
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before));
	flockfile(stream);
	_exit(2);
	return unused;
}

static void *wait_at_points(void *unused)
{
	flockfile(stream);
	atomic_fetch_add(&served, 1);
	funlockfile(stream);
	return unused;
}

static void *all(void *unused)
{
	for (int i = 0; i < TIMES; i++) {
		atomic_store(&served, 0);
		flockfile(stream);
		pthread_t first = check_start(wait_anywhere, NULL);
		pthread_t second = check_start(wait_at_points, NULL);
		pthread_t third = check_start(wait_anywhere, NULL);
		pthread_t fourth = check_start(wait_at_points, NULL);
		/* with and without their having begun to wait */
		if (i % 2)
			sleep_ms(2);
		CHECK_OK(pthread_cancel(first));
		CHECK_OK(pthread_cancel(second));
		CHECK_OK(pthread_cancel(third));
		CHECK(check_join(first) == PTHREAD_CANCELED);
		CHECK(check_join(third) == PTHREAD_CANCELED);
		CHECK_EQ(atomic_load(&served), 0);
		funlockfile(stream);
		CHECK(check_join(second) == NULL);
		CHECK(check_join(fourth) == NULL);
		CHECK_EQ(atomic_load(&served), 2);
	}
	return unused;
}

int main(void)
{
	stream = tmpfile();
	CHECK(stream != NULL);
	check_here_and_in_thread(all, NULL);
	CHECK_OK(fclose(stream));
	return 0;
}
