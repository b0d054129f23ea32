/* Connected and listening sockets on the loopback interface, pipes and terminals, and transfers that must be complete. */
#ifndef NET_H
#define NET_H

#include "check.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>

__attribute__((unused)) static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* An INET socket of this type, bound to a port that the kernel chose. */
__attribute__((unused)) static int bound_socket(int type, struct sockaddr_in *address)
{
	int descriptor = socket(AF_INET, type, 0);
	CHECK(descriptor >= 0);
	*address = loopback(0);
	socklen_t length = sizeof *address;
	CHECK_OK(bind(descriptor, (struct sockaddr *)address, length));
	CHECK_OK(getsockname(descriptor, (struct sockaddr *)address, &length));
	return descriptor;
}

__attribute__((unused)) static int tcp_listener(struct sockaddr_in *address, int backlog)
{
	int listener = bound_socket(SOCK_STREAM, address);
	CHECK_OK(listen(listener, backlog));
	return listener;
}

__attribute__((unused)) static int tcp_connect(const struct sockaddr_in *address)
{
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(descriptor >= 0);
	CHECK_OK(connect(descriptor, (const struct sockaddr *)address, sizeof *address));
	return descriptor;
}

__attribute__((unused)) static void tcp_pair(int ends[2])
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address, 1);
	ends[0] = tcp_connect(&address);
	ends[1] = accept(listener, NULL, NULL);
	CHECK(ends[1] >= 0);
	CHECK_OK(close(listener));
}

/* From here on a close waits so long for what was sent to arrive; with 0 it resets the connection (socket(7), SO_LINGER). */
__attribute__((unused)) static void set_linger(int descriptor, int seconds)
{
	struct linger linger = {.l_onoff = 1, .l_linger = seconds};
	CHECK_OK(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

/* One end of a connection whose peer takes nothing more, so that a close of it takes so many seconds: far more waits to be
 * sent than the peer has room for, whenever the kernel gets round to passing that on. */
__attribute__((unused)) static int lingering_end(int seconds, int *peer)
{
	static char filler[1 << 16];
	int ends[2], much = 200000, little = 4096;
	tcp_pair(ends);
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &much, sizeof much));
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVBUF, &little, sizeof little));
	set_linger(ends[0], seconds);
	while (send(ends[0], filler, sizeof filler, MSG_DONTWAIT) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	*peer = ends[1];
	return ends[0];
}

/* A connection one end of which is going to be closed, as its ports tell. */
struct lingering {
	unsigned port, peer_port;
};

__attribute__((unused)) static unsigned port_of(int descriptor)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	CHECK_OK(getsockname(descriptor, (struct sockaddr *)&address, &length));
	return ntohs(address.sin_port);
}

__attribute__((unused)) static struct lingering lingering_connection(int descriptor, int peer)
{
	return (struct lingering){.port = port_of(descriptor), .peer_port = port_of(peer)};
}

/* Waits until the close has begun, as the kernel's list of sockets tells: a look at the number itself would hold the old
 * file for a moment, and if that were its last one wait in the closer's place. */
__attribute__((unused)) static void await_close(const struct lingering *connection)
{
	enum { FIN_WAIT1 = 4 };
	char line[512];
	for (int is_closing = 0; !is_closing; sleep_ms(1)) {
		FILE *list = fopen("/proc/net/tcp", "r");
		CHECK(list != NULL);
		while (fgets(line, sizeof line, list) != NULL) {
			unsigned port, peer, state;
			if (sscanf(line, " %*d: %*x:%x %*x:%x %x", &port, &peer, &state) == 3)
				is_closing |= port == connection->port && peer == connection->peer_port && state == FIN_WAIT1;
		}
		CHECK_OK(fclose(list));
	}
}

__attribute__((unused)) static void unix_pair(int ends[2])
{
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}

/* The terminal and its other side, which pass bytes on as they are. */
__attribute__((unused)) static void terminal_pair(int ends[2])
{
	struct termios raw = {.c_cflag = CS8 | CREAD};
	CHECK_OK(openpty(&ends[1], &ends[0], NULL, &raw, NULL));
}

/* ends[0] to write, ends[1] to read, like the other pairs are used where direction matters. */
__attribute__((unused)) static void pipe_pair(int ends[2])
{
	int pipe_ends[2];
	CHECK_OK(pipe(pipe_ends));
	ends[0] = pipe_ends[1];
	ends[1] = pipe_ends[0];
}

__attribute__((unused)) static void close_both(const int ends[2])
{
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
}

__attribute__((unused)) static void read_exactly(int descriptor, void *place, size_t length)
{
	char *bytes = place;
	while (length > 0) {
		ssize_t count = read(descriptor, bytes, length);
		CHECK(count > 0);
		bytes += count;
		length -= (size_t)count;
	}
}

/* A blocking write of any size is complete unless a signal handler cuts it short. */
__attribute__((unused)) static void write_exactly(int descriptor, const void *bytes, size_t length)
{
	CHECK_EQ(write(descriptor, bytes, length), length);
}

#endif
