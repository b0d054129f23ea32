/* Calls that move several messages or pages, and those that wait until there is room. */
#include "blocked.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void block_recvmsg(int i)
{
	char got[64];
	struct iovec place = {got, sizeof got};
	struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1};
	MUST(recvmsg(ends[i][0], &message, 0) == LINE_LENGTH);
}

static void block_recvmmsg(int i)
{
	char got[64];
	struct iovec place = {got, sizeof got};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &place, .msg_iovlen = 1}};
	MUST(recvmmsg(ends[i][0], &message, 1, 0, NULL) == 1 && message.msg_len == LINE_LENGTH);
}

static void block_readv(int i)
{
	char got[64];
	struct iovec places[2] = {{got, 2}, {got + 2, 62}};
	MUST(readv(ends[i][0], places, 2) == LINE_LENGTH);
}

static void block_preadv2(int i)
{
	char got[64];
	struct iovec place = {got, sizeof got};
	MUST(preadv2(ends[i][0], &place, 1, -1, 0) == LINE_LENGTH);
}

static int null;

static void make_pipes_and_null(int threads)
{
	make_pipes(threads);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	MUST(null >= 0);
}

static void block_splice(int i)
{
	MUST(splice(ends[i][0], NULL, null, NULL, 64, 0) == LINE_LENGTH);
}

static int other[THREADS_MAX][2];

static void make_two_pipes(int threads)
{
	make_pipes(threads);
	for (int i = 0; i < threads; i++)
		MUST(pipe2(other[i], O_CLOEXEC) == 0);
}

static void block_tee(int i)
{
	MUST(tee(ends[i][0], other[i][1], 64, 0) == LINE_LENGTH);
}

static void block_write(int i)
{
	MUST(write(ends[i][0], LINE, LINE_LENGTH) == LINE_LENGTH);
}

static void block_vmsplice(int i)
{
	static char line[] = LINE;
	struct iovec place = {line, LINE_LENGTH};
	MUST(vmsplice(ends[i][0], &place, 1, 0) == LINE_LENGTH);
}

static void block_send(int i)
{
	MUST(send(ends[i][0], LINE, LINE_LENGTH, MSG_NOSIGNAL) == LINE_LENGTH);
}

static void block_sendmmsg(int i)
{
	static char line[] = LINE;
	struct iovec place = {line, LINE_LENGTH};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &place, .msg_iovlen = 1}};
	MUST(sendmmsg(ends[i][0], &message, 1, MSG_NOSIGNAL) == 1 && message.msg_len == LINE_LENGTH);
}

static int file;

static void make_full_sockets_and_file(int threads)
{
	make_full_sockets(threads);
	file = memfd_create("green-blocked", MFD_CLOEXEC);
	MUST(file >= 0 && write(file, LINE, LINE_LENGTH) == LINE_LENGTH);
}

static void block_sendfile(int i)
{
	off_t start = 0;
	MUST(sendfile(ends[i][0], file, &start, LINE_LENGTH) == LINE_LENGTH);
}

const struct call transfer_calls[] = {
    {.name = "recvmsg", make_sockets, block_recvmsg, .release = write_lines},
    {.name = "recvmmsg", make_sockets, block_recvmmsg, .release = write_lines},
    {.name = "readv", make_pipes, block_readv, .release = write_lines},
    {.name = "preadv2", make_pipes, block_preadv2, .release = write_lines},
    {.name = "splice", make_pipes_and_null, block_splice, .release = write_lines},
    {.name = "tee", make_two_pipes, block_tee, .release = write_lines},
    {.name = "write, full pipe", make_full_pipes, block_write, .release = drain_all},
    {.name = "vmsplice, full pipe", make_full_pipes, block_vmsplice, .release = drain_all},
    {.name = "send, full socket", make_full_sockets, block_send, .release = drain_all},
    {.name = "sendmmsg, full socket", make_full_sockets, block_sendmmsg, .release = drain_all},
    {.name = "sendfile, full socket", make_full_sockets_and_file, block_sendfile, .release = drain_all},
    {.name = NULL},
};
