/* A thread whose scheduling others change is in the middle of calls: it goes on in them, on a kernel thread of its own,
 * and gets all that it waits for. */
#include "net.h"
#include <poll.h>
#include <sched.h>

enum { ROUNDS = 300, BYTES = 64 };

static int by_poll;

/* Bytes come by either of two sockets, at any time. */
static void *receive(void *place)
{
	const int *sockets = place;
	struct pollfd interests[] = {{.fd = sockets[0], .events = POLLIN}, {.fd = sockets[1], .events = POLLIN}};
	for (int count = 0; count < 2 * BYTES;) {
		char byte;
		if (!by_poll) {
			read_exactly(sockets[count % 2], &byte, 1);
			count++;
			continue;
		}
		CHECK(poll(interests, 2, -1) > 0);
		for (int i = 0; i < 2; i++)
			if (interests[i].revents) {
				read_exactly(sockets[i], &byte, 1);
				count++;
			}
	}
	return NULL;
}

int main(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		int first[2], second[2];
		by_poll = round % 2;
		unix_pair(first);
		unix_pair(second);
		int sockets[] = {first[1], second[1]};
		pthread_t thread = check_start(receive, sockets);
		cpu_set_t cpus;
		CHECK_OK(pthread_getaffinity_np(thread, sizeof cpus, &cpus));
		for (int i = 0; i < BYTES; i++) {
			if (i == round % BYTES)
				CHECK_OK(pthread_setaffinity_np(thread, sizeof cpus, &cpus));
			write_exactly(first[0], "x", 1);
			write_exactly(second[0], "y", 1);
			if (i % 4 == 0)
				sched_yield();
		}
		check_join(thread);
		close_both(first);
		close_both(second);
	}
	return 0;
}
