/* The main thread can be cancelled like any other, also by itself, before there was a second thread. The process
 * goes on until its last thread ends, and exits with 0. */
#include "check.h"

static pthread_t main_thread;
static int cleaned;

static void clean(void *unused)
{
	(void)unused;
	cleaned = 1;
}

static void *return_argument(void *argument)
{
	return argument;
}

static void *end_after_main(void *unused)
{
	CHECK(check_join(main_thread) == PTHREAD_CANCELED);
	CHECK_EQ(cleaned, 1);
	return unused;
}

static void *cancel_main(void *unused)
{
	sleep_ms(5);
	CHECK_OK(pthread_cancel(main_thread));
	return end_after_main(unused);
}

static void be_cancelled(int by_itself)
{
	main_thread = pthread_self();
	pthread_cleanup_push(clean, NULL);
	if (by_itself) {
		CHECK_OK(pthread_cancel(main_thread));
		/* pthread_create is no cancellation point, pthread_join is one */
		check_start(end_after_main, NULL);
	} else {
		check_join(check_start(return_argument, NULL));
		check_start(cancel_main, NULL);
	}
	sleep(1000);
	pthread_cleanup_pop(0);
	_exit(1);
}

int main(void)
{
	for (int by_itself = 0; by_itself < 2; by_itself++) {
		pid_t child = check_fork();
		if (child == 0)
			be_cancelled(by_itself);
		check_child_succeeds(child);
	}
	return 0;
}
