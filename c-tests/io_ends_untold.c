/* What readiness does not tell of: the end of a datagram socket that is shut down, or of a FIFO that nobody has opened
 * for writing yet; urgent data in the middle of a receive call; calls that the kernel answers or refuses at once. */
#include "net.h"
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

enum { MOST_PARTS = 1024 };

static long by_recv(int fd)
{
	char byte;
	return recv(fd, &byte, 1, 0);
}

static long by_read(int fd)
{
	char byte;
	return read(fd, &byte, 1);
}

static long by_message(int fd)
{
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	return recvmsg(fd, &message, 0);
}

static long by_batch(int fd)
{
	char byte;
	struct iovec part = {&byte, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	CHECK_EQ(recvmmsg(fd, &message, 1, 0, NULL), 1);
	return message.msg_len;
}

static struct waiter {
	long (*receive)(int fd);
	int fd;
} waiter;

static void *receive_nothing(void *unused)
{
	CHECK_EQ(waiter.receive(waiter.fd), 0);
	return unused;
}

/* Whoever waits, and whoever comes later. */
static void shutdown_ends_waits(int make(void))
{
	long (*ways[])(int) = {by_recv, by_read, by_message, by_batch};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		for (int before = 0; before < 2; before++) {
			waiter = (struct waiter){ways[i], make()};
			if (before)
				shutdown(waiter.fd, SHUT_RD);
			pthread_t thread = check_start(receive_nothing, NULL);
			if (!before) {
				sleep_ms(3);
				shutdown(waiter.fd, SHUT_RD);
			}
			check_join(thread);
			CHECK_OK(close(waiter.fd));
		}
}

static int bound_datagrams(void)
{
	struct sockaddr_in address;
	return bound_socket(SOCK_DGRAM, &address);
}

static int local_datagrams(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	return fd;
}

static void a_fifo_without_writers_is_at_its_end(void)
{
	char name[64], byte;
	snprintf(name, sizeof name, "/tmp/io_ends_untold.%d", (int)getpid());
	CHECK_OK(mkfifo(name, 0600));
	int reader = open(name, O_RDONLY | O_NONBLOCK);
	CHECK(reader >= 0);
	CHECK_OK(fcntl(reader, F_SETFL, 0));
	CHECK_EQ(read(reader, &byte, 1), 0);
	int writer = open(name, O_WRONLY);
	CHECK_OK(unlink(name));
	CHECK_EQ(write(writer, "x", 1), 1);
	CHECK_EQ(read(reader, &byte, 1), 1);
	CHECK_OK(close(writer));
	CHECK_EQ(read(reader, &byte, 1), 0);
	CHECK_OK(close(reader));
}

static void *send_rest(void *descriptor)
{
	sleep_ms(5);
	write_exactly((int)(long)descriptor, "cde", 3);
	return NULL;
}

static void peeks_wait_for_all(void)
{
	int ends[2];
	char buffer[10];
	tcp_pair(ends);
	write_exactly(ends[1], "ab", 2);
	pthread_t thread = check_start(send_rest, (void *)(long)ends[1]);
	CHECK_EQ(recv(ends[0], buffer, 5, MSG_PEEK | MSG_WAITALL), 5);
	check_join(thread);
	CHECK_EQ(recv(ends[0], buffer, 10, MSG_PEEK), 5);
	CHECK_OK(shutdown(ends[1], SHUT_WR));
	CHECK_EQ(recv(ends[0], buffer, 10, MSG_PEEK | MSG_WAITALL), 5);
	close_both(ends);
}

static void urgent_data_ends_a_call(void)
{
	int ends[2], mark = 0;
	char buffer[10];
	tcp_pair(ends);
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)));
	CHECK_EQ(send(ends[1], "abc", 3, MSG_OOB), 3);
	CHECK_EQ(recv(ends[0], buffer, 5, MSG_WAITALL), 2);
	CHECK_OK(ioctl(ends[0], SIOCATMARK, &mark));
	CHECK_EQ(mark, 1);
	CHECK_EQ(recv(ends[0], buffer, 1, MSG_WAITALL), 1);
	CHECK_EQ(buffer[0], 'c');
	close_both(ends);
}

static void calls_for_nothing(void)
{
	static const struct iovec parts[MOST_PARTS + 1];
	int ends[2], event = eventfd(0, 0);
	char byte;
	unix_pair(ends);
	CHECK_EQ(read(ends[0], &byte, 0), 0);
	CHECK_ERRNO(readv(ends[0], parts, MOST_PARTS + 1), EINVAL);
	CHECK_EQ(readv(ends[0], parts, 0), 0);
	while (send(ends[0], "filled", 6, MSG_DONTWAIT) > 0)
		;
	CHECK_EQ(writev(ends[0], parts, 0), 0);
	CHECK_ERRNO(writev(ends[0], parts, MOST_PARTS + 1), EINVAL);
	close_both(ends);
	CHECK_ERRNO(read(event, &byte, 0), EINVAL);
	CHECK_ERRNO(write(event, &byte, 0), EINVAL);
	CHECK_ERRNO(sendmmsg(event, NULL, 0, 0), ENOTSOCK);
	CHECK_OK(close(event));
}

static void refused_transfers(void)
{
	int pair[2], timer = timerfd_create(CLOCK_MONOTONIC, 0), null = open("/dev/null", O_WRONLY);
	pipe_pair(pair);
	CHECK_ERRNO(splice(timer, NULL, pair[0], NULL, 8, 0), EINVAL);
	CHECK_ERRNO(sendfile(null, timer, NULL, 8), EINVAL);
	close_both(pair);
	CHECK_OK(close(timer));
	CHECK_OK(close(null));
}

static void *everything(void *unused)
{
	shutdown_ends_waits(bound_datagrams);
	shutdown_ends_waits(local_datagrams);
	a_fifo_without_writers_is_at_its_end();
	peeks_wait_for_all();
	urgent_data_ends_a_call();
	calls_for_nothing();
	refused_transfers();
	return unused;
}

int main(void)
{
	everything(NULL);
	check_join(check_start(everything, NULL));
	everything(NULL);
	return 0;
}
