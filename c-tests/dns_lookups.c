/* Name lookups from many threads at once: localhost, numeric hosts and services, names that do not exist,
 * reverse lookups, and the older reentrant calls. */
#include "net.h"
#include <netdb.h>

enum { THREADS = 50, ROUNDS = 3 };

static int look_up(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	*found = NULL;
	return getaddrinfo(host, service, hints, found);
}

static void names_to_addresses(void)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	CHECK_OK(look_up("localhost", "80", &hints, &found));
	const struct sockaddr_in *address = (const struct sockaddr_in *)found->ai_addr;
	CHECK_EQ(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK);
	CHECK_EQ(ntohs(address->sin_port), 80);
	freeaddrinfo(found);

	hints.ai_flags = AI_NUMERICHOST;
	CHECK_OK(look_up("127.0.0.9", NULL, &hints, &found));
	address = (const struct sockaddr_in *)found->ai_addr;
	CHECK_EQ(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK + 8);
	freeaddrinfo(found);
	CHECK_EQ(look_up("not-numeric", NULL, &hints, &found), EAI_NONAME);
	CHECK_EQ(look_up(NULL, NULL, &hints, &found), EAI_NONAME);
	hints.ai_family = 4711;
	CHECK_EQ(look_up("127.0.0.1", NULL, &hints, &found), EAI_FAMILY);

	hints = (struct addrinfo){.ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST};
	CHECK_OK(look_up("::1", NULL, &hints, &found));
	CHECK_EQ(found->ai_family, AF_INET6);
	freeaddrinfo(found);
	/* too long to be asked of any server */
	char long_name[300];
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	int error = look_up(long_name, NULL, NULL, &found);
	CHECK(error == EAI_NONAME || error == EAI_AGAIN || error == EAI_FAIL);
}

static void addresses_to_names(void)
{
	struct sockaddr_in address = loopback(8080);
	char host[NI_MAXHOST], service[NI_MAXSERV];
	CHECK_OK(getnameinfo((struct sockaddr *)&address, sizeof address, host, sizeof host, service, sizeof service,
			     NI_NUMERICHOST | NI_NUMERICSERV));
	CHECK_EQ(strcmp(host, "127.0.0.1"), 0);
	CHECK_EQ(strcmp(service, "8080"), 0);
	CHECK_OK(getnameinfo((struct sockaddr *)&address, sizeof address, host, sizeof host, NULL, 0, 0));
	CHECK_EQ(strcmp(host, "localhost"), 0);
	CHECK_EQ(getnameinfo((struct sockaddr *)&address, sizeof address, host, 2, NULL, 0, NI_NUMERICHOST),
		 EAI_OVERFLOW);
}

static void older_calls(void)
{
	struct hostent entry, *found;
	char buffer[2048];
	int host_error;
	CHECK_OK(gethostbyname_r("localhost", &entry, buffer, sizeof buffer, &found, &host_error));
	CHECK(found == &entry && entry.h_addrtype == AF_INET);
	struct in_addr address;
	memcpy(&address, entry.h_addr_list[0], sizeof address);
	CHECK_EQ(ntohl(address.s_addr), INADDR_LOOPBACK);
	CHECK_OK(gethostbyaddr_r(&address, sizeof address, AF_INET, &entry, buffer, sizeof buffer, &found, &host_error));
	CHECK_EQ(strcmp(found->h_name, "localhost"), 0);
	CHECK_EQ(gethostbyname_r("localhost", &entry, buffer, 1, &found, &host_error), ERANGE);
}

static void *run(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		names_to_addresses();
		addresses_to_names();
		older_calls();
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	struct hostent *entry = gethostbyname("localhost");
	CHECK(entry != NULL && entry->h_addrtype == AF_INET);
	for (int i = 0; i < THREADS; i++)
		threads[i] = check_start(run, NULL);
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	entry = gethostbyname("127.0.0.1");
	CHECK(entry != NULL);
	entry = gethostbyname2("localhost", AF_INET);
	CHECK(entry != NULL && entry->h_addrtype == AF_INET);
	struct in_addr address = {.s_addr = htonl(INADDR_LOOPBACK)};
	entry = gethostbyaddr(&address, sizeof address, AF_INET);
	CHECK(entry != NULL);
	CHECK_EQ(strcmp(entry->h_name, "localhost"), 0);
	return 0;
}
