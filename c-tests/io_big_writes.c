/* A blocking write of 4 MiB by any call returns 4 MiB while a slow reader drains it, every byte in its place,
 * on TCP, Unix sockets and pipes. */
#include "net.h"
#include <sys/uio.h>

enum { SIZE = 4 << 20, PARTS = 37 };

static unsigned char *content;

static ssize_t by_write(int descriptor)
{
	return write(descriptor, content, SIZE);
}

static ssize_t by_writev(int descriptor)
{
	/* Uneven parts, some empty, that together are the whole. */
	struct iovec parts[PARTS];
	size_t offset = 0;
	for (size_t i = 0; i < PARTS; i++) {
		size_t length = i % 5 == 0 ? 0 : i == PARTS - 1 ? SIZE - offset : i * 6151;
		parts[i] = (struct iovec){content + offset, length};
		offset += length;
	}
	CHECK_EQ(offset, SIZE);
	return writev(descriptor, parts, PARTS);
}

static ssize_t by_send(int descriptor)
{
	return send(descriptor, content, SIZE, MSG_NOSIGNAL);
}

static ssize_t by_sendto(int descriptor)
{
	return sendto(descriptor, content, SIZE, 0, NULL, 0);
}

static ssize_t by_sendmsg(int descriptor)
{
	struct iovec parts[2] = {{content, 1000001}, {content + 1000001, SIZE - 1000001}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	return sendmsg(descriptor, &message, 0);
}

static const struct way {
	ssize_t (*write)(int descriptor);
	int sockets_only;
} ways[] = {{by_write, 0}, {by_writev, 0}, {by_send, 1}, {by_sendto, 1}, {by_sendmsg, 1}};

static void *read_slowly(void *descriptor)
{
	static __thread unsigned char buffer[65536];
	size_t offset = 0;
	sleep_ms(3);
	for (int reads = 0; offset < SIZE; reads++) {
		ssize_t count = read((int)(long)descriptor, buffer, sizeof buffer);
		CHECK(count > 0);
		CHECK_EQ(memcmp(buffer, content + offset, (size_t)count), 0);
		offset += (size_t)count;
		if (reads % 16 == 0)
			usleep(300);
	}
	CHECK_EQ(offset, SIZE);
	return NULL;
}

static void check(void (*pair)(int[2]), int is_socket)
{
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		if (ways[way].sockets_only && !is_socket)
			continue;
		int ends[2];
		pair(ends);
		pthread_t reader = check_start(read_slowly, (void *)(long)ends[1]);
		CHECK_EQ(ways[way].write(ends[0]), SIZE);
		check_join(reader);
		close_both(ends);
	}
}

int main(void)
{
	content = malloc(SIZE);
	CHECK(content != NULL);
	unsigned state = 1;
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (unsigned char)((state = state * 1103515245u + 12345u) >> 16);
	check(tcp_pair, 1);
	check(unix_pair, 1);
	check(pipe_pair, 0);
	return 0;
}
