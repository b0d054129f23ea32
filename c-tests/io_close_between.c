/* A thread that makes a call again and again while another one closes the descriptor, or puts another file there: each
 * of its calls has met the old file, the new one or none. As long as the old and the new file become ready again and
 * again the thread comes to its end. It is green, has a kernel thread of its own, or is in a handler. */
#include "net.h"
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>

enum { SOME = 50, NUMBER = 200, PATIENCE_MS = 20 * 1000, STATES = 3 };

/* A descriptor, and what makes it ready. */
struct place {
	int descriptor, other, watched;
	struct sockaddr_un address;
	socklen_t length;
};

struct call {
	const char *name;
	int rounds;
	void (*open)(struct place *place);
	/* -1 with errno if it fails. */
	long (*once)(int descriptor);
	/* Lets a call on the descriptor succeed, if it has come so far; does not wait. */
	void (*feed)(const struct place *place);
};

static char bytes[4096];
static int file, epoll, pipe_ends[2];
/* A listener that takes no more connections, but for those that are accepted. */
static struct place full;

static void open_pair(struct place *place)
{
	int ends[2];
	unix_pair(ends);
	*place = (struct place){.descriptor = ends[0], .other = ends[1], .watched = -1};
}

static void send_byte(const struct place *place)
{
	send(place->other, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void receive_all(const struct place *place)
{
	while (recv(place->other, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
}

/* What a look has found, unless another file has come since. */
static long take(int descriptor)
{
	char byte;
	long got = recv(descriptor, &byte, 1, MSG_DONTWAIT);
	return got == -1 && errno == EAGAIN ? 0 : got;
}

static long receive_once(int descriptor)
{
	char byte;
	return recv(descriptor, &byte, 1, 0);
}

static long send_once(int descriptor)
{
	return send(descriptor, bytes, sizeof bytes, MSG_NOSIGNAL);
}

static long sendfile_once(int descriptor)
{
	off_t offset = 0;
	return sendfile(descriptor, file, &offset, sizeof bytes);
}

static long splice_once(int descriptor)
{
	char byte;
	long moved = splice(descriptor, NULL, pipe_ends[0], NULL, 1, 0);
	if (moved == 1)
		CHECK_EQ(read(pipe_ends[1], &byte, 1), 1);
	return moved;
}

static long poll_once(int descriptor)
{
	struct pollfd entry = {.fd = descriptor, .events = POLLIN};
	CHECK_EQ(poll(&entry, 1, -1), 1);
	errno = EBADF;
	return entry.revents & POLLNVAL ? -1 : take(descriptor);
}

static long select_once(int descriptor)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(descriptor, &set);
	return select(descriptor + 1, &set, NULL, NULL, NULL) == -1 ? -1 : take(descriptor);
}

static void open_epoll(struct place *place)
{
	int ends[2];
	unix_pair(ends);
	*place = (struct place){.descriptor = epoll_create1(0), .other = ends[1], .watched = ends[0]};
	struct epoll_event event = {.events = EPOLLIN, .data.fd = ends[0]};
	CHECK_OK(epoll_ctl(place->descriptor, EPOLL_CTL_ADD, ends[0], &event));
}

static long epoll_once(int descriptor)
{
	struct epoll_event event;
	return epoll_wait(descriptor, &event, 1, -1) == -1 ? -1 : take(event.data.fd);
}

static long epoll_ctl_once(int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN};
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == -1)
		return -1;
	return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) == -1 && errno != ENOENT ? -1 : 0;
}

static void open_listener(struct place *place)
{
	struct sockaddr *own = (struct sockaddr *)&place->address;
	*place = (struct place){.other = -1, .watched = -1, .address = {.sun_family = AF_UNIX}, .length = sizeof place->address};
	place->descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_OK(bind(place->descriptor, own, sizeof own->sa_family));
	CHECK_OK(listen(place->descriptor, 1));
	CHECK_OK(getsockname(place->descriptor, own, &place->length));
}

static long accept_once(int descriptor)
{
	int connection = accept(descriptor, NULL, NULL);
	return connection == -1 ? -1 : close(connection);
}

static long connect_to(int descriptor, const struct place *place)
{
	return connect(descriptor, (const struct sockaddr *)&place->address, place->length);
}

static void connect_at_once(const struct place *place)
{
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	connect_to(descriptor, place);
	CHECK_OK(close(descriptor));
}

static void open_unconnected(struct place *place)
{
	*place = (struct place){.descriptor = socket(AF_UNIX, SOCK_STREAM, 0), .other = -1, .watched = -1};
	for (int i = 0; i < 3; i++)
		connect_at_once(&full);
}

static long connect_once(int descriptor)
{
	long result = connect_to(descriptor, &full);
	return result == -1 && errno == EISCONN ? 0 : result;
}

static void accept_one(const struct place *unused)
{
	(void)unused;
	int connection = accept(full.descriptor, NULL, NULL);
	if (connection >= 0)
		CHECK_OK(close(connection));
}

static const struct call calls[] = {
	{"recv", 2400, open_pair, receive_once, send_byte},
	{"send", 240, open_pair, send_once, receive_all},
	{"sendfile", 240, open_pair, sendfile_once, receive_all},
	{"splice", 240, open_pair, splice_once, send_byte},
	{"poll", 240, open_pair, poll_once, send_byte},
	{"select", 240, open_pair, select_once, send_byte},
	{"epoll_wait", 240, open_epoll, epoll_once, send_byte},
	{"epoll_ctl", 240, open_pair, epoll_ctl_once, send_byte},
	{"accept", 240, open_listener, accept_once, connect_at_once},
	{"connect", 240, open_unconnected, connect_once, accept_one},
};

static const struct call *call;
static atomic_int has_begun, shall_end, is_over;

static void call_again_and_again(int signal_number)
{
	(void)signal_number;
	has_begun = 1;
	do {
		if (call->once(NUMBER) == -1) {
			CHECK_EQ(errno, EBADF);
			break;
		}
	} while (!shall_end);
	is_over = 1;
}

static void *calling(void *state)
{
	if (state == (void *)1) {
		cpu_set_t cpus;
		CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
		CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	}
	if (state == (void *)2)
		CHECK_OK(raise(SIGUSR1));
	else
		call_again_and_again(0);
	return NULL;
}

/* Nobody else gets that number. */
static void open_at_number(struct place *place)
{
	call->open(place);
	CHECK_EQ(dup2(place->descriptor, NUMBER), NUMBER);
	CHECK_OK(close(place->descriptor));
}

static void close_it(struct place *unused)
{
	(void)unused;
	CHECK_OK(close(NUMBER));
}

static void close_it_by_range(struct place *unused)
{
	(void)unused;
	CHECK_OK(close_range(NUMBER, NUMBER, 0));
}

static void close_its_stream(struct place *unused)
{
	(void)unused;
	FILE *stream = fdopen(NUMBER, "r");
	CHECK(stream != NULL);
	CHECK_OK(fclose(stream));
}

static void replace_it(struct place *new)
{
	open_at_number(new);
	shall_end = 1;
}

static void (*const ways[])(struct place *new) = {close_it, close_it_by_range, close_its_stream, replace_it};
enum { WAYS = sizeof ways / sizeof *ways };

static void forget(const struct place *place)
{
	if (place->other != -1)
		CHECK_OK(close(place->other));
	if (place->watched != -1)
		CHECK_OK(close(place->watched));
}

static void end_between(int round)
{
	struct place old, new = {.other = -1, .watched = -1};
	open_at_number(&old);
	has_begun = shall_end = is_over = 0;
	pthread_t thread = check_start(calling, (void *)(long)(round % STATES));
	while (!has_begun)
		sched_yield();
	for (int i = 0; i < round % SOME; i++)
		call->feed(&old);
	ways[round / STATES % WAYS](&new);
	/* If it had begun to wait it has the old file, or the new one. */
	for (long end = monotonic_ms() + PATIENCE_MS; !is_over;) {
		if (monotonic_ms() >= end)
			fprintf(stderr, "%s, round %d\n", call->name, round);
		CHECK(monotonic_ms() < end);
		call->feed(&old);
		if (shall_end)
			call->feed(&new);
		usleep(100);
	}
	check_join(thread);
	forget(&old);
	forget(&new);
	if (shall_end)
		CHECK_OK(close(NUMBER));
}

int main(void)
{
	CHECK(signal(SIGUSR1, call_again_and_again) != SIG_ERR);
	file = open("/proc/self/exe", O_RDONLY);
	epoll = epoll_create1(0);
	pipe_pair(pipe_ends);
	open_listener(&full);
	CHECK_OK(fcntl(full.descriptor, F_SETFL, O_NONBLOCK));
	for (call = calls; call < calls + sizeof calls / sizeof *calls; call++)
		for (int round = 0; round < call->rounds; round++)
			end_between(round);
	return 0;
}
