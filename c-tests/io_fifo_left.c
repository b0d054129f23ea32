/* Threads that wait for a FIFO's reader, the first of which is taken out of the wait by a handler that ends the call, or
 * never returns to it: the others go on when there is one, even if that thread computes from then on. */
#include "blocked.h"
#include "fifo.h"
#include <setjmp.h>
#include <stdatomic.h>

enum { BACKGROUND = 6, FOLLOWERS = 3, ROUNDS = 8 };

static __thread sigjmp_buf target;
static atomic_int jumps, begun, has_left, is_over;

static void leave(int signal_number)
{
	if (jumps)
		siglongjmp(target, signal_number);
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
	pthread_t followers[FOLLOWERS];
	begun = has_left = is_over = 0;
	pthread_t first = check_start(be_taken_out, NULL);
	while (!begun)
		sleep_ms(1);
	sleep_ms(5);
	struct blocked background = have_blocked(BACKGROUND);
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
	unblock(&background);
}

int main(void)
{
	struct sigaction action = {.sa_handler = leave};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	make_fifo();
	for (int i = 0; i < ROUNDS; i++) {
		jumps = i % 2;
		first_is_taken_out();
	}
	remove_fifo();
	return 0;
}
