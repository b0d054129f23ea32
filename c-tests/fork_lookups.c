/* A child that is forked while many name lookups are under way looks names up itself: where libc is not patched as many
 * as there can be. */
#include "net.h"
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

enum { LOOKUPS = 40, QUESTIONS = 32 };

static int server, configured;
static struct sockaddr_in server_address;

/* Answers "no such name" to everybody, once it is told to. */
static void *serve(void *unused)
{
	for (;;) {
		unsigned char packet[512];
		struct sockaddr_in client;
		socklen_t length = sizeof client;
		ssize_t got = recvfrom(server, packet, sizeof packet, 0, (struct sockaddr *)&client, &length);
		if (got < HFIXEDSZ)
			return unused;
		packet[2] |= 0x80;
		packet[3] = ns_r_nxdomain;
		CHECK_EQ(sendto(server, packet, (size_t)got, 0, (struct sockaddr *)&client, length), got);
	}
}

static void *look_up_remote(void *unused)
{
	struct hostent entry, *found;
	char buffer[2048];
	int host_error = 0;
	CHECK_OK(res_init());
	__atomic_add_fetch(&configured, 1, __ATOMIC_RELEASE);
	_res.nscount = 1;
	_res.nsaddr_list[0] = server_address;
	_res.retrans = 30;
	_res.retry = 1;
	_res.options &= ~(RES_DEFNAMES | RES_DNSRCH);
	int error = gethostbyname_r("name.example.", &entry, buffer, sizeof buffer, &found, &host_error);
	CHECK(error == 0 || error == ENOENT);
	CHECK(found == NULL);
	CHECK_EQ(host_error, HOST_NOT_FOUND);
	return unused;
}

static void *look_up_local(void *unused)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	CHECK_OK(getaddrinfo("localhost", "80", &hints, &found));
	freeaddrinfo(found);
	return unused;
}

static void child(void)
{
	pthread_t threads[LOOKUPS];
	look_up_local(NULL);
	for (int i = 0; i < LOOKUPS; i++)
		threads[i] = check_start(look_up_local, NULL);
	look_up_local(NULL);
	for (int i = 0; i < LOOKUPS; i++)
		check_join(threads[i]);
}

/* Whether all threads are past res_init, and as many as can be past the rest of what the resolver does under a lock
 * of its own: a child that is forked meanwhile would wait for that for ever, natively, too. */
static int are_asking(void)
{
	char line[512];
	int asking = 0;
	FILE *table = fopen("/proc/self/net/udp", "r");
	CHECK(table != NULL);
	while (fgets(line, sizeof line, table)) {
		unsigned from, to;
		asking += sscanf(line, " %*d: %*8x:%x %*8x:%x", &from, &to) == 2 && to == ntohs(server_address.sin_port);
	}
	CHECK_OK(fclose(table));
	return asking >= QUESTIONS && __atomic_load_n(&configured, __ATOMIC_ACQUIRE) == LOOKUPS;
}

int main(void)
{
	pthread_t threads[LOOKUPS];
	int room = 1 << 20;
	server = bound_socket(SOCK_DGRAM, &server_address);
	CHECK_OK(setsockopt(server, SOL_SOCKET, SO_RCVBUF, &room, sizeof room));
	for (int i = 0; i < LOOKUPS; i++)
		threads[i] = check_start(look_up_remote, NULL);
	while (!are_asking())
		sleep_ms(5);
	pid_t pid = check_fork();
	if (pid == 0) {
		child();
		_exit(0);
	}
	check_child_succeeds(pid);
	pthread_t serving = check_start(serve, NULL);
	for (int i = 0; i < LOOKUPS; i++)
		check_join(threads[i]);
	int end = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_EQ(sendto(end, "", 0, 0, (struct sockaddr *)&server_address, sizeof server_address), 0);
	check_join(serving);
	return 0;
}
