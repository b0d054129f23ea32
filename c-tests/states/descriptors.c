/* The lives of descriptor numbers: closed, reused, duplicated, passed on, all of them at the program's disposal. */
#include "states.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void reused_number_is_the_new_file(void)
{
	int first[2], second[2];
	char byte;
	pipe_pair(first);
	struct pollfd entry = {.fd = first[1], .events = POLLIN};
	CHECK_EQ(poll(&entry, 1, 1), 0);
	close_both(first);
	pipe_pair(second);
	pid_t child = child_soon(write_byte, second[0]);
	CHECK_EQ(read(second[1], &byte, 1), 1);
	check_child_succeeds(child);
	close_both(second);
	CHECK_ERRNO(read(first[1], &byte, 1), EBADF);
	CHECK_ERRNO(close(first[1]), EBADF);
}

static void duplicate_reads_the_same(void)
{
	int ends[2], other[2];
	char byte;
	pipe_pair(ends);
	unix_pair(other);
	CHECK_EQ(dup2(ends[1], other[1]), other[1]);
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(read(other[1], &byte, 1), 1);
	check_child_succeeds(child);
	CHECK_OK(close(ends[1]));
	write_byte(ends[0]);
	CHECK_EQ(read(other[1], &byte, 1), 1);
	CHECK_OK(close(ends[0]));
	close_both(other);
}

static void flags_are_the_programs(void)
{
	int ends[2];
	char byte;
	CHECK_OK(pipe2(ends, O_CLOEXEC));
	CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	pid_t child = child_soon(write_byte, ends[1]);
	CHECK_EQ(read(ends[0], &byte, 1), 1);
	CHECK_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	check_child_succeeds(child);
	close_both(ends);
}

static void high_numbers_are_closed(void)
{
	int ends[2];
	pipe_pair(ends);
	int high = fcntl(ends[0], F_DUPFD, 100);
	CHECK(high >= 100);
	closefrom(100);
	CHECK_ERRNO(fcntl(high, F_GETFD), EBADF);
	CHECK(fcntl(ends[0], F_GETFD) >= 0);
	CHECK_EQ(fcntl(ends[0], F_DUPFD, 100), 100);
	CHECK_OK(close_range(100, ~0U, 0));
	CHECK_ERRNO(fcntl(100, F_GETFD), EBADF);
	CHECK(fcntl(ends[0], F_GETFD) >= 0);
	close_both(ends);
}

static void waiting_works_after_closing_all(void)
{
	int ends[2];
	char byte;
	pipe_pair(ends);
	CHECK_OK((int)syscall(SYS_close_range, ends[0] > ends[1] ? ends[0] + 1 : ends[1] + 1, ~0U, 0));
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(read(ends[1], &byte, 1), 1);
	check_child_succeeds(child);
	close_both(ends);
}

static void every_number_can_be_had(void)
{
	enum { LIMIT = 64 };
	struct rlimit limit;
	int numbers[LIMIT], count = 0;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = LIMIT;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	while (count < LIMIT && (numbers[count] = dup(2)) >= 0)
		count++;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(numbers[count - 1], LIMIT - 1);
	while (count > 0)
		CHECK_OK(close(numbers[--count]));
}

static void passed_descriptor_is_usable(void)
{
	int channel[2], ends[2];
	char byte = 'd';
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
	unix_pair(channel);
	pipe_pair(ends);
	memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
	CHECK_EQ(sendmsg(channel[0], &message, 0), 1);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(recvmsg(channel[1], &message, 0), 1);
	int received;
	memcpy(&received, CMSG_DATA(&control.header), sizeof(int));
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(read(received, &byte, 1), 1);
	check_child_succeeds(child);
	CHECK_OK(close(received));
	CHECK_OK(close(ends[0]));
	close_both(channel);
}

static void regular_file_is_read(void)
{
	char bytes[64];
	int descriptor = open("/proc/self/comm", O_RDONLY);
	CHECK(descriptor >= 0);
	CHECK(read(descriptor, bytes, sizeof bytes) > 0);
	CHECK_EQ(read(descriptor, bytes, sizeof bytes), 0);
	CHECK(pread(descriptor, bytes, 2, 0) == 2);
	CHECK_OK(close(descriptor));
	CHECK_ERRNO(open("/nonexistent", O_RDONLY), ENOENT);
}

CHECKS({"reused_number_is_the_new_file", reused_number_is_the_new_file, SIGNAL_SAFE | FORKS},
       {"duplicate_reads_the_same", duplicate_reads_the_same, SIGNAL_SAFE | FORKS},
       {"flags_are_the_programs", flags_are_the_programs, SIGNAL_SAFE | FORKS},
       {"high_numbers_are_closed", high_numbers_are_closed, 0},
       {"waiting_works_after_closing_all", waiting_works_after_closing_all, 0},
       {"every_number_can_be_had", every_number_can_be_had, 0},
       {"passed_descriptor_is_usable", passed_descriptor_is_usable, 0},
       {"regular_file_is_read", regular_file_is_read, SIGNAL_SAFE});
