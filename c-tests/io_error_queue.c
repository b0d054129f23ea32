/* What a blocking socket never waits for: its error queue, and out-of-band data that nobody has announced. */
#include "net.h"
#include <netinet/ip.h>

static long receive_error(int fd)
{
	char data[64], control[256];
	struct iovec part = {data, sizeof data};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	return recvmsg(fd, &message, MSG_ERRQUEUE);
}

static void *errors(void *unused)
{
	struct sockaddr_in address, closed;
	int on = 1, ends[2], fd = bound_socket(SOCK_DGRAM, &address), gone = bound_socket(SOCK_DGRAM, &closed);
	char byte;
	CHECK_OK(close(gone));
	CHECK_ERRNO(receive_error(fd), EAGAIN);
	CHECK_ERRNO(recv(fd, &byte, 1, MSG_ERRQUEUE), EAGAIN);
	CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on));
	CHECK_ERRNO(receive_error(fd), EAGAIN);
	CHECK_EQ(sendto(fd, "lost", 4, 0, (struct sockaddr *)&closed, sizeof closed), 4);
	while (receive_error(fd) < 0)
		CHECK_EQ(errno, EAGAIN);
	CHECK_ERRNO(receive_error(fd), EAGAIN);
	CHECK_OK(close(fd));

	tcp_pair(ends);
	CHECK_ERRNO(receive_error(ends[0]), EAGAIN);
	CHECK_ERRNO(recv(ends[0], &byte, 1, MSG_OOB), EINVAL);
	CHECK_EQ(send(ends[1], "!", 1, MSG_OOB), 1);
	while (recv(ends[0], &byte, 1, MSG_OOB) < 0)
		CHECK(errno == EINVAL || errno == EAGAIN);
	CHECK_EQ(byte, '!');
	CHECK_ERRNO(recv(ends[0], &byte, 1, MSG_OOB), EINVAL);
	close_both(ends);
	return unused;
}

int main(void)
{
	check_here_and_in_thread(errors, NULL);
	errors(NULL);
	return 0;
}
