/* A thread that holds a mutex nearly all the time (lock, usleep, unlock, at once again) does not starve
 * another one for ever. */
#include "check.h"

enum { ACQUISITIONS = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int enough;

static void *hog(void *unused)
{
	while (!enough) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		usleep(100);
		CHECK_OK(pthread_mutex_unlock(&mutex));
	}
	return unused;
}

int main(int argc, char **argv)
{
	long acquisitions = size_argument(argc, argv, 1, ACQUISITIONS);
	pthread_t thread = check_start(hog, NULL);
	sleep_ms(5);
	for (long i = 0; i < acquisitions; i++) {
		CHECK_OK(pthread_mutex_lock(&mutex));
		CHECK_OK(pthread_mutex_unlock(&mutex));
		usleep(200);
	}
	enough = 1;
	check_join(thread);
	return 0;
}
