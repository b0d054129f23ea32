/* A name server for tests: a child process that answers by what the first label of a name begins with.
 *
 *   okN       addresses: A 192.0.2.N and AAAA 2001:db8::N
 *   fourN     no AAAA records; sixN: no A records
 *   noneN     the name exists, without addresses
 *   manyN     N A records
 *   bigN      N A records, by TCP only: the answer by UDP is truncated
 *   aliasN    N aliases before addresses
 *   whoN      the address of the server that answers, as an A record
 *   missing   NXDOMAIN; fail: SERVFAIL; refuse: REFUSED; deny: NOTIMP
 *   half      SERVFAIL for AAAA
 *   second    SERVFAIL from all servers but the second
 *   lateN     as ok1, N milliseconds later
 *   never     no answer
 *   lostN     no answer to the first N questions from each port
 *   spoofed   as ok1, after packets with a wrong id, with another question, and with nothing
 *   stuck     the answer by UDP is truncated, and by TCP there is none
 *   noiseN    bytes from a generator seeded with N behind the right header and question
 *   cutN      as alias4, but only the first N bytes behind the question
 *
 * The address 192.0.2.N has the name hostN.example, but for 192.0.2.254, which has none, and 192.0.2.255, about which
 * there is no answer. So have 192.0.T.N, T * 100 milliseconds later. */
#ifndef DNS_H
#define DNS_H

#include "net.h"
#include <arpa/nameser.h>
#include <ctype.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <sys/prctl.h>

enum { DNS_SERVERS = 5, DNS_WAITING = 16384, DNS_PACKET = 16384, DNS_UDP = 512 };

/* Of either version: ports are at the same place. */
union dns_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct dns_packet {
	unsigned char bytes[DNS_PACKET];
	size_t length;
};

struct dns_question {
	char name[256];
	int type;
	/* behind the question */
	size_t end;
};

/* An answer that is due later. */
struct dns_waiting {
	int fd;
	union dns_address client;
	long due_ms;
	size_t length;
	unsigned char bytes[DNS_UDP];
};

static int dns_parse(const struct dns_packet *packet, struct dns_question *question)
{
	size_t at = HFIXEDSZ, end = 0;
	while (at < packet->length && packet->bytes[at]) {
		size_t label = packet->bytes[at++];
		if (label > 63 || at + label > packet->length || end + label + 2 > sizeof question->name)
			return 0;
		for (size_t i = 0; i < label; i++)
			question->name[end++] = (char)tolower(packet->bytes[at + i]);
		question->name[end++] = '.';
		at += label;
	}
	question->name[end ? end - 1 : 0] = '\0';
	if (at + 5 > packet->length)
		return 0;
	question->type = packet->bytes[at + 1] << 8 | packet->bytes[at + 2];
	question->end = at + 5;
	return 1;
}

/* Adds a record whose owner's name is at `owner`; where its data is. */
static size_t dns_add(struct dns_packet *packet, size_t owner, int type, const void *data, size_t length)
{
	unsigned char *at = packet->bytes + packet->length;
	const unsigned char head[] = {(unsigned char)(0xc0 | owner >> 8), (unsigned char)owner, 0,
				      (unsigned char)type, 0, 1, 0, 0, 0, 60, (unsigned char)(length >> 8),
				      (unsigned char)length};
	CHECK(packet->length + sizeof head + length <= sizeof packet->bytes);
	memcpy(at, head, sizeof head);
	memcpy(at + sizeof head, data, length);
	packet->length += sizeof head + length;
	int answers = (packet->bytes[6] << 8 | packet->bytes[7]) + 1;
	packet->bytes[6] = (unsigned char)(answers >> 8);
	packet->bytes[7] = (unsigned char)answers;
	return packet->length - length;
}

static void dns_add_address(struct dns_packet *packet, size_t owner, int type, int number)
{
	const unsigned char four[] = {192, 0, 2, (unsigned char)number};
	const unsigned char six[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (unsigned char)number};
	if (type == ns_t_a)
		dns_add(packet, owner, type, four, sizeof four);
	else if (type == ns_t_aaaa)
		dns_add(packet, owner, type, six, sizeof six);
}

static void dns_add_aliases(struct dns_packet *packet, int type, int count)
{
	size_t owner = HFIXEDSZ;
	for (int i = count; i > 0; i--) {
		unsigned char target[] = "\005hop-0\007example";
		target[5] = (unsigned char)('0' + i % 10);
		owner = dns_add(packet, owner, ns_t_cname, target, sizeof target);
	}
	dns_add_address(packet, owner, type, 1);
}

/* The name of the address that the question is about. */
static int dns_answer_pointer(struct dns_packet *packet, const char *question)
{
	int number = 0, later = 2;
	sscanf(question, "%d.%d.", &number, &later);
	if (number == 254)
		packet->bytes[3] |= ns_r_nxdomain;
	unsigned char name[32] = "";
	name[0] = (unsigned char)snprintf((char *)name + 1, sizeof name - 1, "host%d", number);
	size_t length = 1u + name[0];
	memcpy(name + length, "\007example", 9);
	if (number < 254)
		dns_add(packet, HFIXEDSZ, ns_t_ptr, name, length + 9);
	return number == 255 ? -1 : later == 2 ? 0 : later * 100;
}

/* Makes an answer of the question; how many milliseconds later it is due, negative for never. */
static int dns_answer(struct dns_packet *packet, const union dns_address *self, int index, int by_tcp)
{
	struct dns_question question;
	if (packet->length < HFIXEDSZ || !dns_parse(packet, &question))
		return -1;
	char word[16] = "";
	int number = 0, type = question.type, wait = 0;
	sscanf(question.name, "%15[a-z]%d", word, &number);
	packet->length = question.end;
	unsigned char *flags = packet->bytes + 2;
	flags[0] = (unsigned char)(0x80 | (flags[0] & 1));
	flags[1] = 0x80;
	memset(packet->bytes + 6, 0, 6);
	if (type == ns_t_ptr)
		return dns_answer_pointer(packet, question.name);
	if (!strcmp(word, "ok") || (!strcmp(word, "four") && type == ns_t_a) || (!strcmp(word, "six") && type == ns_t_aaaa))
		dns_add_address(packet, HFIXEDSZ, type, number);
	else if (!strcmp(word, "spoofed") || !strcmp(word, "lost") || (!strcmp(word, "half") && type == ns_t_a))
		dns_add_address(packet, HFIXEDSZ, type, 1);
	else if (!strcmp(word, "many") || (!strcmp(word, "big") && by_tcp))
		for (int i = 1; i <= number && type == ns_t_a; i++)
			dns_add_address(packet, HFIXEDSZ, type, i);
	else if (!strcmp(word, "big") || !strcmp(word, "stuck"))
		flags[0] |= 2;
	else if (!strcmp(word, "alias") || !strcmp(word, "cut"))
		dns_add_aliases(packet, type, word[0] == 'a' ? number : 4);
	else if (!strcmp(word, "who") && type == ns_t_a)
		dns_add(packet, HFIXEDSZ, type, &self->four.sin_addr, sizeof self->four.sin_addr);
	else if (!strcmp(word, "missing"))
		flags[1] |= ns_r_nxdomain;
	else if (!strcmp(word, "fail") || !strcmp(word, "half") || (!strcmp(word, "second") && index != 1))
		flags[1] |= ns_r_servfail;
	else if (!strcmp(word, "second"))
		dns_add_address(packet, HFIXEDSZ, type, 2);
	else if (!strcmp(word, "refuse"))
		flags[1] |= ns_r_refused;
	else if (!strcmp(word, "deny"))
		flags[1] |= ns_r_notimpl;
	else if (!strcmp(word, "late")) {
		dns_add_address(packet, HFIXEDSZ, type, 1);
		wait = number;
	} else if (!strcmp(word, "never"))
		return -1;
	else if (!strcmp(word, "noise")) {
		unsigned seed = (unsigned)number * 2 + (type == ns_t_a);
		size_t length = (size_t)rand_r(&seed) % 100;
		packet->bytes[7] = (unsigned char)(rand_r(&seed) % 4);
		for (size_t i = 0; i < length; i++)
			packet->bytes[packet->length++] = (unsigned char)rand_r(&seed);
	} else if (strcmp(word, "none") && strcmp(word, "four") && strcmp(word, "six") && strcmp(word, "who"))
		flags[1] |= ns_r_nxdomain;
	if (!strcmp(word, "cut") && packet->length > question.end + (size_t)number)
		packet->length = question.end + (size_t)number;
	return wait;
}

static socklen_t dns_size(const union dns_address *address)
{
	return address->any.sa_family == AF_INET ? sizeof address->four : sizeof address->six;
}

static void dns_send(int fd, const union dns_address *client, const void *bytes, size_t length)
{
	/* A client that has gone is no failure of the server's. */
	sendto(fd, bytes, length, 0, &client->any, dns_size(client));
}

/* What `spoofed` gets first. */
static void dns_spoof(int fd, const union dns_address *client, struct dns_packet *packet)
{
	packet->bytes[1] ^= 1;
	dns_send(fd, client, packet->bytes, packet->length);
	packet->bytes[1] ^= 1;
	packet->bytes[HFIXEDSZ + 2] ^= 1;
	dns_send(fd, client, packet->bytes, packet->length);
	packet->bytes[HFIXEDSZ + 2] ^= 1;
	dns_send(fd, client, packet->bytes, HFIXEDSZ);
}

/* Whether the question's name begins so. */
static int dns_begins(const struct dns_packet *packet, const char *word)
{
	return packet->length > HFIXEDSZ + strlen(word) && !memcmp(packet->bytes + HFIXEDSZ + 1, word, strlen(word));
}

static int dns_take(int fd, void *bytes, size_t length)
{
	return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length;
}

/* Serves the questions of one connection. */
static void dns_serve_stream(int fd, const union dns_address *self, int index)
{
	struct dns_packet packet;
	unsigned char size[2];
	while (dns_take(fd, size, 2)) {
		packet.length = (size_t)(size[0] << 8 | size[1]);
		if (packet.length > sizeof packet.bytes || !dns_take(fd, packet.bytes, packet.length))
			break;
		/* The connection stays. */
		if (dns_begins(&packet, "stuck"))
			return;
		if (dns_answer(&packet, self, index, 1) < 0)
			break;
		size[0] = (unsigned char)(packet.length >> 8);
		size[1] = (unsigned char)packet.length;
		if (send(fd, size, 2, MSG_NOSIGNAL | MSG_MORE) != 2 ||
		    send(fd, packet.bytes, packet.length, MSG_NOSIGNAL) != (ssize_t)packet.length)
			break;
	}
	close(fd);
}

__attribute__((noreturn)) static void dns_serve(int udp[], int tcp[], const union dns_address selves[], int servers)
{
	static struct dns_waiting waiting[DNS_WAITING];
	static unsigned char asked[DNS_SERVERS][1 << 16];
	int count = 0;
	for (;;) {
		struct pollfd polled[2 * DNS_SERVERS];
		long now = monotonic_ms(), wait = 60000;
		for (int i = 0; i < count; i++) {
			if (waiting[i].due_ms > now) {
				if (waiting[i].due_ms - now < wait)
					wait = waiting[i].due_ms - now;
				continue;
			}
			dns_send(waiting[i].fd, &waiting[i].client, waiting[i].bytes, waiting[i].length);
			waiting[i--] = waiting[--count];
		}
		for (int i = 0; i < servers; i++) {
			polled[i] = (struct pollfd){.fd = udp[i], .events = POLLIN};
			polled[servers + i] = (struct pollfd){.fd = tcp[i], .events = POLLIN};
		}
		CHECK(poll(polled, (nfds_t)(2 * servers), (int)wait) >= 0);
		for (int i = 0; i < servers; i++) {
			static struct dns_packet packet;
			union dns_address client;
			socklen_t length = sizeof client;
			if (polled[servers + i].revents) {
				int fd = accept(tcp[i], NULL, NULL);
				if (fd >= 0)
					dns_serve_stream(fd, &selves[i], i);
			}
			while (polled[i].revents) {
				ssize_t got = recvfrom(udp[i], packet.bytes, sizeof packet.bytes, MSG_DONTWAIT, &client.any,
						       &length);
				if (got < 0)
					break;
				packet.length = (size_t)got;
				int later = dns_answer(&packet, &selves[i], i, 0);
				int spoofed = got > HFIXEDSZ && !memcmp(packet.bytes + HFIXEDSZ, "\007spoofed", 8);
				int lost = got > HFIXEDSZ && !memcmp(packet.bytes + HFIXEDSZ, "\005lost", 5);
				if (later < 0 || (lost && asked[i][client.four.sin_port]++ < packet.bytes[HFIXEDSZ + 5] - '0'))
					continue;
				if (spoofed)
					dns_spoof(udp[i], &client, &packet);
				if (later == 0) {
					dns_send(udp[i], &client, packet.bytes, packet.length);
					continue;
				}
				CHECK(count < DNS_WAITING && packet.length <= DNS_UDP);
				struct dns_waiting *entry = &waiting[count++];
				*entry = (struct dns_waiting){udp[i], client, monotonic_ms() + later, packet.length, {0}};
				memcpy(entry->bytes, packet.bytes, packet.length);
			}
		}
	}
}

/* Sockets of a server at `*address`, of any port if it has none. */
static void dns_bind(union dns_address *address, int *udp, int *tcp)
{
	int room = 1 << 23, yes = 1;
	/* The port must be free for both. */
	for (int any = address->four.sin_port == 0, tries = 0;; tries++) {
		socklen_t length = dns_size(address);
		*udp = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		*tcp = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK_OK(setsockopt(*tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes));
		/* Root may have more than others. */
		if (setsockopt(*udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
			CHECK_OK(setsockopt(*udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof room));
		CHECK_OK(bind(*udp, &address->any, length));
		CHECK_OK(getsockname(*udp, &address->any, &length));
		if (bind(*tcp, &address->any, length) == 0)
			break;
		CHECK(any && tries < 100);
		CHECK_OK(close(*udp));
		CHECK_OK(close(*tcp));
		address->four.sin_port = 0;
	}
	CHECK_OK(listen(*tcp, 128));
}

/* Starts a server, in a process of its own, which ends with this one; its address. Before there are threads. */
__attribute__((unused)) static struct sockaddr_in dns_start(void)
{
	union dns_address address = {.four = loopback(0)};
	int udp, tcp;
	pid_t parent = getpid();
	dns_bind(&address, &udp, &tcp);
	pid_t pid = check_fork();
	if (pid == 0) {
		CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
		if (getppid() != parent)
			_exit(0);
		dns_serve(&udp, &tcp, &address, 1);
	}
	CHECK_OK(close(udp));
	CHECK_OK(close(tcp));
	return address.four;
}

/* Has the calling thread ask `server` only, `tries` times for `seconds` each. */
__attribute__((unused)) static void dns_use(const struct sockaddr_in *server, int seconds, int tries)
{
	CHECK_OK(res_init());
	_res.nscount = 1;
	_res.nsaddr_list[0] = *server;
	_res.retrans = seconds;
	_res.retry = tries;
	_res.options &= ~(unsigned long)(RES_DEFNAMES | RES_DNSRCH);
}

/* Looks `name` up; the error. */
__attribute__((unused)) static int dns_look_up(const char *name, int family, struct addrinfo **found)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	*found = NULL;
	return getaddrinfo(name, "80", &hints, found);
}

#endif
