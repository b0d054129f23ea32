/* System calls on descriptor numbers made through syscall(2) are what the functions are: they end waits, what
 * they make works in every call, and they leave alone what a runtime keeps open. */
#include "net.h"
#include "open_numbers.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static void *receive_byte(void *descriptor)
{
	char byte;
	errno = 0;
	ssize_t got = recv(*(int *)descriptor, &byte, 1, 0);
	return (void *)(got == -1 ? -(long)errno : (long)byte);
}

/* A byte comes through a pair, the receiver waiting for it. */
static void pair_works(int from, int to)
{
	pthread_t receiver = check_start(receive_byte, &to);
	sleep_ms(5);
	CHECK_EQ(send(from, "x", 1, 0), 1);
	CHECK_EQ((long)check_join(receiver), 'x');
}

static void make_pair(int ends[2])
{
	CHECK_OK(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends));
}

static void close_pair(int ends[2])
{
	CHECK_OK(syscall(SYS_close, ends[0]));
	CHECK_OK(syscall(SYS_close, ends[1]));
	CHECK_ERRNO(syscall(SYS_close, ends[0]), EBADF);
}

/* Numbers used again and again, by other files each time. */
static void made_and_closed(void)
{
	int first = -1;
	for (int i = 0; i < 20; i++) {
		int ends[2];
		make_pair(ends);
		CHECK(first == -1 || first == ends[0]);
		first = ends[0];
		pair_works(ends[0], ends[1]);
		pair_works(ends[1], ends[0]);
		close_pair(ends);
		CHECK_OK(syscall(SYS_pipe2, ends, O_CLOEXEC));
		CHECK_EQ(ends[0], first);
		CHECK_EQ(write(ends[1], "y", 1), 1);
		char byte;
		CHECK_EQ(read(ends[0], &byte, 1), 1);
		CHECK_ERRNO(recv(ends[0], &byte, 1, 0), ENOTSOCK);
		close_pair(ends);
	}
}

static void duplicated(void)
{
	int ends[2], more[2];
	make_pair(ends);
	int copy = (int)syscall(SYS_dup, ends[1]);
	CHECK(copy >= 0);
	pair_works(ends[0], copy);
	make_pair(more);
	CHECK_EQ(syscall(SYS_dup2, ends[1], copy), copy);
	CHECK_EQ(syscall(SYS_dup3, more[1], copy, O_CLOEXEC), copy);
	pair_works(more[0], copy);
	CHECK_EQ(fcntl(copy, F_GETFD), FD_CLOEXEC);
	CHECK_OK(syscall(SYS_close, copy));
	CHECK_EQ(syscall(SYS_fcntl, ends[1], F_DUPFD, copy), copy);
	pair_works(ends[0], copy);
	CHECK_OK(syscall(SYS_close, copy));
	close_pair(ends);
	close_pair(more);
}

/* Flags set in this way are known to the calls that wait. */
static void flags_are_seen(void)
{
	int ends[2], on = 1;
	char byte;
	make_pair(ends);
	pair_works(ends[0], ends[1]);
	long flags = syscall(SYS_fcntl, ends[1], F_GETFL);
	CHECK_OK(syscall(SYS_fcntl, ends[1], F_SETFL, flags | O_NONBLOCK));
	CHECK_ERRNO(recv(ends[1], &byte, 1, 0), EAGAIN);
	CHECK_OK(syscall(SYS_fcntl, ends[1], F_SETFL, flags));
	pair_works(ends[0], ends[1]);
	CHECK_OK(syscall(SYS_ioctl, ends[1], FIONBIO, &on));
	CHECK_ERRNO(recv(ends[1], &byte, 1, 0), EAGAIN);
	on = 0;
	CHECK_OK(syscall(SYS_ioctl, ends[1], FIONBIO, &on));
	pair_works(ends[0], ends[1]);
	struct timeval limit = {.tv_usec = 20000};
	CHECK_OK(syscall(SYS_setsockopt, ends[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	CHECK_ERRNO(recv(ends[1], &byte, 1, 0), EAGAIN);
	close_pair(ends);
}

static void *connect_to(void *address)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0);
	CHECK_OK(connect(fd, address, sizeof(struct sockaddr_in)));
	CHECK_EQ(recv(fd, (char[1]){0}, 1, 0), 1);
	CHECK_OK(syscall(SYS_close, fd));
	return NULL;
}

static void accepted(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	CHECK(listener >= 0);
	CHECK_OK(bind(listener, (struct sockaddr *)&address, length));
	CHECK_OK(listen(listener, 8));
	CHECK_OK(getsockname(listener, (struct sockaddr *)&address, &length));
	pthread_t client = check_start(connect_to, &address);
	int fd = (int)syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(send(fd, "x", 1, 0), 1);
	check_join(client);
	CHECK_OK(syscall(SYS_close, fd));
	CHECK_OK(syscall(SYS_close, listener));
}

/* Closing, duplicating over and changing every number there is leaves threads and waits working. */
static void close_it(int number)
{
	syscall(SYS_close, number);
}

static void duplicate_over_it(int number)
{
	if (syscall(SYS_dup2, STDERR_FILENO, number) == number)
		CHECK_OK(syscall(SYS_close, number));
	if (syscall(SYS_dup3, STDERR_FILENO, number, O_CLOEXEC) == number)
		CHECK_OK(syscall(SYS_close, number));
}

static void change_its_flags(int number)
{
	long flags = syscall(SYS_fcntl, number, F_GETFL);
	if (flags >= 0)
		syscall(SYS_fcntl, number, F_SETFL, flags ^ O_NONBLOCK);
	int on = 1;
	syscall(SYS_ioctl, number, FIONBIO, &on);
}

static void each_way(void)
{
	made_and_closed();
	duplicated();
	flags_are_seen();
	accepted();
}

static void *closes(void *descriptor)
{
	sleep_ms(20);
	CHECK_OK(syscall(SYS_close, *(int *)descriptor));
	return NULL;
}

static void errors(void)
{
	CHECK_ERRNO(syscall(SYS_close, -1), EBADF);
	CHECK_ERRNO(syscall(SYS_dup, -1), EBADF);
	CHECK_ERRNO(syscall(SYS_dup2, -1, 5), EBADF);
	CHECK_ERRNO(syscall(SYS_dup3, 1, 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_fcntl, -1, F_GETFL), EBADF);
	CHECK_ERRNO(syscall(SYS_socket, -1, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(syscall(SYS_openat, AT_FDCWD, "/no/such/file", O_RDONLY), ENOENT);
	CHECK_ERRNO(syscall(SYS_pipe2, (int[2]){0}, -1), EINVAL);
}

int main(void)
{
	errors();
	each_way();
	for_each_descriptor(close_it);
	each_way();
	for_each_descriptor(duplicate_over_it);
	each_way();
	for_each_descriptor(change_its_flags);
	each_way();
	CHECK_OK(syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0));
	each_way();
	int ends[2];
	make_pair(ends);
	pthread_t closer = check_start(closes, &ends[0]);
	check_join(closer);
	CHECK_ERRNO(recv(ends[0], (char[1]){0}, 1, 0), EBADF);
	errors();
	pid_t pid = check_fork();
	if (pid == 0) {
		each_way();
		_exit(0);
	}
	check_child_succeeds(pid);
	return 0;
}
