/* A descriptor that another process has got before there was a second thread: a change of O_NONBLOCK or of a
 * time-out over there holds here, whether the file was inherited or passed, under one number or two. */
#include "net.h"

static int told[2], silent[3][2];

static void *read_without_blocking(void *descriptor)
{
	char byte;
	CHECK_ERRNO(read((int)(long)descriptor, &byte, 1), EAGAIN);
	CHECK_ERRNO(recv((int)(long)descriptor, &byte, 1, 0), EAGAIN);
	return NULL;
}

static void *read_one(void *descriptor)
{
	char byte;
	CHECK_EQ(read((int)(long)descriptor, &byte, 1), 1);
	return NULL;
}

static void pass(int through, int descriptor)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 'd';
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
	CHECK_EQ(sendmsg(through, &message, 0), 1);
}

static int receive(int through)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	int descriptor;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	CHECK_EQ(recvmsg(through, &message, 0), 1);
	memcpy(&descriptor, CMSG_DATA(&control.header), sizeof(int));
	return descriptor;
}

/* In the child: the inherited one, the one that will be passed, and one that has two numbers here. */
static void change_over_there(int through)
{
	struct timeval time_out = {.tv_usec = 20000};
	char byte;
	int passed = receive(through);
	CHECK_EQ(read(told[1], &byte, 1), 1);
	CHECK_OK(fcntl(silent[0][0], F_SETFL, O_NONBLOCK));
	CHECK_OK(fcntl(passed, F_SETFL, O_NONBLOCK));
	CHECK_OK(setsockopt(silent[2][0], SOL_SOCKET, SO_RCVTIMEO, &time_out, sizeof time_out));
	CHECK_EQ(send(through, "k", 1, 0), 1);
	CHECK_EQ(read(told[1], &byte, 1), 0);
	_exit(0);
}

int main(void)
{
	int through[2];
	char byte;
	unix_pair(through);
	pipe_pair(told);
	unix_pair(silent[0]);
	unix_pair(silent[2]);
	pid_t child = check_fork();
	if (child == 0) {
		CHECK_OK(close(told[0]));
		CHECK_OK(close(through[0]));
		change_over_there(through[1]);
	}
	/* made after the fork: only the passing shares it */
	unix_pair(silent[1]);
	pass(through[0], silent[1][0]);
	/* now threads, which wait for each once, so that what is known of it is known */
	for (int i = 0; i < 3; i++) {
		pthread_t thread = check_start(read_one, (void *)(long)silent[i][0]);
		sleep_ms(5);
		CHECK_EQ(write(silent[i][1], "x", 1), 1);
		check_join(thread);
	}
	CHECK_EQ(write(told[0], "c", 1), 1);
	CHECK_EQ(recv(through[0], &byte, 1, 0), 1);
	for (int i = 0; i < 3; i++) {
		check_here_and_in_thread(read_without_blocking, (void *)(long)silent[i][0]);
	}
	CHECK_OK(close(told[0]));
	check_child_succeeds(child);
	return 0;
}
