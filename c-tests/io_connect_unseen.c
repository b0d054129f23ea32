/* Connections by sockets that libgreen has not seen made, as those inside libc are, at numbers that others have just
 * closed: the close is about the old file. */
#include "net.h"
#include "unseen.h"

enum { CONNECTORS = 4, CLOSERS = 2, TIMES = 200 };

static struct sockaddr_in address;
static volatile int stop;

static void *serve(void *listener)
{
	for (int i = 0; i < CONNECTORS * TIMES; i++) {
		int descriptor = accept((int)(long)listener, NULL, NULL);
		CHECK(descriptor >= 0);
		CHECK_OK(close(descriptor));
	}
	return NULL;
}

static void *make_and_close(void *unused)
{
	while (!stop) {
		int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK(descriptor >= 0);
		CHECK_OK(close(descriptor));
		sched_yield();
	}
	return unused;
}

static void *connect_all(void *unused)
{
	for (int i = 0; i < TIMES; i++) {
		int descriptor = (int)unseen(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);
		CHECK(descriptor >= 0);
		CHECK_OK(connect(descriptor, (struct sockaddr *)&address, sizeof address));
		CHECK_EQ(unseen(SYS_close, descriptor, 0, 0, 0), 0);
	}
	return unused;
}

int main(void)
{
	pthread_t connectors[CONNECTORS], closers[CLOSERS];
	long listener = tcp_listener(&address, 128);
	pthread_t server = check_start(serve, (void *)listener);
	for (int i = 0; i < CLOSERS; i++)
		closers[i] = check_start(make_and_close, NULL);
	for (int i = 0; i < CONNECTORS; i++)
		connectors[i] = check_start(connect_all, NULL);
	for (int i = 0; i < CONNECTORS; i++)
		check_join(connectors[i]);
	stop = 1;
	for (int i = 0; i < CLOSERS; i++)
		check_join(closers[i]);
	check_join(server);
	return 0;
}
