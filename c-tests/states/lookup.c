/* Looking up names: of hosts, users, services. */
#include "states.h"
#include <netdb.h>
#include <pwd.h>

static void look_up(const char *name, int flags)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = flags}, *found;
	CHECK_OK(getaddrinfo(name, "80", &hints, &found));
	struct sockaddr_in *address = (struct sockaddr_in *)found->ai_addr;
	CHECK_EQ(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK);
	CHECK_EQ(ntohs(address->sin_port), 80);
	freeaddrinfo(found);
}

static void local_host_is_found(void)
{
	look_up("localhost", 0);
	look_up("127.0.0.1", AI_NUMERICHOST);
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found;
	CHECK_EQ(getaddrinfo("no number", NULL, &hints, &found), EAI_NONAME);
}

static void *look_up_local(void *unused)
{
	for (int i = 0; i < 5; i++)
		look_up("localhost", 0);
	return unused;
}

static void threads_look_up_together(void)
{
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		threads[i] = check_start(look_up_local, NULL);
	look_up_local(NULL);
	for (int i = 0; i < 8; i++)
		check_join(threads[i]);
}

static int forked;

static void *look_up_numbers(void *unused)
{
	while (!__atomic_load_n(&forked, __ATOMIC_ACQUIRE))
		look_up("127.0.0.1", AI_NUMERICHOST);
	return unused;
}

/* Of numbers only: libc's own locks of names do not survive a fork in the middle of a look-up. */
static void child_looks_up(void)
{
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		threads[i] = check_start(look_up_numbers, NULL);
	sleep_ms(1);
	pid_t child = check_fork();
	if (child == 0) {
		look_up("127.0.0.1", AI_NUMERICHOST);
		_exit(0);
	}
	__atomic_store_n(&forked, 1, __ATOMIC_RELEASE);
	check_child_succeeds(child);
	for (int i = 0; i < 8; i++)
		check_join(threads[i]);
}

static void user_is_found(void)
{
	struct passwd entry, *found;
	char strings[1024];
	CHECK_OK(getpwuid_r(0, &entry, strings, sizeof strings, &found));
	CHECK(found == &entry);
	CHECK_EQ(strcmp(entry.pw_name, "root"), 0);
	struct hostent *host = gethostbyname("localhost");
	CHECK(host != NULL && host->h_addrtype == AF_INET);
}

CHECKS({"local_host_is_found", local_host_is_found, 0},
       {"threads_look_up_together", threads_look_up_together, 0},
       {"child_looks_up", child_looks_up, 0},
       {"user_is_found", user_is_found, 0});
