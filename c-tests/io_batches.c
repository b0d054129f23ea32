/* recvmmsg and sendmmsg: as many as were asked for, or one and what else is there; time limits, interruptions, full
 * buffers, and descriptors that travel. */
#include "net.h"

enum { COUNT = 5 };

struct batch {
	char data[COUNT][16];
	struct iovec parts[COUNT];
	struct mmsghdr messages[COUNT];
};

static void prepare(struct batch *batch, size_t length)
{
	memset(batch, 0, sizeof *batch);
	for (int i = 0; i < COUNT; i++) {
		batch->parts[i] = (struct iovec){batch->data[i], length};
		batch->messages[i].msg_hdr.msg_iov = &batch->parts[i];
		batch->messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static void *send_slowly(void *descriptor)
{
	for (int i = 0; i < COUNT; i++) {
		char text[16];
		int length = snprintf(text, sizeof text, "message %d", i);
		sleep_ms(5);
		CHECK_EQ(send((int)(long)descriptor, text, (size_t)length, 0), length);
	}
	return NULL;
}

static void receives(void)
{
	int ends[2];
	struct batch batch;
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	pthread_t sender = check_start(send_slowly, (void *)(long)ends[1]);
	prepare(&batch, sizeof batch.data[0]);
	CHECK_EQ(recvmmsg(ends[0], batch.messages, COUNT, 0, NULL), COUNT);
	for (int i = 0; i < COUNT; i++) {
		char text[16];
		CHECK_EQ((int)batch.messages[i].msg_len, snprintf(text, sizeof text, "message %d", i));
		CHECK_EQ(memcmp(batch.data[i], text, batch.messages[i].msg_len), 0);
	}
	check_join(sender);
	sender = check_start(send_slowly, (void *)(long)ends[1]);
	int got = 0;
	while (got < COUNT) {
		prepare(&batch, sizeof batch.data[0]);
		int some = recvmmsg(ends[0], batch.messages, COUNT, MSG_WAITFORONE, NULL);
		CHECK(some >= 1 && some <= COUNT - got);
		got += some;
	}
	check_join(sender);
	CHECK_ERRNO(recvmmsg(ends[0], batch.messages, COUNT, MSG_DONTWAIT, NULL), EAGAIN);
	CHECK_EQ(recvmmsg(ends[0], batch.messages, 0, 0, NULL), 0);

	/* the time is looked at after each message */
	struct timespec limit = {.tv_nsec = 12000000}, none = {0}, bad = {.tv_nsec = 1000000000};
	sender = check_start(send_slowly, (void *)(long)ends[1]);
	got = recvmmsg(ends[0], batch.messages, COUNT, 0, &limit);
	CHECK(got >= 1 && got < COUNT);
	CHECK_EQ(limit.tv_sec, 0);
	CHECK_EQ(limit.tv_nsec, 0);
	CHECK_EQ(recvmmsg(ends[0], batch.messages, (unsigned)(COUNT - got), 0, NULL), COUNT - got);
	check_join(sender);
	CHECK_EQ(send(ends[1], "a", 1, 0), 1);
	CHECK_EQ(send(ends[1], "b", 1, 0), 1);
	CHECK_EQ(recvmmsg(ends[0], batch.messages, COUNT, 0, &none), 1);
	limit = (struct timespec){.tv_sec = 100};
	CHECK_EQ(recvmmsg(ends[0], batch.messages, 1, 0, &limit), 1);
	CHECK(limit.tv_sec == 99 || limit.tv_sec == 100);
	CHECK_ERRNO(recvmmsg(ends[0], batch.messages, COUNT, 0, &bad), EINVAL);
	CHECK_ERRNO(recvmmsg(-1, batch.messages, COUNT, 0, NULL), EBADF);
	close_both(ends);
}

static void *receive_slowly(void *descriptor)
{
	char text[16];
	sleep_ms(10);
	for (int i = 0; i < 40 * COUNT; i++)
		CHECK(recv((int)(long)descriptor, text, sizeof text, 0) > 0);
	return NULL;
}

static void sends(void)
{
	int ends[2], size = 4096;
	struct batch batch;
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
	prepare(&batch, 7);
	pthread_t receiver = check_start(receive_slowly, (void *)(long)ends[0]);
	for (int i = 0; i < 40; i++) {
		CHECK_EQ(sendmmsg(ends[1], batch.messages, COUNT, 0), COUNT);
		for (int j = 0; j < COUNT; j++)
			CHECK_EQ(batch.messages[j].msg_len, 7u);
	}
	check_join(receiver);
	while (sendmmsg(ends[1], batch.messages, COUNT, MSG_DONTWAIT) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_OK(close(ends[0]));
	CHECK_ERRNO(sendmmsg(ends[1], batch.messages, COUNT, MSG_NOSIGNAL), ECONNREFUSED);
	CHECK_OK(close(ends[1]));
	CHECK_ERRNO(sendmmsg(ends[1], batch.messages, COUNT, 0), EBADF);
}

static void *read_all(void *descriptor)
{
	static char buffer[COUNT << 20];
	sleep_ms(10);
	read_exactly((int)(long)descriptor, buffer, sizeof buffer);
	for (size_t i = 0; i < sizeof buffer; i++)
		CHECK_EQ(buffer[i], (char)('a' + (i >> 20)));
	return NULL;
}

/* Each message of a stream goes whole. */
static void stream(void)
{
	static char data[COUNT][1 << 20];
	int ends[2];
	struct batch batch;
	unix_pair(ends);
	prepare(&batch, 0);
	for (int i = 0; i < COUNT; i++) {
		memset(data[i], 'a' + i, sizeof data[i]);
		batch.parts[i] = (struct iovec){data[i], sizeof data[i]};
	}
	pthread_t reader = check_start(read_all, (void *)(long)ends[0]);
	CHECK_EQ(sendmmsg(ends[1], batch.messages, COUNT, 0), COUNT);
	for (int i = 0; i < COUNT; i++)
		CHECK_EQ(batch.messages[i].msg_len, sizeof data[i]);
	check_join(reader);
	close_both(ends);
}

static void note(int signal_number)
{
	(void)signal_number;
}

static volatile int inside;

static void *interrupted(void *descriptor)
{
	struct batch batch;
	prepare(&batch, sizeof batch.data[0]);
	inside = 1;
	CHECK_ERRNO(recvmmsg((int)(long)descriptor, batch.messages, COUNT, 0, NULL), EINTR);
	return NULL;
}

static void *cancelled(void *descriptor)
{
	struct batch batch;
	prepare(&batch, sizeof batch.data[0]);
	recvmmsg((int)(long)descriptor, batch.messages, COUNT, 0, NULL);
	return NULL;
}

static void ends_early(void)
{
	int ends[2];
	struct sigaction action = {.sa_handler = note};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	pthread_t thread = check_start(interrupted, (void *)(long)ends[0]);
	while (!inside)
		sleep_ms(1);
	do {
		sleep_ms(10);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
	} while (pthread_tryjoin_np(thread, NULL) == EBUSY);
	thread = check_start(cancelled, (void *)(long)ends[0]);
	sleep_ms(10);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	close_both(ends);
}

static void *all(void *unused)
{
	receives();
	sends();
	stream();
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	all(NULL);
	ends_early();
	return 0;
}
