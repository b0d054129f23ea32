/* Calls on a number whose file another thread closes and replaces by one of another kind: what they have found out about
 * the old file is not held against the new one. */
#include "net.h"
#include <sys/uio.h>

enum { SECONDS = 2 };

static int number, over;

/* Numbers that are not open are nobody's. */
static void *use(void *unused)
{
	char byte;
	struct iovec one = {&byte, 1};
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		errno = 0;
		(void)!write(number, NULL, 0);
		CHECK(errno != ENOTSOCK);
		(void)!writev(number, &one, 0);
		CHECK(errno != ENOTSOCK);
		(void)!read(number, &byte, 0);
		CHECK(errno != ENOTSOCK);
	}
	return unused;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	int ends[2];
	unix_pair(ends);
	number = ends[0];
	CHECK_OK(close(ends[1]));
	pthread_t users[2];
	for (int i = 0; i < 2; i++)
		users[i] = check_start(use, NULL);
	struct timespec end = in_ms(CLOCK_MONOTONIC, SECONDS * 1000), now;
	do {
		char byte;
		int kinds[2];
		CHECK_OK(close(number));
		CHECK_OK(pipe(ends));
		CHECK_EQ(ends[0], number);
		write_exactly(ends[1], "x", 1);
		CHECK_EQ(read(number, &byte, 1), 1);
		CHECK_OK(close(ends[1]));
		CHECK_OK(close(number));
		unix_pair(kinds);
		CHECK_EQ(kinds[0], number);
		CHECK_EQ(send(kinds[1], "x", 1, 0), 1);
		CHECK_EQ(read(number, &byte, 1), 1);
		CHECK_OK(close(kinds[1]));
		CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	} while (now.tv_sec < end.tv_sec);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		check_join(users[i]);
	return 0;
}
