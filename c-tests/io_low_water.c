/* SO_RCVLOWAT: recv, recvmsg and read wait for that many bytes, or for all that are asked for if those are fewer;
 * less comes at the end of the stream and when the time is over. Accepted sockets inherit it. */
#include "net.h"
#include <sys/time.h>

enum { LOW = 10 };

static void set_low_water(int fd, int bytes)
{
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes));
}

static void *write_in_parts(void *descriptor)
{
	int fd = (int)(long)descriptor;
	sleep_ms(20);
	write_exactly(fd, "abc", 3);
	sleep_ms(20);
	write_exactly(fd, "defghij", 7);
	return NULL;
}

static void *write_three_and_end(void *descriptor)
{
	int fd = (int)(long)descriptor;
	write_exactly(fd, "abc", 3);
	sleep_ms(20);
	CHECK_OK(shutdown(fd, SHUT_WR));
	return NULL;
}

static long by_recv(int fd, char *buffer, size_t length)
{
	return recv(fd, buffer, length, 0);
}

static long by_read(int fd, char *buffer, size_t length)
{
	return read(fd, buffer, length);
}

static long by_message(int fd, char *buffer, size_t length)
{
	struct iovec part = {buffer, length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	return recvmsg(fd, &message, 0);
}

static long by_batch(int fd, char *buffer, size_t length)
{
	struct iovec part = {buffer, length};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	CHECK_EQ(recvmmsg(fd, &message, 1, 0, NULL), 1);
	return message.msg_len;
}

static void waits_for_enough(int receiver, int sender)
{
	long (*ways[])(int, char *, size_t) = {by_recv, by_read, by_message, by_batch};
	char buffer[100];
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		pthread_t writer = check_start(write_in_parts, (void *)(long)sender);
		CHECK_EQ(ways[i](receiver, buffer, sizeof buffer), LOW);
		check_join(writer);
		write_exactly(sender, "four", 4);
		CHECK_EQ(ways[i](receiver, buffer, 4), 4);
	}
	CHECK_ERRNO(recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT), EAGAIN);
}

static void less_at_the_end(int receiver, int sender)
{
	struct timeval limit = {.tv_usec = 30000}, none = {0};
	char buffer[100];
	CHECK_OK(setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	write_exactly(sender, "abc", 3);
	long began = monotonic_ms();
	CHECK_EQ(recv(receiver, buffer, sizeof buffer, 0), 3);
	CHECK(monotonic_ms() - began >= 20);
	CHECK_ERRNO(recv(receiver, buffer, sizeof buffer, 0), EAGAIN);
	CHECK_OK(setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none));
	pthread_t writer = check_start(write_three_and_end, (void *)(long)sender);
	CHECK_EQ(recv(receiver, buffer, sizeof buffer, 0), 3);
	CHECK_EQ(recv(receiver, buffer, sizeof buffer, 0), 0);
	check_join(writer);
}

static void *cancelled(void *descriptor)
{
	char buffer[100];
	recv((int)(long)descriptor, buffer, sizeof buffer, 0);
	return NULL;
}

static void can_be_cancelled(int receiver)
{
	pthread_t thread = check_start(cancelled, (void *)(long)receiver);
	sleep_ms(10);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
}

int main(void)
{
	int ends[2];
	struct sockaddr_in address;
	unix_pair(ends);
	set_low_water(ends[0], LOW);
	waits_for_enough(ends[0], ends[1]);
	can_be_cancelled(ends[0]);
	less_at_the_end(ends[0], ends[1]);
	close_both(ends);

	int listener = tcp_listener(&address, 1);
	set_low_water(listener, LOW);
	int sender = tcp_connect(&address), receiver = accept(listener, NULL, NULL);
	CHECK(receiver >= 0);
	waits_for_enough(receiver, sender);
	can_be_cancelled(receiver);
	less_at_the_end(receiver, sender);
	/* back to what all others have */
	set_low_water(listener, 1);
	int other_sender = tcp_connect(&address), other = accept(listener, NULL, NULL);
	char buffer[100];
	write_exactly(other_sender, "abc", 3);
	CHECK_EQ(recv(other, buffer, sizeof buffer, 0), 3);
	return 0;
}
