/* readv and writev of buffers without any room transfer nothing, at once, whatever the file; on a socket for messages
 * that is no message. */
#include "net.h"
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static char place[1];
static const struct iovec none[3] = {{place, 0}, {NULL, 0}, {place, 0}};

static void transfers_nothing(int reader, int writer)
{
	for (int count = 0; count <= 3; count++) {
		CHECK_EQ(readv(reader, none, count), 0);
		CHECK_EQ(writev(writer, none, count), 0);
	}
}

static void sockets(int type)
{
	char buffer[8];
	int ends[2];
	CHECK_OK(socketpair(AF_UNIX, type, 0, ends));
	transfers_nothing(ends[0], ends[1]);
	CHECK_ERRNO(recv(ends[0], buffer, sizeof buffer, MSG_DONTWAIT), EAGAIN);
	write_exactly(ends[1], "abc", 3);
	transfers_nothing(ends[0], ends[1]);
	CHECK_EQ(recv(ends[0], buffer, sizeof buffer, MSG_DONTWAIT), 3);
	close_both(ends);
}

static void *all(void *unused)
{
	int ends[2];
	sockets(SOCK_STREAM);
	sockets(SOCK_DGRAM);
	sockets(SOCK_SEQPACKET);
	tcp_pair(ends);
	transfers_nothing(ends[0], ends[1]);
	close_both(ends);
	CHECK_OK(pipe(ends));
	transfers_nothing(ends[0], ends[1]);
	close_both(ends);
	CHECK_OK(openpty(&ends[0], &ends[1], NULL, NULL, NULL));
	transfers_nothing(ends[0], ends[1]);
	transfers_nothing(ends[1], ends[0]);
	close_both(ends);
	int event = eventfd(0, 0);
	transfers_nothing(event, event);
	CHECK_OK(close(event));
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
