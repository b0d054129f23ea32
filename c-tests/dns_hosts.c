/* The functions that return a host in static memory: the same as those with memory of the caller's say. A thread that is
 * cancelled in one of them, or in a question to name servers by a state of its own, ends at once and not when a server
 * has had its 30 seconds, and those that come after it are answered. */
#include "dns.h"
#include <dlfcn.h>
#include <netinet/in.h>

enum { SECONDS = 30, SOON_MS = SECONDS * 1000 / 2, ROUNDS = 3 };

static struct sockaddr_in server;

static void same_texts(char **one, char **other, size_t length)
{
	while (*one && *other) {
		if (length)
			CHECK_EQ(memcmp(*one, *other, length), 0);
		else
			CHECK_EQ(strcmp(*one, *other), 0);
		one++;
		other++;
	}
	CHECK(*one == NULL && *other == NULL);
}

static void same_hosts(const struct hostent *one, const struct hostent *other)
{
	CHECK(one && other);
	CHECK_EQ(strcmp(one->h_name, other->h_name), 0);
	CHECK_EQ(one->h_addrtype, other->h_addrtype);
	CHECK_EQ(one->h_length, other->h_length);
	same_texts(one->h_aliases, other->h_aliases, 0);
	same_texts(one->h_addr_list, other->h_addr_list, (size_t)one->h_length);
}

/* The longer ones do not fit into what libc begins with. */
static const char *const names[] = {"ok7.example", "alias3.example", "many30.example", "alias25.example", "127.0.0.1",
				    "localhost"};

static void *compare(void *unused)
{
	struct hostent entry, *found;
	char buffer[1 << 14];
	int error;
	dns_use(&server, SECONDS, 2);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK_OK(gethostbyname_r(names[i], &entry, buffer, sizeof buffer, &found, &error));
		same_hosts(gethostbyname(names[i]), found);
		same_hosts(gethostbyname2(names[i], AF_INET), found);
	}
	CHECK_OK(gethostbyname2_r("alias2.example", AF_INET6, &entry, buffer, sizeof buffer, &found, &error));
	same_hosts(gethostbyname2("alias2.example", AF_INET6), found);
	struct in_addr address = {htonl(0xc0000201)};
	CHECK_OK(gethostbyaddr_r(&address, sizeof address, AF_INET, &entry, buffer, sizeof buffer, &found, &error));
	same_hosts(gethostbyaddr(&address, sizeof address, AF_INET), found);
	h_errno = 0;
	CHECK(gethostbyname("missing.example") == NULL);
	CHECK_EQ(h_errno, HOST_NOT_FOUND);
	CHECK(gethostbyname2("none.example", AF_INET) == NULL);
	CHECK_EQ(h_errno, NO_DATA);
	address.s_addr = htonl(0xc00002fe);
	CHECK(gethostbyaddr(&address, sizeof address, AF_INET) == NULL);
	CHECK_EQ(h_errno, HOST_NOT_FOUND);
	/* What was found stays where it is. */
	found = gethostbyname("ok7.example");
	CHECK(gethostbyname("ok8.example") == found);
	return unused;
}

static void by_name(int is_answered)
{
	CHECK(gethostbyname(is_answered ? "ok1.example" : "never.example") != NULL);
}

static void by_name_of_family(int is_answered)
{
	CHECK(gethostbyname2(is_answered ? "ok1.example" : "never.example", AF_INET6) != NULL);
}

static void by_address(int is_answered)
{
	struct in_addr address = {htonl(is_answered ? 0xc0000201 : 0xc00002ff)};
	CHECK(gethostbyaddr(&address, sizeof address, AF_INET) != NULL);
}

static void end_state(void *state)
{
	res_nclose(state);
}

static void by_state(const char *name)
{
	unsigned char answer[4096];
	struct __res_state state;
	memset(&state, 0, sizeof state);
	CHECK_OK(res_ninit(&state));
	state.nscount = 1;
	state.nsaddr_list[0] = server;
	state.retrans = SECONDS;
	state.retry = 1;
	pthread_cleanup_push(end_state, &state);
	CHECK(res_nquery(&state, name, C_IN, T_A, answer, sizeof answer) > 0);
	pthread_cleanup_pop(1);
}

static void by_datagram(int is_answered)
{
	by_state(is_answered ? "ok1.example" : "never.example");
}

static void by_stream(int is_answered)
{
	by_state(is_answered ? "big1.example" : "stuck.example");
}

static void by_libcs_state(int is_answered)
{
	unsigned char answer[4096];
	CHECK(res_query(is_answered ? "ok1.example" : "never.example", C_IN, T_A, answer, sizeof answer) > 0);
}

/* Natively whoever is cancelled in one of the former leaves a lock taken (glibc's bug 20975). */
static void (*const ways[])(int) = {by_name, by_name_of_family, by_address, by_datagram, by_stream, by_libcs_state};

enum { WAYS = sizeof ways / sizeof *ways, OF_LIBC = 3 };

static int looking;

static void *is_answered(void *way)
{
	dns_use(&server, SECONDS, 1);
	ways[(long)way](1);
	return NULL;
}

static void *is_not_answered(void *way)
{
	dns_use(&server, SECONDS, 1);
	ways[(long)way](1);
	__atomic_store_n(&looking, 1, __ATOMIC_RELEASE);
	ways[(long)way](0);
	CHECK(0);
	return NULL;
}

static void cancel_in(long way)
{
	looking = 0;
	pthread_t thread = check_start(is_not_answered, (void *)way);
	while (!__atomic_load_n(&looking, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	/* Most likely it waits by then; if it does not nothing is tested. */
	sleep_ms(20);
	long start = monotonic_ms();
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK(monotonic_ms() - start < SOON_MS);
	for (long other = 0; other < WAYS; other++)
		check_join(check_start(is_answered, (void *)other));
}

int main(void)
{
	pthread_t threads[4];
	server = dns_start();
	check_join(check_start(compare, NULL));
	int is_preloaded = dlsym(RTLD_DEFAULT, "_nss_green_gethostbyname_r") != NULL;
	for (int round = 0; round < ROUNDS; round++)
		for (long way = is_preloaded ? 0 : OF_LIBC; way < WAYS; way++)
			cancel_in(way);
	/* Others look the same up meanwhile. */
	for (int i = 0; i < 4; i++)
		threads[i] = check_start(is_answered, (void *)(long)(i % OF_LIBC));
	for (int i = 0; i < 4; i++)
		check_join(threads[i]);
	compare(NULL);
	return 0;
}
