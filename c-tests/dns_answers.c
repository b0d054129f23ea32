/* What a lookup makes of each kind of answer: addresses, aliases, failures, answers that come late, by TCP, after
 * forged ones, or at the second try. */
#include "dns.h"

static struct sockaddr_in server;

/* The addresses of `name` in one line, IPv4 as its last byte, IPv6 as ":" and its last byte. */
static const char *addresses(const char *name, int family)
{
	static __thread char line[2048];
	struct addrinfo *found;
	size_t end = 0;
	int error = dns_look_up(name, family, &found);
	if (error)
		return gai_strerror(error);
	for (struct addrinfo *entry = found; entry; entry = entry->ai_next) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)entry->ai_addr;
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)entry->ai_addr;
		CHECK_EQ(entry->ai_socktype, SOCK_STREAM);
		CHECK_EQ(ntohs(four->sin_port), 80);
		if (entry->ai_family == AF_INET)
			end += (size_t)sprintf(line + end, "%s%d", end ? " " : "", ntohl(four->sin_addr.s_addr) & 255);
		else
			end += (size_t)sprintf(line + end, "%s:%d", end ? " " : "", six->sin6_addr.s6_addr[15]);
	}
	freeaddrinfo(found);
	return line;
}

static void check_addresses(const char *name, int family, const char *expected)
{
	const char *got = addresses(name, family);
	if (strcmp(got, expected) != 0) {
		fprintf(stderr, "%s, family %d: '%s', not '%s'\n", name, family, got, expected);
		exit(1);
	}
}

/* What the functions below lookups get: an answer each. */
static void ask_servers(void)
{
	unsigned char question[DNS_UDP], answer[DNS_UDP];
	const int size = sizeof answer, in = ns_c_in, a = ns_t_a;
	CHECK(res_query("ok7.example", in, a, answer, size) > HFIXEDSZ);
	CHECK(res_nquery(&_res, "ok7.example", in, a, answer, size) > HFIXEDSZ);
	CHECK(res_search("ok7.example", in, a, answer, size) > HFIXEDSZ);
	CHECK(res_nsearch(&_res, "ok7.example", in, a, answer, size) > HFIXEDSZ);
	CHECK(res_querydomain("ok7", "example", in, a, answer, size) > HFIXEDSZ);
	CHECK(res_nquerydomain(&_res, "ok7", "example", in, a, answer, size) > HFIXEDSZ);
	int length = res_mkquery(ns_o_query, "ok7.example", in, a, NULL, 0, NULL, question, sizeof question);
	CHECK(length > HFIXEDSZ);
	CHECK(res_send(question, length, answer, size) > HFIXEDSZ);
	CHECK(res_nsend(&_res, question, length, answer, size) > HFIXEDSZ);
	CHECK_EQ(res_query("missing.example", in, a, answer, size), -1);
}

static void *look_up_all(void *unused)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME}, *found;
	struct hostent entry, *entry_found;
	char buffer[4096];
	int error = 0;
	dns_use(&server, 30, 2);
	check_addresses("ok7.example", AF_INET, "7");
	check_addresses("ok7.example", AF_INET6, ":7");
	check_addresses("four8.example", AF_UNSPEC, "8");
	check_addresses("six9.example", AF_UNSPEC, ":9");
	check_addresses("alias3.example", AF_INET, "1");
	check_addresses("missing.example", AF_UNSPEC, gai_strerror(EAI_NONAME));
	check_addresses("none.example", AF_UNSPEC, gai_strerror(EAI_NODATA));
	check_addresses("fail.example", AF_UNSPEC, gai_strerror(EAI_AGAIN));
	check_addresses("half.example", AF_UNSPEC, "1");
	check_addresses("late200.example", AF_INET, "1");
	check_addresses("spoofed.example", AF_INET, "1");
	check_addresses("big1.example", AF_UNSPEC, "1");
	_res.retrans = 1;
	_res.retry = 30;
	check_addresses("lost1.example", AF_INET, "1");
	/* Not a name of a host. */
	check_addresses("ok7.exam ple", AF_UNSPEC, gai_strerror(EAI_NONAME));

	CHECK_OK(getaddrinfo("alias2.example", "80", &hints, &found));
	CHECK_EQ(strcmp(found->ai_canonname, "hop-1.example"), 0);
	freeaddrinfo(found);
	CHECK_OK(gethostbyname2_r("alias2.example", AF_INET6, &entry, buffer, sizeof buffer, &entry_found, &error));
	CHECK_EQ(strcmp(entry.h_name, "hop-1.example"), 0);
	CHECK_EQ(strcmp(entry.h_aliases[0], "alias2.example"), 0);
	CHECK_EQ(strcmp(entry.h_aliases[1], "hop-2.example"), 0);
	CHECK(entry.h_aliases[2] == NULL && entry.h_addr_list[1] == NULL);
	CHECK_EQ(gethostbyname_r("alias2.example", &entry, buffer, 40, &entry_found, &error), ERANGE);
	gethostbyname_r("none.example", &entry, buffer, sizeof buffer, &entry_found, &error);
	CHECK(entry_found == NULL);
	CHECK_EQ(error, NO_DATA);
	gethostbyname_r("missing.example", &entry, buffer, sizeof buffer, &entry_found, &error);
	CHECK(entry_found == NULL);
	CHECK_EQ(error, HOST_NOT_FOUND);
	ask_servers();
	return unused;
}

int main(void)
{
	server = dns_start();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		threads[i] = check_start(look_up_all, NULL);
	for (int i = 0; i < 4; i++)
		check_join(threads[i]);
	look_up_all(NULL);
	return 0;
}
