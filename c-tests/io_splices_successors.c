/* Transfers inside the kernel to a number that another thread closes, and at which it makes another socket: that gets
 * nothing of what was meant for its predecessor. */
#include "net.h"
#include <sys/sendfile.h>

enum { WHOLE = 1 << 22, PIPED = 60000, ROUNDS = 300, SPLICES = 1500 };

static int file;
static int number, source;
static char bytes[PIPED];
static sem_t taken;

static void *send_all(void *unused)
{
	off_t from = 0;
	(void)!sendfile(number, file, &from, WHOLE);
	return unused;
}

static void *take_all(void *descriptor)
{
	static char place[1 << 14];
	long at = 0, count;
	while ((count = read((int)(long)descriptor, place, sizeof place)) > 0) {
		if (at == 0)
			CHECK_OK(sem_post(&taken));
		at += count;
	}
	return NULL;
}

static void check(void (*make_pair)(int *), int round)
{
	int ends[2], next[2];
	make_pair(ends);
	make_pair(next);
	number = ends[0];
	CHECK_OK(sem_init(&taken, 0, 0));
	pthread_t taker = check_start(take_all, (void *)(long)ends[1]);
	pthread_t sender = check_start(send_all, NULL);
	check_await(&taken);
	for (volatile int i = 0; i < round * 97 % 30000; i++)
		;
	CHECK_OK(close(number));
	int successor = fcntl(next[0], F_DUPFD, number);
	CHECK_EQ(successor, number);
	/* Who sends to the successor may wait for somebody who takes that. */
	struct timespec limit = in_ms(CLOCK_REALTIME, 10000);
	int late = pthread_timedjoin_np(sender, NULL, &limit);
	CHECK_ERRNO(recv(next[1], &(char){0}, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(late);
	CHECK_OK(close(successor));
	check_join(taker);
	CHECK_OK(close(ends[1]));
	close_both(next);
}

static void *splice_once(void *unused)
{
	CHECK_OK(sem_post(&taken));
	(void)!splice(source, NULL, number, NULL, PIPED, 0);
	return unused;
}

static void *take_once(void *descriptor)
{
	static char place[1 << 18];
	(void)!read((int)(long)descriptor, place, sizeof place);
	return NULL;
}

/* It waits for room when somebody makes that, and the number is closed. */
static void check_splice(int round)
{
	int ends[2], next[2], pipe_ends[2];
	pipe_pair(pipe_ends);
	write_exactly(pipe_ends[0], bytes, PIPED);
	unix_pair(ends);
	unix_pair(next);
	number = ends[0];
	source = pipe_ends[1];
	while (send(number, bytes, PIPED, MSG_DONTWAIT) > 0)
		;
	CHECK_OK(sem_init(&taken, 0, 0));
	pthread_t splicer = check_start(splice_once, NULL);
	check_await(&taken);
	sleep_ms(1);
	pthread_t taker = check_start(take_once, (void *)(long)ends[1]);
	for (volatile int i = 0; i < round * 97 % 20000; i++)
		;
	CHECK_OK(close(number));
	int successor = fcntl(next[0], F_DUPFD, number);
	CHECK_EQ(successor, number);
	check_join(taker);
	check_join(splicer);
	CHECK_ERRNO(recv(next[1], &(char){0}, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(close(successor));
	CHECK_OK(close(ends[1]));
	close_both(next);
	close_both(pipe_ends);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	char name[] = "/tmp/io_splices_successors.XXXXXX";
	file = mkstemp(name);
	CHECK(file >= 0);
	CHECK_OK(unlink(name));
	CHECK_OK(ftruncate(file, WHOLE));
	for (int i = 0; i < ROUNDS; i++) {
		check(unix_pair, i);
		check(tcp_pair, i);
	}
	for (int i = 0; i < SPLICES; i++)
		check_splice(i);
	return 0;
}
