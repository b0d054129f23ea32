/* The resolver's settings are a thread's own, and a new thread has none of one that has ended: neither settings nor
 * sockets. */
#include "dns.h"
#include "open_numbers.h"

enum { ROUNDS = 20 };

static struct sockaddr_in server;

static void *change(void *unused)
{
	struct addrinfo *found;
	CHECK_EQ(_res.options, 0);
	dns_use(&server, 30, 1);
	_res.options |= RES_USEVC | RES_STAYOPEN;
	CHECK_OK(dns_look_up("big60.example", AF_INET, &found));
	int count = 0;
	for (struct addrinfo *entry = found; entry; entry = entry->ai_next)
		count++;
	CHECK_EQ(count, 60);
	freeaddrinfo(found);
	CHECK_EQ(dns_look_up("missing.example", AF_UNSPEC, &found), EAI_NONAME);
	return unused;
}

int main(void)
{
	server = dns_start();
	check_join(check_start(change, NULL));
	int before = open_descriptors();
	for (int i = 0; i < ROUNDS; i++)
		check_join(check_start(change, NULL));
	CHECK_EQ(open_descriptors(), before);
	CHECK_EQ(_res.options, 0);
	return 0;
}
