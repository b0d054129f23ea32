/* A server as textbooks have it: a thread for each connection, and stdio on both of its directions. Echoes lines.
 *
 *   line_server
 *
 * Prints "listening on PORT" once it accepts connections, and exits 0 on SIGTERM. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 8192, LINE_SIZE = 4096, STACK = 64 * 1024 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void terminate(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

static void *serve(void *argument)
{
	int connection = (int)(intptr_t)argument, again = dup(connection);
	FILE *in = fdopen(connection, "r"), *out = again < 0 ? NULL : fdopen(again, "w");
	if (!in || !out)
		die("fdopen");
	char line[LINE_SIZE];
	while (fgets(line, sizeof line, in))
		if (fprintf(out, "%s", line) < 0 || fflush(out) == EOF)
			break;
	fclose(in);
	fclose(out);
	return NULL;
}

int main(void)
{
	signal(SIGTERM, terminate);
	signal(SIGPIPE, SIG_IGN);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof address;
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, BACKLOG) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0)
		die("socket");
	printf("listening on %u\n", ntohs(address.sin_port));
	fflush(stdout);

	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		if (connection < 0)
			die("accept");
		pthread_t thread;
		if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)connection) != 0)
			close(connection);
	}
}
