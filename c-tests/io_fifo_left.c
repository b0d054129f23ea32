/* Threads that wait for a FIFO's reader, the first of which is taken out of the wait by a handler that ends the call, or
 * never returns to it: the others go on when there is one, even if that thread computes from then on. */
#include "fifo.h"
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/ipc.h>
#include <sys/msg.h>

enum { BACKGROUND = 6, FOLLOWERS = 3, ROUNDS = 8 };

static __thread sigjmp_buf target;
static atomic_int jumps, begun, has_left, is_over;
static int queue;

static void leave(int signal_number)
{
	if (jumps)
		siglongjmp(target, signal_number);
}

static void *receive(void *unused)
{
	struct {
		long kind;
		char byte;
	} message;
	CHECK_EQ(msgrcv(queue, &message, sizeof message.byte, 0, 0), 0);
	return unused;
}

static void *be_taken_out(void *unused)
{
	if (sigsetjmp(target, 1) == 0) {
		begun = 1;
		CHECK_ERRNO(open(name, O_WRONLY), EINTR);
		CHECK(!jumps);
	}
	has_left = 1;
	while (!is_over)
		;
	return unused;
}

static void *open_it(void *unused)
{
	int fd = open(name, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	return unused;
}

/* The first one waits in the kernel, as only a few do then, and the others behind it, as many do. */
static void first_is_taken_out(void)
{
	pthread_t followers[FOLLOWERS], background[BACKGROUND];
	struct {
		long kind;
		char byte;
	} message = {1, 0};
	begun = has_left = is_over = 0;
	pthread_t first = check_start(be_taken_out, NULL);
	while (!begun)
		sleep_ms(1);
	sleep_ms(5);
	for (int i = 0; i < BACKGROUND; i++)
		background[i] = check_start(receive, NULL);
	sleep_ms(20);
	for (int i = 0; i < FOLLOWERS; i++)
		followers[i] = check_start(open_it, NULL);
	sleep_ms(5);
	CHECK_OK(pthread_kill(first, SIGUSR1));
	while (!has_left)
		sleep_ms(1);
	int reader = open(name, O_RDONLY | O_NONBLOCK);
	CHECK(reader >= 0);
	for (int i = 0; i < FOLLOWERS; i++)
		check_join(followers[i]);
	is_over = 1;
	check_join(first);
	CHECK_OK(close(reader));
	for (int i = 0; i < BACKGROUND; i++)
		CHECK_OK(msgsnd(queue, &message, 0, 0));
	for (int i = 0; i < BACKGROUND; i++)
		check_join(background[i]);
}

int main(void)
{
	struct sigaction action = {.sa_handler = leave};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	queue = msgget(IPC_PRIVATE, 0600);
	CHECK(queue >= 0);
	make_fifo();
	for (int i = 0; i < ROUNDS; i++) {
		jumps = i % 2;
		first_is_taken_out();
	}
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	remove_fifo();
	return 0;
}
