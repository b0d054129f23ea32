/* Status flags that a thread sets while another one connects the same socket stay set. */
#include "net.h"

enum { ROUNDS = 1500 };

static struct sockaddr_in address;

struct attempt {
	pthread_barrier_t start;
	int fd;
};

static void *connect_it(void *argument)
{
	struct attempt *attempt = argument;
	pthread_barrier_wait(&attempt->start);
	int result = connect(attempt->fd, (struct sockaddr *)&address, sizeof address);
	CHECK(result == 0 || errno == EINPROGRESS);
	return NULL;
}

static void spin(unsigned rounds)
{
	for (volatile unsigned i = 0; i < rounds; i++)
		;
}

int main(void)
{
	struct attempt attempt;
	int listener = tcp_listener(&address, 10);
	CHECK_OK(pthread_barrier_init(&attempt.start, NULL, 2));
	for (int i = 0; i < ROUNDS; i++) {
		int flags = O_RDWR | (i % 2 ? O_NONBLOCK : 0) | (i % 3 ? O_APPEND : 0);
		attempt.fd = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(attempt.fd >= 0);
		pthread_t thread = check_start(connect_it, &attempt);
		pthread_barrier_wait(&attempt.start);
		spin((unsigned)i * 37 % 8000);
		CHECK_OK(fcntl(attempt.fd, F_SETFL, flags));
		CHECK_EQ(fcntl(attempt.fd, F_GETFL), flags);
		int accepted = accept(listener, NULL, NULL);
		CHECK(accepted >= 0);
		check_join(thread);
		CHECK_EQ(fcntl(attempt.fd, F_GETFL), flags);
		CHECK_OK(close(accepted));
		CHECK_OK(close(attempt.fd));
	}
	return 0;
}
