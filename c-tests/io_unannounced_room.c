/* A sender waits for room where no event tells of it: at the queue of a Unix socket that it names with each message, or of
 * one that is another than its socket is connected to, and at a netlink socket. It sends when there is room, and not before,
 * stops when its time is over or a handler has run, and costs no processor time while it waits. */
#include "net.h"
#include <linux/netlink.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { LIMIT_MS = 60, WAIT_MS = 150, LATE_MS = 1000, SIZE = 1000 };

enum call { SENDTO, SENDMSG, SENDMMSG, CALLS };

struct route {
	int sender, receiver;
	struct sockaddr_storage to;
	socklen_t length;
	enum call call;
};

static ssize_t send_one(struct route *route, int flags)
{
	static char bytes[SIZE];
	struct iovec part = {bytes, sizeof bytes};
	struct mmsghdr message = {
		.msg_hdr = {.msg_name = &route->to, .msg_namelen = route->length, .msg_iov = &part, .msg_iovlen = 1}};
	switch (route->call) {
	case SENDTO:
		return sendto(route->sender, bytes, sizeof bytes, flags, (struct sockaddr *)&route->to, route->length);
	case SENDMSG:
		return sendmsg(route->sender, &message.msg_hdr, flags);
	default: {
		int sent = sendmmsg(route->sender, &message, 1, flags);
		return sent == 1 ? (ssize_t)message.msg_len : sent;
	}
	}
}

static int fill(struct route *route)
{
	int sent = 0;
	while (send_one(route, MSG_DONTWAIT) == SIZE)
		sent++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent > 0);
	return sent;
}

static void drain(const struct route *route)
{
	char bytes[SIZE];
	while (recv(route->receiver, bytes, sizeof bytes, MSG_DONTWAIT) == SIZE)
		;
	CHECK_EQ(errno, EAGAIN);
}

static long milliseconds(void)
{
	struct timespec now;
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	return now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static long processor_milliseconds(void)
{
	struct rusage usage;
	CHECK_OK(getrusage(RUSAGE_SELF, &usage));
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void limit(int sender, int limit_ms)
{
	struct timeval time = {.tv_usec = limit_ms * 1000};
	CHECK_OK(setsockopt(sender, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
}

static void *send_waiting(void *route)
{
	CHECK_EQ(send_one(route, 0), SIZE);
	return NULL;
}

static volatile sig_atomic_t is_over;

static void do_nothing(int signal_number)
{
	(void)signal_number;
}

static void *send_interrupted(void *route)
{
	CHECK_ERRNO(send_one(route, 0), EINTR);
	is_over = 1;
	return NULL;
}

static void *send_cancelled(void *route)
{
	send_one(route, 0);
	return NULL;
}

static void waits_for_room(struct route *route)
{
	fill(route);
	CHECK_ERRNO(send_one(route, MSG_DONTWAIT), EAGAIN);
	limit(route->sender, LIMIT_MS);
	long begin = milliseconds();
	CHECK_ERRNO(send_one(route, 0), EAGAIN);
	long took = milliseconds() - begin;
	CHECK(took >= LIMIT_MS - 5 && took < LIMIT_MS + LATE_MS);
	limit(route->sender, 0);

	long processor = processor_milliseconds();
	pthread_t thread = check_start(send_waiting, route);
	sleep_ms(WAIT_MS);
	CHECK(processor_milliseconds() - processor < WAIT_MS / 2);
	CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	drain(route);
	check_join(thread);
	drain(route);

	fill(route);
	is_over = 0;
	thread = check_start(send_interrupted, route);
	/* until the handler has met the call, and not what is before it */
	while (!is_over) {
		sleep_ms(1);
		CHECK_OK(pthread_kill(thread, SIGUSR1));
	}
	check_join(thread);

	thread = check_start(send_cancelled, route);
	sleep_ms(5);
	CHECK_OK(pthread_cancel(thread));
	CHECK_EQ(check_join(thread), PTHREAD_CANCELED);
	drain(route);
}

static int unix_receiver(struct route *route, const char *name)
{
	static int count;
	struct sockaddr_un *address = (struct sockaddr_un *)&route->to;
	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(receiver >= 0);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s-%d-%d", name, (int)getpid(), count++);
	route->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	CHECK_OK(bind(receiver, (struct sockaddr *)address, route->length));
	return receiver;
}

static void to_a_name(enum call call)
{
	struct route route = {.call = call, .sender = socket(AF_UNIX, SOCK_DGRAM, 0)};
	route.receiver = unix_receiver(&route, "receiver");
	waits_for_room(&route);
	CHECK_OK(close(route.receiver));
	CHECK_OK(close(route.sender));
}

/* The one that it is connected to has no room, or has some: neither tells of the other. */
static void beside_a_connection(enum call call, int is_full)
{
	struct route connected = {.call = call, .sender = socket(AF_UNIX, SOCK_DGRAM, 0)}, route = connected;
	connected.receiver = unix_receiver(&connected, "connected");
	route.receiver = unix_receiver(&route, "receiver");
	CHECK_OK(connect(connected.sender, (struct sockaddr *)&connected.to, connected.length));
	if (is_full)
		fill(&connected);
	waits_for_room(&route);
	CHECK_OK(close(connected.receiver));
	CHECK_OK(close(route.receiver));
	CHECK_OK(close(route.sender));
}

static void over_netlink(enum call call)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	struct route route = {.call = call, .sender = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK)};
	if (route.sender < 0) {
		puts("no netlink sockets between processes here");
		return;
	}
	route.receiver = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	CHECK_OK(bind(route.sender, (struct sockaddr *)&address, sizeof address));
	CHECK_OK(bind(route.receiver, (struct sockaddr *)&address, sizeof address));
	route.length = sizeof route.to;
	CHECK_OK(getsockname(route.receiver, (struct sockaddr *)&route.to, &route.length));
	int size = 4096;
	CHECK_OK(setsockopt(route.receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
	waits_for_room(&route);
	CHECK_OK(close(route.receiver));
	CHECK_OK(close(route.sender));
}

static void *in_a_thread(void *unused)
{
	for (enum call call = SENDTO; call < CALLS; call++) {
		to_a_name(call);
		beside_a_connection(call, 0);
		beside_a_connection(call, 1);
		over_netlink(call);
	}
	return unused;
}

int main(void)
{
	struct sigaction action = {.sa_handler = do_nothing};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	check_join(check_start(in_a_thread, NULL));
	in_a_thread(NULL);
	return 0;
}
