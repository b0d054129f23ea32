/* A thread-per-connection TCP echo server on the loopback interface, as plain as such servers are written.
 *
 *   echo_server [--port P] [--stack BYTES]
 *
 * Prints "listening on PORT" once it accepts connections (port 0, the default, lets the kernel choose),
 * echoes until the peer closes, and exits 0 on SIGTERM. The demo and the benchmarks load it. */
#include "server.h"
#include <getopt.h>
#include <netinet/tcp.h>

enum { BUFFER_SIZE = 4096 };

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
	int connection = (int)(intptr_t)argument, on = 1;
	setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
	accept_forever(port, stack_size, serve);
}
