/* A receive call with MSG_WAITALL takes nothing together that descriptors come between, nor what different processes have
 * written, if it tells who that is. The writers leave the other end open: who went on would wait for ever. */
#include "net.h"
#include <sys/uio.h>

enum { HEAD = 3, TAIL = 4, ROOM = 100 };

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int ends[2], pause_ms, with_head;
static char buffer[ROOM];

static struct msghdr message_of(struct iovec *part, union control *control)
{
	struct msghdr message = {.msg_iov = part, .msg_iovlen = 1, .msg_control = control};
	message.msg_controllen = sizeof *control;
	return message;
}

/* The head, if any, and then the tail, with which a descriptor comes. */
static void *send_descriptor(void *unused)
{
	union control control = {{.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {"tail", TAIL};
	struct msghdr message = message_of(&part, &control);
	memcpy(CMSG_DATA(&control.header), &ends[1], sizeof ends[1]);
	if (with_head)
		write_exactly(ends[1], "one", HEAD);
	sleep_ms(pause_ms);
	CHECK_EQ(sendmsg(ends[1], &message, 0), TAIL);
	return unused;
}

static ssize_t by_recv(void)
{
	return recv(ends[0], buffer, sizeof buffer, MSG_WAITALL);
}

static ssize_t by_recvfrom(void)
{
	struct sockaddr_un address;
	socklen_t length = sizeof address;
	return recvfrom(ends[0], buffer, sizeof buffer, MSG_WAITALL, (struct sockaddr *)&address, &length);
}

static ssize_t by_recvmsg(void)
{
	union control control;
	struct iovec part = {buffer, sizeof buffer};
	struct msghdr message = message_of(&part, &control);
	ssize_t result = recvmsg(ends[0], &message, MSG_WAITALL);
	int descriptor;
	CHECK_EQ((long)message.msg_controllen, (long)sizeof control);
	CHECK_EQ(message.msg_flags & MSG_CTRUNC, 0);
	memcpy(&descriptor, CMSG_DATA(&control.header), sizeof descriptor);
	CHECK_OK(close(descriptor));
	return result;
}

/* There are two buffers, and the descriptor comes at the end of the first. */
static ssize_t by_vectors(void)
{
	struct iovec parts[2] = {{buffer, (size_t)(with_head ? HEAD + TAIL : TAIL)}, {buffer + HEAD + TAIL, 10}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t result = recvmsg(ends[0], &message, MSG_WAITALL);
	CHECK_EQ(message.msg_flags & MSG_CTRUNC, MSG_CTRUNC);
	return result;
}

static void descriptors(void)
{
	static ssize_t (*const calls[])(void) = {by_recv, by_recvfrom, by_recvmsg, by_vectors};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		for (int way = 0; way < 4; way++) {
			with_head = way & 1;
			pause_ms = way & 2 ? 10 : 0;
			unix_pair(ends);
			pthread_t sender = check_start(send_descriptor, NULL);
			/* All is there, or the tail comes while the call waits. */
			if (pause_ms == 0)
				check_join(sender);
			CHECK_EQ(calls[i](), with_head ? HEAD + TAIL : TAIL);
			CHECK_OK(memcmp(buffer, with_head ? "onetail" : "tail", (size_t)(with_head ? HEAD + TAIL : TAIL)));
			if (pause_ms > 0)
				check_join(sender);
			close_both(ends);
		}
	}
}

static void writers(void)
{
	int on = 1;
	unix_pair(ends);
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	write_exactly(ends[1], "one", HEAD);
	pid_t writer = check_fork();
	if (writer == 0) {
		write_exactly(ends[1], "tail", TAIL);
		_exit(0);
	}
	check_child_succeeds(writer);
	CHECK_EQ(recv(ends[0], buffer, HEAD + TAIL, MSG_WAITALL), HEAD);
	CHECK_EQ(recv(ends[0], buffer, TAIL, MSG_WAITALL), TAIL);
	close_both(ends);
}

static void *check_all(void *unused)
{
	descriptors();
	writers();
	return unused;
}

int main(void)
{
	check_here_and_in_thread(check_all, NULL);
	return 0;
}
