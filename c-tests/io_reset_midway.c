/* A receiver that wants all, has got a part, and learns of the peer's reset: it gets the part, and the next call the
 * error, once. */
#include "net.h"

enum { SIZE = 8, WAYS = 3 };

static char buffer[SIZE];

static ssize_t receive_by(int way, int fd)
{
	struct iovec parts[3] = {{buffer, 2}, {buffer + 2, 3}, {buffer + 5, SIZE - 5}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = way == 1 ? 3 : 1};
	if (way == 0)
		return recv(fd, buffer, SIZE, MSG_WAITALL);
	if (message.msg_iovlen == 1)
		parts[0].iov_len = SIZE;
	return recvmsg(fd, &message, MSG_WAITALL);
}

struct peer {
	int fd, resets;
	const char *later;
};

static void *end(void *argument)
{
	struct peer *peer = argument;
	sleep_ms(10);
	if (*peer->later) {
		CHECK_EQ(send(peer->fd, peer->later, strlen(peer->later), 0), (long)strlen(peer->later));
		sleep_ms(10);
	}
	if (peer->resets)
		set_linger(peer->fd, 0);
	CHECK_OK(close(peer->fd));
	return NULL;
}

static void receive(int way, const char *first, const char *later, int resets)
{
	int ends[2];
	tcp_pair(ends);
	long whole = (long)(strlen(first) + strlen(later));
	CHECK_EQ(send(ends[1], first, strlen(first), 0), (long)strlen(first));
	struct peer peer = {ends[1], resets, later};
	pthread_t thread = check_start(end, &peer);
	CHECK_EQ(receive_by(way, ends[0]), whole);
	CHECK(strncmp(buffer, first, strlen(first)) == 0);
	CHECK(strncmp(buffer + strlen(first), later, strlen(later)) == 0);
	check_join(thread);
	if (resets && whole < SIZE)
		CHECK_ERRNO(receive_by(way, ends[0]), ECONNRESET);
	if (!resets || whole < SIZE) {
		CHECK_EQ(receive_by(way, ends[0]), 0);
		CHECK_EQ(recv(ends[0], buffer, 1, 0), 0);
	}
	CHECK_OK(close(ends[0]));
}

/* Nothing has come: the call itself has the error. */
static void receive_nothing(int way)
{
	int ends[2];
	tcp_pair(ends);
	struct peer peer = {ends[1], 1, ""};
	pthread_t thread = check_start(end, &peer);
	CHECK_ERRNO(receive_by(way, ends[0]), ECONNRESET);
	check_join(thread);
	CHECK_EQ(receive_by(way, ends[0]), 0);
	CHECK_OK(close(ends[0]));
}

/* A call whose time was up before that. */
static void in_time(int way)
{
	int ends[2];
	tcp_pair(ends);
	struct timeval limit = {.tv_usec = 20000};
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_EQ(send(ends[1], "abc", 3, 0), 3);
	CHECK_EQ(receive_by(way, ends[0]), 3);
	limit.tv_usec = 0;
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	struct peer peer = {ends[1], 1, "de"};
	pthread_t thread = check_start(end, &peer);
	CHECK_EQ(receive_by(way, ends[0]), 2);
	check_join(thread);
	CHECK_ERRNO(receive_by(way, ends[0]), ECONNRESET);
	CHECK_OK(close(ends[0]));
}

static void *all(void *unused)
{
	for (int way = 0; way < WAYS; way++) {
		receive_nothing(way);
		in_time(way);
		for (int resets = 0; resets <= 1; resets++) {
			receive(way, "abc", "", resets);
			receive(way, "a", "bcdef", resets);
			receive(way, "abc", "defgh", resets);
		}
	}
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	return 0;
}
