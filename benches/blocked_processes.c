/* Calls that wait for a child, or for an answer of the name server. */
#include "blocked.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t children[THREADS_MAX];
static int leash[2];

/* Each ends when it has read a byte. */
static void make_children(int threads)
{
	MUST(pipe(leash) == 0);
	for (int i = 0; i < threads; i++) {
		children[i] = fork();
		MUST(children[i] >= 0);
		if (children[i] == 0) {
			char byte;
			alarm(180);
			_exit(read(leash[0], &byte, 1) == 1 ? 7 : 1);
		}
	}
}

static void end_children(int threads)
{
	for (int i = 0; i < threads; i++)
		MUST(write(leash[1], "", 1) == 1);
}

static void block_waitpid(int i)
{
	int status;
	MUST(waitpid(children[i], &status, 0) == children[i] && WEXITSTATUS(status) == 7);
}

static void block_wait(int i)
{
	int status;
	(void)i;
	MUST(wait(&status) > 0 && WEXITSTATUS(status) == 7);
}

static void block_waitid(int i)
{
	siginfo_t info;
	MUST(waitid(P_PID, (id_t)children[i], &info, WEXITED) == 0 && info.si_status == 7);
}

static void nothing(int threads)
{
	(void)threads;
}

static void block_system(int i)
{
	(void)i;
	MUST(system("exec sleep 1") == 0);
}

static void block_popen(int i)
{
	char got[64];
	(void)i;
	FILE *stream = popen("sleep 1; echo served", "r");
	MUST(stream != NULL);
	MUST(fgets(got, sizeof got, stream) == got && strcmp(got, LINE) == 0 && pclose(stream) == 0);
}

/* A name server that answers each query with 127.0.0.1, a second after it came. */
static int name_server;
static struct sockaddr_in name_server_address;

static void make_name_server(int threads)
{
	int space = 4 << 20;
	socklen_t length = sizeof name_server_address;
	(void)threads;
	name_server_address.sin_family = AF_INET;
	name_server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	name_server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST(name_server >= 0);
	MUST(bind(name_server, (struct sockaddr *)&name_server_address, length) == 0);
	MUST(getsockname(name_server, (struct sockaddr *)&name_server_address, &length) == 0);
	setsockopt(name_server, SOL_SOCKET, SO_RCVBUF, &space, sizeof space);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct query {
	double due;
	struct sockaddr_in from;
	unsigned char packet[512];
	size_t length;
};

static void answer(struct query *query)
{
	/* A pointer to the question's name, type A, class IN, a TTL, and four bytes. */
	static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1};
	unsigned char *packet = query->packet;
	/* Up to the end of the question: what the query adds to it is not repeated. */
	size_t end = NS_HFIXEDSZ;
	while (end < query->length && packet[end] != 0)
		end += packet[end] + 1u;
	end += 1 + NS_QFIXEDSZ;
	MUST(end + sizeof record <= sizeof query->packet);
	memcpy(packet + end, record, sizeof record);
	packet[2] |= 0x80;    /* a response */
	packet[3] = 0x80;     /* recursion available, no error */
	packet[7] = 1;        /* answers */
	packet[9] = packet[11] = 0;
	sendto(name_server, packet, end + sizeof record, 0, (struct sockaddr *)&query->from, sizeof query->from);
}

static void serve_names(int threads)
{
	static struct query queries[2 * THREADS_MAX];
	int came = 0, answered = 0;
	while (answered < threads) {
		double wait = answered < came ? queries[answered].due - now() : 60;
		struct pollfd one = {.fd = name_server, .events = POLLIN};
		int ready = poll(&one, 1, wait > 0 ? (int)(wait * 1000) + 1 : 0);
		MUST(ready >= 0);
		if (ready == 1 && came < 2 * THREADS_MAX) {
			struct query *query = &queries[came++];
			socklen_t length = sizeof query->from;
			ssize_t n = recvfrom(name_server, query->packet, sizeof query->packet, 0,
					     (struct sockaddr *)&query->from, &length);
			MUST(n > NS_HFIXEDSZ);
			query->length = (size_t)n;
			query->due = now() + 1;
		}
		while (answered < came && queries[answered].due <= now())
			answer(&queries[answered++]);
	}
}

static void block_getaddrinfo(int i)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	char name[64];
	/* The resolver's settings are each thread's own. */
	MUST(res_init() == 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = name_server_address;
	_res.retrans = 30;
	snprintf(name, sizeof name, "host-%d.bench.invalid", i);
	int error = getaddrinfo(name, "80", &hints, &found);
	MUST(error == 0);
	MUST(((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	freeaddrinfo(found);
}

const struct call process_calls[] = {
    {.name = "waitpid", make_children, block_waitpid, .release = end_children},
    {.name = "wait", make_children, block_wait, .release = end_children},
    {.name = "waitid", make_children, block_waitid, .release = end_children},
    {.name = "system", nothing, block_system},
    {.name = "popen and fgets", nothing, block_popen},
    {.name = "getaddrinfo", make_name_server, block_getaddrinfo, .release = serve_names, .at_once = true},
    {.name = NULL},
};
