/* Closed-loop load generator for echo servers.
 *
 * Opens N connections to 127.0.0.1:PORT. Each one sends a message, waits for
 * the whole echo, checks every byte, and sends the next. With --request and
 * --reply it speaks to servers that do not echo, but give a constant reply to a
 * constant request; that reply is "the echo" below. One thread, one
 * edge-triggered epoll: on a small machine the generator shares its cores
 * with the server, so one message costs it one recv, one send, one clock
 * reading and a share of an epoll_wait.
 *
 * Phases: open (one message per connection, so that the server has accepted
 * it) -> warm-up -> measure -> drain (no new messages; the outstanding echoes
 * come back) -> report. Each has a deadline, so a dead server costs bounded
 * time. On stdout: the lines "measuring" and "measured" at the ends of the
 * measured window, then one JSON object. Exit status 0: whatever came back was
 * right to the byte, and it all came, save from a server so slow that it was
 * still answering when the time to drain was over; 1: something went wrong, and
 * the JSON says what; 2: usage.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "load_options.h"

enum {
	/* Connections opened but not yet served at any moment: below every
	 * server's listen backlog, since a full one drops SYNs for a second. */
	OPENING_LIMIT = 64,
	/* Client addresses 127.0.0.1 ... 127.0.0.8: connections in TIME_WAIT from
	 * earlier runs never exhaust the ephemeral ports of one address. */
	SOURCE_ADDRESSES = 8,
	EVENT_BATCH = 512,
};

#define NANOSECONDS 1000000000ull
#define OPEN_SECONDS 30
#define DRAIN_SECONDS 10
#define STALL_SECONDS 3

enum state { UNOPENED, CONNECTING, IDLE, AWAITING_ECHO, CLOSED };

struct connection {
	int fd;
	enum state state;
	uint32_t sent;      /* bytes of the message that the socket has taken */
	uint32_t received;  /* bytes of its echo that came back */
	uint64_t started;   /* when the message was sent */
	uint64_t completed; /* messages, in the measured window */
	uint64_t sequence;
	uint8_t *message;
};

enum phase { OPEN, WARM_UP, MEASURE, DRAIN, DONE };

static struct connection *connections;
static uint8_t *scratch;
static int epoll_fd;
static enum phase phase;
static struct histogram latencies;
static uint32_t next_to_open, opening, open_now, awaiting;
static uint64_t errors, mismatched_bytes;
static char first_error[160];

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NANOSECONDS + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void note_error(const char *what, int error)
{
	if (errors++ == 0)
		snprintf(first_error, sizeof first_error, "%s: %s", what, strerror(error));
}

static void drop(struct connection *c, const char *what, int error)
{
	note_error(what, error);
	if (c->state == AWAITING_ECHO)
		awaiting--;
	if (c->state == CONNECTING || (c->state == AWAITING_ECHO && phase == OPEN))
		opening--;
	else
		open_now--;
	close(c->fd);
	c->state = CLOSED;
}

/* No two messages of a run are alike, so an echo that went to the wrong
 * connection or came a message late is seen. */
static void compose(struct connection *c)
{
	if (options.request)
		return;
	uint64_t word = ((uint64_t)(c - connections) << 40 ^ c->sequence++) * 0x9e3779b97f4a7c15u;
	for (uint32_t at = 0; at < options.size; at += sizeof word) {
		uint32_t rest = options.size - at;
		memcpy(c->message + at, &word, rest < sizeof word ? rest : sizeof word);
		word = (word ^ word >> 29) * 0xbf58476d1ce4e5b9u;
	}
	if (options.lines) {
		for (uint32_t at = 0; at < options.size; at++)
			c->message[at] = ' ' + (c->message[at] & 63);
		c->message[options.size - 1] = '\n';
	}
}

/* Sends what the socket takes; an edge (EPOLLOUT) calls for the rest. */
static void send_rest(struct connection *c)
{
	while (c->sent < options.size) {
		ssize_t n = send(c->fd, c->message + c->sent, options.size - c->sent, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno != EAGAIN)
				drop(c, "send", errno);
			return;
		}
		c->sent += (uint32_t)n;
	}
}

static void start_message(struct connection *c, uint64_t time)
{
	compose(c);
	c->sent = c->received = 0;
	c->started = time;
	c->state = AWAITING_ECHO;
	awaiting++;
	send_rest(c);
}

static void finish_message(struct connection *c)
{
	uint64_t time = now();
	awaiting--;
	c->state = IDLE;
	switch (phase) {
	case OPEN:
		opening--;
		open_now++;
		break;
	case MEASURE:
		histogram_record(&latencies, time - c->started);
		c->completed++;
		start_message(c, time);
		break;
	case WARM_UP:
		start_message(c, time);
		break;
	default:
		break;
	}
}

static void verify(struct connection *c, uint32_t length)
{
	const uint8_t *reply = options.reply ? (const uint8_t *)options.reply : c->message;
	const uint8_t *wanted = reply + c->received;
	if (memcmp(scratch, wanted, length) == 0)
		return;
	for (uint32_t i = 0; i < length; i++)
		mismatched_bytes += scratch[i] != wanted[i];
}

static void receive(struct connection *c)
{
	while (c->state == AWAITING_ECHO) {
		uint32_t wanted = options.reply_size - c->received;
		ssize_t n = recv(c->fd, scratch, wanted, 0);
		if (n < 0) {
			if (errno != EAGAIN)
				drop(c, "recv", errno);
			return;
		}
		if (n == 0) {
			drop(c, "server closed a connection", ECONNRESET);
			return;
		}
		verify(c, (uint32_t)n);
		c->received += (uint32_t)n;
		if (c->received == options.reply_size) {
			finish_message(c);
			return;
		}
		/* A short read has drained the socket: more data is a new edge. */
		if ((uint32_t)n < wanted)
			return;
	}
}

static void on_event(struct connection *c, uint32_t events)
{
	if (c->state == CONNECTING) {
		int error = 0;
		socklen_t length = sizeof error;
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error) {
			drop(c, "connect", error);
			return;
		}
		start_message(c, now());
	}
	if (c->state == AWAITING_ECHO && events & EPOLLOUT && c->sent < options.size)
		send_rest(c);
	if (c->state == AWAITING_ECHO && events & (EPOLLIN | EPOLLERR))
		receive(c);
	if ((c->state == AWAITING_ECHO || c->state == IDLE) && events & (EPOLLRDHUP | EPOLLHUP))
		drop(c, "server closed a connection", ECONNRESET);
}

static void open_connection(struct connection *c)
{
	uint32_t index = (uint32_t)(c - connections);
	struct sockaddr_in source = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + index % SOURCE_ADDRESSES),
	};
	struct sockaddr_in server = {
	    .sin_family = AF_INET,
	    .sin_port = htons(options.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;
	c->state = CONNECTING;
	opening++;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		drop(c, "socket", errno);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	struct epoll_event event = {
	    .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	    .data.ptr = c,
	};
	if (bind(c->fd, (struct sockaddr *)&source, sizeof source) < 0)
		drop(c, "bind", errno);
	else if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
		drop(c, "connect", errno);
	else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		drop(c, "epoll_ctl", errno);
}

/* Runs events until `finished` says so or the deadline passes. */
static void run_until(uint64_t deadline, bool (*finished)(void))
{
	struct epoll_event events[EVENT_BATCH];
	for (uint64_t time; !finished() && (time = now()) < deadline;) {
		int timeout = (int)((deadline - time) / 1000000 + 1);
		int n = epoll_wait(epoll_fd, events, EVENT_BATCH, timeout);
		for (int i = 0; i < n; i++)
			on_event(events[i].data.ptr, events[i].events);
	}
}

static bool slot_free_or_open(void)
{
	return errors > 0 || opening == 0 || (opening < OPENING_LIMIT && next_to_open < options.connections);
}

static bool none_left(void)
{
	return open_now == 0;
}

static bool none_awaiting(void)
{
	return awaiting == 0;
}

/* True if all connections are open and have each echoed one message. A load
 * of fewer connections than asked for would not be the same measurement. */
static bool open_all(void)
{
	uint64_t deadline = now() + OPEN_SECONDS * NANOSECONDS;
	phase = OPEN;
	while (errors == 0 && now() < deadline && open_now < options.connections) {
		while (errors == 0 && opening < OPENING_LIMIT && next_to_open < options.connections)
			open_connection(&connections[next_to_open++]);
		run_until(deadline, slot_free_or_open);
	}
	if (errors == 0 && open_now < options.connections)
		note_error("opening the connections", ETIMEDOUT);
	return errors == 0;
}

static uint64_t after(double seconds)
{
	return now() + (uint64_t)(seconds * 1e9);
}

static void announce(const char *line)
{
	puts(line);
	fflush(stdout);
}

/* True if echoes are missing and none has come for STALL_SECONDS: those that
 * are missing are lost, not late. */
static bool drain(void)
{
	uint64_t deadline = after(DRAIN_SECONDS);
	while (awaiting > 0 && now() < deadline) {
		uint32_t before = awaiting;
		run_until(after(STALL_SECONDS), none_awaiting);
		if (awaiting == before)
			return true;
	}
	return false;
}

static void report(double open_seconds, double seconds, double cpu, bool stalled)
{
	uint64_t least = UINT64_MAX, most = 0;
	for (uint32_t i = 0; i < options.connections; i++) {
		uint64_t completed = connections[i].completed;
		least = completed < least ? completed : least;
		most = completed > most ? completed : most;
	}
	printf("{\"connections\": %u, \"size\": %u, \"open_seconds\": %.3f, \"seconds\": %.3f, "
	       "\"messages\": %llu, \"messages_per_second\": %.1f, ",
	       options.connections, options.size, open_seconds, seconds, (unsigned long long)latencies.count,
	       seconds > 0 ? (double)latencies.count / seconds : 0.0);
	printf("\"latency_us\": {\"mean\": %.1f, \"p50\": %.1f, \"p90\": %.1f, \"p95\": %.1f, "
	       "\"p99\": %.1f, "
	       "\"p999\": %.1f, \"max\": %.1f}, ",
	       latencies.count ? (double)latencies.sum / (double)latencies.count / 1e3 : 0.0,
	       (double)histogram_percentile(&latencies, 50) / 1e3,
	       (double)histogram_percentile(&latencies, 90) / 1e3,
	       (double)histogram_percentile(&latencies, 95) / 1e3,
	       (double)histogram_percentile(&latencies, 99) / 1e3,
	       (double)histogram_percentile(&latencies, 99.9) / 1e3, (double)latencies.max / 1e3);
	printf("\"least_per_connection\": %llu, \"most_per_connection\": %llu, "
	       "\"generator_cpu\": %.3f, \"unanswered\": %u, \"stalled\": %s, \"mismatched_bytes\": %llu, "
	       "\"errors\": %llu, \"first_error\": \"%s\"}\n",
	       (unsigned long long)least, (unsigned long long)most, seconds > 0 ? cpu / seconds : 0.0,
	       awaiting, stalled ? "true" : "false", (unsigned long long)mismatched_bytes,
	       (unsigned long long)errors, first_error);
}

/* Bytes that nobody asked for are as wrong as a changed byte. */
static void count_surplus(void)
{
	for (uint32_t i = 0; i < options.connections; i++) {
		struct connection *c = &connections[i];
		if (c->state != IDLE)
			continue;
		ssize_t n = recv(c->fd, scratch, options.reply_size, 0);
		if (n > 0)
			mismatched_bytes += (uint64_t)n;
	}
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	connections = calloc(options.connections, sizeof *connections);
	scratch = malloc(options.reply_size);
	uint8_t *messages = malloc((size_t)options.connections * options.size);
	if (epoll_fd < 0 || !connections || !scratch || !messages) {
		perror("load");
		return 2;
	}
	for (uint32_t i = 0; i < options.connections; i++)
		connections[i].message = options.request ? (uint8_t *)options.request
							  : messages + (size_t)i * options.size;

	uint64_t began = now();
	bool opened = open_all(), stalled = false;
	double open_seconds = (double)(now() - began) / 1e9;
	double seconds = 0, cpu = 0;
	if (opened) {
		phase = WARM_UP;
		uint64_t time = now();
		for (uint32_t i = 0; i < options.connections; i++)
			if (connections[i].state == IDLE)
				start_message(&connections[i], time);
		run_until(after(options.warm_up), none_left);

		announce("measuring");
		phase = MEASURE;
		uint64_t measure_began = now();
		double cpu_began = cpu_seconds();
		run_until(after(options.seconds), none_left);
		seconds = (double)(now() - measure_began) / 1e9;
		cpu = cpu_seconds() - cpu_began;
		announce("measured");

		phase = DRAIN;
		stalled = drain();
		count_surplus();
	}
	report(open_seconds, seconds, cpu, stalled);
	return errors == 0 && mismatched_bytes == 0 && !stalled && latencies.count > 0 ? 0 : 1;
}
