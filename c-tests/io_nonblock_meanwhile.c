/* O_NONBLOCK that is set while threads wait at a socket is for calls that begin later. */
#include "net.h"

enum { READERS = 4, ROUNDS = 50, LARGE = 1 << 21 };

static sem_t got;

struct call {
	int descriptor;
	long result;
	int error;
};

static void *receive(void *argument)
{
	struct call *call = argument;
	call->result = recv(call->descriptor, &(char){0}, 1, 0);
	call->error = errno;
	CHECK_OK(sem_post(&got));
	return NULL;
}

/* One byte wakes one of them; the others go on to wait. */
static void check_readers(void (*make_pair)(int *))
{
	int ends[2];
	struct call calls[READERS];
	pthread_t readers[READERS];
	make_pair(ends);
	CHECK_OK(sem_init(&got, 0, 0));
	for (int i = 0; i < READERS; i++) {
		calls[i] = (struct call){.descriptor = ends[0]};
		readers[i] = check_start(receive, &calls[i]);
	}
	sleep_ms(20);
	CHECK_OK(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK));
	for (int i = 0; i < READERS; i++) {
		write_exactly(ends[1], "x", 1);
		check_await(&got);
		sleep_ms(1);
	}
	for (int i = 0; i < READERS; i++) {
		check_join(readers[i]);
		errno = calls[i].error;
		CHECK_EQ(calls[i].result, 1);
	}
	CHECK_ERRNO(recv(ends[0], &(char){0}, 1, 0), EAGAIN);
	close_both(ends);
}

static char bytes[LARGE];

static void *send_all(void *argument)
{
	struct call *call = argument;
	call->result = send(call->descriptor, bytes, LARGE, 0);
	return NULL;
}

/* Who has sent a part sends the rest. */
static void check_sender(void (*make_pair)(int *))
{
	static char place[LARGE];
	int ends[2];
	make_pair(ends);
	struct call call = {.descriptor = ends[0]};
	pthread_t sender = check_start(send_all, &call);
	read_exactly(ends[1], place, 1);
	sleep_ms(20);
	CHECK_OK(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK));
	read_exactly(ends[1], place, LARGE / 2);
	sleep_ms(5);
	CHECK_OK(shutdown(ends[1], SHUT_WR));
	long rest = LARGE - 1 - LARGE / 2, count;
	while (rest > 0 && (count = recv(ends[1], place, sizeof place, rest == 0 ? MSG_DONTWAIT : 0)) > 0)
		rest -= count;
	check_join(sender);
	CHECK_EQ(call.result, LARGE);
	close_both(ends);
}

int main(void)
{
	check_readers(unix_pair);
	check_readers(tcp_pair);
	check_sender(unix_pair);
	check_sender(tcp_pair);
	return 0;
}
