/* Many acceptors on one listening socket: every connection is accepted once, nobody starves or hangs, accept4
 * sets the flags it was asked for and no others, and the peer's address is right. */
#include "net.h"

enum { ACCEPTORS = 16, CONNECTIONS = 400 };

static int listener, accepted;

static void *accept_some(void *own)
{
	for (;;) {
		struct sockaddr_in peer = {0};
		socklen_t length = sizeof peer;
		int flags = (long)own % 2 ? SOCK_NONBLOCK | SOCK_CLOEXEC : 0;
		int connection = (long)own % 4 < 2 ? accept4(listener, (struct sockaddr *)&peer, &length, flags)
						   : accept(listener, (struct sockaddr *)&peer, &length);
		CHECK(connection >= 0);
		if ((long)own % 4 >= 2)
			flags = 0;
		CHECK_EQ(length, sizeof peer);
		CHECK_EQ(!!(fcntl(connection, F_GETFL) & O_NONBLOCK), !!(flags & SOCK_NONBLOCK));
		CHECK_EQ(fcntl(connection, F_GETFD), flags & SOCK_CLOEXEC ? FD_CLOEXEC : 0);
		if (flags & SOCK_NONBLOCK)
			CHECK_OK(fcntl(connection, F_SETFL, 0));
		unsigned short claimed_port;
		read_exactly(connection, &claimed_port, sizeof claimed_port);
		if (claimed_port != 0) {
			CHECK_EQ(claimed_port, peer.sin_port);
			__atomic_add_fetch(&accepted, 1, __ATOMIC_SEQ_CST);
			write_exactly(connection, "k", 1);
		}
		CHECK_OK(close(connection));
		if (claimed_port == 0)
			return NULL;
	}
}

static void *connect_some(void *address)
{
	for (int i = 0; i < CONNECTIONS / 4; i++) {
		int descriptor = tcp_connect(address);
		struct sockaddr_in own;
		socklen_t length = sizeof own;
		char answer;
		CHECK_OK(getsockname(descriptor, (struct sockaddr *)&own, &length));
		write_exactly(descriptor, &own.sin_port, sizeof own.sin_port);
		read_exactly(descriptor, &answer, 1);
		CHECK_OK(close(descriptor));
	}
	return NULL;
}

int main(void)
{
	struct sockaddr_in address;
	pthread_t acceptors[ACCEPTORS], connectors[4];
	listener = tcp_listener(&address, CONNECTIONS);
	for (long i = 0; i < ACCEPTORS; i++)
		acceptors[i] = check_start(accept_some, (void *)i);
	for (int i = 0; i < 4; i++)
		connectors[i] = check_start(connect_some, &address);
	for (int i = 0; i < 4; i++)
		check_join(connectors[i]);
	CHECK_EQ(accepted, CONNECTIONS / 4 * 4);
	/* a zero port tells one acceptor to leave */
	for (int i = 0; i < ACCEPTORS; i++) {
		int descriptor = tcp_connect(&address);
		write_exactly(descriptor, "\0\0", 2);
		CHECK_OK(close(descriptor));
	}
	for (int i = 0; i < ACCEPTORS; i++)
		check_join(acceptors[i]);

	CHECK_OK(fcntl(listener, F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
	CHECK_ERRNO(accept4(listener, NULL, NULL, SOCK_CLOEXEC), EAGAIN);
	CHECK_ERRNO(accept4(listener, NULL, NULL, 0x40000000), EINVAL);
	CHECK_OK(close(listener));
	CHECK_ERRNO(accept(listener, NULL, NULL), EBADF);
	int ends[2];
	pipe_pair(ends);
	CHECK_ERRNO(accept(ends[0], NULL, NULL), ENOTSOCK);
	tcp_pair(ends);
	CHECK_ERRNO(accept(ends[0], NULL, NULL), EINVAL);
	return 0;
}
