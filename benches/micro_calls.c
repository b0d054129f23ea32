/* System calls that do not block: what a hook in front of them costs. */
#define _GNU_SOURCE
#include "micro.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not hooked: what the kernel entry alone costs here. */
double getpid_unthreaded(long operations)
{
	double began = now();
	for (long i = 0; i < operations; i++)
		getpid();
	return now() - began;
}

static double read_zero(long operations)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);
	check(fd >= 0, "open /dev/zero");
	double began = now();
	for (long i = 0; i < operations; i++)
		check(read(fd, &byte, 1) == 1, "read /dev/zero");
	double elapsed = now() - began;
	close(fd);
	return elapsed;
}

double read_zero_unthreaded(long operations)
{
	return read_zero(operations);
}

double read_zero_threaded(long operations)
{
	return beside_parked_thread(read_zero, operations);
}

static double recv_nothing(long operations)
{
	char byte;
	int ends[2];
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "socketpair");
	double began = now();
	for (long i = 0; i < operations; i++)
		check(recv(ends[0], &byte, 1, 0) == -1 && errno == EAGAIN, "recv should say EAGAIN");
	double elapsed = now() - began;
	close(ends[0]);
	close(ends[1]);
	return elapsed;
}

double recv_eagain_unthreaded(long operations)
{
	return recv_nothing(operations);
}

double recv_eagain_threaded(long operations)
{
	return beside_parked_thread(recv_nothing, operations);
}
