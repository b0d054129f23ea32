/* Every receiving call blocks until data comes and then returns what is there, on TCP, Unix sockets and pipes;
 * MSG_DONTWAIT, MSG_PEEK and MSG_WAITALL do what recv(2) says; the end of the stream is 0. */
#include "net.h"
#include <sys/mman.h>
#include <sys/uio.h>

enum { BUFFER = 64 };

static ssize_t by_read(int descriptor, char *buffer)
{
	return read(descriptor, buffer, BUFFER);
}

static ssize_t by_readv(int descriptor, char *buffer)
{
	struct iovec parts[3] = {{buffer, 3}, {buffer + 3, 0}, {buffer + 3, BUFFER - 3}};
	return readv(descriptor, parts, 3);
}

static ssize_t by_recv(int descriptor, char *buffer)
{
	return recv(descriptor, buffer, BUFFER, 0);
}

static ssize_t by_recvfrom(int descriptor, char *buffer)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	return recvfrom(descriptor, buffer, BUFFER, 0, (struct sockaddr *)&from, &length);
}

static ssize_t by_recvmsg(int descriptor, char *buffer)
{
	struct iovec parts[2] = {{buffer, 5}, {buffer + 5, BUFFER - 5}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t count = recvmsg(descriptor, &message, 0);
	CHECK_EQ(message.msg_flags, 0);
	return count;
}

static ssize_t by_recvmmsg(int descriptor, char *buffer)
{
	struct iovec part = {buffer, BUFFER};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	int count = recvmmsg(descriptor, &message, 1, 0, NULL);
	return count == 1 ? (ssize_t)message.msg_len : count;
}

static const struct way {
	ssize_t (*receive)(int descriptor, char *buffer);
	int sockets_only;
} ways[] = {{by_read, 0}, {by_readv, 0}, {by_recv, 1}, {by_recvfrom, 1}, {by_recvmsg, 1}, {by_recvmmsg, 1}};

static const char text[] = "some bytes that come late";

static void *write_late(void *descriptor)
{
	sleep_ms(3);
	write_exactly((int)(long)descriptor, text, sizeof text);
	return NULL;
}

static void *close_late(void *descriptor)
{
	sleep_ms(3);
	CHECK_OK(close((int)(long)descriptor));
	return NULL;
}

static void *write_pieces_late(void *descriptor)
{
	for (size_t i = 0; i < sizeof text; i++) {
		usleep(200);
		write_exactly((int)(long)descriptor, &text[i], 1);
	}
	return NULL;
}

static void each_call_blocks_until_data_then_end(void (*pair)(int[2]), int is_socket)
{
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		if (ways[way].sockets_only && !is_socket)
			continue;
		int ends[2];
		char buffer[BUFFER] = "";
		pair(ends);
		pthread_t writer = check_start(write_late, (void *)(long)ends[0]);
		CHECK_EQ(ways[way].receive(ends[1], buffer), sizeof text);
		CHECK_EQ(memcmp(buffer, text, sizeof text), 0);
		check_join(writer);
		/* what is there already is returned at once */
		write_exactly(ends[0], text, 10);
		CHECK_EQ(ways[way].receive(ends[1], buffer), 10);
		pthread_t closer = check_start(close_late, (void *)(long)ends[0]);
		if (ways[way].receive != by_recvmmsg)
			CHECK_EQ(ways[way].receive(ends[1], buffer), 0);
		check_join(closer);
		CHECK_EQ(ways[way].receive(ends[1], buffer), 0);
		CHECK_OK(close(ends[1]));
	}
}

static void flags(void (*pair)(int[2]))
{
	int ends[2];
	char buffer[BUFFER] = "";
	pair(ends);
	CHECK_ERRNO(recv(ends[1], buffer, BUFFER, MSG_DONTWAIT), EAGAIN);
	struct iovec part = {buffer, BUFFER};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	CHECK_ERRNO(recvmsg(ends[1], &message, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(recvfrom(ends[1], buffer, BUFFER, MSG_DONTWAIT, NULL, NULL), EAGAIN);

	pthread_t writer = check_start(write_late, (void *)(long)ends[0]);
	CHECK_EQ(recv(ends[1], buffer, 4, MSG_PEEK), 4);
	CHECK_EQ(recv(ends[1], buffer, BUFFER, MSG_PEEK | MSG_DONTWAIT), sizeof text);
	check_join(writer);
	CHECK_EQ(recv(ends[1], buffer, BUFFER, 0), sizeof text);
	CHECK_EQ(memcmp(buffer, text, sizeof text), 0);

	writer = check_start(write_pieces_late, (void *)(long)ends[0]);
	memset(buffer, 0, sizeof buffer);
	CHECK_EQ(recv(ends[1], buffer, sizeof text, MSG_WAITALL), sizeof text);
	CHECK_EQ(memcmp(buffer, text, sizeof text), 0);
	check_join(writer);

	/* MSG_WAITALL returns less at the end of the stream. */
	write_exactly(ends[0], text, 10);
	pthread_t closer = check_start(close_late, (void *)(long)ends[0]);
	CHECK_EQ(recv(ends[1], buffer, BUFFER, MSG_WAITALL), 10);
	check_join(closer);
	CHECK_OK(close(ends[1]));
}

int main(void)
{
	each_call_blocks_until_data_then_end(tcp_pair, 1);
	each_call_blocks_until_data_then_end(unix_pair, 1);
	each_call_blocks_until_data_then_end(pipe_pair, 0);
	flags(tcp_pair);
	flags(unix_pair);
	char byte;
	CHECK_ERRNO(read(-1, &byte, 1), EBADF);
	CHECK_ERRNO(recv(1 << 20, &byte, 1, 0), EBADF);
	int ends[2];
	pipe_pair(ends);
	CHECK_ERRNO(recv(ends[1], &byte, 1, 0), ENOTSOCK);
	CHECK_ERRNO(read(ends[0], &byte, 1), EBADF);
	CHECK_EQ(read(ends[1], &byte, 0), 0);
	CHECK_ERRNO(recv(tcp_listener(&(struct sockaddr_in){0}, 1), &byte, 1, 0), ENOTCONN);
	unix_pair(ends);
	write_exactly(ends[0], "x", 1);
	char *unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_ERRNO(read(ends[1], unmapped, 1), EFAULT);
	return 0;
}
