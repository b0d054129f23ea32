/* Calls that libgreen has the kernel make after it has waited itself, at numbers that another thread closes and at which it
 * makes another file: that file is none of theirs. */
#include "net.h"
#include <sys/stat.h>

enum { ROUNDS = 500 };

static int number;
static sem_t begun;
static char bytes[1 << 16];

static void jitter(int round)
{
	for (volatile int i = 0; i < round * 97 % 20000; i++)
		;
}

static int runs(const char *id)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof path, "/proc/self/task/%s/stat", id);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return 0;
	(void)!fgets(line, sizeof line, file);
	CHECK_OK(fclose(file));
	const char *name_end = strrchr(line, ')');
	return name_end != NULL && name_end[2] == 'R';
}

/* Until the thread that has begun waits: then no other than the caller's runs. */
static void await_waiting(void)
{
	int others;
	check_await(&begun);
	do {
		sleep_ms(1);
		others = -1;
		DIR *tasks = opendir("/proc/self/task");
		CHECK(tasks != NULL);
		for (struct dirent *task; (task = readdir(tasks)) != NULL;)
			others += *task->d_name != '.' && runs(task->d_name);
		CHECK_OK(closedir(tasks));
	} while (others > 0);
}

/* Closes the number, which gets the file of `next`. */
static void succeed(int next)
{
	CHECK_OK(close(number));
	CHECK_EQ(fcntl(next, F_DUPFD, number), number);
}

static void *write_some(void *unused)
{
	CHECK_OK(sem_post(&begun));
	(void)!write(number, bytes, 5000);
	return unused;
}

static void *drain(void *descriptor)
{
	static char place[1 << 17];
	(void)!read((int)(long)descriptor, place, sizeof place);
	return NULL;
}

/* There is room in a FIFO for who waits, and the number is closed. */
static void check_fifo(const char *name, int round)
{
	int next[2], reader = open(name, O_RDONLY | O_NONBLOCK);
	CHECK(reader >= 0);
	number = open(name, O_WRONLY | O_NONBLOCK);
	CHECK(number >= 0);
	while (write(number, bytes, 4096) > 0)
		;
	CHECK_OK(fcntl(number, F_SETFL, 0));
	unix_pair(next);
	pthread_t writer = check_start(write_some, NULL);
	await_waiting();
	pthread_t drainer = check_start(drain, (void *)(long)reader);
	jitter(round);
	succeed(next[0]);
	check_join(drainer);
	struct timespec limit = in_ms(CLOCK_REALTIME, 10000);
	CHECK_OK(pthread_timedjoin_np(writer, NULL, &limit));
	CHECK_ERRNO(recv(next[1], &(char){0}, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(close(number));
	CHECK_OK(close(reader));
	close_both(next);
}

static void *receive_one(void *unused)
{
	CHECK_OK(sem_post(&begun));
	(void)!recv(number, &(char){0}, 1, 0);
	return unused;
}

/* A socket is shut down, of which there is an end to tell, and the number is closed. */
static void check_shut_down(int round)
{
	int ends[2], next[2];
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, next));
	write_exactly(next[1], "x", 1);
	number = ends[0];
	pthread_t receiver = check_start(receive_one, NULL);
	await_waiting();
	CHECK_OK(shutdown(number, SHUT_RD));
	jitter(round);
	succeed(next[0]);
	check_join(receiver);
	CHECK_EQ(recv(next[0], &(char){0}, 1, MSG_DONTWAIT), 1);
	CHECK_OK(close(number));
	CHECK_OK(close(ends[1]));
	close_both(next);
}

static void *accept_one(void *unused)
{
	CHECK_OK(sem_post(&begun));
	int made = accept(number, NULL, NULL);
	if (made >= 0)
		CHECK_OK(close(made));
	return unused;
}

/* A connection comes to a listener that others have as well, and the number is closed. */
static void check_accept(int round)
{
	struct sockaddr_in address, next_address;
	int next = tcp_listener(&next_address, 1), waiting = tcp_connect(&next_address);
	number = tcp_listener(&address, 1);
	int other = dup(number);
	pthread_t acceptor = check_start(accept_one, NULL);
	await_waiting();
	int connected = tcp_connect(&address);
	jitter(round);
	succeed(next);
	check_join(acceptor);
	CHECK_OK(fcntl(next, F_SETFL, O_NONBLOCK));
	int made = accept(next, NULL, NULL);
	CHECK(made >= 0);
	int all[] = {made, next, number, other, connected, waiting};
	for (int i = 0; i < (int)(sizeof all / sizeof all[0]); i++) {
		set_linger(all[i], 0);
		CHECK_OK(close(all[i]));
	}
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	CHECK_OK(sem_init(&begun, 0, 0));
	char name[] = "/tmp/io_kernel_successors.XXXXXX";
	CHECK(mkdtemp(name) != NULL);
	char fifo[64];
	snprintf(fifo, sizeof fifo, "%s/fifo", name);
	CHECK_OK(mkfifo(fifo, 0600));
	for (int i = 0; i < ROUNDS; i++)
		check_fifo(fifo, i);
	CHECK_OK(unlink(fifo));
	CHECK_OK(rmdir(name));
	for (int i = 0; i < ROUNDS; i++)
		check_shut_down(i);
	for (int i = 0; i < ROUNDS; i++)
		check_accept(i);
	return 0;
}
