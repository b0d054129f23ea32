/* A transfer of which a part has gone through ends with that part when a handler has run, SA_RESTART or not: it cannot
 * be started again. */
#include "net.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { SIZE = 1 << 20, FIRST = 1000 };

static char bytes[SIZE];

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static ssize_t receive(int descriptor)
{
	return recv(descriptor, bytes, SIZE, MSG_WAITALL);
}

static ssize_t receive_message(int descriptor)
{
	struct iovec parts[2] = {{bytes, FIRST * 2}, {bytes + FIRST * 2, SIZE - FIRST * 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	return recvmsg(descriptor, &message, MSG_WAITALL);
}

static ssize_t write_all(int descriptor)
{
	return write(descriptor, bytes, SIZE);
}

static ssize_t write_parts(int descriptor)
{
	struct iovec parts[2] = {{bytes, FIRST}, {bytes + FIRST, SIZE - FIRST}};
	return writev(descriptor, parts, 2);
}

static ssize_t send_all(int descriptor)
{
	return send(descriptor, bytes, SIZE, 0);
}

static ssize_t send_message(int descriptor)
{
	struct iovec parts[2] = {{bytes, FIRST}, {bytes + FIRST, SIZE - FIRST}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	return sendmsg(descriptor, &message, 0);
}

static ssize_t send_file(int descriptor)
{
	char name[] = "/tmp/io_parts_interrupted-XXXXXX";
	int file = mkstemp(name);
	CHECK(file >= 0);
	CHECK_OK(unlink(name));
	CHECK_OK(ftruncate(file, SIZE));
	ssize_t sent = sendfile(descriptor, file, NULL, SIZE);
	CHECK_OK(close(file));
	return sent;
}

struct transfer {
	void (*pair)(int[2]);
	ssize_t (*run)(int);
	int receives;
};

static const struct transfer transfers[] = {
	{unix_pair, receive, 1},  {tcp_pair, receive, 1},   {unix_pair, receive_message, 1}, {tcp_pair, receive_message, 1},
	{pipe_pair, write_all, 0}, {pipe_pair, write_parts, 0}, {unix_pair, write_all, 0},   {unix_pair, write_parts, 0},
	{terminal_pair, write_all, 0}, {terminal_pair, write_parts, 0},
	{unix_pair, send_all, 0}, {unix_pair, send_message, 0}, {unix_pair, send_file, 0},
};

static const struct transfer *transfer;
static int ends[2];

static void *run(void *unused)
{
	ssize_t count = transfer->run(ends[0]);
	CHECK(count >= FIRST && count < SIZE);
	return unused;
}

/* Until a part has gone: the bytes that have been sent to the thread are taken, or it has sent some. */
static void await_part(void)
{
	int descriptor = ends[transfer->receives ? 0 : 1], waiting;
	do {
		sleep_ms(1);
		CHECK_OK(ioctl(descriptor, FIONREAD, &waiting));
	} while (transfer->receives ? waiting > 0 : waiting < FIRST);
}

int main(void)
{
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (size_t i = 0; i < sizeof transfers / sizeof transfers[0]; i++) {
		transfer = &transfers[i];
		transfer->pair(ends);
		if (transfer->receives)
			write_exactly(ends[1], bytes, FIRST);
		pthread_t thread = check_start(run, NULL);
		await_part();
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		check_join(thread);
		close_both(ends);
	}
	return 0;
}
