/* A number gets other files while threads connect by it: their O_NONBLOCK stays as it is. */
#include "net.h"

enum { SECONDS = 2 };

static int number, over;

static void *connect_all(void *unused)
{
	struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/dev/null/nobody"};
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		(void)!connect(number, (struct sockaddr *)&nobody, sizeof nobody);
	return unused;
}

static int is_nonblocking(int descriptor)
{
	int flags = fcntl(descriptor, F_GETFL);
	CHECK(flags >= 0);
	return (flags & O_NONBLOCK) != 0;
}

int main(void)
{
	int waiting = socket(AF_UNIX, SOCK_STREAM, 0), nonblocking = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	number = dup(waiting);
	CHECK(number >= 0);
	pthread_t users[2];
	for (int i = 0; i < 2; i++)
		users[i] = check_start(connect_all, NULL);
	struct timespec end = in_ms(CLOCK_MONOTONIC, SECONDS * 1000), now;
	do {
		CHECK_EQ(dup2(nonblocking, number), number);
		CHECK(!is_nonblocking(waiting));
		sched_yield();
		CHECK(is_nonblocking(nonblocking));
		CHECK_EQ(dup2(waiting, number), number);
		CHECK(is_nonblocking(nonblocking));
		sched_yield();
		CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	} while (now.tv_sec < end.tv_sec);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		check_join(users[i]);
	CHECK(!is_nonblocking(waiting));
	CHECK(is_nonblocking(nonblocking));
	return 0;
}
