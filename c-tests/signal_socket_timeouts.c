/* Sockets with time limits, in a thread that the kernel keeps something of (a timer slack), beside a timer whose signals
 * the main thread handles, more often than the limits last: the calls end in time nevertheless. */
#include "net.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { LIMIT_MS = 30, PERIOD_NS = 3 * NS_PER_MS, FAR_TOO_LATE_MS = 5000, MOST_CONNECTIONS = 64 };

static char big[1 << 20];

static void handle(int signal_number)
{
	(void)signal_number;
}

static void limit(int fd)
{
	struct timeval time = {.tv_usec = LIMIT_MS * 1000};
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
}

/* The kernel counts in ticks of 10 ms at the coarsest. It may interrupt another thread than the main one if signals come
 * faster than that runs: then the call ends by that, also natively, and the handler may run elsewhere. */
#define CHECK_EXPIRES(call, error) \
	do { \
		long start, got; \
		do { \
			start = monotonic_ms(); \
			got = (call); \
		} while (got == -1 && errno == EINTR); \
		long took = monotonic_ms() - start; \
		CHECK_EQ(got == -1 ? errno : got, error); \
		CHECK(took >= LIMIT_MS - 10); \
		CHECK(took < FAR_TOO_LATE_MS); \
	} while (0)

static void receives(void (*pair)(int[2]))
{
	int ends[2];
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct mmsghdr messages = {.msg_hdr = message};
	pair(ends);
	limit(ends[0]);
	CHECK_EXPIRES(recv(ends[0], &byte, 1, 0), EAGAIN);
	CHECK_EXPIRES(read(ends[0], &byte, 1), EAGAIN);
	CHECK_EXPIRES(readv(ends[0], &part, 1), EAGAIN);
	CHECK_EXPIRES(recvmsg(ends[0], &message, 0), EAGAIN);
	CHECK_EXPIRES(recvmmsg(ends[0], &messages, 1, 0, NULL), EAGAIN);
	close_both(ends);
}

static void sends(void)
{
	int ends[2];
	struct iovec part = {big, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	unix_pair(ends);
	limit(ends[0]);
	while (send(ends[0], big, sizeof big, MSG_DONTWAIT) > 0)
		;
	CHECK_EXPIRES(send(ends[0], big, 1, 0), EAGAIN);
	CHECK_EXPIRES(write(ends[0], big, 1), EAGAIN);
	CHECK_EXPIRES(writev(ends[0], &part, 1), EAGAIN);
	CHECK_EXPIRES(sendmsg(ends[0], &message, 0), EAGAIN);
	close_both(ends);
}

static int open_socket(int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	CHECK(fd >= 0);
	return fd;
}

static int connect_anew(int *fd, const struct sockaddr_in *address)
{
	if (*fd >= 0)
		CHECK_OK(close(*fd));
	*fd = open_socket(0);
	limit(*fd);
	return connect(*fd, (const struct sockaddr *)address, sizeof *address);
}

static void connections(void)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	int made[MOST_CONNECTIONS], count = 0;
	int listener = tcp_listener(&address, 0);
	limit(listener);
	CHECK_EXPIRES(accept(listener, NULL, NULL), EAGAIN);
	CHECK_EXPIRES(accept4(listener, NULL, NULL, 0), EAGAIN);
	/* Until the queue is full. */
	for (;; count++) {
		CHECK(count < MOST_CONNECTIONS);
		made[count] = open_socket(SOCK_NONBLOCK);
		CHECK_ERRNO(connect(made[count], (struct sockaddr *)&address, length), EINPROGRESS);
		struct pollfd one = {made[count], POLLOUT, 0};
		sleep_ms(20);
		if (poll(&one, 1, 0) == 0)
			break;
	}
	int last = -1;
	CHECK_EXPIRES(connect_anew(&last, &address), EINPROGRESS);
	CHECK_OK(close(last));
	for (; count >= 0; count--)
		CHECK_OK(close(made[count]));
	CHECK_OK(close(listener));
}

static void *check_calls(void *slack)
{
	if (slack)
		CHECK_OK(prctl(PR_SET_TIMERSLACK, 60000));
	receives(unix_pair);
	receives(tcp_pair);
	sends();
	connections();
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec often = {{0, PERIOD_NS}, {0, PERIOD_NS}};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	for (int has_slack = 0; has_slack < 2; has_slack++) {
		timer_t timer;
		CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
		pthread_t thread = check_start(check_calls, has_slack ? big : NULL);
		CHECK_OK(timer_settime(timer, 0, &often, NULL));
		check_join(thread);
		CHECK_OK(timer_delete(timer));
	}
	return 0;
}
