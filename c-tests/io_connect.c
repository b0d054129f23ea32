/* connect: success, refusal, a full backlog that makes it wait, and the errors of a second try. */
#include "net.h"
#include <poll.h>

static void *connect_to(void *address)
{
	int descriptor = tcp_connect(address);
	write_exactly(descriptor, "hello", 5);
	return (void *)(long)descriptor;
}

static void refusal(void)
{
	struct sockaddr_in address;
	CHECK_OK(close(bound_socket(SOCK_STREAM, &address)));
	for (int i = 0; i < 20; i++) {
		int descriptor = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_ERRNO(connect(descriptor, (struct sockaddr *)&address, sizeof address), ECONNREFUSED);
		/* The error was reported, so it is not pending. */
		int error = -1;
		socklen_t length = sizeof error;
		CHECK_OK(getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length));
		CHECK_EQ(error, 0);
		CHECK_OK(close(descriptor));
	}
}

static void second_tries(void)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address, 5);
	int descriptor = tcp_connect(&address);
	CHECK_ERRNO(connect(descriptor, (struct sockaddr *)&address, sizeof address), EISCONN);
	CHECK_ERRNO(connect(listener, (struct sockaddr *)&address, sizeof address), EISCONN);
	CHECK_ERRNO(connect(-1, (struct sockaddr *)&address, sizeof address), EBADF);
	CHECK_OK(close(descriptor));
	CHECK_OK(close(listener));
	struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/no/such/socket"};
	descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(descriptor, (struct sockaddr *)&nowhere, sizeof nowhere), ENOENT);
	CHECK_OK(close(descriptor));
}

static void many_at_once(void)
{
	enum { CLIENTS = 200 };
	struct sockaddr_in address;
	pthread_t clients[CLIENTS];
	int listener = tcp_listener(&address, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = check_start(connect_to, &address);
	for (int i = 0; i < CLIENTS; i++) {
		char text[5];
		int connection = accept(listener, NULL, NULL);
		CHECK(connection >= 0);
		read_exactly(connection, text, 5);
		CHECK_OK(close(connection));
	}
	for (int i = 0; i < CLIENTS; i++)
		CHECK_OK(close((int)(long)check_join(clients[i])));
	CHECK_OK(close(listener));
}

static struct sockaddr_un unix_address;

static void *connect_unix(void *unused)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_OK(connect(descriptor, (struct sockaddr *)&unix_address, sizeof unix_address));
	CHECK_OK(close(descriptor));
	return unused;
}

/* A Unix connect to a full backlog waits for room, and the descriptor shows no O_NONBLOCK meanwhile. */
static void a_full_unix_backlog_waits(void)
{
	unix_address.sun_family = AF_UNIX;
	snprintf(unix_address.sun_path + 1, sizeof unix_address.sun_path - 1, "libgreen-test-%d", (int)getpid());
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_OK(bind(listener, (struct sockaddr *)&unix_address, sizeof unix_address));
	CHECK_OK(listen(listener, 0));
	check_join(check_start(connect_unix, NULL));
	pthread_t waiting[3];
	for (int i = 0; i < 3; i++)
		waiting[i] = check_start(connect_unix, NULL);
	sleep_ms(20);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_tryjoin_np(waiting[i], NULL), EBUSY);
	/* A program that asked for O_NONBLOCK gets EAGAIN instead. */
	int impatient = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERRNO(connect(impatient, (struct sockaddr *)&unix_address, sizeof unix_address), EAGAIN);
	CHECK_OK(close(impatient));
	for (int i = 0; i < 4; i++)
		CHECK_OK(close(accept(listener, NULL, NULL)));
	for (int i = 0; i < 3; i++)
		check_join(waiting[i]);
	CHECK_OK(close(listener));
}

static void non_blocking(void)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address, 5), error = -1;
	socklen_t length = sizeof error;
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERRNO(connect(descriptor, (struct sockaddr *)&address, sizeof address), EINPROGRESS);
	struct pollfd writable = {.fd = descriptor, .events = POLLOUT};
	CHECK_EQ(poll(&writable, 1, 5000), 1);
	CHECK_OK(getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length));
	CHECK_EQ(error, 0);
	CHECK_OK(close(descriptor));
	CHECK_OK(close(listener));

	descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_EQ(connect(descriptor, (struct sockaddr *)&address, sizeof address), -1);
	if (errno == EINPROGRESS) {
		writable.fd = descriptor;
		CHECK_EQ(poll(&writable, 1, 5000), 1);
		CHECK(writable.revents & POLLERR);
		CHECK_OK(getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length));
		CHECK_EQ(error, ECONNREFUSED);
	} else {
		CHECK_EQ(errno, ECONNREFUSED);
	}
	CHECK_OK(close(descriptor));
}

/* A send call can begin with the connection: it waits for that, and then sends all. Where this machine does not have
 * it for clients (net.ipv4.tcp_fastopen) it is refused. */
static void *connect_by_sending(void *by_message)
{
	enum { SIZE = 1 << 20 };
	struct sockaddr_in address;
	char *bytes = calloc(1, SIZE);
	int listener = tcp_listener(&address, 5), sender = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bytes != NULL && listener >= 0 && sender >= 0);
	pid_t reader = check_fork();
	if (reader == 0) {
		CHECK_OK(close(sender));
		int connection = accept(listener, NULL, NULL);
		size_t total = 0;
		for (ssize_t got; (got = read(connection, bytes, SIZE)) > 0;)
			total += (size_t)got;
		_exit(total != SIZE);
	}
	struct iovec whole = {bytes, SIZE};
	struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &whole, .msg_iovlen = 1};
	ssize_t sent = by_message ? sendmsg(sender, &message, MSG_FASTOPEN)
				  : sendto(sender, bytes, SIZE, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address);
	if (sent < 0) {
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK_OK(kill(reader, SIGKILL));
		CHECK_EQ(waitpid(reader, NULL, 0), reader);
	} else {
		CHECK_EQ(sent, SIZE);
		CHECK_ERRNO(connect(sender, (struct sockaddr *)&address, sizeof address), EISCONN);
	}
	CHECK_OK(close(sender));
	if (sent > 0)
		check_child_succeeds(reader);
	CHECK_OK(close(listener));
	sender = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_EQ(sendto(sender, bytes, 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address), -1);
	CHECK(errno == ECONNREFUSED || errno == EOPNOTSUPP);
	CHECK_OK(close(sender));
	free(bytes);
	return NULL;
}

int main(void)
{
	refusal();
	second_tries();
	many_at_once();
	a_full_unix_backlog_waits();
	non_blocking();
	for (long by_message = 0; by_message < 2; by_message++) {
		check_here_and_in_thread(connect_by_sending, (void *)by_message);
	}
	return 0;
}
