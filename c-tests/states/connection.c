/* accept and connect: waiting for the other side, refusal, time-outs. */
#include "states.h"

static struct sockaddr_in address;

static void connect_once(long unused)
{
	(void)unused;
	write_byte(tcp_connect(&address));
}

static void accept_waits_for_process(void)
{
	char byte;
	int listener = tcp_listener(&address, 1);
	pid_t child = child_soon(connect_once, 0);
	int connection = accept(listener, NULL, NULL);
	CHECK(connection >= 0);
	CHECK_EQ(recv(connection, &byte, 1, 0), 1);
	check_child_succeeds(child);
	CHECK_OK(close(connection));
	CHECK_OK(close(listener));
}

static void accept_expires(void)
{
	int listener = tcp_listener(&address, 1);
	struct timeval limit = {.tv_usec = EXPIRES_MS * 1000};
	CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	long start = monotonic_ms();
	CHECK_ERRNO(accept4(listener, NULL, NULL, SOCK_CLOEXEC), EAGAIN);
	check_waited(start, EXPIRES_MS - 10);
	CHECK_OK(fcntl(listener, F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
	CHECK_OK(close(listener));
}

static void connect_is_refused(void)
{
	int unheard = bound_socket(SOCK_STREAM, &address);
	int descriptor = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(descriptor, (struct sockaddr *)&address, sizeof address), ECONNREFUSED);
	CHECK_EQ(fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
	CHECK_OK(close(descriptor));
	CHECK_OK(close(unheard));
}

static void *accept_one(void *listener)
{
	int connection = accept((int)(long)listener, NULL, NULL);
	CHECK(connection >= 0);
	write_byte(connection);
	CHECK_OK(close(connection));
	return NULL;
}

static void connect_reaches_a_thread(void)
{
	char byte;
	int listener = tcp_listener(&address, 1);
	pthread_t thread = check_start(accept_one, (void *)(long)listener);
	int descriptor = tcp_connect(&address);
	CHECK_EQ(read(descriptor, &byte, 1), 1);
	check_join(thread);
	CHECK_OK(close(descriptor));
	CHECK_OK(close(listener));
}

CHECKS({"accept_waits_for_process", accept_waits_for_process, SIGNAL_SAFE | FORKS},
       {"accept_expires", accept_expires, SIGNAL_SAFE},
       {"connect_is_refused", connect_is_refused, SIGNAL_SAFE},
       {"connect_reaches_a_thread", connect_reaches_a_thread, 0});
