/* SO_RCVTIMEO and SO_SNDTIMEO: EAGAIN after about the time and not before, a partial count where some bytes
 * went, and no effect on calls that need not wait. */
#include "net.h"
#include <sys/prctl.h>
#include <sys/uio.h>

enum { TIMEOUT_MS = 30, FAR_TOO_LATE_MS = 10000, LIMIT_MS = 400, LONG_MS = 1500, PART = 200000, PARTS = 7 };

static char big[16 << 20];

static void set_timeout(int descriptor, int option, long ms)
{
	struct timeval timeout = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	CHECK_OK(setsockopt(descriptor, SOL_SOCKET, option, &timeout, sizeof timeout));
	struct timeval reported;
	socklen_t length = sizeof reported;
	CHECK_OK(getsockopt(descriptor, SOL_SOCKET, option, &reported, &length));
	CHECK(reported.tv_sec == timeout.tv_sec && reported.tv_usec >= timeout.tv_usec);
}

/* Socket timeouts count in ticks of the kernel's clock, of 10 ms at the coarsest. */
static void check_took_about(long start_ms)
{
	long elapsed = monotonic_ms() - start_ms;
	CHECK(elapsed >= TIMEOUT_MS - 10);
	CHECK(elapsed < FAR_TOO_LATE_MS);
}

#define CHECK_EXPIRES(call) \
	do { \
		long start = monotonic_ms(); \
		CHECK_ERRNO(call, EAGAIN); \
		check_took_about(start); \
	} while (0)

static void receiving(int descriptor, int peer)
{
	char buffer[16];
	struct iovec part = {buffer, sizeof buffer};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	set_timeout(descriptor, SO_RCVTIMEO, TIMEOUT_MS);
	CHECK_EXPIRES(recv(descriptor, buffer, sizeof buffer, 0));
	CHECK_EXPIRES(read(descriptor, buffer, sizeof buffer));
	CHECK_EXPIRES(readv(descriptor, &part, 1));
	CHECK_EXPIRES(recvfrom(descriptor, buffer, sizeof buffer, 0, NULL, NULL));
	CHECK_EXPIRES(recvmsg(descriptor, &message, 0));
	write_exactly(peer, "abc", 3);
	CHECK_EQ(recv(descriptor, buffer, sizeof buffer, 0), 3);
	CHECK_EXPIRES(recv(descriptor, buffer, sizeof buffer, 0));

	/* Zero is no timeout: the call waits for what comes after a while. */
	set_timeout(descriptor, SO_RCVTIMEO, 0);
}

static void *write_late(void *peer)
{
	sleep_ms(2 * TIMEOUT_MS);
	write_exactly((int)(long)peer, "late", 4);
	return NULL;
}

static void no_timeout_waits(int descriptor, int peer)
{
	char buffer[16];
	pthread_t writer = check_start(write_late, (void *)(long)peer);
	CHECK_EQ(recv(descriptor, buffer, sizeof buffer, 0), 4);
	check_join(writer);
}

static void wait_all_returns_what_came(int descriptor, int peer)
{
	char buffer[16];
	set_timeout(descriptor, SO_RCVTIMEO, TIMEOUT_MS);
	write_exactly(peer, "abc", 3);
	long start = monotonic_ms();
	CHECK_EQ(recv(descriptor, buffer, sizeof buffer, MSG_WAITALL), 3);
	check_took_about(start);
	set_timeout(descriptor, SO_RCVTIMEO, 0);
}

static void sending(int descriptor)
{
	set_timeout(descriptor, SO_SNDTIMEO, TIMEOUT_MS);
	/* Nobody reads: some bytes fit, the rest doesn't within the time. */
	long start = monotonic_ms();
	ssize_t sent = send(descriptor, big, sizeof big, 0);
	CHECK(sent > 0 && sent < (ssize_t)sizeof big);
	check_took_about(start);
	/* More fits now and then while TCP still makes room, until a write gets no byte in. */
	do {
		start = monotonic_ms();
		sent = write(descriptor, big, 65536);
	} while (sent > 0);
	CHECK_EQ(errno, EAGAIN);
	check_took_about(start);
	set_timeout(descriptor, SO_SNDTIMEO, 0);
}

static void *read_slowly(void *descriptor)
{
	static __thread char part[PART];
	for (int i = 0; i < PARTS; i++) {
		sleep_ms(LIMIT_MS / 4);
		read_exactly((int)(long)descriptor, part, sizeof part);
	}
	return NULL;
}

/* Of a Unix socket each part has the time to itself. */
static void sending_in_parts(void)
{
	int ends[2];
	unix_pair(ends);
	set_timeout(ends[0], SO_SNDTIMEO, LIMIT_MS);
	pthread_t reader = check_start(read_slowly, (void *)(long)ends[1]);
	long start = monotonic_ms();
	CHECK_EQ(send(ends[0], big, PART * PARTS, 0), PART * PARTS);
	CHECK(monotonic_ms() - start > LIMIT_MS);
	check_join(reader);
	close_both(ends);
}

/* In a thread that the kernel keeps something of (a timer slack), too, where nothing interrupts it: once. */
static void *sending_a_part(void *unused)
{
	int ends[2];
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 60000));
	unix_pair(ends);
	set_timeout(ends[0], SO_SNDTIMEO, LONG_MS);
	long start = monotonic_ms();
	ssize_t sent = send(ends[0], big, sizeof big, 0);
	CHECK(sent > 0 && sent < (ssize_t)sizeof big);
	CHECK(monotonic_ms() - start < 2 * LONG_MS - 100);
	close_both(ends);
	return unused;
}

static void check_stream(void (*pair)(int[2]))
{
	int ends[2];
	pair(ends);
	receiving(ends[0], ends[1]);
	no_timeout_waits(ends[0], ends[1]);
	wait_all_returns_what_came(ends[0], ends[1]);
	sending(ends[0]);
	close_both(ends);
}

static void datagrams(void)
{
	struct sockaddr_in address;
	int receiver = bound_socket(SOCK_DGRAM, &address), sender = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_OK(connect(sender, (struct sockaddr *)&address, sizeof address));
	receiving(receiver, sender);
	no_timeout_waits(receiver, sender);
	CHECK_OK(close(receiver));
	CHECK_OK(close(sender));
}

static void accepting(void)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address, 1);
	set_timeout(listener, SO_RCVTIMEO, TIMEOUT_MS);
	CHECK_EXPIRES(accept(listener, NULL, NULL));
	CHECK_OK(close(tcp_connect(&address)));
	CHECK_OK(close(accept(listener, NULL, NULL)));
	CHECK_OK(close(listener));
}

static void *in_thread(void *unused)
{
	check_stream(tcp_pair);
	check_stream(unix_pair);
	sending_in_parts();
	check_join(check_start(sending_a_part, NULL));
	datagrams();
	accepting();
	return unused;
}

int main(void)
{
	pthread_t thread = check_start(in_thread, NULL);
	in_thread(NULL);
	check_join(thread);
	return 0;
}
