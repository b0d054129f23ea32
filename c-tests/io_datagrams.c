/* Datagrams, over UDP and Unix sockets: whole messages in order, the sender's address, truncation, a full
 * Unix queue that makes the sender wait, batches, and descriptors that travel as messages. */
#include "net.h"

static void *send_late(void *descriptor)
{
	sleep_ms(5);
	CHECK_EQ(send((int)(long)descriptor, "first", 5, 0), 5);
	CHECK_EQ(send((int)(long)descriptor, "", 0, 0), 0);
	CHECK_EQ(send((int)(long)descriptor, "a longer one", 12, 0), 12);
	return NULL;
}

static void messages_keep_their_bounds(int receiver, int sender)
{
	char buffer[64];
	pthread_t thread = check_start(send_late, (void *)(long)sender);
	CHECK_EQ(recv(receiver, buffer, sizeof buffer, 0), 5);
	CHECK_EQ(recvfrom(receiver, buffer, sizeof buffer, 0, NULL, NULL), 0);
	/* cut off, the rest is lost; MSG_TRUNC tells the true length */
	CHECK_EQ(recv(receiver, buffer, 4, MSG_PEEK | MSG_TRUNC), 12);
	CHECK_EQ(read(receiver, buffer, 4), 4);
	CHECK_ERRNO(recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT), EAGAIN);
	check_join(thread);
}

static void udp(void)
{
	struct sockaddr_in receiver_address, sender_address, from;
	socklen_t length = sizeof from;
	char buffer[16];
	int receiver = bound_socket(SOCK_DGRAM, &receiver_address), sender = bound_socket(SOCK_DGRAM, &sender_address);
	CHECK_EQ(sendto(sender, "hi", 2, 0, (struct sockaddr *)&receiver_address, sizeof receiver_address), 2);
	CHECK_EQ(recvfrom(receiver, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length), 2);
	CHECK_EQ(from.sin_port, sender_address.sin_port);
	CHECK_ERRNO(send(sender, "hi", 2, 0), EDESTADDRREQ);
	CHECK_OK(connect(sender, (struct sockaddr *)&receiver_address, sizeof receiver_address));
	messages_keep_their_bounds(receiver, sender);

	struct iovec parts[4] = {{"zero", 4}, {"one", 3}, {"two", 3}, {"three", 5}};
	struct mmsghdr batch[4] = {0};
	for (int i = 0; i < 4; i++)
		batch[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	CHECK_EQ(sendmmsg(sender, batch, 4, 0), 4);
	char buffers[4][8];
	for (int i = 0; i < 4; i++)
		parts[i] = (struct iovec){buffers[i], sizeof buffers[i]};
	CHECK_EQ(recvmmsg(receiver, batch, 4, MSG_WAITFORONE, NULL), 4);
	CHECK_EQ(batch[3].msg_len, 5);
	CHECK_EQ(memcmp(buffers[2], "two", 3), 0);

	/* the error of an earlier datagram comes with the next call; the socket lives on for a moment while an
	 * epoll_wait elsewhere looks at it, and takes what comes */
	struct timeval limit = {.tv_usec = 20000};
	CHECK_OK(setsockopt(sender, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_OK(close(receiver));
	errno = 0;
	while (send(sender, "lost", 4, 0) == 4 && recv(sender, buffer, sizeof buffer, 0) == -1 && errno == EAGAIN)
		;
	CHECK_EQ(errno, ECONNREFUSED);
	CHECK_OK(close(sender));
}

enum { QUEUED = 500 };

static void *send_many(void *descriptor)
{
	/* The queue holds a few only, so this waits for the receiver again and again. */
	for (int i = 0; i < QUEUED; i++)
		CHECK_EQ(send((int)(long)descriptor, &i, sizeof i, 0), sizeof i);
	return NULL;
}

static void local(int type)
{
	int ends[2];
	CHECK_OK(socketpair(AF_UNIX, type, 0, ends));
	if (type == SOCK_DGRAM)
		messages_keep_their_bounds(ends[0], ends[1]);
	pthread_t sender = check_start(send_many, (void *)(long)ends[1]);
	sleep_ms(3);
	for (int i = 0; i < QUEUED; i++) {
		int number;
		CHECK_EQ(recv(ends[0], &number, sizeof number, 0), sizeof number);
		CHECK_EQ(number, i);
	}
	check_join(sender);
	close_both(ends);
}

static void *send_descriptor_late(void *argument)
{
	const int *ends = argument;
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec part = {"d", 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
	sleep_ms(3);
	CHECK_EQ(sendmsg(ends[0], &message, 0), 1);
	return NULL;
}

static void *write_byte_late(void *descriptor)
{
	sleep_ms(3);
	write_exactly((int)(long)descriptor, "b", 1);
	return NULL;
}

/* A descriptor that arrives by message may have a number that was in use a moment ago. */
static void descriptors_travel(void)
{
	int carrier[2];
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, carrier));
	for (int round = 0; round < 10; round++) {
		int ends[2], travelling[2], received;
		char byte, control[CMSG_SPACE(sizeof(int))];
		unix_pair(ends);
		close_both(ends);
		unix_pair(ends);
		travelling[0] = carrier[0];
		travelling[1] = ends[1];
		pthread_t sender = check_start(send_descriptor_late, travelling);
		struct iovec part = {&byte, 1};
		struct msghdr message = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		CHECK_EQ(recvmsg(carrier[1], &message, MSG_CMSG_CLOEXEC), 1);
		check_join(sender);
		memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
		CHECK_EQ(fcntl(received, F_GETFD), FD_CLOEXEC);
		CHECK_OK(close(ends[1]));
		pthread_t writer = check_start(write_byte_late, (void *)(long)ends[0]);
		read_exactly(received, &byte, 1);
		CHECK_EQ(byte, 'b');
		check_join(writer);
		CHECK_OK(close(received));
		CHECK_OK(close(ends[0]));
	}
	close_both(carrier);
}

int main(void)
{
	udp();
	local(SOCK_DGRAM);
	local(SOCK_SEQPACKET);
	descriptors_travel();
	return 0;
}
