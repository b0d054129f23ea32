/* Functions that are looked up in libc itself, as Python's ctypes does: a crowd that waits in each is served, and
 * prints how many kernel threads that took at most. Before there are threads nobody has touched libc's code. */
#include "net.h"
#include <dlfcn.h>
#include <poll.h>
#include <sys/uio.h>

enum { THREADS = 50 };

static ssize_t (*libc_read)(int, void *, size_t);
static ssize_t (*libc_readv)(int, const struct iovec *, int);
static ssize_t (*libc_recv)(int, void *, size_t, int);
static int (*libc_poll)(struct pollfd *, nfds_t, int);
static int (*libc_accept)(int, struct sockaddr *, socklen_t *);
static int (*libc_accept4)(int, struct sockaddr *, socklen_t *, int);

static int ends[THREADS][2];

static ssize_t by_read(int fd)
{
	char byte;
	return libc_read(fd, &byte, 1);
}

static ssize_t by_readv(int fd)
{
	char byte;
	struct iovec part = {&byte, 1};
	return libc_readv(fd, &part, 1);
}

static ssize_t by_recv(int fd)
{
	char byte;
	return libc_recv(fd, &byte, 1, 0);
}

static ssize_t by_poll(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	return libc_poll(&look, 1, -1) == 1 && look.revents == POLLIN;
}

static ssize_t (*const ways[])(int) = {by_read, by_readv, by_recv, by_poll};
static ssize_t (*way)(int);

static void *visit(void *fd)
{
	CHECK_EQ(way(*(int *)fd), 1);
	return NULL;
}

static void *take_connection(void *listener)
{
	char byte;
	int fd = *(int *)listener, taken = fd % 2 ? libc_accept(fd, NULL, NULL) : libc_accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	CHECK(taken >= 0);
	CHECK_EQ(fcntl(taken, F_GETFD), fd % 2 ? 0 : FD_CLOEXEC);
	CHECK_EQ(read(taken, &byte, 1), 1);
	CHECK_OK(close(taken));
	return NULL;
}

/* A crowd in each of the two: how many kernel threads that has taken. */
static long connections(void)
{
	struct sockaddr_in addresses[2];
	int listeners[2] = {tcp_listener(&addresses[0], THREADS), tcp_listener(&addresses[1], THREADS)};
	pthread_t threads[THREADS];
	CHECK(listeners[0] % 2 != listeners[1] % 2);
	for (int k = 0; k < THREADS; k++)
		threads[k] = check_start(take_connection, &listeners[k % 2]);
	sleep_ms(20);
	long tasks = check_kernel_threads();
	for (int k = 0; k < THREADS; k++) {
		int fd = tcp_connect(&addresses[k % 2]);
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK_OK(close(fd));
	}
	for (int k = 0; k < THREADS; k++)
		check_join(threads[k]);
	close_both(listeners);
	return tasks;
}

static void *look_up(void *libc, const char *name)
{
	/* jmp rel32, jmp [rip + rel32] */
	const unsigned char *code = dlsym(libc, name);
	CHECK(code && code[0] != 0xe9 && code[0] != 0xff);
	return (void *)code;
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	CHECK(libc != NULL);
	libc_read = look_up(libc, "read");
	libc_readv = look_up(libc, "readv");
	libc_recv = look_up(libc, "recv");
	libc_poll = look_up(libc, "poll");
	libc_accept = look_up(libc, "accept");
	libc_accept4 = look_up(libc, "accept4");
	long most = connections();
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		pthread_t threads[THREADS];
		way = ways[i];
		for (int k = 0; k < THREADS; k++) {
			unix_pair(ends[k]);
			threads[k] = check_start(visit, &ends[k][0]);
		}
		sleep_ms(20);
		long now = check_kernel_threads();
		most = now > most ? now : most;
		for (int k = 0; k < THREADS; k++)
			CHECK_EQ(write(ends[k][1], "x", 1), 1);
		for (int k = 0; k < THREADS; k++) {
			check_join(threads[k]);
			close_both(ends[k]);
		}
	}
	errno = 0;
	CHECK_ERRNO(libc_read(-1, NULL, 0), EBADF);
	printf("tasks=%ld\n", most);
	return 0;
}
