/* The name server of dns.h as a program: at each of the addresses given, port 53. Prints a line when it is ready. */
#include "dns.h"

static union dns_address address_of(const char *text)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *found;
	union dns_address address = {0};
	CHECK_OK(getaddrinfo(text, "53", &hints, &found));
	memcpy(&address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return address;
}

int main(int argc, char **argv)
{
	union dns_address selves[DNS_SERVERS];
	int udp[DNS_SERVERS], tcp[DNS_SERVERS], servers = argc - 1;
	CHECK(servers > 0 && servers <= DNS_SERVERS);
	for (int i = 0; i < servers; i++) {
		selves[i] = address_of(argv[i + 1]);
		dns_bind(&selves[i], &udp[i], &tcp[i]);
	}
	/* As long as whoever has started it. */
	alarm(0);
	CHECK(puts("ready") >= 0 && fflush(stdout) == 0);
	dns_serve(udp, tcp, selves, servers);
}
