/* A handler, with SA_RESTART or without, ends a recvmmsg or sendmmsg that has had a message. */
#include "net.h"
#include <stdatomic.h>
#include <sys/ioctl.h>

enum { COUNT = 3, SHORT = 4, LONG = 60000, FAR = 10000 };

static int kind, ends[2], flags, has_limit;
static char bytes[COUNT][LONG];
static struct iovec parts[COUNT];
static struct mmsghdr messages[COUNT];

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static void prepare(size_t length)
{
	CHECK_OK(socketpair(AF_UNIX, kind, 0, ends));
	memset(messages, 0, sizeof messages);
	for (int i = 0; i < COUNT; i++) {
		parts[i] = (struct iovec){bytes[i], length};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static void *receive(void *unused)
{
	struct timespec limit = {.tv_sec = FAR};
	CHECK_EQ(recvmmsg(ends[0], messages, COUNT, flags, has_limit ? &limit : NULL), 1);
	CHECK_EQ(messages[0].msg_len, SHORT);
	return unused;
}

static void *send_some(void *unused)
{
	int sent = sendmmsg(ends[0], messages, COUNT, 0);
	CHECK(sent > 0 && sent < COUNT);
	for (int i = 0; i < sent - 1; i++)
		CHECK_EQ(messages[i].msg_len, LONG);
	return unused;
}

/* Until the thread has taken what there was, or has sent something. */
static void await_part(int descriptor, int is_there)
{
	int waiting;
	do {
		sleep_ms(1);
		CHECK_OK(ioctl(descriptor, FIONREAD, &waiting));
	} while ((waiting > 0) != is_there);
	sleep_ms(5);
}

static void interrupt(void *(*run)(void *), int receives)
{
	pthread_t thread = check_start(run, NULL);
	await_part(ends[receives ? 0 : 1], !receives);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_join(thread);
	close_both(ends);
}

static void check_all(void)
{
	static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	for (int i = 0; i < 3; i++) {
		kind = kinds[i];
		for (int way = 0; way < 4; way++) {
			flags = way & 1 ? MSG_WAITALL : 0;
			has_limit = way & 2;
			prepare(SHORT);
			CHECK_EQ(send(ends[1], "text", SHORT, 0), SHORT);
			interrupt(receive, 1);
		}
		int room = LONG;
		prepare(LONG);
		CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room));
		interrupt(send_some, 0);
	}
}

int main(void)
{
	struct sigaction action = {.sa_handler = do_nothing};
	for (int restarts = 0; restarts < 2; restarts++) {
		action.sa_flags = restarts ? SA_RESTART : 0;
		CHECK_OK(sigaction(SIGUSR1, &action, NULL));
		check_all();
	}
	return 0;
}
