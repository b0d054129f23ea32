/* The ceiling: an echo server written by hand around epoll, as fast as the
 * socket calls allow. One thread by default; `--threads T` gives each thread a
 * listener of its own with SO_REUSEPORT. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENT_BATCH = 512, BACKLOG = 4096 };

/* What the client does not take yet. While there is any, nothing is read. */
struct client {
	int fd;
	size_t pending_from, pending_to;
	char *pending;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_on(int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((unsigned short)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail("bind");
	if (listen(fd, BACKLOG) < 0)
		fail("listen");
	return fd;
}

static int port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	getsockname(fd, (struct sockaddr *)&address, &length);
	return ntohs(address.sin_port);
}

static void hang_up(struct client *client)
{
	close(client->fd);
	free(client->pending);
	free(client);
}

/* 1: all of it is gone; 0: the rest waits for EPOLLOUT; -1: hung up. */
static int flush_pending(struct client *client)
{
	while (client->pending_from < client->pending_to) {
		ssize_t n = send(client->fd, client->pending + client->pending_from,
				 client->pending_to - client->pending_from, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0) {
			hang_up(client);
			return -1;
		}
		client->pending_from += (size_t)n;
	}
	return 1;
}

static int send_or_keep(struct client *client, const char *data, size_t length)
{
	ssize_t n = send(client->fd, data, length, MSG_NOSIGNAL);
	if (n == (ssize_t)length)
		return 1;
	if (n < 0 && errno != EAGAIN) {
		hang_up(client);
		return -1;
	}
	size_t sent = n < 0 ? 0 : (size_t)n;
	if (!client->pending && !(client->pending = malloc(BUFFER)))
		fail("malloc");
	memcpy(client->pending, data + sent, length - sent);
	client->pending_from = 0;
	client->pending_to = length - sent;
	return flush_pending(client);
}

static void echo(struct client *client, uint32_t events, char *buffer)
{
	if (flush_pending(client) != 1)
		return;
	for (;;) {
		ssize_t n = recv(client->fd, buffer, BUFFER, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			hang_up(client);
			return;
		}
		if (send_or_keep(client, buffer, (size_t)n) != 1)
			return;
		/* A short read has drained the socket: more data is a new edge. The
		 * end of the stream is not, if this very event announced it. */
		if (n < BUFFER && !(events & EPOLLRDHUP))
			return;
	}
}

static void accept_all(int epoll_fd, int listener)
{
	int on = 1;
	for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		struct client *client = calloc(1, sizeof *client);
		if (!client)
			fail("calloc");
		client->fd = fd;
		struct epoll_event event = {
		    .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		    .data.ptr = client,
		};
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
			fail("epoll_ctl");
	}
}

static void *serve(void *listener_fd)
{
	int listener = (int)(long)listener_fd;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	char *buffer = malloc(BUFFER);
	struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
	if (epoll_fd < 0 || !buffer || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &listening) < 0)
		fail("epoll");
	struct epoll_event events[EVENT_BATCH];
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENT_BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				echo(events[i].data.ptr, events[i].events, buffer);
			else
				accept_all(epoll_fd, listener);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int port = 0, threads = 1;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && strcmp(argv[i], "--port") == 0)
			port = atoi(argv[i + 1]);
		else if (i + 1 < argc && strcmp(argv[i], "--threads") == 0)
			threads = atoi(argv[i + 1]);
		else {
			fprintf(stderr, "usage: epoll_server [--port P] [--threads T]\n");
			return 2;
		}
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	int listener = listen_on(port);
	port = port_of(listener);
	for (int i = 1; i < threads; i++) {
		pthread_t thread;
		int error = pthread_create(&thread, NULL, serve, (void *)(long)listen_on(port));
		if (error) {
			fprintf(stderr, "pthread_create: %s\n", strerror(error));
			return 1;
		}
	}
	printf("listening on %d\n", port);
	fflush(stdout);
	serve((void *)(long)listener);
}
