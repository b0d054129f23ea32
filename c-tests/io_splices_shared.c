/* Threads that move bytes out of one pipe, and into another, by splice, tee and vmsplice all at once: each byte goes to one
 * of them, and who finds that another one was faster waits as before. Prints how many kernel threads that took at most. */
#include "net.h"
#include <fcntl.h>
#include <sys/uio.h>

enum { THREADS = 60, ROUNDS = 40 };

static int source[2], sink[2];
static int taken, finished;

/* By splice, or by vmsplice, which reads from a pipe as well. */
static void take(long number, int own[2])
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	if (number % 2) {
		CHECK_EQ(splice(source[0], NULL, own[1], NULL, 1, 0), 1);
		CHECK_EQ(read(own[0], &byte, 1), 1);
	} else {
		CHECK_EQ(vmsplice(source[0], &part, 1, 0), 1);
	}
	CHECK_EQ(byte, 'x');
	__atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
}

/* In the pipe itself, until somebody has read it. */
static char given[] = "y";

/* The bytes go to the sink that all share and that is full again and again. */
static void give(int own[2])
{
	struct iovec part = {given, 1};
	CHECK_EQ(write(own[1], "y", 1), 1);
	/* Natively it has copied nothing where another thread was faster. */
	ssize_t copied;
	while ((copied = tee(own[0], sink[1], 1, 0)) == 0)
		;
	CHECK_EQ(copied, 1);
	CHECK_EQ(splice(own[0], NULL, sink[1], NULL, 1, 0), 1);
	CHECK_EQ(vmsplice(own[1], &part, 1, 0), 1);
	CHECK_EQ(splice(own[0], NULL, sink[1], NULL, 1, 0), 1);
}

static void *move(void *number)
{
	int own[2];
	CHECK_OK(pipe(own));
	for (int i = 0; i < ROUNDS; i++) {
		take((long)number, own);
		give(own);
	}
	close_both(own);
	__atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
	return NULL;
}

static pid_t feeder(void)
{
	pid_t child = check_fork();
	if (child)
		return child;
	for (int i = 0; i < THREADS * ROUNDS; i++)
		CHECK_EQ(write(source[1], "x", 1), 1);
	_exit(0);
}

static pid_t drain(void)
{
	pid_t child = check_fork();
	if (child)
		return child;
	for (int i = 0; i < 3 * THREADS * ROUNDS; i++) {
		char byte;
		CHECK_EQ(read(sink[0], &byte, 1), 1);
		CHECK_EQ(byte, 'y');
	}
	_exit(0);
}

int main(void)
{
	pthread_t threads[THREADS];
	long most = 0;
	CHECK_OK(pipe(source));
	CHECK_OK(pipe(sink));
	CHECK(fcntl(sink[1], F_SETPIPE_SZ, 4096) > 0);
	pid_t children[] = {feeder(), drain()};
	for (long i = 0; i < THREADS; i++)
		threads[i] = check_start(move, (void *)i);
	while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < THREADS) {
		long now = check_kernel_threads();
		most = now > most ? now : most;
		sleep_ms(1);
	}
	for (int i = 0; i < THREADS; i++)
		check_join(threads[i]);
	CHECK_EQ(taken, THREADS * ROUNDS);
	check_child_succeeds(children[0]);
	check_child_succeeds(children[1]);
	printf("tasks=%ld\n", most);
	return 0;
}
