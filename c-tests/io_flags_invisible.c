/* O_NONBLOCK is the program's own: a descriptor never shows it because of a blocking call of some thread,
 * neither in this process nor in another that shares the description; and where the program sets it, by
 * whatever means, calls do not block. */
#include "net.h"
#include <sys/ioctl.h>

enum { SAMPLES = 2000 };

static int stop;

static void check_blocking(int descriptor)
{
	int flags = fcntl(descriptor, F_GETFL);
	CHECK(flags >= 0);
	CHECK_EQ(flags & O_NONBLOCK, 0);
}

static void *echo(void *descriptor)
{
	char byte;
	while (read((int)(long)descriptor, &byte, 1) == 1)
		write_exactly((int)(long)descriptor, &byte, 1);
	return NULL;
}

static void *ping(void *descriptor)
{
	char byte = 'x';
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		CHECK_EQ(send((int)(long)descriptor, &byte, 1, 0), 1);
		CHECK_EQ(recv((int)(long)descriptor, &byte, 1, 0), 1);
	}
	CHECK_OK(shutdown((int)(long)descriptor, SHUT_WR));
	return NULL;
}

static void *accept_forever(void *listener)
{
	int connection;
	while ((connection = accept((int)(long)listener, NULL, NULL)) >= 0) {
		check_blocking(connection);
		CHECK_OK(close(connection));
	}
	CHECK_EQ(errno, EINVAL);
	return NULL;
}

/* Samples from this process and from one that was forked: the description is shared. */
static void sample(const int *descriptors, int count)
{
	pid_t pid = check_fork();
	for (int i = 0; i < SAMPLES; i++) {
		for (int j = 0; j < count; j++)
			check_blocking(descriptors[j]);
		if (i % 100 == 0)
			usleep(100);
	}
	if (pid == 0)
		_exit(0);
	check_child_succeeds(pid);
}

static void while_others_block(void)
{
	int tcp[2], local[2], listener;
	struct sockaddr_in address;
	tcp_pair(tcp);
	unix_pair(local);
	listener = tcp_listener(&address, 10);
	pthread_t threads[] = {check_start(echo, (void *)(long)tcp[0]),   check_start(ping, (void *)(long)tcp[1]),
			       check_start(echo, (void *)(long)local[0]), check_start(ping, (void *)(long)local[1]),
			       check_start(accept_forever, (void *)(long)listener),
			       check_start(accept_forever, (void *)(long)listener)};
	for (int i = 0; i < 20; i++)
		CHECK_OK(close(tcp_connect(&address)));
	int all[] = {tcp[0], tcp[1], local[0], local[1], listener};
	sample(all, 5);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	CHECK_OK(shutdown(listener, SHUT_RDWR));
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		check_join(threads[i]);
	close_both(tcp);
	close_both(local);
	CHECK_OK(close(listener));
}

struct connecting {
	struct sockaddr_in address;
	int descriptor;
};

static void *connect_there(void *argument)
{
	struct connecting *connecting = argument;
	CHECK_OK(connect(connecting->descriptor, (struct sockaddr *)&connecting->address, sizeof connecting->address));
	return NULL;
}

/* The queue of a listener with backlog 0 holds one connection; the next connect waits for a retransmission. */
static void while_connecting(void)
{
	struct connecting connecting;
	int listener = tcp_listener(&connecting.address, 0);
	int first = tcp_connect(&connecting.address);
	connecting.descriptor = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread = check_start(connect_there, &connecting);
	sleep_ms(20);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	sample(&connecting.descriptor, 1);
	int second = accept(listener, NULL, NULL);
	CHECK_OK(close(second));
	check_join(thread);
	check_blocking(connecting.descriptor);
	CHECK_OK(close(accept(listener, NULL, NULL)));
	CHECK_OK(close(connecting.descriptor));
	CHECK_OK(close(first));
	CHECK_OK(close(listener));
}

static void check_does_not_block(int descriptor)
{
	char byte;
	CHECK(fcntl(descriptor, F_GETFL) & O_NONBLOCK);
	CHECK_ERRNO(read(descriptor, &byte, 1), EAGAIN);
}

static void *set_elsewhere(void *descriptor)
{
	CHECK_OK(fcntl((int)(long)descriptor, F_SETFL, O_NONBLOCK));
	return NULL;
}

static void the_programs_own_is_respected(void)
{
	int ends[2], on = 1, off = 0;
	char byte;
	unix_pair(ends);
	/* in use by a blocking call before */
	write_exactly(ends[1], "x", 1);
	read_exactly(ends[0], &byte, 1);
	CHECK_OK(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK));
	check_does_not_block(ends[0]);
	check_blocking(ends[1]);
	/* through a duplicate it is the same description */
	int duplicate = dup(ends[0]);
	check_does_not_block(duplicate);
	CHECK_OK(fcntl(duplicate, F_SETFL, 0));
	check_blocking(ends[0]);
	CHECK_OK(ioctl(ends[0], FIONBIO, &on));
	check_does_not_block(ends[0]);
	check_does_not_block(duplicate);
	CHECK_OK(ioctl(ends[0], FIONBIO, &off));
	check_blocking(duplicate);
	/* set by another thread, and by another process */
	check_join(check_start(set_elsewhere, (void *)(long)ends[0]));
	check_does_not_block(ends[0]);
	CHECK_OK(fcntl(ends[0], F_SETFL, 0));
	pid_t pid = check_fork();
	if (pid == 0) {
		CHECK_OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
		_exit(0);
	}
	check_child_succeeds(pid);
	check_does_not_block(ends[0]);
	CHECK_OK(close(duplicate));
	close_both(ends);

	CHECK_OK(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
	check_does_not_block(ends[0]);
	CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	static char big[1 << 20];
	CHECK(write(ends[1], big, sizeof big) < (ssize_t)sizeof big);
	CHECK_ERRNO(write(ends[1], big, sizeof big), EAGAIN);
	close_both(ends);
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
	check_does_not_block(ends[0]);
	write_exactly(ends[1], "abc", 3);
	int available = -1;
	CHECK_OK(ioctl(ends[0], FIONREAD, &available));
	CHECK_EQ(available, 3);
	close_both(ends);
}

int main(void)
{
	while_others_block();
	while_connecting();
	the_programs_own_is_respected();
	return 0;
}
