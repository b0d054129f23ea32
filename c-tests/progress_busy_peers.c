/* Connections whose peers always have the next message ready do not keep the others from being served, and do not
 * cost kernel threads: a thread that never has to wait gives the others their turn. Prints "tasks=N", the kernel
 * threads that there were meanwhile. */
#include "check.h"
#include <stdatomic.h>
#include <sys/socket.h>

enum { BUSY = 60, OTHERS = 8, ROUNDS = 50, MS = 500 };

static atomic_int done;
static int busy[BUSY][2], others[OTHERS][2];

/* Sends itself what it receives: recv and send succeed at once, for ever, every other one's as they do not wait. */
static void *never_wait(void *pair)
{
	int *ends = pair;
	int flags = ((int(*)[2])pair - busy) % 2 ? MSG_DONTWAIT : 0;
	char byte = 0;
	CHECK_EQ(send(ends[0], &byte, 1, flags), 1);
	while (!atomic_load(&done)) {
		CHECK_EQ(recv(ends[1], &byte, 1, flags), 1);
		CHECK_EQ(send(ends[0], &byte, 1, flags), 1);
	}
	return NULL;
}

static void *echo(void *pair)
{
	int end = ((int *)pair)[1];
	char byte;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(recv(end, &byte, 1, 0), 1);
		CHECK_EQ(send(end, &byte, 1, 0), 1);
	}
	return NULL;
}

static void *ask(void *pair)
{
	int end = ((int *)pair)[0];
	char byte = 1;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(send(end, &byte, 1, 0), 1);
		CHECK_EQ(recv(end, &byte, 1, 0), 1);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[2 * OTHERS], loops[BUSY];
	for (int i = 0; i < BUSY; i++) {
		CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, busy[i]));
		loops[i] = check_start(never_wait, busy[i]);
	}
	for (int i = 0; i < OTHERS; i++) {
		CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, others[i]));
		threads[2 * i] = check_start(echo, others[i]);
		threads[2 * i + 1] = check_start(ask, others[i]);
	}
	for (int i = 0; i < 2 * OTHERS; i++)
		check_join(threads[i]);
	sleep_ms(MS);
	printf("tasks=%ld\n", check_kernel_threads());
	atomic_store(&done, 1);
	for (int i = 0; i < BUSY; i++)
		check_join(loops[i]);
	return 0;
}
