/* Not a program: a library whose constructor waits for a thread that calls this and that. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void *call(void *unused)
{
	int pair[2];
	char byte = 0;
	CHECK_OK(pipe(pair));
	CHECK_EQ(write(pair[1], &byte, 1), 1);
	CHECK_EQ(read(pair[0], &byte, 1), 1);
	CHECK_OK(close(pair[0]));
	CHECK_OK(close(pair[1]));
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK_EQ(send(pair[1], &byte, 1, 0), 1);
	CHECK_EQ(recv(pair[0], &byte, 1, 0), 1);
	CHECK_OK(poll(NULL, 0, 1));
	CHECK_OK(usleep(1000));
	CHECK(eventfd(0, 0) >= 0);
	CHECK(timerfd_create(CLOCK_MONOTONIC, 0) >= 0);
	CHECK(epoll_create1(0) >= 0);
	CHECK(socket(AF_INET, SOCK_DGRAM, 0) >= 0);
	int one = 1;
	CHECK_OK(setsockopt(pair[0], SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one));
	CHECK_OK(fflush(stdout));
	return unused;
}

__attribute__((constructor)) static void wait_for_it(void)
{
	check_join(check_start(call, NULL));
}
