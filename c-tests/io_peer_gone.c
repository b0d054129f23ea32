/* What a stream tells when the peer is gone: EPIPE with SIGPIPE or without, ECONNRESET, half-close, and
 * shutdown waking whoever is blocked. */
#include "net.h"

static volatile sig_atomic_t broken_pipes;

static void count_broken_pipe(int signal_number)
{
	(void)signal_number;
	broken_pipes++;
}

static char big[8 << 20];

static void broken_pipe(void (*pair)(int[2]), int is_socket)
{
	int ends[2];
	pair(ends);
	CHECK_OK(close(ends[1]));
	broken_pipes = 0;
	/* TCP needs one write to hear of it by a reset. */
	if (pair == tcp_pair) {
		CHECK_EQ(send(ends[0], "x", 1, MSG_NOSIGNAL), 1);
		while (send(ends[0], "x", 1, MSG_NOSIGNAL) == 1)
			sched_yield();
		CHECK(errno == EPIPE || errno == ECONNRESET);
	}
	CHECK_ERRNO(write(ends[0], "x", 1), EPIPE);
	CHECK_EQ(broken_pipes, 1);
	if (is_socket) {
		CHECK_ERRNO(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
		CHECK_EQ(broken_pipes, 1);
		CHECK_ERRNO(send(ends[0], "x", 1, 0), EPIPE);
		CHECK_EQ(broken_pipes, 2);
	}
	CHECK_OK(close(ends[0]));
}

static void *close_late(void *descriptor)
{
	sleep_ms(5);
	CHECK_OK(close((int)(long)descriptor));
	return NULL;
}

/* The reader goes away in the middle of a big blocking write. */
static void the_reader_goes_away(void (*pair)(int[2]))
{
	int ends[2];
	pair(ends);
	broken_pipes = 0;
	pthread_t closer = check_start(close_late, (void *)(long)ends[1]);
	ssize_t written = write(ends[0], big, sizeof big);
	CHECK(written < (ssize_t)sizeof big);
	if (written < 0)
		CHECK(errno == EPIPE || errno == ECONNRESET);
	check_join(closer);
	CHECK_OK(close(ends[0]));
}

static void reset(void)
{
	int ends[2];
	char byte;
	tcp_pair(ends);
	set_linger(ends[0], 0);
	pthread_t closer = check_start(close_late, (void *)(long)ends[0]);
	CHECK_ERRNO(recv(ends[1], &byte, 1, 0), ECONNRESET);
	check_join(closer);
	CHECK_EQ(recv(ends[1], &byte, 1, 0), 0);
	CHECK_OK(close(ends[1]));
}

static void half_close(void (*pair)(int[2]))
{
	int ends[2];
	char text[8];
	pair(ends);
	write_exactly(ends[0], "question", 8);
	CHECK_OK(shutdown(ends[0], SHUT_WR));
	CHECK_ERRNO(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	read_exactly(ends[1], text, 8);
	CHECK_EQ(read(ends[1], text, 8), 0);
	/* The other direction stays open. */
	write_exactly(ends[1], "answer!!", 8);
	read_exactly(ends[0], text, 8);
	CHECK_EQ(memcmp(text, "answer!!", 8), 0);
	close_both(ends);
}

static void *read_until_end(void *descriptor)
{
	char byte;
	CHECK_EQ(recv((int)(long)descriptor, &byte, 1, 0), 0);
	return NULL;
}

static void *write_until_error(void *descriptor)
{
	ssize_t count;
	while ((count = send((int)(long)descriptor, big, sizeof big, MSG_NOSIGNAL)) > 0)
		CHECK(count < (ssize_t)sizeof big);
	CHECK_EQ(errno, EPIPE);
	return NULL;
}

static void shutdown_wakes_the_blocked(void (*pair)(int[2]))
{
	int ends[2];
	pair(ends);
	pthread_t reader = check_start(read_until_end, (void *)(long)ends[0]);
	sleep_ms(5);
	CHECK_EQ(pthread_tryjoin_np(reader, NULL), EBUSY);
	CHECK_OK(shutdown(ends[0], SHUT_RD));
	check_join(reader);

	reader = check_start(read_until_end, (void *)(long)ends[1]);
	sleep_ms(5);
	CHECK_OK(shutdown(ends[0], SHUT_WR));
	check_join(reader);
	close_both(ends);

	pair(ends);
	pthread_t writer = check_start(write_until_error, (void *)(long)ends[0]);
	sleep_ms(5);
	CHECK_EQ(pthread_tryjoin_np(writer, NULL), EBUSY);
	CHECK_OK(shutdown(ends[0], SHUT_RDWR));
	check_join(writer);
	close_both(ends);
}

static void *accept_until_error(void *listener)
{
	CHECK_ERRNO(accept((int)(long)listener, NULL, NULL), EINVAL);
	return NULL;
}

static void shutdown_wakes_an_acceptor(void)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address, 1);
	pthread_t acceptor = check_start(accept_until_error, (void *)(long)listener);
	sleep_ms(5);
	CHECK_OK(shutdown(listener, SHUT_RDWR));
	check_join(acceptor);
	CHECK_OK(close(listener));
}

int main(void)
{
	struct sigaction action = {.sa_handler = count_broken_pipe};
	CHECK_OK(sigaction(SIGPIPE, &action, NULL));
	broken_pipe(tcp_pair, 1);
	broken_pipe(unix_pair, 1);
	broken_pipe(pipe_pair, 0);
	the_reader_goes_away(tcp_pair);
	the_reader_goes_away(unix_pair);
	the_reader_goes_away(pipe_pair);
	reset();
	half_close(tcp_pair);
	half_close(unix_pair);
	shutdown_wakes_the_blocked(tcp_pair);
	shutdown_wakes_the_blocked(unix_pair);
	shutdown_wakes_an_acceptor();
	return 0;
}
