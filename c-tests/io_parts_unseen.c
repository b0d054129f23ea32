/* Transfers of several parts by sockets that libgreen has not seen made, as those inside libc are, at numbers that
 * others are just closing: the close is about the old file, and does not end them at a part. */
#include "net.h"
#include "unseen.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { WHOLE = 1 << 21, PART = 1 << 10 };

static char bytes[WHOLE];
static int file, old;
static sem_t closed;

static void *close_old(void *unused)
{
	CHECK_OK(close(old));
	CHECK_OK(sem_post(&closed));
	return unused;
}

/* Takes, or brings, a part during the close, and the rest after that. */
static void *receive(void *descriptor)
{
	static char place[WHOLE];
	read_exactly((int)(long)descriptor, place, PART);
	check_await(&closed);
	sleep_ms(50);
	long all = PART, count;
	while ((count = read((int)(long)descriptor, place, sizeof place)) > 0)
		all += count;
	CHECK_EQ(count, 0);
	return (void *)all;
}

static void *bring(void *descriptor)
{
	static char place[WHOLE];
	write_exactly((int)(long)descriptor, place, PART);
	check_await(&closed);
	sleep_ms(50);
	write_exactly((int)(long)descriptor, place, WHOLE - PART);
	return NULL;
}

static struct iovec halves[2] = {{bytes, WHOLE / 2}, {bytes + WHOLE / 2, WHOLE / 2}};
static struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};

static long by_send(int descriptor)
{
	return send(descriptor, bytes, WHOLE, 0);
}

static long by_write(int descriptor)
{
	return write(descriptor, bytes, WHOLE);
}

static long by_writev(int descriptor)
{
	return writev(descriptor, halves, 2);
}

static long by_sendmsg(int descriptor)
{
	return sendmsg(descriptor, &message, 0);
}

static long by_sendmmsg(int descriptor)
{
	struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
	messages[0].msg_hdr.msg_iovlen = messages[1].msg_hdr.msg_iovlen = 1;
	messages[1].msg_hdr.msg_iov++;
	halves[0].iov_base = halves[1].iov_base = bytes;
	long count = sendmmsg(descriptor, messages, 2, 0);
	return count == 2 ? messages[0].msg_len + messages[1].msg_len : count;
}

static long by_sendfile(int descriptor)
{
	off_t from = 0;
	return sendfile(descriptor, file, &from, WHOLE);
}

static long by_recv(int descriptor)
{
	return recv(descriptor, bytes, WHOLE, MSG_WAITALL);
}

static long by_recvmsg(int descriptor)
{
	return recvmsg(descriptor, &message, MSG_WAITALL);
}

static void check(const char *name, long (*transfer)(int), void *(*peer)(void *), void (*make_pair)(int *))
{
	int ends[2], unread;
	CHECK_OK(sem_init(&closed, 0, 0));
	make_pair(ends);
	old = lingering_end(1, &unread);
	struct lingering connection = lingering_connection(old, unread);
	pthread_t closer = check_start(close_old, NULL);
	pthread_t other = check_start(peer, (void *)(long)ends[1]);
	await_close(&connection);
	int number = (int)unseen(SYS_fcntl, ends[0], F_DUPFD, old, 0);
	CHECK_EQ(number, old);
	long count = transfer(number);
	if (count != WHOLE)
		fprintf(stderr, "%s:\n", name);
	CHECK_EQ(count, WHOLE);
	CHECK_EQ(unseen(SYS_close, number, 0, 0, 0), 0);
	CHECK_OK(close(ends[0]));
	void *all = check_join(other);
	if (peer == receive)
		CHECK_EQ(all, WHOLE);
	check_join(closer);
	CHECK_OK(close(ends[1]));
	CHECK_OK(close(unread));
}

int main(void)
{
	static const struct {
		const char *name;
		long (*transfer)(int);
		void *(*peer)(void *);
	} ways[] = {
		{"send", by_send, receive},	  {"write", by_write, receive},	      {"writev", by_writev, receive},
		{"sendmsg", by_sendmsg, receive}, {"sendmmsg", by_sendmmsg, receive}, {"sendfile", by_sendfile, receive},
		{"recv", by_recv, bring},	  {"recvmsg", by_recvmsg, bring},
	};
	static void (*const kinds[])(int *) = {unix_pair, tcp_pair, pipe_pair};
	enum { WAYS = sizeof ways / sizeof ways[0], KINDS = sizeof kinds / sizeof kinds[0] };
	char name[] = "/tmp/io_parts_unseen.XXXXXX";
	file = mkstemp(name);
	CHECK(file >= 0);
	CHECK_OK(unlink(name));
	CHECK_EQ(write(file, bytes, WHOLE), WHOLE);
	/* Each takes the second that the close takes. */
	int count = 0;
	for (int i = 0; i < WAYS; i++)
		for (int kind = 0; kind < KINDS; kind++) {
			if (kinds[kind] == pipe_pair && i != 1 && i != 2)
				continue;
			pid_t child = check_fork();
			if (child == 0) {
				check(ways[i].name, ways[i].transfer, ways[i].peer, kinds[kind]);
				exit(0);
			}
			count++;
		}
	for (int status; count > 0; count--) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	return 0;
}
