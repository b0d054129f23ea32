/* read, write, recv and send on pipes and sockets: waiting, ending, expiring, transferring all of it. */
#include "states.h"
#include <sys/uio.h>

enum { BIG = 1 << 20 };

static void read_waits_for_process(void)
{
	int ends[2];
	char byte;
	pipe_pair(ends);
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(read(ends[1], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	check_child_succeeds(child);
	close_both(ends);
}

static void recv_waits_for_process(void)
{
	int ends[2];
	char byte;
	unix_pair(ends);
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(recv(ends[1], &byte, 1, 0), 1);
	check_child_succeeds(child);
	close_both(ends);
}

static void *write_soon(void *descriptor)
{
	sleep_ms(SOON_MS);
	write_byte((long)descriptor);
	return NULL;
}

static void read_waits_for_thread(void)
{
	int ends[2];
	char byte;
	tcp_pair(ends);
	pthread_t thread = check_start(write_soon, (void *)(long)ends[0]);
	struct iovec part = {&byte, 1};
	CHECK_EQ(readv(ends[1], &part, 1), 1);
	check_join(thread);
	close_both(ends);
}

static void end_of_file_wakes_the_reader(void)
{
	int ends[2];
	char byte;
	pipe_pair(ends);
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_OK(close(ends[0]));
	CHECK_EQ(read(ends[1], &byte, 1), 1);
	CHECK_EQ(read(ends[1], &byte, 1), 0);
	check_child_succeeds(child);
	CHECK_OK(close(ends[1]));
}

static void receive_timeout_expires(void)
{
	int ends[2];
	char byte;
	unix_pair(ends);
	struct timeval limit = {.tv_usec = EXPIRES_MS * 1000};
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	long start = monotonic_ms();
	CHECK_ERRNO(recv(ends[1], &byte, 1, 0), EAGAIN);
	/* The kernel counts in ticks. */
	check_waited(start, EXPIRES_MS - 10);
	close_both(ends);
}

static void nothing_there_does_not_wait(void)
{
	int ends[2];
	char byte;
	unix_pair(ends);
	CHECK_ERRNO(recv(ends[1], &byte, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(read(ends[1], &byte, 1), EAGAIN);
	close_both(ends);
}

static void drain(long descriptor)
{
	static char bytes[1 << 16];
	size_t left = BIG;
	while (left > 0) {
		ssize_t count = read((int)descriptor, bytes, sizeof bytes);
		CHECK(count > 0);
		left -= (size_t)count;
	}
}

static void big_write_is_complete(void)
{
	static char bytes[BIG];
	int ends[2];
	pipe_pair(ends);
	pid_t child = child_soon(drain, ends[1]);
	CHECK_EQ(write(ends[0], bytes, BIG), BIG);
	check_child_succeeds(child);
	close_both(ends);
}

static void writing_without_reader_fails(void)
{
	int ends[2];
	pipe_pair(ends);
	CHECK_OK(close(ends[1]));
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO(write(ends[0], "x", 1), EPIPE);
	CHECK_OK(close(ends[0]));
}

static void bad_pointer_is_refused(void)
{
	int ends[2];
	pipe_pair(ends);
	write_byte(ends[0]);
	CHECK_ERRNO(read(ends[1], nowhere, 1), EFAULT);
	close_both(ends);
}

CHECKS({"read_waits_for_process", read_waits_for_process, SIGNAL_SAFE | FORKS},
       {"recv_waits_for_process", recv_waits_for_process, SIGNAL_SAFE | FORKS},
       {"read_waits_for_thread", read_waits_for_thread, 0},
       {"end_of_file_wakes_the_reader", end_of_file_wakes_the_reader, SIGNAL_SAFE | FORKS},
       {"receive_timeout_expires", receive_timeout_expires, SIGNAL_SAFE},
       {"nothing_there_does_not_wait", nothing_there_does_not_wait, SIGNAL_SAFE},
       {"big_write_is_complete", big_write_is_complete, SIGNAL_SAFE | FORKS},
       {"writing_without_reader_fails", writing_without_reader_fails, SIGNAL_SAFE},
       {"bad_pointer_is_refused", bad_pointer_is_refused, SIGNAL_SAFE});
