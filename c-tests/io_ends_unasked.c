/* What ends a call although its descriptor never becomes ready: a FIFO that has had no writer, a terminal's time limit,
 * a byte where more is waited for, urgent data ahead, a call that wants no bytes. And a FIFO that is open for both
 * waits, and gets nothing that nobody has written. */
#include "net.h"
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>

static int named_pipe(int flags)
{
	char directory[] = "/tmp/io_ends_unasked-XXXXXX", name[64];
	CHECK(mkdtemp(directory) != NULL);
	snprintf(name, sizeof name, "%s/fifo", directory);
	CHECK_OK(mkfifo(name, 0600));
	int fifo = open(name, flags | O_NONBLOCK);
	CHECK(fifo >= 0);
	CHECK_OK(fcntl(fifo, F_SETFL, 0));
	CHECK_OK(unlink(name));
	CHECK_OK(rmdir(directory));
	return fifo;
}

static void without_writers(void)
{
	char byte;
	struct iovec part = {&byte, 1};
	int fifo = named_pipe(O_RDONLY), ends[2];
	CHECK_OK(pipe(ends));
	CHECK_EQ(read(fifo, &byte, 1), 0);
	CHECK_EQ(splice(fifo, NULL, ends[1], NULL, 1, 0), 0);
	CHECK_EQ(tee(fifo, ends[1], 1, 0), 0);
	CHECK_EQ(vmsplice(fifo, &part, 1, 0), 0);
	close_both(ends);
	CHECK_OK(close(fifo));
}

static int for_both;

static void *write_to_it(void *text)
{
	sleep_ms(3);
	write_exactly(for_both, text, 4);
	return NULL;
}

static void open_for_both(void)
{
	char buffer[8] = "unread";
	struct iovec parts[2] = {{buffer, 2}, {buffer + 2, 6}};
	for_both = named_pipe(O_RDWR);
	pthread_t writer = check_start(write_to_it, "come");
	CHECK_EQ(read(for_both, buffer, sizeof buffer), 4);
	CHECK_EQ(memcmp(buffer, "come", 4), 0);
	check_join(writer);
	writer = check_start(write_to_it, "late");
	CHECK_EQ(readv(for_both, parts, 2), 4);
	CHECK_EQ(memcmp(buffer, "late", 4), 0);
	check_join(writer);
	CHECK_OK(fcntl(for_both, F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(read(for_both, buffer, sizeof buffer), EAGAIN);
	CHECK_OK(close(for_both));
}

static void terminal_with_limit(void)
{
	int master, slave, ends[2];
	struct termios settings;
	CHECK_OK(pipe(ends));
	CHECK_OK(openpty(&master, &slave, NULL, NULL, NULL));
	CHECK_OK(tcgetattr(slave, &settings));
	cfmakeraw(&settings);
	settings.c_cc[VMIN] = 0;
	settings.c_cc[VTIME] = 1;
	CHECK_OK(tcsetattr(slave, TCSANOW, &settings));
	CHECK_EQ(splice(slave, NULL, ends[1], NULL, 1, 0), 0);
	CHECK_OK(close(master));
	CHECK_OK(close(slave));
	close_both(ends);
}

static void below_low_water(void)
{
	int ends[2], pipe_ends[2], bytes = 10;
	tcp_pair(ends);
	CHECK_OK(pipe(pipe_ends));
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes));
	write_exactly(ends[0], "abc", 3);
	CHECK_EQ(splice(ends[1], NULL, pipe_ends[1], NULL, 10, 0), 3);
	close_both(ends);
	close_both(pipe_ends);
}

static void *send_urgent(void *descriptor)
{
	sleep_ms(3);
	CHECK_EQ(send((int)(long)descriptor, "abc", 3, MSG_OOB), 3);
	return NULL;
}

static void urgent_ahead(void)
{
	char buffer[8];
	int ends[2];
	tcp_pair(ends);
	send_urgent((void *)(long)ends[0]);
	struct pollfd urgent = {.fd = ends[1], .events = POLLPRI};
	CHECK_EQ(poll(&urgent, 1, -1), 1);
	CHECK_EQ(recv(ends[1], buffer, sizeof buffer, MSG_PEEK | MSG_WAITALL), 2);
	close_both(ends);
}

static void wants_nothing(void)
{
	char buffer[1];
	int ends[2];
	struct msghdr message = {0};
	struct timeval limit = {.tv_usec = 20000};
	tcp_pair(ends);
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_EQ(recv(ends[1], buffer, 0, 0), 0);
	CHECK_EQ(recv(ends[1], buffer, 0, MSG_WAITALL), 0);
	CHECK_EQ(recvmsg(ends[1], &message, 0), 0);
	CHECK_ERRNO(recv(ends[1], buffer, 0, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(recv(ends[1], buffer, 1, 0), EAGAIN);
	CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(recv(ends[1], buffer, 0, 0), EAGAIN);
	close_both(ends);
}

static void *all(void *unused)
{
	without_writers();
	open_for_both();
	terminal_with_limit();
	below_low_water();
	urgent_ahead();
	wants_nothing();
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
