/* Opening a FIFO waits for its other end. */
#include "states.h"
#include <sys/stat.h>

static char name[64];

static void new_fifo(void)
{
	static const char digits[] = "0123456789";

	static const char beginning[] = "/tmp/libgreen-states-fifo-";
	size_t length = sizeof beginning - 1;
	memcpy(name, beginning, length);
	for (pid_t rest = getpid(); rest > 0; rest /= 10)
		name[length++] = digits[rest % 10];
	CHECK_OK(mkfifo(name, 0600));
}

static void open_other_end(long flags)
{
	char byte = 'x';
	int fd = open(name, (int)flags);
	CHECK(fd >= 0);
	if (flags == O_WRONLY)
		CHECK_EQ(write(fd, &byte, 1), 1);
	else
		CHECK_EQ(read(fd, &byte, 1), 1);
}

static void reader_waits_for_writer(void)
{
	char byte;
	new_fifo();
	pid_t child = child_soon(open_other_end, O_WRONLY);
	int fd = open(name, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(read(fd, &byte, 1), 1);
	CHECK_EQ(read(fd, &byte, 1), 0);
	check_child_succeeds(child);
	CHECK_OK(close(fd));
	CHECK_OK(unlink(name));
}

static void writer_waits_for_reader(void)
{
	new_fifo();
	pid_t child = child_soon(open_other_end, O_RDONLY);
	int fd = open(name, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	check_child_succeeds(child);
	CHECK_OK(close(fd));
	CHECK_OK(unlink(name));
}

static void ignore(int signal_number)
{
	(void)signal_number;
}

static void waits_are_interrupted(void)
{
	struct sigaction action = {.sa_handler = ignore};
	sigset_t usr2 = only(SIGUSR2), before;
	new_fifo();
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &usr2, &before));
	pid_t child = child_signalling();
	CHECK_ERRNO(open(name, O_RDONLY), EINTR);
	CHECK_ERRNO(open(name, O_WRONLY), EINTR);
	end_child(child);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK_OK(unlink(name));
}

CHECKS({"reader_waits_for_writer", reader_waits_for_writer, SIGNAL_SAFE | FORKS},
       {"writer_waits_for_reader", writer_waits_for_reader, SIGNAL_SAFE | FORKS},
       {"waits_are_interrupted", waits_are_interrupted, 0});
