/* A thread-per-connection TCP echo server on the loopback interface, as plain as such servers are written.
 *
 *   echo_server [--port P] [--stack BYTES]
 *
 * Prints "listening on PORT" once it accepts connections (port 0, the default, lets the kernel choose),
 * echoes until the peer closes, and exits 0 on SIGTERM. The demo and the benchmarks load it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 8192, BUFFER_SIZE = 4096, DEFAULT_STACK = 64 * 1024 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void terminate(int signal_number)
{
	(void)signal_number;
	/* Not exit(): connection threads may be anywhere, and nothing is left to flush. */
	_exit(0);
}

static int send_all(int connection, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(connection, data, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		data += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static void *serve(void *argument)
{
	int connection = (int)(intptr_t)argument;
	char buffer[BUFFER_SIZE];
	for (;;) {
		ssize_t received = recv(connection, buffer, sizeof buffer, 0);
		if (received < 0 && errno == EINTR)
			continue;
		if (received <= 0 || send_all(connection, buffer, (size_t)received) < 0)
			break;
	}
	close(connection);
	return NULL;
}

static int listen_on(uint16_t port)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		die("socket");
	int on = 1;
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		die("setsockopt");
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
		die("bind");
	if (listen(listener, BACKLOG) < 0)
		die("listen");
	socklen_t length = sizeof address;
	if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		die("getsockname");
	printf("listening on %u\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

static void accept_forever(int listener, const pthread_attr_t *attributes)
{
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (connection < 0)
			die("accept");
		int on = 1;
		setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_t thread;
		int error = pthread_create(&thread, attributes, serve, (void *)(intptr_t)connection);
		if (error != 0) {
			fprintf(stderr, "pthread_create: %s\n", strerror(error));
			close(connection);
		}
	}
}

static unsigned long number(const char *text, unsigned long maximum)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0' || value > maximum) {
		fprintf(stderr, "echo_server: not a number up to %lu: %s\n", maximum, text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'}, {"stack", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	uint16_t port = 0;
	size_t stack_size = DEFAULT_STACK;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p') {
			port = (uint16_t)number(optarg, UINT16_MAX);
		} else if (option == 's') {
			stack_size = number(optarg, SIZE_MAX);
		} else {
			fprintf(stderr, "usage: echo_server [--port P] [--stack BYTES]\n");
			return 2;
		}
	}
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_attr_setstacksize(&attributes, stack_size) != 0) {
		fprintf(stderr, "echo_server: stack too small: %zu\n", stack_size);
		return 2;
	}
	struct sigaction action = {.sa_handler = terminate};
	sigaction(SIGTERM, &action, NULL);
	accept_forever(listen_on(port), &attributes);
}
