/* A signal for the process runs its handler in the main thread, which does not block it, and interrupts what
 * that is blocked in with EINTR; with SA_RESTART the calls that signal(7) names start again instead. */
#include "net.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>

static volatile sig_atomic_t handled;
static pthread_t main_thread, handler_thread;
static int pair_ends[2], listener, epoll;
static sem_t semaphore;

static void handle(int signal_number)
{
	CHECK_EQ(signal_number, SIGINT);
	handler_thread = pthread_self();
	handled++;
}

static void install(int flags)
{
	/* Not deferred: while SIGINT were blocked for the handler, the next one would go to another thread. */
	struct sigaction action = {.sa_handler = handle, .sa_flags = flags | SA_NODEFER};
	CHECK_OK(sigaction(SIGINT, &action, NULL));
}

/* Signals until the handler has run in a call that it ended: one sent before the call began would be spent. */
static int finished;

static void *interrupt_until_finished(void *unused)
{
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		sleep_ms(3);
		if (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE))
			CHECK_OK(kill(getpid(), SIGINT));
	}
	return unused;
}

static void *block_in_recv(void *unused)
{
	char byte;
	CHECK_EQ(recv(pair_ends[1], &byte, 1, 0), 0);
	return unused;
}

static int in_nanosleep(void)
{
	struct timespec duration = {.tv_sec = 30}, left = {0};
	int result = nanosleep(&duration, &left);
	CHECK(left.tv_sec >= 1 && left.tv_sec < 30);
	return result;
}

static int in_sleep(void)
{
	/* Leaves nanosleep's error. */
	errno = 0;
	return sleep(30) == 0 ? 0 : -1;
}

static int in_usleep(void)
{
	return usleep(30000000);
}

static int in_clock_nanosleep(void)
{
	struct timespec deadline = in_ms(CLOCK_MONOTONIC, 30000);
	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
	return errno ? -1 : 0;
}

static int in_recv(void)
{
	char byte;
	return (int)recv(pair_ends[0], &byte, 1, 0);
}

static int in_read(void)
{
	char byte;
	return (int)read(pair_ends[0], &byte, 1);
}

static int in_accept(void)
{
	return accept(listener, NULL, NULL);
}

static int in_poll(void)
{
	struct pollfd readable = {.fd = pair_ends[0], .events = POLLIN};
	return poll(&readable, 1, 30000);
}

static int in_select(void)
{
	struct timeval timeout = {.tv_sec = 30};
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(pair_ends[0], &readable);
	return select(pair_ends[0] + 1, &readable, NULL, NULL, &timeout);
}

static int in_epoll_wait(void)
{
	struct epoll_event event;
	return epoll_wait(epoll, &event, 1, -1);
}

static int in_sem_wait(void)
{
	return sem_wait(&semaphore);
}

static int in_sem_timedwait(void)
{
	struct timespec deadline = in_ms(CLOCK_REALTIME, 30000);
	return sem_timedwait(&semaphore, &deadline);
}

static int in_send(void)
{
	static char big[1 << 20];
	ssize_t sent;
	/* a big send ends early when it is interrupted; the next one, with no byte sent, fails */
	while ((sent = send(pair_ends[0], big, sizeof big, 0)) > 0)
		CHECK(sent < (ssize_t)sizeof big);
	return (int)sent;
}

static void interrupts(int (*blocking_call)(void))
{
	int before = handled;
	__atomic_store_n(&finished, 0, __ATOMIC_RELEASE);
	pthread_t thread = check_start(interrupt_until_finished, NULL);
	CHECK_ERRNO(blocking_call(), EINTR);
	CHECK(handled > before);
	CHECK(pthread_equal(handler_thread, main_thread));
	__atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
	check_join(thread);
}

static void *interrupt_thrice_then_write(void *unused)
{
	int before = handled;
	while (handled < before + 3) {
		sleep_ms(2);
		CHECK_OK(kill(getpid(), SIGINT));
	}
	write_exactly(pair_ends[1], "x", 1);
	return unused;
}

static void restarts(int (*blocking_call)(void))
{
	int before = handled;
	pthread_t thread = check_start(interrupt_thrice_then_write, NULL);
	CHECK_EQ(blocking_call(), 1);
	check_join(thread);
	CHECK(handled >= before + 3);
	CHECK(pthread_equal(handler_thread, main_thread));
}

int main(void)
{
	static int (*const never_restarted[])(void) = {in_nanosleep, in_sleep,	 in_usleep,	  in_clock_nanosleep,
						       pause,	     in_poll,	 in_select,	  in_epoll_wait};
	static int (*const restartable[])(void) = {in_recv, in_read, in_accept, in_sem_wait, in_sem_timedwait};
	struct sockaddr_in address;
	main_thread = pthread_self();
	unix_pair(pair_ends);
	listener = tcp_listener(&address, 1);
	epoll = epoll_create1(0);
	CHECK_OK(sem_init(&semaphore, 0, 0));
	pthread_t bystander = check_start(block_in_recv, NULL);

	install(0);
	for (size_t i = 0; i < sizeof never_restarted / sizeof *never_restarted; i++)
		interrupts(never_restarted[i]);
	for (size_t i = 0; i < sizeof restartable / sizeof *restartable; i++)
		interrupts(restartable[i]);

	install(SA_RESTART);
	for (size_t i = 0; i < sizeof never_restarted / sizeof *never_restarted; i++)
		interrupts(never_restarted[i]);
	/* the bystander would take what is meant for in_recv's peer, so it leaves first */
	CHECK_OK(shutdown(pair_ends[1], SHUT_RD));
	check_join(bystander);
	unix_pair(pair_ends);
	restarts(in_recv);
	restarts(in_read);

	install(0);
	interrupts(in_send);
	return 0;
}
