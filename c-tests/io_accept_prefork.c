/* Several processes with several threads each accept on one listener: every connection is served once, a thread that
 * waits for the next one handles its signals, is cancelled and times out, and none of them is busy meanwhile. */
#include "net.h"
#include <stdatomic.h>
#include <sys/time.h>

enum { PROCESSES = 4, THREADS = 6, CLIENTS = 2, CONNECTIONS = 100 };

static int listener;
static struct sockaddr_in address;
static atomic_int accepting;

static void *serve(void *unused)
{
	accepting++;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		CHECK(fd >= 0);
		pid_t own = getpid();
		CHECK_EQ(send(fd, &own, sizeof own, 0), sizeof own);
		CHECK_OK(close(fd));
	}
	return unused;
}

static void *connect_often(void *unused)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		pid_t server = 0;
		int fd = tcp_connect(&address);
		CHECK_EQ(recv(fd, &server, sizeof server, MSG_WAITALL), sizeof server);
		CHECK(server > 0 && server != getpid());
		CHECK_OK(close(fd));
		/* so that all wait for the next one */
		sleep_ms(1);
	}
	return unused;
}

static void leave(int signal_number)
{
	_exit(signal_number == SIGTERM ? 0 : 1);
}

static atomic_int interruptions;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interruptions++;
}

static void *accept_once(void *restarted)
{
	int fd = accept(listener, NULL, NULL);
	if (restarted == NULL) {
		CHECK(fd == -1 && errno == EINTR);
	} else {
		CHECK(fd >= 0);
		CHECK_OK(close(fd));
	}
	return NULL;
}

static void install(int flags)
{
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = flags};
	CHECK_OK(sigemptyset(&action.sa_mask));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static int ends_soon(pthread_t thread)
{
	struct timespec limit = in_ms(CLOCK_REALTIME, 100);
	int result = pthread_timedjoin_np(thread, NULL, &limit);
	CHECK(result == 0 || result == ETIMEDOUT);
	return result == 0;
}

/* Several threads of one process wait, and each can be interrupted. */
static void waits_are_interrupted(void)
{
	pthread_t threads[3];
	install(0);
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(accept_once, NULL);
	sleep_ms(30);
	for (int i = 2; i >= 0; i--) {
		/* more than once: it may not have come to its wait */
		do
			CHECK_OK(pthread_kill(threads[i], SIGUSR1));
		while (!ends_soon(threads[i]));
	}
	CHECK(interruptions >= 3);
	interruptions = 0;
	install(SA_RESTART);
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(accept_once, "");
	sleep_ms(30);
	for (int i = 0; i < 3; i++)
		CHECK_OK(pthread_kill(threads[i], SIGUSR1));
	while (interruptions < 3)
		sleep_ms(1);
	for (int i = 0; i < 3; i++)
		CHECK_OK(close(tcp_connect(&address)));
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
}

static void waits_are_cancelled(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(accept_once, "");
	sleep_ms(30);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(pthread_cancel(threads[i]));
		CHECK(check_join(threads[i]) == PTHREAD_CANCELED);
	}
	threads[0] = check_start(accept_once, "");
	sleep_ms(10);
	CHECK_OK(close(tcp_connect(&address)));
	check_join(threads[0]);
}

static void *accept_with_limit(void *unused)
{
	long began = monotonic_ms();
	CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
	CHECK(monotonic_ms() - began >= 50);
	return unused;
}

static void waits_time_out(void)
{
	struct timeval limit = {.tv_usec = 50000}, none = {0};
	pthread_t threads[3];
	CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	for (int i = 0; i < 3; i++)
		threads[i] = check_start(accept_with_limit, NULL);
	for (int i = 0; i < 3; i++)
		check_join(threads[i]);
	CHECK_OK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none));
}

/* A process with its threads; what it inherits is shared with the others. */
static void process(int ready)
{
	signal(SIGTERM, leave);
	for (int i = 1; i < THREADS; i++)
		check_start(serve, NULL);
	while (accepting < THREADS - 1)
		sleep_ms(1);
	CHECK_EQ(write(ready, "x", 1), 1);
	serve(NULL);
}

static double cpu_seconds(pid_t pid)
{
	char path[64], line[1024];
	unsigned long user, system;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	CHECK(file && fgets(line, sizeof line, file));
	CHECK_OK(fclose(file));
	CHECK_EQ(sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
		 2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void processes_serve(void)
{
	pid_t pids[PROCESSES];
	pthread_t clients[CLIENTS];
	double used = 0;
	int ready[2];
	char byte;
	CHECK_OK(pipe(ready));
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = check_fork();
		if (pids[i] == 0)
			process(ready[1]);
		CHECK_EQ(read(ready[0], &byte, 1), 1);
	}
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = check_start(connect_often, NULL);
	for (int i = 0; i < CLIENTS; i++)
		check_join(clients[i]);
	sleep_ms(20);
	for (int i = 0; i < PROCESSES; i++)
		used -= cpu_seconds(pids[i]);
	sleep_ms(300);
	for (int i = 0; i < PROCESSES; i++)
		used += cpu_seconds(pids[i]);
	CHECK(used < 0.1);
	for (int i = 0; i < PROCESSES; i++)
		CHECK_OK(kill(pids[i], SIGTERM));
	for (int i = 0; i < PROCESSES; i++)
		check_child_succeeds(pids[i]);
	CHECK_OK(close(ready[0]));
	CHECK_OK(close(ready[1]));
}

static void waits_end(void)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		waits_are_interrupted();
		waits_are_cancelled();
		waits_time_out();
		_exit(0);
	}
	check_child_succeeds(pid);
}

int main(void)
{
	listener = tcp_listener(&address, 128);
	waits_end();
	for (int i = 0; i < 5; i++)
		processes_serve();
	return 0;
}
