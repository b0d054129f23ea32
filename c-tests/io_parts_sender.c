/* A message that goes in parts says of each who has sent it, as unix(7) lets a privileged process choose; a descriptor goes
 * with the first alone. Receivers that ask take nothing together that is from two. */
#include "net.h"

enum { SIZE = 1 << 20, PART = 1 << 16, SOMEBODY = 65534 };

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static char bytes[SIZE], part[PART];
static int ends[2];

static void put(struct cmsghdr *header, int type, const void *data, size_t size)
{
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), data, size);
}

static void *send_all(void *unused)
{
	union control control = {{0}};
	struct ucred sender = {getpid(), getuid(), getgid()};
	struct iovec parts[2] = {{bytes, SIZE / 3}, {bytes + SIZE / 3, SIZE - SIZE / 3}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &control};
	message.msg_controllen = sizeof control;
	if (geteuid() == 0)
		sender.uid = sender.gid = SOMEBODY;
	put(&control.header, SCM_RIGHTS, &ends[1], sizeof ends[1]);
	put(CMSG_NXTHDR(&message, &control.header), SCM_CREDENTIALS, &sender, sizeof sender);
	CHECK_EQ(sendmsg(ends[0], &message, 0), SIZE);
	return unused;
}

static void *check_all(void *unused)
{
	int on = 1, descriptors = 0;
	unsigned expected = geteuid() == 0 ? SOMEBODY : getuid();
	unix_pair(ends);
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	pthread_t sender = check_start(send_all, NULL);
	for (long at = 0; at < SIZE;) {
		union control control;
		struct iovec place = {part, sizeof part};
		struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &control};
		message.msg_controllen = sizeof control;
		ssize_t got = recvmsg(ends[1], &message, 0);
		CHECK(got > 0);
		at += got;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		for (; header; header = CMSG_NXTHDR(&message, header)) {
			struct ucred by;
			int descriptor;
			if (header->cmsg_type == SCM_RIGHTS) {
				memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
				CHECK_OK(close(descriptor));
				descriptors++;
			} else {
				CHECK_EQ(header->cmsg_type, SCM_CREDENTIALS);
				memcpy(&by, CMSG_DATA(header), sizeof by);
				CHECK_EQ(by.uid, expected);
			}
		}
	}
	check_join(sender);
	CHECK_EQ(descriptors, 1);
	close_both(ends);
	return unused;
}

int main(void)
{
	check_here_and_in_thread(check_all, NULL);
	return 0;
}
