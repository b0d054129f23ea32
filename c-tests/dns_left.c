/* A handler that never returns to the lookup that it has interrupted, as programs have that want a time limit: the
 * thread goes on as if there had been none, and so do others, however often that happens. */
#include "dns.h"
#include "open_numbers.h"
#include <setjmp.h>

enum { ROUNDS = 40, KEPT_BY_LIBC = 4 };

static struct sockaddr_in server;
static __thread sigjmp_buf target;
static int looking, ends_thread;

static void leave(int signal_number)
{
	if (ends_thread)
		pthread_exit(NULL);
	siglongjmp(target, signal_number);
}

static void look_up_for_ever(const char *name)
{
	struct addrinfo *found;
	dns_use(&server, 30, 1);
	__atomic_store_n(&looking, 1, __ATOMIC_RELEASE);
	CHECK_EQ(dns_look_up(name, AF_INET, &found), 0);
	CHECK(!"reached");
}

static void look_up(void)
{
	struct addrinfo *found;
	dns_use(&server, 30, 1);
	CHECK_OK(dns_look_up("ok1.example", AF_INET, &found));
	freeaddrinfo(found);
}

static void *leave_often(void *name)
{
	int before = open_descriptors();
	for (volatile int i = 0; i < ROUNDS; i++)
		if (sigsetjmp(target, 1) == 0)
			look_up_for_ever(name);
	CHECK(open_descriptors() <= before + KEPT_BY_LIBC);
	look_up();
	/* It can be cancelled. */
	__atomic_store_n(&looking, -1, __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

static void *be_ended(void *name)
{
	look_up_for_ever(name);
	return name;
}

/* Most likely it waits by then; if it does not nothing is tested. */
static void interrupt(pthread_t thread)
{
	while (!__atomic_load_n(&looking, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	if (looking < 0)
		return;
	sleep_ms(3);
	__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
}

static void *look_up_too(void *unused)
{
	look_up();
	return unused;
}

static void try(const char *name)
{
	looking = ends_thread = 0;
	pthread_t thread = check_start(leave_often, (void *)name);
	while (__atomic_load_n(&looking, __ATOMIC_ACQUIRE) >= 0)
		interrupt(thread);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	ends_thread = 1;
	int before = open_descriptors();
	for (int i = 0; i < ROUNDS; i++) {
		looking = 0;
		thread = check_start(be_ended, (void *)name);
		interrupt(thread);
		CHECK(check_join(thread) == NULL);
	}
	CHECK_EQ(open_descriptors(), before);
	check_join(check_start(look_up_too, NULL));
}

int main(void)
{
	server = dns_start();
	struct sigaction action = {.sa_handler = leave};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	look_up();
	try("never.example");
	try("stuck.example");
	return 0;
}
