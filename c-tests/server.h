/* What the servers that are loaded from outside share: a listener on the loopback interface whose port they tell, an
 * end at SIGTERM, and a detached thread for each connection. */
#ifndef SERVER_H
#define SERVER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 8192, DEFAULT_STACK = 64 * 1024 };

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

/* Port 0 lets the kernel choose. Prints "listening on PORT". */
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

/* Has `serve`, which gets the descriptor, run for each connection, on a stack of that size. */
__attribute__((noreturn)) static void accept_forever(uint16_t port, size_t stack_size, void *(*serve)(void *))
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_attr_setstacksize(&attributes, stack_size) != 0) {
		fprintf(stderr, "stack too small: %zu\n", stack_size);
		exit(2);
	}
	struct sigaction action = {.sa_handler = terminate};
	sigaction(SIGTERM, &action, NULL);
	int listener = listen_on(port);
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (connection < 0)
			die("accept");
		pthread_t thread;
		int error = pthread_create(&thread, &attributes, serve, (void *)(intptr_t)connection);
		if (error != 0) {
			fprintf(stderr, "pthread_create: %s\n", strerror(error));
			close(connection);
		}
	}
}

#endif
