/* A signal's handler runs in the middle of a lookup, which goes on; a cancelled lookup ends its thread, at once and not
 * when a server has had its 30 seconds, and the next lookups are as if there had been none. */
#include "dns.h"

enum { ROUNDS = 10 };

static struct sockaddr_in server;
static int looking, handled;

static void handle(int number)
{
	(void)number;
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELEASE);
}

/* The addresses of a name, or the name of an address 192.0.2.N. */
static int resolve(const char *name)
{
	struct addrinfo *found;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000200 + (unsigned)atoi(name))};
	char host[64];
	if (isdigit(*name))
		return getnameinfo((struct sockaddr *)&address, sizeof address, host, sizeof host, NULL, 0, NI_NAMEREQD);
	int error = dns_look_up(name, AF_INET, &found);
	if (!error)
		freeaddrinfo(found);
	return error;
}

static void *look_up(void *name)
{
	struct addrinfo *found;
	dns_use(&server, 30, 1);
	/* Natively a request for cancellation that comes earlier can leave locks of libc's taken. */
	CHECK_EQ(dns_look_up("missing.example", AF_UNSPEC, &found), EAI_NONAME);
	__atomic_store_n(&looking, 1, __ATOMIC_RELEASE);
	/* On a busy machine handlers take longer than a lookup. */
	do
		CHECK_OK(resolve(name));
	while (!strcmp(name, "late300.example") && __atomic_load_n(&handled, __ATOMIC_ACQUIRE) < ROUNDS);
	return NULL;
}

static pthread_t start(const char *name)
{
	__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
	pthread_t thread = check_start(look_up, (void *)name);
	while (!__atomic_load_n(&looking, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	/* Most likely it waits by then; if it does not nothing is tested. */
	sleep_ms(20);
	return thread;
}

int main(void)
{
	server = dns_start();
	const struct sigaction action = {.sa_handler = handle}, restarting = {.sa_handler = handle, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigaction(SIGUSR2, &restarting, NULL));
	pthread_t thread = start("late300.example");
	for (int i = 1; i <= ROUNDS; i++) {
		CHECK_OK(pthread_kill(thread, i % 2 ? SIGUSR1 : SIGUSR2));
		while (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) < i)
			sleep_ms(1);
	}
	check_join(thread);
	for (int i = 0; i < 4; i++) {
		thread = start(i % 2 ? "255" : "never.example");
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
		check_join(start(i % 2 ? "1" : "ok1.example"));
	}
	thread = start("stuck.example");
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	check_join(start("big1.example"));
	return 0;
}
