/* The name server of dns.h as a program: at each of the addresses given, port 53. Prints a line when it is ready. */
#include "dns.h"

int main(int argc, char **argv)
{
	struct sockaddr_in selves[DNS_SERVERS];
	int udp[DNS_SERVERS], tcp[DNS_SERVERS], servers = argc - 1;
	CHECK(servers > 0 && servers <= DNS_SERVERS);
	for (int i = 0; i < servers; i++) {
		selves[i] = loopback(NAMESERVER_PORT);
		CHECK_EQ(inet_pton(AF_INET, argv[i + 1], &selves[i].sin_addr), 1);
		dns_bind(&selves[i], &udp[i], &tcp[i]);
	}
	/* As long as whoever has started it. */
	alarm(0);
	CHECK(puts("ready") >= 0 && fflush(stdout) == 0);
	dns_serve(udp, tcp, selves, servers);
}
